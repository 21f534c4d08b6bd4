import type { LockFacts } from './lock.ts'
import type { CheckStatus, Proof } from './plan.ts'
import type { NeededFile } from './ports/platform.ts'
import type { ExpectedFailure } from './ports/sql-risks.ts'
import type { ForgeUnreachable, MigrationsUnreadable, PlatformName } from './stored-names.ts'
import type { MissingWorker, PersonName, ReleaseKind, ReleaseState, SignOffKind, StepName } from './terms.ts'

export interface CommitFact {
  readonly sha: string
  readonly title: string
  readonly author: string
}

/** A setting's name, such as `STORE_URL`. Never its value. */
type Setting = string

/** The service took the credentials, and what was asked about is not there for them. */
export interface Denied {
  readonly why: 'not found' | 'no access'
  readonly what: 'app' | 'repository'
  readonly name: string
  /** The keys of releases.yml that name it. */
  readonly keys: readonly string[]
  readonly settings: readonly Setting[]
}

/** A service gave no usable answer. `answered`: it did answer, so a retry won't help. */
interface Unusable {
  readonly detail: string
  readonly answered?: true
  readonly denied?: Denied
}

/** Which platform it is about; `FIRST_PLATFORM` if absent. */
interface OfPlatform {
  readonly platform?: PlatformName
}

/**
 * Why something is refused: a gate, with the facts for its message, which slack/views/refusals.ts renders. Each `gate` is
 * a public, stored reason code (docs/design.md).
 */
