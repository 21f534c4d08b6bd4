/** A release as it is stored: its facts, its sign-offs and its steps. */
import type { Tested } from './changes.ts'
import type { MergeRequirement, Plan, Proof } from './plan.ts'
import type { Backend } from './ports/migrator.ts'
import type { ReleaseWarning } from './ports/platform.ts'
import type { Problem } from './refusals.ts'
import type { Schedule } from './schedule.ts'
import { isIrreversible } from './steps.ts'
import type { PersonName, PostedMessage, ReleaseKind, ReleaseState, SignOffKind, StepName, StepState } from './terms.ts'

/** A person's recorded decision on one fingerprint. */
export interface SignOff {
  readonly kind: SignOffKind
  readonly person: PersonName
  readonly fingerprint: string
  /** The reason of a rejection or emergency, or what the team discussed. */
  readonly note?: string
  /** Where the permission came from: `every full member`, or `named by id` and group handles, comma-separated. */
  readonly right: string
  readonly at: Date
}

/** A sign-off of which its person has said that they did not give it. It is void: it counts for nothing. */
export interface DisputedSignOff extends SignOff {
  readonly disputedAt: Date
}

/**
 * A step's row. `effect`: `none` is proven, `some` was seen, `unknown` is neither. A row in state `running` has stored its
 * intent and may have acted.
 */
export interface StepRow {
  readonly name: StepName
  readonly state: StepState
  readonly attempt: number
  readonly effect: 'none' | 'some' | 'unknown'
  readonly startedAt?: Date
  readonly endedAt?: Date
  /** The step's result, shown in Details and in the release's record. JSON. */
  readonly result?: StepResult
}

/** A step's result, for later steps, messages and the release's record. */
export interface StepResult {
  /** One plain sentence for the thread, past tense, without the duration. */
  readonly said?: string
  /** The commit that origin's branch is at after `merge` or `pick`. */
  readonly commit?: string
  /** The database's revisions after `migrate`, where the plan has one database. */
  readonly revisions?: readonly string[]
  /** Where each of several databases is after `migrate`, in the order of the plan. */
  readonly databases?: readonly { readonly name: string; readonly revisions: readonly string[] }[]
  /** The sessions of a migration that runs, so that one which outlives its worker is found. */
  readonly backends?: readonly Backend[]
  /** The platform's release, such as `v42`. */
  readonly platformRelease?: string
  readonly commentUrl?: string
  /** Of a rollback's `record`: why the record could not be written; it is tried again for a day. */
  readonly notRecorded?: string
  /** Of `report`: what was seen of what runs, after the end. */
  readonly afterwards?: SeenAfterwards
}

/** What people should know of what a release deployed. `notes`: what went well, or could not be seen. */
export interface SeenAfterwards {
  readonly warnings: readonly ReleaseWarning[]
  readonly notes?: readonly string[]
}

/** What the person who asks for a rollback chose. */
export interface RollbackRequest {
  /** The release to go back to; absent: the newest good one before what runs. */
  readonly to?: number
  /** Afterwards the environment is locked by the requester. */
  readonly lock: boolean
}

/** A person's judgement of a release: nobody should go back to a `bad` one. */
export interface ReleaseMark {
  readonly is: 'bad' | 'good'
  readonly by: PersonName
  readonly reason?: string
  /** The rollback that marked it, for its requester. */
  readonly rollback?: number
  readonly at: Date
}

