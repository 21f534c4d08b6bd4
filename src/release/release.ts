/** A release as it is stored: its facts, its sign-offs and its steps. */
import type { Plan } from './plan.ts'
import type { Problem } from './refusals.ts'
import { isIrreversible } from './steps.ts'
import type { PersonName, PostedMessage, ReleaseKind, ReleaseState, SignOffKind, StepName, StepState } from './terms.ts'

/** A person's recorded word on one fingerprint. */
export interface SignOff {
  readonly kind: SignOffKind
  readonly person: PersonName
  readonly fingerprint: string
  /** The reason of a rejection or emergency, or what was talked over. */
  readonly note?: string
  /** Where the right came from: a group handle, `named by id`, or `every full member`. */
  readonly right: string
  readonly at: Date
}

/**
 * A step's row. `effect` is what its attempt did to the world so far: `none` is proven, `some` is seen, `unknown` is
 * neither. A row with state `running` has written its intent and may have acted.
 */
export interface StepRow {
  readonly name: StepName
  readonly state: StepState
  readonly attempt: number
  readonly effect: 'none' | 'some' | 'unknown'
  readonly startedAt?: Date
  readonly endedAt?: Date
  /** What the step found or made: JSON, shown in Details and in the record. */
  readonly result?: StepResult
}

/** What steps leave behind for later steps, messages and the record. All fields are optional facts. */
export interface StepResult {
  /** One plain sentence for the thread, past tense, without the duration. */
  readonly said?: string
  /** The commit that origin's branch is at after `merge` or `pick`. */
  readonly commit?: string
  /** The database's revisions after `migrate`. */
  readonly revisions?: readonly string[]
  /** The platform's release, such as `v42`. */
  readonly platformRelease?: string
  readonly commentUrl?: string
}

/** One attempt to bring one environment of one app to one commit. */
export interface Release {
  readonly number: number
  readonly app: string
  readonly environment: string
  readonly kind: ReleaseKind
  readonly state: ReleaseState
  readonly requester: PersonName
  /** Slack's answer address of the command, good for 30 minutes after `requestedAt`; absent for a button. */
  readonly responseUrl?: string
  /** Why a hot-fix cannot wait. */
  readonly reason?: string
  /** The commits of a hot-fix as asked for: 4 to 40 hex digits each. */
  readonly picks?: readonly string[]
  /** The bot's digest of the environment when it was asked for; configuration.ts compares it. */
  readonly configuration: string
  readonly plan?: Plan
  readonly fingerprint?: string
  /** Why it stopped, in an end other than succeeded or in `needs attention`. */
  readonly problem?: Problem
  /** Who ended or closed it, with their reason, where a person did. */
  readonly endedBy?: PersonName
  readonly endReason?: string
  /** The release that Plan again made from this one. */
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
  /** When the sign-offs must be complete; set when the card is posted. */
  readonly expiresAt?: Date
  readonly signOffs: readonly SignOff[]
  readonly steps: readonly StepRow[]
  /** How far master moved after a pinned plan: commits that are not in this release. */
  readonly newerCommits?: number
}

export function step(release: Release, name: StepName): StepRow | undefined {
  return release.steps.find((row) => row.name === name)
}

export function isEmergency(release: Release): boolean {
  return release.signOffs.some((signOff) => signOff.kind === 'emergency')
}

/**
 * Whether anything that cannot be taken back has begun: an irreversible step whose effect is seen, or not known.
 * Decides between `failed` and `needs attention`.
 */
export function irreversibleBegun(steps: readonly StepRow[]): boolean {
  return steps.some((row) => isIrreversible(row.name) && row.state !== 'pending' && row.effect !== 'none')
}

/** What an environment runs now, as far as its stored releases prove it (deployed.ts). */
export type Deployed =
  /** Release `number` has brought it, and has proven that it runs. */
  | {
      readonly is: 'proven'
      readonly commit: string
      readonly number: number
      readonly at: string
      readonly webUrl: string
    }
  /** Release `number` has seen it there, whoever brought it; null: it ran nothing. */
  | {
      readonly is: 'seen'
      readonly commit: string | null
      readonly number: number
      readonly at: string
      readonly webUrl: string
    }
  /** Release `number` has pushed `holds`, whose release phase failed: what ran before goes on running; null: nothing. */
  | {
      readonly is: 'held'
      readonly holds: string
      readonly commit: string | null
      readonly number: number
      readonly at: string
      readonly webUrl: string
    }
  /** Since release `number`, as it now stands, nobody has proven anything. */
  | {
      readonly is: 'not known'
      readonly number: number
      readonly state: ReleaseState
      readonly since: 'its push' | 'the remote moved'
    }
