/** Messages as data. The worker and the service choose one, slack/views renders it. */
import type { Head, NotDeployedBecause } from './automatic.ts'
import type { DirectMessageKind } from './direct-messages.ts'
import type { FigureDays } from './figures.ts'
import type { LockFacts } from './lock.ts'
import type { CheckStatus, Plan } from './plan.ts'
import type { Owed } from './policy.ts'
import type { Problem, Refusal } from './refusals.ts'
import type { Deployed, Release, SeenAfterwards } from './release.ts'
import type { MissingWorker, PersonName, ReleaseKind, SignOffKind, StepName } from './terms.ts'

/** One line of a release's thread, by what happened. */
export type ThreadLine =
  | { readonly is: 'signed'; readonly kind: SignOffKind; readonly person: PersonName; readonly note?: string }
  /** Changes that the person has tested: how many, of them with own commits, and the first of them. */
  | {
      readonly is: 'tested'
      readonly person: PersonName
      readonly count: number
      readonly own: number
      readonly changes: readonly { readonly title: string; readonly pullRequest?: number }[]
      readonly note?: string
    }
  | { readonly is: 'step ended'; readonly step: StepName; readonly said: string; readonly ms: number }
  | {
      readonly is: 'step failed'
      readonly step: StepName
      readonly problem: Problem
      readonly output: readonly string[]
      readonly ms: number
    }
  | { readonly is: 'waiting'; readonly what: string }
  /** A worker took up a step that another, or itself, had begun: what it found of the effect. `absent`: it begins again. */
  | { readonly is: 'interrupted'; readonly step: StepName; readonly found: 'there' | 'absent' }
  /** `since`: the card, posted four hours ago, or an emergency, a day ago. */
  | {
      readonly is: 'reminder'
      readonly since: 'card' | 'emergency'
      readonly owed: readonly Owed[]
      /** The groups and people to mention, where the others are told in private. Absent: everybody who can sign. */
      readonly mentioned?: readonly string[]
      /** The ids of those who are told in private. */
      readonly told?: readonly string[]
    }
  | { readonly is: 'cancel asked'; readonly person: PersonName; readonly during?: StepName }
  | { readonly is: 'retried'; readonly person: PersonName }
  | { readonly is: 'closed'; readonly person: PersonName; readonly reason: string }
  | { readonly is: 'note'; readonly text: string }
  /** What the plan's migrations do; rendered from the plan. */
  | { readonly is: 'migrations' }
  /** A pull request backports a hot-fix to the branch that its environment is promoted from. */
  | {
      readonly is: 'carried'
      readonly branch: string
      readonly pullRequest: { readonly id: number; readonly url: string }
      /** False: it was open already. */
      readonly isNew: boolean
    }
  /** A day later that branch still lacks these commits. `environment`: the one that follows the branch. */
  | {
      readonly is: 'still missing'
      readonly branch: string
      readonly environment: string
      readonly commits: readonly string[]
      /** Whether a pull request with them is known. */
      readonly isCarried: boolean
    }
  /** After the end. `rollback`: the release that marked it for its requester. */
  | {
      readonly is: 'marked'
      readonly mark: 'bad' | 'good'
      readonly person: PersonName
      readonly reason?: string
      readonly rollback?: number
    }
  /** How what was deployed runs, after the outcome. Broadcast if there is a warning. */
  | { readonly is: 'afterwards'; readonly seen: SeenAfterwards }
  /** Nothing is owed: it starts then. Times are ISO. */
  | { readonly is: 'scheduled'; readonly at: string; readonly timeZone: string }
  | { readonly is: 'time changed'; readonly person: PersonName; readonly at: string; readonly timeZone: string }
  | { readonly is: 'start now'; readonly person: PersonName }
  /** Its time has come, and a gate or a sign-off that is owed holds it back until then. */
  | { readonly is: 'start held'; readonly because: Refusal; readonly until: string }
  | { readonly is: 'unsigned'; readonly owed: readonly Owed[]; readonly until: string }
  /** It starts, or its run begins, so long after its time. */
  | { readonly is: 'late'; readonly at: string; readonly timeZone: string; readonly ms: number }
  /** That was not me: this sign-off is void. `effect`: what that did to the release. */
  | {
      readonly is: 'disputed'
      readonly kind: SignOffKind
      readonly person: PersonName
      readonly signedAt: string
      readonly effect: DisputeEffect
    }
  /** Mentions the people who may sign, when the card was posted before the plan and could not. */
  | { readonly is: 'asked' }
  /**
   * The last line, also broadcast to the channel. `events` and `head`, the number of the release's events and the hash of
   * the last one, let people verify the audit trail from Slack.
   */
  | { readonly is: 'outcome'; readonly events: number; readonly head: string }

