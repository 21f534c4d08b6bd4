/** What a rollback's plan shows beside what it binds. Stored as JSON. */
import type { PlannedMigration } from './planned-migration.ts'
import type { PersonName } from './terms.ts'

/** What only the plan of a rollback shows. */
export interface RollbackPlan {
  /** The first release, not a rollback, that proved what runs now; absent if no release of ours did. */
  readonly from?: ShownRelease
  /** The release that proved the commit to go back to. */
  readonly to: ShownRelease
  /** The migrations that were applied after `to`, in the order in which they were applied. */
  readonly migrations: readonly AppliedMigration[]
  /** What could not be found out; each needs to be discussed. */
  readonly unknowns: readonly RollbackUnknown[]
  /** Nobody has to sign, so the requester sees the plan first and presses Go. */
  readonly asksGo?: true
}

/** A release as a rollback's plan names it. */
export interface ShownRelease {
  readonly number: number
  readonly commit: string
  readonly requester: PersonName
  /** When it ended, ISO 8601. */
  readonly at: string
}

/** A migration that was applied since the commit to go back to, with its findings as they were planned then. */
export interface AppliedMigration extends PlannedMigration {
  /** The release that applied it. */
  readonly release: number
  /** Whether that is not certain: its migrate step ended without a proven outcome. */
  readonly unsure?: true
}

export type RollbackUnknown =
  /** Which commits go away: no repository that could be asked has what runs now. */
  | { readonly what: 'commits'; readonly detail: string }
  /** Where a database stands. `name`: absent if the environment has one. */
  | { readonly what: 'database'; readonly name?: string; readonly detail: string }
  /** Its revisions are not those that the last release left: somebody has migrated it, or it is another database. */
  | {
      readonly what: 'revisions'
      readonly name?: string
      readonly expected: readonly string[]
      readonly found: readonly string[]
    }
  /** Which commit runs, and so which migrations and commits are newer. */
  | { readonly what: 'runs'; readonly detail: string }
