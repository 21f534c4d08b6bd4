import { digest } from '../lib/canonical-json.ts'
import type { MigrationRisk } from './settings.ts'
import type { ReleaseKind, StepName } from './terms.ts'

/** What a plan binds. A change of any of it makes the release outdated; the fingerprint covers exactly this. */
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
  /** The environment's own branch at origin. null commit: the branch is not there yet. */
  readonly target: { readonly branch: string; readonly commit: string | null }
  /** The commit that is brought: the promoted branch's head, or the branch's own. */
  readonly source: { readonly branch: string; readonly commit: string }
  /** The commits that the remote lacks, oldest first; for a first release the last 20. 40 hex digits each. */
  readonly commits: readonly string[]
  /**
   * `commit`: an existing or picked commit goes as it is. `merge`: a merge commit with exactly these parents and this
   * tree, which does not exist before the merge step.
   */
  readonly result:
    | { readonly how: 'commit'; readonly commit: string; readonly tree: string }
    | { readonly how: 'merge'; readonly parents: readonly [string, string]; readonly tree: string }
  /** Present when the environment has migrations. */
  readonly database: {
    /** Host, port and name, without user or password. */
    readonly identity: string
    /** Empty: nothing was ever applied. */
    readonly revisions: readonly string[]
    /** Oldest first. */
    readonly pending: readonly string[]
    readonly head: string | null
    /** The git tree id of the migrations' folder in the commit that goes. */
    readonly migrationsTree: string
  } | null
  /** Digest of the environment's entry in releases.yml, in the form that the release was made with. */
  readonly configuration: string
}

export interface PlannedCommit {
  readonly sha: string
  readonly title: string
  readonly author: { readonly name: string; readonly email: string }
  readonly at: string
  readonly isMerge: boolean
}

/** What one statement does that people should know before it runs. */
export interface SqlFinding {
  readonly risk: MigrationRisk
  /** A few words in the third person, such as `drops column documents.language`. */
  readonly what: string
  /** One sentence. */
  readonly why: string
  /** What people usually do instead, one sentence; absent where there is nothing better. */
  readonly instead?: string
  /** The code that runs now may still use what this takes away. */
  readonly breaksOldCode?: true
}

export interface PlannedMigration {
  readonly revision: string
  readonly message: string
  /** Path in the repository. */
  readonly file: string
  /** The name of who changed the file last. */
  readonly author?: string
  /** The worst of its findings. */
  readonly risk?: MigrationRisk
  /** The worst first; at most `MAX_FINDINGS`. */
  readonly findings?: readonly SqlFinding[]
  /** How many there are in all. */
  readonly findingCount?: number
  /** Its statements, as far as they are kept; absent where it could not be previewed. */
  readonly sql?: readonly string[]
  /** How many statements are not kept, for their length. */
  readonly sqlLeftOut?: number
  /** It commits in its middle, so that a failure may leave parts of it in. */
  readonly commits?: true
}

export const MAX_FINDINGS = 30

export interface CheckStatus {
  readonly name: string
  readonly state: 'passed' | 'failed' | 'running' | 'stopped'
  readonly url: string
}

/** At least one has reported, and none but good ones. */
export function haveAllPassed(checks: readonly CheckStatus[]): boolean {
  return checks.length > 0 && checks.every(({ state }) => state === 'passed')
}

export interface ChangedFile {
  readonly path: string
  readonly added: number
  readonly removed: number
}

/** What a release will do. All but `bound` is shown, not bound. JSON throughout: it is stored as it is. */
export interface Plan {
  readonly bound: BoundFacts
  readonly firstRelease: boolean
  /** How many commits go in all; `commits` may hold fewer (the last 500). Newest first. */
  readonly commitCount: number
  readonly commits: readonly PlannedCommit[]
  /** Everyone who wrote a commit of the plan, merge commits aside; complete even when `commits` is cut. */
  readonly authors: readonly { readonly name: string; readonly email: string }[]
  readonly pullRequest?: { readonly id: number; readonly url: string; readonly pinnedBranch?: string }
  readonly migrations: readonly PlannedMigration[]
  readonly checks: readonly CheckStatus[]
  readonly files: { readonly count: number; readonly list: readonly ChangedFile[] }
  /** The steps of the run, in order. */
  readonly steps: readonly StepName[]
  /** Web address of the repository; the forge's links are made from it. */
  readonly webUrl: string
  /** Present when commits are picked. */
  readonly hotfix?: HotfixPlan
  /**
   * How long the code that runs now met the new schema in the last releases, newest first, at most five: from the end
   * of the migration, or the push's beginning, to the push's end; in milliseconds.
   */
  readonly lastPushesMs?: readonly number[]
  /** Sentences that a person should read before signing. */
  readonly warnings: readonly string[]
}

/** The commit whose builds count: what is brought, not what is made of it. */
export function builtCommit({ hotfix, bound }: Pick<Plan, 'hotfix' | 'bound'>): string {
  return hotfix?.picks.at(-1)?.from ?? bound.source.commit
}

/** What people sign: the digest of everything that the plan binds. */
export function fingerprint(plan: Plan): string {
  return digest(plan.bound)
}

/** The commit that goes, where it exists already; a merge's commit is known only after the merge step. */
export function commitToPush(plan: Plan, mergedAs?: string): string | undefined {
  return plan.bound.result.how === 'commit' ? plan.bound.result.commit : mergedAs
}

/** One commit of a hot-fix: what was asked for, and what the plan made of it in the mirror. */
export interface PlannedPick {
  /** The commit that was asked for, 40 hex digits. */
  readonly from: string
  /** The commit on top of the environment's branch. */
  readonly made: string
  readonly title: string
  readonly author: { readonly name: string; readonly email: string }
  readonly files: { readonly count: number; readonly list: readonly ChangedFile[] }
  /** Whether the branch that the environment is promoted from has it, by ancestry or as the same change. */
  readonly promoted?: boolean
}

/** What a hot-fix's plan shows beyond any plan. The picked commits themselves are bound by the plan's result. */
export interface HotfixPlan {
  /** In the order in which they are picked. */
  readonly picks: readonly PlannedPick[]
  /** The plan's time, which is the committer's date: with it the same commits can be made again. ISO 8601. */
  readonly at: string
  /** What the branch has and the remote lacks, and goes too; newest first. */
  readonly alsoGoes: { readonly count: number; readonly commits: readonly PlannedCommit[] }
  /** The branch that the environment is promoted from, and its environment; absent where it is promoted from none. */
  readonly promoting?: { readonly branch: string; readonly environment: string }
  /** Nobody signs in this environment, so that the requester sees the plan first and presses Go. */
  readonly asksGo?: true
}