export type Refusal =
  | { readonly gate: 'unknown_app'; readonly asked: string; readonly names: readonly string[] }
  | {
      readonly gate: 'unknown_environment'
      readonly asked: string
      readonly app?: string
      readonly names: readonly string[]
      /** The environments that follow a branch of that name. */
      readonly followedBy?: readonly string[]
    }
  | { readonly gate: 'unknown_release'; readonly number: number }
  | {
      readonly gate: 'not_a_member'
      readonly why: 'guest' | 'external' | 'bot' | 'deactivated' | 'other workspace' | 'Slack did not answer'
      /** Slack's code where it refuses our token: someone has to fix the app. */
      readonly error?: string
    }
  | {
      readonly gate: 'environment_busy'
      readonly number: number
      readonly app: string
      readonly environment: string
      readonly state: ReleaseState
      readonly requester: PersonName
      /** It is a hot-fix that waits for its requester's Go. */
      readonly waitsForGo?: true
      /** When it starts, in ISO, and in whose time zone. */
      readonly startAt?: string
      readonly timeZone?: string
      readonly link?: string
    }
  | ({ readonly gate: 'no_worker' } & MissingWorker)
  | ({ readonly gate: 'repository_unreachable'; readonly url: string } & Unusable)
  | ({ readonly gate: 'remote_unreachable'; readonly remote: string } & Unusable)
  /** The worker's host can't isolate the app's code as the entry requires. */
  | { readonly gate: 'isolation_unavailable'; readonly detail: string }
  /** The app's code runs the migrations and commits nothing. `database`: its name, if there are several. */
  | { readonly gate: 'migrations_not_committed'; readonly database?: string }
  | { readonly gate: 'database_unreachable'; readonly database: string; readonly detail: string }
  | ({ readonly gate: ForgeUnreachable } & Unusable)
  | ({ readonly gate: 'platform_unreachable'; readonly app: string } & Unusable & OfPlatform)
  | ({
      readonly gate: 'credentials_refused'
      readonly service: string
      readonly settings: readonly Setting[]
      readonly denied?: Denied
      /** Its git refuses the credential that its API takes at the same moment. */
      readonly apiAccepts?: true
    } & OfPlatform)
  | {
      readonly gate: 'channel_unreachable'
      readonly channel: string
      readonly why: 'not a member' | 'archived' | 'gone' | 'Slack did not answer'
      /** As above. */
      readonly error?: string
    }
  | { readonly gate: 'configuration_differs'; readonly app: string; readonly environment: string }
  /** Files that Git LFS keeps elsewhere, and that the migrations read. */
  | { readonly gate: 'lfs_missing'; readonly files: readonly string[] }
  /** Submodules that the migrations need; a checkout for migrations has none. */
  | { readonly gate: 'submodule_missing'; readonly submodules: readonly string[] }
  /** `table`: two entries of one environment would write their revisions into this table; empty if it is not known. */
  | { readonly gate: 'same_database'; readonly environment: string; readonly other: string; readonly table?: string }
  | { readonly gate: 'branch_missing'; readonly branch: string }
  | {
      readonly gate: 'nothing_to_release'
      readonly app: string
      readonly environment: string
      readonly commit: string
      readonly platform: PlatformName
    }
  | {
      readonly gate: 'merge_conflict'
      readonly source: string
      readonly target: string
      readonly files: readonly string[]
    }
  | {
      readonly gate: 'merge_not_allowed'
      readonly branch: string
      readonly rule: string
      /** The forge's methods of merging, of which none can be previewed. */
      readonly methods?: readonly string[]
      /** Only fast-forwards are allowed, and this source lacks commits of the branch. */
      readonly lacks?: string
      /** `checks`: what a merge needs can't be given by anybody. `own branch`: the release's own branch can't be created. */
      readonly about?: 'checks' | 'own branch'
    }
  | {
      readonly gate: 'remote_diverged'
      readonly remote: string
      readonly branch: string
      readonly count: number
      readonly commits: readonly CommitFact[]
      /** Where the commits run, by its name at the platform, if the remote does not hold them. */
      readonly runsAt?: string
    }
  /** The platform gives no proof of what it runs there. */
  | ({ readonly gate: 'not_provable'; readonly app: string; readonly detail: string } & OfPlatform)
  /** The remote holds the commit and does not run it, and the platform has nothing to release it again from. */
  | ({
      readonly gate: 'slug_missing'
      readonly app: string
      readonly commit: string
      /** For a rollback to this release: the remote may not hold the commit. */
      readonly to?: number
      /** The platform keeps nothing there that could be released again: how it builds, such as `the container stack`. */
      readonly stack?: string
    } & OfPlatform)
  /** QA is asked for each change, and a dialog can't show so many. `groups`: of ten, by author; 0: not counted. */
  | {
      readonly gate: 'too_many_changes'
      readonly changes: number
      readonly groups: number
      readonly most: number
      readonly mostGroups: number
    }
  /** The dialog of QA for each change says too little, or contradicts itself about the change with this title. */
  | {
      readonly gate: 'qa_incomplete'
      readonly why: 'nothing ticked' | 'no change named' | 'tested and a problem'
      readonly title?: string
    }
  /** The platform builds nothing there without this file, which what would be deployed lacks. */
  | ({ readonly gate: 'build_file_missing'; readonly app: string } & NeededFile & OfPlatform)
  | { readonly gate: 'checks_failed'; readonly checks: readonly CheckStatus[] }
  | MigrationsUnreadable
  | {
      readonly gate: 'migration_heads'
      readonly heads: readonly { readonly revision: string; readonly file: string }[]
    }
  | {
      readonly gate: 'migration_will_fail'
      readonly revision: string
      readonly file: string
      /** In the file; absent if several lines could be meant. */
      readonly line?: number
      readonly why: ExpectedFailure['why']
      /** The command that can't run there, or the new enum value. */
      readonly what: string
      /** The beginning of the SQL statement. */
      readonly statement: string
    }
  | { readonly gate: 'unknown_revision'; readonly revisions: readonly string[]; readonly commit: string }
  | {
      readonly gate: 'plan_outdated'
      readonly moved: readonly { readonly what: string; readonly from: string; readonly to: string }[]
    }
  | { readonly gate: 'not_an_approver'; readonly who: readonly string[]; readonly action: string }
  | { readonly gate: 'not_a_qa'; readonly who: readonly string[] }
  | { readonly gate: 'not_allowed'; readonly action: string; readonly who: readonly string[] }
  /** `asEmergency`: they declared its emergency, so they can't give the sign-offs that it waived. */
  | { readonly gate: 'own_release'; readonly who: readonly string[]; readonly asEmergency?: true }
  | { readonly gate: 'own_commits'; readonly who: readonly string[] }
  | { readonly gate: 'already_signed'; readonly kind: SignOffKind; readonly at: string }
  | {
      readonly gate: 'already_decided'
      readonly number: number
      readonly state: ReleaseState
      readonly by?: PersonName
      readonly at?: string
    }
  | { readonly gate: 'expired'; readonly number: number; readonly at: string }
  | {
      readonly gate: 'announcement_unconfirmed'
      readonly until: string
      /** Absent on the release's own card. */
      readonly number?: number
      readonly channel?: string
    }
  | { readonly gate: 'time_ran_out'; readonly during: string }
  | { readonly gate: 'reason_too_short'; readonly least: number }
  | { readonly gate: 'stale_button' }
  /** The sign-off would start the release, and what was clicked did not say so. */
  | { readonly gate: 'start_not_confirmed'; readonly number: number; readonly environment: string }
  | {
      readonly gate: 'unknown_commit'
      readonly asked: string
      /** `no commit`: it doesn't look like a commit. */
      readonly why: 'no commit' | 'not there' | 'on no branch'
      /** Present if not every branch could be searched. */
      readonly branches?: { readonly searched: number; readonly count: number }
      /** Commits that may be meant. */
      readonly candidates: readonly CommitFact[]
    }
  | { readonly gate: 'ambiguous_commit'; readonly asked: string; readonly candidates: readonly CommitFact[] }
  | { readonly gate: 'too_many_commits'; readonly count: number; readonly most: number }
  | {
      readonly gate: 'merge_commit'
      readonly commit: CommitFact
      readonly mainline: string
      readonly count: number
      readonly commits: readonly CommitFact[]
    }
  | {
      readonly gate: 'already_applied'
      readonly commit: CommitFact
      readonly branch: string
      readonly how: 'the commit' | 'the same change' | 'empty'
    }
  | {
      readonly gate: 'pick_conflict'
      readonly commit: CommitFact
      readonly branch: string
      readonly environment: string
      readonly files: readonly { readonly path: string; readonly line?: number }[]
      readonly lines: readonly string[]
      /** Every requested commit, in order: the manual recipe continues from the failed one. */
      readonly commits: readonly string[]
    }
  | { readonly gate: 'pick_not_allowed'; readonly branch: string; readonly rule: string }
  | {
      readonly gate: 'not_followed_branch'
      readonly asked: string
      readonly names: readonly string[]
      readonly commits: readonly string[]
    }
  /** A hot-fix of the same environment ended this release. */
  | { readonly gate: 'hotfix_goes_first'; readonly requester: PersonName }
  | { readonly gate: 'not_sure' }
  /** More than 7 days ahead. Times are ISO, and are said in the person's time zone. */
  | { readonly gate: 'too_far_ahead'; readonly at: string; readonly latest: string; readonly timeZone: string }
  /** What was typed or picked is past, doesn't exist or is no time; `why`: sentences that say so, and what to write. */
  | { readonly gate: 'time_refused'; readonly why: string }
  /** Somebody has locked the environment or, with `all`, everything. `lock`: its id. */
  | {
      readonly gate: 'environment_locked'
      readonly lock: number
      /** What was asked about; absent if it was the lock over all itself. */
      readonly app?: string
      readonly environment?: string
      readonly all?: true
      readonly holder: PersonName
      readonly reason: string
      readonly since: string
      readonly until?: string
      /** What it was asked for, if not for a release. */
      readonly asked?: 'lock'
    }
  /** There is no such lock now. `ended`: how the last one ended. Without `app` it is about the lock over all. */
  | {
      readonly gate: 'not_locked'
      readonly app?: string
      readonly environment?: string
      readonly ended?: LockFacts['ended']
    }
  | {
      readonly gate: 'environment_frozen'
      readonly app: string
      readonly environment: string
      readonly kind: ReleaseKind
      /** The freezes that make it last so long. */
      readonly names: readonly string[]
      /** Absent: it does not end within a year. */
      readonly until?: string
      /** Who may say that something must go out now; absent where there are no emergencies. */
      readonly who?: readonly string[]
      /** The release that would have started; absent at a request. */
      readonly number?: number
      /** When it would have started; absent: now. ISO 8601. */
      readonly startAt?: string
      /** The person may plan it for an emergency. */
      readonly isOffered?: true
      /** The end as a command takes it, in the person's time zone; absent if it can't be scheduled for then. */
      readonly at?: string
    }
  /** No release of the environment that is promoted from proves the commit. */
  | {
      readonly gate: 'source_not_proven'
      readonly number: number
      readonly app: string
      readonly environment: string
      readonly on: string
      readonly commit: string
      /** What runs there instead, where it is known. */
      readonly runs?: Proof['runs']
      /** Releases that did prove it, and no longer count. */
      readonly noLonger?: readonly number[]
      /** As above. */
      readonly who?: readonly string[]
    }
  /** A rollback of the same environment ended this release. */
  | { readonly gate: 'rollback_goes_first'; readonly requester: PersonName }
  | {
      readonly gate: 'nothing_to_roll_back'
      readonly app: string
      readonly environment: string
      /**
       * `no earlier release`: none is left to go back to. `not ours`: no release of ours deployed what runs, so a number is
       * needed. `not known`: the platform does not tell what runs; also then. `runs already`: the asked one runs.
       */
      readonly why: 'no earlier release' | 'not ours' | 'not known' | 'runs already'
      /** What runs. */
      readonly commit?: string
      /** The release that was asked for. */
      readonly to?: number
    }
  /** `other environment`: of the release; `not proven`: it never proved that its commit runs there. */
  | {
      readonly gate: 'target_not_proven'
      readonly number: number
      readonly app: string
      readonly environment: string
      readonly why: 'other environment' | 'not proven'
    }
  /** The release to go back to, or another of the same commit (`number`), is marked as bad. */
  | {
      readonly gate: 'target_is_bad'
      readonly number: number
      readonly by: PersonName
      readonly at: string
      readonly reason?: string
    }
  /** `not proven`: only a release that has proven its commit can be marked. `marked so`: it has this mark already. */
  | {
      readonly gate: 'mark_refused'
      readonly number: number
      readonly mark: 'bad' | 'good'
      readonly why: 'not proven' | 'marked so'
      readonly state: ReleaseState
      readonly by?: PersonName
      readonly at?: string
    }

  /** A sign-off that it needs is void: its person says that they did not give it. */
  | {
      readonly gate: 'sign_off_disputed'
      readonly number: number
      readonly kind: SignOffKind
      readonly person: PersonName
    }

