import { digest } from '../lib/canonical-json.ts'
import type { PlannedChange } from './changes.ts'
import type { PlannedMigration } from './planned-migration.ts'
import type { RollbackPlan } from './rollback-plan.ts'
import type { Isolation, ReleaseKind, StepName } from './terms.ts'

/** The facts that a plan binds. The fingerprint covers exactly these; if one changes, the release is outdated. */
export interface BoundFacts {
  readonly app: string
  readonly environment: string
  readonly kind: ReleaseKind
  readonly remote: {
    readonly url: string
    readonly branch: string
    /** null: the remote has no such branch (first release). */
    readonly holds: string | null
    /** null: the platform runs nothing. */
    readonly runs: string | null
  }
  /** The environment's own branch at origin. null commit: it doesn't exist yet or, for a rollback, its head is not bound. */
  readonly target: { readonly branch: string; readonly commit: string | null }
  /** The commit to release: the head of the promoted branch, or of the environment's own. For a rollback: an earlier one. */
  readonly source: { readonly branch: string; readonly commit: string }
  /** The commits that the remote lacks, oldest first; for a first release the last 20; none for a rollback. Full ids. */
  readonly commits: readonly string[]
  /**
   * `commit`: an existing or picked commit is deployed as it is. `merge`: a merge commit with exactly these parents and
   * this tree, which the merge step creates. `fast-forward`: the merge step moves the branch to exactly this commit, the
   * source, where the forge allows no merge commits.
   */
  readonly result:
    | { readonly how: 'commit'; readonly commit: string; readonly tree: string }
    | { readonly how: 'merge'; readonly parents: readonly [string, string]; readonly tree: string }
    | { readonly how: 'fast-forward'; readonly commit: string; readonly tree: string }
  /**
   * The commit ids of each change that needs QA. Absent where QA is not asked for each change, as in every plan of older
   * versions.
   */
  readonly changes?: readonly (readonly string[])[]
  /** null: the environment has no migrations. A list where it has several, in the order in which they run. */
  readonly database: BoundDatabase | readonly BoundDatabase[] | null
  /** Present if the release is a rollback, which binds no branch heads and migrates nothing: `database` is null then. */
  readonly rollback?: BoundRollback
  /** Digest of the environment's entry in releases.yml, in the form that the release was created with. */
  readonly configuration: string
}

/** What a rollback binds beside the remote, the commit to go back to (`result`) and the configuration. */
export interface BoundRollback {
  /** The release that proved that commit in this environment. */
  readonly provedBy: number
  /** What the platform runs again, such as a slug; null: the remote's branch is set back by a push. */
  readonly artifact: string | null
  /** Where each database was; in the order of the configuration. */
  readonly databases: readonly BoundStanding[]
}

/** Where a database was when a rollback was planned. */
export type BoundStanding = { readonly name?: string } & (
  | { readonly identity: string; readonly revisions: readonly string[] }
  /** It did not answer, so nothing of it is bound. */
  | { readonly unknown: true }
)

export interface BoundDatabase {
  /** Its name in the configuration; absent if the environment has one. */
  readonly name?: string
  /** Host, port and name, without user or password. */
  readonly identity: string
  /** Empty: no migration was ever applied. */
  readonly revisions: readonly string[]
  /** Oldest first. */
  readonly pending: readonly string[]
  readonly head: string | null
  /** The git tree id of the migrations' folder in the commit to release. */
  readonly migrationsTree: string
}

/** The databases that a plan binds, in the order in which they are migrated. */
export function databasesOf({ database }: Pick<BoundFacts, 'database'>): readonly BoundDatabase[] {
  return database === null ? [] : [database].flat()
}

/** Where each database is that a plan binds; for a rollback, each that answered. */
export function standingsOf({
  database,
  rollback,
}: Pick<BoundFacts, 'database' | 'rollback'>): readonly Pick<BoundDatabase, 'name' | 'identity' | 'revisions'>[] {
  if (rollback === undefined) return databasesOf({ database })
  return rollback.databases.flatMap((each) => ('unknown' in each ? [] : [each]))
}

/** How many migrations are pending in all databases of the plan. */
export function pendingCount({ bound }: { readonly bound: Pick<BoundFacts, 'database'> }): number {
  return databasesOf(bound).reduce((sum, { pending }) => sum + pending.length, 0)
}

export interface PlannedCommit {
  readonly sha: string
  readonly title: string
  readonly author: { readonly name: string; readonly email: string }
  /** When it was committed, in ISO. */
  readonly at: string
  /** When it was written, in ISO, if that differs from `at`; absent in plans of older versions. */
  readonly authoredAt?: string
  readonly isMerge: boolean
}

export interface CheckStatus {
  readonly name: string
  readonly state: 'passed' | 'failed' | 'running' | 'stopped'
  readonly url: string
}

/** Something that the forge asks for before it merges a pull request, and that is missing. */
export interface MergeRequirement {
  /** What is missing, in the forge's words, after "PR #4 also needs", such as `1 approval`. */
  readonly needs: string
  /** The forge is not set to refuse the merge without it. */
  readonly advisory?: true
  /** It can't be told whether it is missing. */
  readonly unsure?: true
}