/**
 * What a disputed sign-off did to its release: it ended as `rejected` or `cancelled`; its run stops after the step under way
 * (`stopping`); it needs attention (`held`); or it had ended before.
 */
export type DisputeEffect = 'rejected' | 'cancelled' | 'stopping' | 'held' | 'ended'

/** A message to one person. */
export type PrivateMessage =
  | {
      readonly is: 'planning'
      readonly number: number
      readonly app: string
      readonly environment: string
      readonly kind?: ReleaseKind
      /** When it was asked to start, in ISO, and in whose time zone. */
      readonly startAt?: string
      readonly timeZone?: string
      /** Set when no worker is alive to plan it, with when one was last seen. */
      readonly noWorker?: MissingWorker
    }
  | { readonly is: 'refusal'; readonly refusal: Refusal }
  | { readonly is: 'preview'; readonly app: string; readonly environment: string; readonly plan: Plan }
  | { readonly is: 'ended'; readonly number: number }
  /** To a person who can give one of these sign-offs, four hours after the card was posted. */
  | { readonly is: 'reminder'; readonly number: number; readonly kinds: readonly Owed['kind'][] }
  /** To its requester, and to who may retry. `attempt`: the one that has stopped. */
  | { readonly is: 'needs attention'; readonly number: number; readonly attempt: number }
  /** To its requester: it became outdated while it waited for its time. */
  | { readonly is: 'missed'; readonly number: number }
  /** Asks before a sign-off starts the release, because what was clicked did not say so; with the Start button. */
  | { readonly is: 'start'; readonly number: number; readonly action: 'qa' | 'approval' }
  /** The plan of a hot-fix without sign-offs, with the Go button. */
  | { readonly is: 'go'; readonly number: number }
  /** Slack keeps rejecting a message to the channel, with Slack's `error`. `isGivenUp`: it is not retried any more. */
  | {
      readonly is: 'not taken'
      readonly number: number
      readonly what: 'card' | 'line' | 'outcome'
      readonly channel: string
      readonly error: string
      readonly isGivenUp: boolean
    }
  | { readonly is: 'done'; readonly text: string }
  /** `reason`: why the input was not understood. It may quote the input, so it is shown as plain text. */
  | { readonly is: 'help'; readonly reason?: string }
  | {
      readonly is: 'status'
      readonly environments: readonly EnvironmentStatus[]
      readonly workerSeenAt?: string
      readonly all?: LockFacts
    }
  /** With its filter, which the next page repeats. One release more than is shown means that there are older ones. */
  | {
      readonly is: 'history'
      readonly releases: readonly Release[]
      readonly app?: string
      readonly environment?: string
      readonly before?: number
      /** The locks that were set between these releases, newest first. */
      readonly locks?: readonly LockFacts[]
    }
  /** The locks that hold: the answer to `/deploy lock` alone. */
  | { readonly is: 'locks'; readonly locks: readonly LockFacts[] }
  /** To the person who has set, changed or taken over a lock. `before`: whose it was. */
  | { readonly is: 'locked'; readonly lock: LockFacts; readonly before?: PersonName }
  /** To its holder: it is held for long, or ends soon. Drawn from what is stored. */
  | { readonly is: 'lock held'; readonly lock: LockFacts }
  /** To the old holder. `lock`: the new one. */
  | { readonly is: 'lock taken over'; readonly lock: LockFacts }
  /** To the holder: somebody else has ended it. */
  | { readonly is: 'lock unlocked'; readonly lock: LockFacts }
  /** To a person who waits: nothing keeps them from the environment any more. */
  | { readonly is: 'free'; readonly app: string; readonly environment: string }
  /** To the person who has signed: what was signed, when (ISO), with That was not me. `person`: their Slack user id. */
  | {
      readonly is: 'receipt'
      readonly number: number
      readonly kind: SignOffKind
      readonly person: string
      readonly at: string
      readonly fingerprint: string
    }
  /** Delivery figures; drawn from what is stored of that period. */
  | ({ readonly is: 'report' } & ReportAsked)