export type Gate = Refusal['gate']

/** A refusal as a result: nothing was changed. */
export interface Refused {
  readonly refused: Refusal
}

/** Why a step of a run failed. `output` is scrubbed; its last lines are shown. */
export type Failure =
  | {
      readonly gate: 'merge_refused'
      readonly detail: string
      /** The forge's rules ask for something that people can still give: the pull request stays open. */
      readonly byRules?: true
      readonly pullRequest?: number
    }
  | { readonly gate: 'merge_unknown'; readonly pullRequest: number }
  | {
      readonly gate: 'merge_unexpected'
      readonly expected: string
      readonly found: string
    }
  | {
      readonly gate: 'pick_refused'
      readonly branch: string
      readonly line?: string
      readonly output: readonly string[]
    }
  | { readonly gate: 'pick_unknown'; readonly branch: string; readonly commit: string }
  | { readonly gate: 'unexpected_diff'; readonly detail: string }
  | {
      readonly gate: 'migration_failed'
      /** The database's name and where the others are, if the environment has several. */
      readonly name?: string
      readonly others?: readonly DatabaseStanding[]
      readonly revision?: string
      readonly database: readonly string[]
      readonly applied: readonly string[]
      readonly pending: readonly string[]
      /** The pending one that may be partly applied. */
      readonly partly?: string
      readonly line?: string
      readonly output: readonly string[]
    }
  | { readonly gate: 'migration_unknown'; readonly detail: string; readonly output: readonly string[] }
  /** All revisions are applied; `name`: the database, if the environment has several. */
  | { readonly gate: 'invalid_indexes'; readonly indexes: readonly string[]; readonly name?: string }
  | ({
      readonly gate: 'push_refused'
      readonly remote: string
      readonly line?: string
      readonly output: readonly string[]
      /** The platform failed: the code is not the cause. */
      readonly fault?: 'platform'
      /** The remote takes no push that sets its branch back. */
      readonly refusesSetBack?: true
    } & OfPlatform)
  | ({
      readonly gate: 'build_failed'
      readonly remote: string
      readonly line?: string
      readonly output: readonly string[]
    } & OfPlatform)
  | { readonly gate: 'push_unknown'; readonly remote: string; readonly commit: string }
  | ({
      readonly gate: 'release_phase_failed'
      readonly app: string
      readonly platformRelease: string
      readonly commit: string
    } & OfPlatform)
  | ({ readonly gate: 'not_confirmed'; readonly app: string; readonly detail: string } & OfPlatform)
  | { readonly gate: 'record_failed'; readonly detail: string }
  | { readonly gate: 'internal_error'; readonly detail: string }

/** How far a migration got in one of several databases. */
export interface DatabaseStanding {
  readonly name: string
  readonly database: readonly string[]
  readonly applied: readonly string[]
  readonly pending: readonly string[]
}

/** Why a release stopped, and in which step. */
export interface Problem {
  readonly step?: StepName
  readonly because: Refusal | Failure
}