/** Whether there is at least one check and all have passed. */
export function haveAllPassed(checks: readonly CheckStatus[]): boolean {
  return checks.length > 0 && checks.every(({ state }) => state === 'passed')
}

export interface ChangedFile {
  readonly path: string
  readonly added: number
  readonly removed: number
}

/** What is known of a commit's proof. Stored as JSON. */
export interface Proof {
  /** The environment that is promoted from. */
  readonly on: string
  readonly commit: string
  /** The releases of that environment that proved the commit or one that contains it; newest first, not all of them. */
  readonly by: readonly Proving[]
  /** What that environment runs, where nothing proves the commit and it is known. */
  readonly runs?: {
    /** null: nothing. */
    readonly commit: string | null
    /** How many commits of the release it lacks; absent if the repository does not have what it runs. */
    readonly behind?: number
  }
}

export interface Proving {
  readonly number: number
  readonly commit: string
}

/** What a release will do. Only `bound` is covered by the fingerprint, the rest is for display. Stored as JSON. */
export interface Plan {
  readonly bound: BoundFacts
  readonly firstRelease: boolean
  /** The platform runs something and doesn't tell its commit. Then `bound.remote.runs` is null. */
  readonly runsUnknown?: true
  /** How many commits are released; `commits` has at most the last 500 of them, newest first. */
  readonly commitCount: number
  readonly commits: readonly PlannedCommit[]
  /** Every author of a commit of the plan, merge commits excluded; complete even if `commits` is truncated. */
  readonly authors: readonly { readonly name: string; readonly email: string }[]
  /** What QA is asked about, newest first, where it is asked for each change; never empty then. */
  readonly changes?: readonly PlannedChange[]
  readonly pullRequest?: { readonly id: number; readonly url: string; readonly pinnedBranch?: string }
  /** How the app's code was kept apart from the worker's host while this plan read it; absent if none ran. */
  readonly isolation?: Isolation
  /** Indexes that were invalid at planning, by database; absent in plans without migrations, and in older ones. */
  readonly invalidBefore?: readonly { readonly name?: string; readonly indexes: readonly string[] }[]
  /** What the forge still asked for at planning, before it merges the pull request; absent if nothing. */
  readonly mergeRequirements?: readonly MergeRequirement[]
  /** Whether the commit was proven on the environment that it is promoted from; absent where nothing is shown of it. */
  readonly proof?: Proof
  readonly migrations: readonly PlannedMigration[]
  readonly checks: readonly CheckStatus[]
  readonly files: { readonly count: number; readonly list: readonly ChangedFile[] }
  /** The steps of the run, in order. */
  readonly steps: readonly StepName[]
  /** Web address of the repository, from which the forge's links are made. */
  readonly webUrl: string
  /** Present if the release is a hot-fix. */
  readonly hotfix?: HotfixPlan
  /** Present if the release is a rollback. `commits`, `authors` and `files` then say what goes away. */
  readonly rollback?: RollbackPlan
  /**
   * How long old code ran on the new schema in the last releases, in milliseconds, newest first, at most five: from the
   * end of the migration, or the start of the push, to the end of the push.
   */
  readonly lastPushesMs?: readonly number[]
  /** Sentences to read before signing. */
  readonly warnings: readonly string[]
}

/** The commit whose checks count: the source commit, not the merge or pick that is made from it. */
export function builtCommit({ hotfix, bound }: Pick<Plan, 'hotfix' | 'bound'>): string {
  return hotfix?.picks.at(-1)?.from ?? bound.source.commit
}

/** The digest of everything that the plan binds. Sign-offs refer to it. */
export function fingerprint(plan: Plan): string {
  return digest(plan.bound)
}

/** The commit to push; undefined if it is a merge that the merge step has not created yet. */
export function commitToPush(plan: Plan, mergedAs?: string): string | undefined {
  return plan.bound.result.how === 'merge' ? mergedAs : plan.bound.result.commit
}

/** One commit of a hot-fix: the requested one, and the one that planning picked from it in the mirror. */
export interface PlannedPick {
  /** The requested commit, 40 hex digits. */
  readonly from: string
  /** The picked commit on top of the environment's branch. */
  readonly made: string
  readonly title: string
  readonly author: { readonly name: string; readonly email: string }
  readonly files: { readonly count: number; readonly list: readonly ChangedFile[] }
  /** Whether the promoted branch has it, by ancestry or as the same change. */
  readonly promoted?: boolean
}

/** What only the plan of a hot-fix shows. The picked commits themselves are bound by the plan's result. */
export interface HotfixPlan {
  /** In the order in which they are picked. */
  readonly picks: readonly PlannedPick[]
  /** The committer date of the picks, with which the same commits can be made again: the plan's time, ISO 8601. */
  readonly at: string
  /** Commits of the branch that the remote lacks, which are deployed too; newest first. */
  readonly alsoGoes: { readonly count: number; readonly commits: readonly PlannedCommit[] }
  /** The branch that the environment is promoted from, and that branch's environment; absent if there is none. */
  readonly promoting?: { readonly branch: string; readonly environment: string }
  /** The environment has no sign-offs, so the requester sees the plan first and presses Go. */
  readonly asksGo?: true
}