/** One environment in `/deploy status`. */
export interface EnvironmentStatus {
  readonly app: string
  readonly environment: string
  /** What it runs, as far as known; absent if no release has looked yet. */
  readonly live?: Deployed
  readonly under_way?: Release
  /** The environment's own lock, while it holds. */
  readonly lock?: LockFacts
  /** Frozen now, or soon. */
  readonly freeze?: ShownFreeze
  /** Set where the environment is deployed automatically. */
  readonly automatic?: { readonly branch: string; readonly afterChecks: boolean; readonly head?: Head }
  /** Set where it belongs to a group of which no worker is alive. */
  readonly noWorker?: MissingWorker
}

/** Times are ISO 8601. `from`: of a freeze that begins soon. Without `until` it does not end within a year. */
export interface ShownFreeze {
  readonly is: 'frozen' | 'soon'
  readonly names: readonly string[]
  readonly from?: string
  readonly until?: string
}

/** The figures that a person asked for: what a report shows, and what its Share posts. */
export interface ReportAsked {
  /** Absent, as `environment`: all. */
  readonly app?: string
  readonly environment?: string
  readonly days: FigureDays
  /** ISO 8601. The same question has the same answer later. */
  readonly until: string
  /** The id of the channel in which it was asked; absent: not known. */
  readonly channel?: string
  /** The delivery that asked: what it shows is shared once. */
  readonly asked: string
}

/** A message to an environment's channel that belongs to no release. */
export type ChannelMessage =
  /** The head of the branch is not deployed automatically, because of its builds. `checks`: those that are not passed. */
  | {
      readonly is: 'not deployed'
      readonly app: string
      readonly environment: string
      readonly branch: string
      readonly commit: string
      readonly because: NotDeployedBecause
      readonly checks: readonly CheckStatus[]
      /** The repository's web address. */
      readonly webUrl: string
    }
  /**
   * Figures that a person shares. `channel`: where they asked; without it, or where Signoff can't post, the environment's.
   */
  | {
      readonly is: 'report'
      readonly app: string
      readonly environment: string
      readonly of: Omit<ReportAsked, 'channel'>
      readonly channel?: string
      readonly by: PersonName
    }

/** A Slack message that is committed but not yet confirmed by Slack. A message with the same `key` is queued once. */
export type OutboxMessage =
  /** The release's card, rendered from the store when it is sent; a later one replaces an earlier one that waits. */
  | { readonly kind: 'card'; readonly release: number }
  | { readonly kind: 'line'; readonly release: number; readonly key: string; readonly line: ThreadLine }
  /** `ended`: the announcement that was posted is edited to say how the release ended. */
  | { readonly kind: 'announcement'; readonly release: number; readonly key: string; readonly ended?: true }
  /** The thread's last line, rendered from the store when it is sent. */
  | { readonly kind: 'outcome'; readonly release: number; readonly key: string }
  | { readonly kind: 'channel'; readonly key: string; readonly message: ChannelMessage }
  | {
      readonly kind: 'private'
      readonly key: string
      /** Slack user id. */
      readonly to: string
      /** Usable for 30 minutes after `asked`; later, or when it fails, a direct message is sent. */
      readonly responseUrl?: string
      readonly asked: string
      readonly message: PrivateMessage
      /**
       * Set on what nobody asked for: its kind, which the person may have switched off by the time it is sent. It goes as a
       * direct message, at most once.
       */
      readonly directMessage?: DirectMessageKind
    }
