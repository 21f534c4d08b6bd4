/** A Slack workspace's people and channels, as a test says they are at the moment. Behind the port of release/. */
import type { Directory, PersonLookup } from '../../src/release/ports/directory.ts'

type Membership = Extract<PersonLookup, { is: 'not a member' }>['why']
type Unreachable = Extract<Awaited<ReturnType<Directory['channel']>>, { unreachable: string }>['unreachable']

export interface FakeDirectory extends Directory {
  /** Adds a full member, or changes one. */
  member(id: string, name: string, email?: string): void
  /** From now Slack says that this person is none of the workspace's full members. */
  notAMember(id: string, why: Membership): void
  /** Who is in the group from now on; undefined takes the group away. */
  group(handle: string, members: readonly string[] | undefined): void
  /** From now nothing can be posted there; undefined ends that. */
  unreachable(channel: string, why: Unreachable | undefined): void
  /** While false Slack answers nothing. */
  answers(whether: boolean): void
  /** What was asked since the start, in order: `person U1`, `group @qa`, `channel #product`. */
  readonly asked: readonly string[]
}

/** An empty workspace: nobody is a member until the test says so; every channel can be posted to. */
export function createFakeDirectory(): FakeDirectory {
  const people = new Map<string, PersonLookup>()
  const groups = new Map<string, readonly string[]>()
  const closed = new Map<string, Unreachable>()
  const asked: string[] = []
  let slackAnswers = true

  return {
    asked,
    member: (id, name, email) => {
      people.set(id, { is: 'member', id, name, ...(email !== undefined && { email }) })
    },
    notAMember: (id, why) => {
      people.set(id, { is: 'not a member', why })
    },
    group: (handle, members) => {
      if (members === undefined) groups.delete(handle)
      else groups.set(handle, members)
    },
    unreachable: (channel, why) => {
      if (why === undefined) closed.delete(channel)
      else closed.set(channel, why)
    },
    answers: (whether) => {
      slackAnswers = whether
    },

    person: async (id) => {
      asked.push(`person ${id}`)
      return (slackAnswers ? people.get(id) : undefined) ?? { is: 'unknown' }
    },
    groupMembers: async (handle) => {
      asked.push(`group ${handle}`)
      return slackAnswers ? groups.get(handle) : undefined
    },
    lookUpGroup: async (handle) => {
      asked.push(`group ${handle}`)
      const members = groups.get(handle)
      if (!slackAnswers) return undefined
      return members === undefined ? { is: 'missing' } : { is: 'there', members }
    },
    channel: async (nameOrId) => {
      asked.push(`channel ${nameOrId}`)
      if (!slackAnswers) return { unreachable: 'Slack did not answer' }
      const why = closed.get(nameOrId)
      return why === undefined ? { id: `C-${nameOrId}` } : { unreachable: why }
    },
    permalink: async ({ channel, ts }) =>
      slackAnswers ? `https://team.slack.example/archives/${channel}/p${ts}` : undefined,
  }
}
