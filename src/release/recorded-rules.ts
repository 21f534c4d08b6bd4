/** The sign-off rules of an environment as an event stores them, so that an auditor can read what was in force. */
import { EVERYONE, emergencyPeople, migrationApprovers, neededCounts, type PeopleList } from './policy.ts'
import type { Environment, MigrationRisk } from './settings.ts'
import type { ReleaseKind } from './terms.ts'

/** Keys and values are those of `releases.yml`, with its defaults filled in. They are hashed: none is ever renamed. */
export type RecordedRules = {
  /** Kinds of migrations that must be talked over, and by whom; absent if there are none. */
  readonly talk_it_over?: readonly MigrationRisk[]
  readonly talked_over_by?: PeopleList
} & (
  | { readonly sign_off: 'none' }
  | {
      readonly qa: number
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
  const { signOff, migrations } = environment
  const kinds = [...new Set(migrations.flatMap(({ talkItOver }) => talkItOver))]
  const talkedOver = kinds.length > 0 && { talk_it_over: kinds, talked_over_by: migrationApprovers(environment) }
  if (signOff === undefined) return { sign_off: 'none', ...talkedOver }
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
    ...talkedOver,
  }
}
