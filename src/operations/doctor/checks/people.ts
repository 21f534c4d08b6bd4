/** Whether there are enough people to give the sign-offs that an environment asks for. */
import { approvers, emergencyPeople, migrationApprovers, type PeopleOf, qaPeople } from '../../../release/policy.ts'
import type { Directory } from '../../../release/ports/directory.ts'
import type { Environment } from '../../../release/settings.ts'
import { type Check, type Finding, good, odd, wrong } from '../doctor.ts'

const MOST_LOOKUPS = 60

interface Need {
  readonly people: PeopleOf
  readonly setting: string
  readonly word: string
  /** Fewer, and no release can be signed. */
  readonly least: number
  /** Fewer, and those who are needed can't ask for a release themselves. */
  readonly enough: number
}

/**
 * The rule: full members only (no guests, bots or deactivated people), each person once, groups and ids together.
 * `qa: n` needs n people. `approvals: n` needs n, and n + 1 so that each of them can also ask for a release, since the
 * requester's own approval does not count. The emergency lane and Talked over need one each. A person may be in several
 * lists. A list that is left out means every full member and is not counted. No check without `sign_off`.
 */
export function peopleChecks(environment: Environment, directory: Directory): readonly Check[] {
  const rules = environment.signOff
  if (rules === undefined) return []
  const needs: readonly Need[] = [
    { people: qaPeople, setting: 'qa_by', word: 'say that QA passed', least: rules.qa, enough: rules.qa },
    {
      people: approvers,
      setting: 'approvers',
      word: 'approve',
      least: rules.approvals,
      enough: rules.approvals === 0 ? 0 : rules.approvals + 1,
    },
    { people: emergencyPeople, setting: 'emergency_by', word: 'say that it must go out now', least: 1, enough: 1 },
    ...((environment.migrations?.talkItOver.length ?? 0) > 0
      ? [
          {
            people: migrationApprovers,
            setting: 'migrations.approvers',
            word: 'say Talked over',
            least: 1,
            enough: 1,
          } as const,
        ]
      : []),
  ]
  return [
    {
      name: `people ${environment.app}/${environment.name}`,
      limitMs: 60_000,
      async look() {
        const findings: Finding[] = []
        // One after the other: a person who was looked up for one list is not asked of again for the next.
        const isMember = memberLookup(directory)
        for (const need of needs.filter(({ least }) => least > 0)) {
          findings.push(await finding(need, need.people(environment), directory, isMember))
        }
        return worstOf(findings)
      },
    },
  ]
}

type IsMember = (id: string) => Promise<boolean | undefined>

function memberLookup(directory: Directory): IsMember {
  const known = new Map<string, Promise<boolean | undefined>>()
  return (id) => {
    const before = known.get(id)
    if (before !== undefined) return before
    if (known.size >= MOST_LOOKUPS) return Promise.resolve(undefined)
    const answer = directory.person(id).then((person) => (person.is === 'unknown' ? undefined : person.is === 'member'))
    known.set(id, answer)
    return answer
  }
}

async function finding(
  { word, setting, least, enough }: Need,
  list: readonly string[] | 'every full member',
  directory: Directory,
  isMember: IsMember,
): Promise<Finding> {
  if (list === 'every full member') return good(`every full member may ${word}`)
  const { members, unknown } = await count(list, enough, directory, isMember)
  const have = `${members} ${members === 1 ? 'person' : 'people'} may ${word}`
  if (members >= enough) return good(`at least ${have}`)
  if (unknown) return odd(`at least ${have}; Slack did not tell of all in ${setting}`, 'try again')
  if (members < least) return wrong(`${have}, ${least} needed`, `add people to ${setting}`)
  return odd(`${have}: none of them can ask for a release and have it approved`, `add one more to ${setting}`)
}

/** Counts up to `enough`, so that large groups cost few calls. */
async function count(
  list: readonly string[],
  enough: number,
  directory: Directory,
  isMember: IsMember,
): Promise<{ members: number; unknown: boolean }> {
  const groups = await Promise.all(
    list.map((entry) => (entry.startsWith('@') ? directory.groupMembers(entry) : Promise.resolve([entry]))),
  )
  let unknown = groups.includes(undefined)
  let members = 0
  for (const id of new Set(groups.flatMap((ids) => ids ?? []))) {
    if (members >= enough) break
    const answer = await isMember(id)
    if (answer === undefined) unknown = true
    else if (answer) members += 1
  }
  return { members, unknown }
}

function worstOf(findings: readonly Finding[]): Finding {
  const bad = findings.filter(({ mark }) => mark !== '✓')
  if (bad.length === 0) return good(findings.map(({ says }) => says).join('; '))
  return {
    mark: bad.some(({ mark }) => mark === '✗') ? '✗' : '!',
    says: bad.map(({ says }) => says).join('; '),
    mend: [...new Set(bad.flatMap(({ mend }) => mend ?? []))].join('; '),
  }
}
