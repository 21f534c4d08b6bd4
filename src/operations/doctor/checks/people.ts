/** Whether enough people exist to give the sign-offs that an environment needs. */
import { approvers, emergencyPeople, migrationApprovers, type PeopleOf, qaPeople } from '../../../release/policy.ts'
import type { Directory } from '../../../release/ports/directory.ts'
import type { Environment } from '../../../release/settings.ts'
import { type Check, type Finding, fail, pass, warn } from '../doctor.ts'
import { fixOfRefusal } from './slack.ts'

const MAX_LOOKUPS = 60

interface Requirement {
  readonly people: PeopleOf
  readonly setting: string
  /** Completes `may …`. */
  readonly action: string
  /** With fewer, no release can be signed off. */
  readonly required: number
  /** With fewer, those who are required can't request releases themselves. */
  readonly recommended: number
}

/**
 * Counts full members only (no guests, bots or deactivated people), each once over groups and ids. `qa: n` needs n people.
 * `approvals: n` needs n, and n + 1 so that each of them can also request a release, since the requester's own approval
 * does not count. The emergency lane and Talked over need one each. A missing list means every full member and is not
 * counted. No check without `sign_off`.
 */
export function peopleChecks(
  environment: Environment,
  directory: Directory,
  refusal: () => string | undefined = () => undefined,
): readonly Check[] {
  const rules = environment.signOff
  if (rules === undefined) return []
  // One person may test every change.
  const qa = rules.qa === 'each change' ? 1 : rules.qa
  const requirements: readonly Requirement[] = [
    { people: qaPeople, setting: 'qa_by', action: 'confirm QA', required: qa, recommended: qa },
    {
      people: approvers,
      setting: 'approvers',
      action: 'approve',
      required: rules.approvals,
      recommended: rules.approvals === 0 ? 0 : rules.approvals + 1,
    },
    {
      people: emergencyPeople,
      setting: 'emergency_by',
      action: 'start an emergency release',
      required: 1,
      recommended: 1,
    },
    ...(environment.migrations.some(({ talkItOver }) => talkItOver.length > 0)
      ? [
          {
            people: migrationApprovers,
            setting: 'migrations.approvers',
            action: 'press Talked over',
            required: 1,
            recommended: 1,
          } as const,
        ]
      : []),
  ]
  return [
    {
      name: `people ${environment.app}/${environment.name}`,
      limitMs: 60_000,
      async run() {
        const findings: Finding[] = []
        // One after the other, so that a person in several lists is looked up once.
        const isMember = memberLookup(directory)
        for (const each of requirements.filter(({ required }) => required > 0)) {
          findings.push(await finding(each, each.people(environment), { directory, isMember }))
        }
        const refused = refusal()
        const worst = worstOf(findings)
        if (worst.mark === '✓' || refused === undefined) return worst
        return fail(`Slack does not tell who may sign off: it refuses a call (${refused})`, fixOfRefusal(refused))
      },
    },
  ]
}

type IsMember = (id: string) => Promise<boolean | undefined>

interface Lookups {
  readonly directory: Directory
  readonly isMember: IsMember
}

function memberLookup(directory: Directory): IsMember {
  const known = new Map<string, Promise<boolean | undefined>>()
  return (id) => {
    const earlier = known.get(id)
    if (earlier !== undefined) return earlier
    if (known.size >= MAX_LOOKUPS) return Promise.resolve(undefined)
    const answer = directory.person(id).then((person) => (person.is === 'unknown' ? undefined : person.is === 'member'))
    known.set(id, answer)
    return answer
  }
}

async function finding(
  { action, setting, required, recommended }: Requirement,
  list: readonly string[] | 'every full member',
  lookups: Lookups,
): Promise<Finding> {
  if (list === 'every full member') return pass(`every full member may ${action}`)
  const { members, unknown } = await count(list, recommended, lookups)
  const found = `${members} ${members === 1 ? 'person' : 'people'} may ${action}`
  if (members >= recommended) return pass(`at least ${found}`)
  if (unknown && members === 0) {
    return warn(`who may ${action} can't be told: Slack did not return everyone in ${setting}`, 'try again')
  }
  if (unknown) return warn(`at least ${found}; Slack did not return everyone in ${setting}`, 'try again')
  if (members < required) return fail(`${found}, ${required} needed`, `add people to ${setting}`)
  return warn(
    `${found}, so none of them can request a release and get it approved`,
    `add one more person to ${setting}`,
  )
}

/** Stops counting at `recommended`, so that large groups cost few calls. */
async function count(
  list: readonly string[],
  recommended: number,
  { directory, isMember }: Lookups,
): Promise<{ members: number; unknown: boolean }> {
  const groups = await Promise.all(
    list.map((entry) => (entry.startsWith('@') ? directory.groupMembers(entry) : Promise.resolve([entry]))),
  )
  let unknown = groups.includes(undefined)
  let members = 0
  for (const id of new Set(groups.flatMap((ids) => ids ?? []))) {
    if (members >= recommended) break
    const answer = await isMember(id)
    if (answer === undefined) unknown = true
    else if (answer) members += 1
  }
  return { members, unknown }
}

function worstOf(findings: readonly Finding[]): Finding {
  const bad = findings.filter(({ mark }) => mark !== '✓')
  if (bad.length === 0) return pass(findings.map(({ message }) => message).join('; '))
  return {
    mark: bad.some(({ mark }) => mark === '✗') ? '✗' : '!',
    message: bad.map(({ message }) => message).join('; '),
    fix: [...new Set(bad.flatMap(({ fix }) => fix ?? []))].join('; '),
  }
}