/** One attempt to deploy one commit to one environment of one app. */
export interface Release {
  readonly number: number
  readonly app: string
  readonly environment: string
  readonly kind: ReleaseKind
  readonly state: ReleaseState
  readonly requester: PersonName
  /** The command's Slack response URL, valid for 30 minutes after `requestedAt`; absent for a button. */
  readonly responseUrl?: string
  /** Why a hot-fix can't wait, or why an environment is rolled back. */
  readonly reason?: string
  /** The commits of a hot-fix as requested: 4 to 40 hex digits each. */
  readonly picks?: readonly string[]
  /** What was asked of a rollback; absent for other kinds. */
  readonly rollback?: RollbackRequest
  /** Whether somebody, or a rollback, has marked it; the last mark counts. */
  readonly mark?: ReleaseMark
  /** The commit that it has proven to run there, once it has succeeded. */
  readonly provenCommit?: string
  /** The bot's digest of the environment at the request; configuration.ts compares it. */
  readonly configuration: string
  readonly plan?: Plan
  readonly fingerprint?: string
  /** Why it stopped: in `needs attention` and in every end but `succeeded`. */
  readonly problem?: Problem
  /** The person who ended or closed it, if a person did, with their reason. */
  readonly endedBy?: PersonName
  readonly endReason?: string
  /** The release that Plan again created from this one. */
  readonly replacedBy?: number
  readonly card?: PostedMessage
  readonly announcement?: PostedMessage
  readonly cancelRequestedBy?: PersonName
  /** The attempts of the run, from 1; 0 before the first. */
  readonly attempt: number
  readonly requestedAt: Date
  readonly plannedAt?: Date
  readonly cardPostedAt?: Date
  readonly approvedAt?: Date
  readonly startedAt?: Date
  readonly endedAt?: Date
  /**
   * When the sign-offs must be complete; set when the card is posted. With a time to start: when the start must have come,
   * set with the plan.
   */
  readonly expiresAt?: Date
  /** When it was asked to start. Absent: once nothing is owed. */
  readonly schedule?: Schedule
  /** Those that count. */
  readonly signOffs: readonly SignOff[]
  /** Those that are void, in the order in which they were disputed; absent: none. */
  readonly disputed?: readonly DisputedSignOff[]
  readonly steps: readonly StepRow[]
  /** Who has tested which change, in order. Absent: nobody, or QA is not asked for each change. */
  readonly tested?: readonly Tested[]
  /** How many commits the source branch has gained since a pinned plan. */
  readonly newerCommits?: number
  /** What the forge asks for before it merges, as last seen since the plan. */
  readonly mergeRequirements?: readonly MergeRequirement[]
  /** Whether its commit is proven on the environment that it is promoted from, as last looked at since the plan. */
  readonly proof?: Proof
  /** What its card says of freezes, as far as the deadlines have seen to it; absent: nothing. */
  readonly freezeShown?: string
  /** Its card says that no worker can take it. */
  readonly workerMissingShown?: boolean
}

/** What the forge still asks for before it merges, as last seen. */
export function missingForMerge({ mergeRequirements, plan }: Release): readonly MergeRequirement[] {
  return mergeRequirements ?? plan?.mergeRequirements ?? []
}

/** Whether the release waits for the forge: its rules refused the merge, and nothing irreversible has begun. */
export function waitsForForge({ state, problem, steps }: Release): boolean {
  return (
    state === 'needs attention' && problem !== undefined && isRefusedByRules(problem) && !hasStartedIrreversible(steps)
  )
}

/** Whether the forge's rules refused the merge, and the pull request stays open until they are met. */
export function isRefusedByRules({ because }: Problem): boolean {
  return because.gate === 'merge_refused' && because.byRules === true
}

export function step(release: Release, name: StepName): StepRow | undefined {
  return release.steps.find((row) => row.name === name)
}

export function isEmergency(release: Release): boolean {
  return release.signOffs.some((signOff) => signOff.kind === 'emergency')
}

/**
 * Whether an irreversible step has started whose effect was seen or is unknown. Decides between `failed` and
 * `needs attention`.
 */
export function hasStartedIrreversible(steps: readonly StepRow[]): boolean {
  return steps.some((row) => isIrreversible(row.name) && row.state !== 'pending' && row.effect !== 'none')
}

/** What an environment runs now, as far as its stored releases prove it (deployed.ts). */
export type Deployed =
  /** Release `number` has deployed it and proven that it runs. */
  | {
      readonly is: 'proven'
      readonly commit: string
      readonly number: number
      readonly at: string
      readonly webUrl: string
      /** Who requested it; absent in messages of older versions. */
      readonly by?: PersonName
      /** It is a rollback: to which release, and by whom. */
      readonly rolledBack?: { readonly to: number; readonly by: PersonName }
      /** It is marked as bad, and still runs. */
      readonly bad?: { readonly by: PersonName; readonly reason?: string }
    }
  /** Release `number` has seen it there, whether or not Signoff deployed it; null: nothing ran. */
  | {
      readonly is: 'seen'
      readonly commit: string | null
      readonly number: number
      readonly at: string
      readonly webUrl: string
    }
  /** Release `number` has pushed `holds`, whose release phase failed, so `commit` still runs; null: nothing runs. */
  | {
      readonly is: 'held'
      readonly holds: string
      readonly commit: string | null
      readonly number: number
      readonly at: string
      readonly webUrl: string
    }
  /** Release `number` may have changed what runs, and no release has proven it since; or it could not see it. */
  | {
      readonly is: 'not known'
      readonly number: number
      readonly state: ReleaseState
      /** `not told`: the platform doesn't say which commit it runs. */
      readonly since: 'its push' | 'the remote moved' | 'not told'
    }
