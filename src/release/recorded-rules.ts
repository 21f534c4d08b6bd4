/** The sign-off rules of an environment as an event stores them, so that an auditor can read what was in force. */
import { discussedBy, EVERYONE, emergencyPeople, type PeopleList } from './policy.ts'
import type { Environment, MigrationRisk } from './settings.ts'
import { neededCounts } from './sign-off-counts.ts'
import type { ReleaseKind } from './terms.ts'

/** Kinds of migrations that must be talked over, and by whom. */
interface Discussed {
  readonly talk_it_over: readonly MigrationRisk[]
  readonly talked_over_by: PeopleList
}

/** Keys and values are those of `releases.yml`, with its defaults filled in. They are hashed: none is ever renamed. */
export type RecordedRules = Partial<Discussed> & {
  /** Where the environment has several migrations: the rule of each, those with the same one together. */
  readonly migrations?: readonly ({ readonly names: readonly string[] } & Discussed)[]
  /** Absent: whether commits are proven on the promoted environment is only shown, or it promotes none. */
  readonly order?: 'off' | 'required'
  /** Absent: none applies. */
  readonly freezes?: readonly {
    readonly name: string
    readonly from: string
    readonly to: string
    readonly time_zone: string
  }[]
} & (
    | { readonly sign_off: 'none' }
    | {
        readonly qa: number | 'each change'
        readonly approvals: number
        readonly approvers: PeopleList
        readonly qa_by: PeopleList
        readonly emergency_by: PeopleList
        readonly require_checks: boolean
        /** As people write it, such as `24h`. */
        readonly expires_after: string
      }
  )

const UNITS = [
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

function duration(ms: number): string {
  const [unit, factor] = UNITS.find(([, each]) => ms % each === 0) ?? ['ms', 1]
  return `${ms / factor}${unit}`
}

/** The rules that are in force in this environment for a release of this kind: `qa` and `approvals` are those that it needs. */
export function recordedRules(environment: Environment, kind: ReleaseKind = 'deploy'): RecordedRules {
  const { signOff, order, freezes = [] } = environment
  const common = {
    ...recordedDiscussions(environment),
    ...(order !== undefined && order !== 'shown' && { order }),
    ...(freezes.length > 0 && {
      freezes: freezes.map(({ name, from, to, timeZone }) => ({ name, from, to, time_zone: timeZone })),
    }),
  }
  if (signOff === undefined) return { sign_off: 'none', ...common }
  const { approvers, qaBy, requireChecks, expiresAfterMs } = signOff
  const { qa, approvals } = neededCounts(environment, kind)
  return {
    qa,
    approvals,
    approvers: approvers ?? EVERYONE,
    qa_by: qaBy ?? EVERYONE,
    emergency_by: emergencyPeople(environment),
    require_checks: requireChecks && kind !== 'rollback',
    expires_after: duration(expiresAfterMs),
    ...common,
  }
}

/** Nothing where no migration must be talked over. */
function recordedDiscussions(environment: Environment): Pick<RecordedRules, keyof Discussed | 'migrations'> {
  const { migrations } = environment
  const rules = migrations.flatMap((entry) => {
    const rule: Discussed = { talk_it_over: entry.talkItOver, talked_over_by: discussedBy(environment, entry) }
    return entry.talkItOver.length === 0 ? [] : [{ name: entry.name ?? '', rule }]
  })
  const [first] = rules
  if (first === undefined) return {}
  if (migrations.length === 1) return first.rule
  const together = new Map<string, { names: string[]; rule: Discussed }>()
  for (const { name, rule } of rules) {
    const key = JSON.stringify(rule)
    const known = together.get(key)
    if (known === undefined) together.set(key, { names: [name], rule })
    else known.names.push(name)
  }
  return { migrations: [...together.values()].map(({ names, rule }) => ({ names, ...rule })) }
}
