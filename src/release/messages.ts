/** What is to be said, as data. slack/views draws it; the worker and the service only name it. */
import type { Plan } from './plan.ts'
import type { Owed } from './policy.ts'
import type { Problem, Refusal } from './refusals.ts'
import type { Deployed, Release } from './release.ts'
import type { PersonName, ReleaseKind, SignOffKind, StepName } from './terms.ts'

/** One line of a release's thread, by what happened. Drawn as a plain sentence. */
export type ThreadLine =
  | { readonly is: 'signed'; readonly kind: SignOffKind; readonly person: PersonName; readonly note?: string }
  | { readonly is: 'step ended'; readonly step: StepName; readonly said: string; readonly ms: number }
  | {
      readonly is: 'step failed'
      readonly step: StepName
      readonly problem: Problem
      readonly output: readonly string[]
      readonly ms: number
    }
  | { readonly is: 'waiting'; readonly what: string }
  /** `since`: the card's posting, four hours ago, or an emergency, a day ago. */
  | { readonly is: 'reminder'; readonly since: 'card' | 'emergency'; readonly owed: readonly Owed[] }
  | { readonly is: 'cancel asked'; readonly person: PersonName; readonly during?: StepName }
  | { readonly is: 'retried'; readonly person: PersonName }
  | { readonly is: 'closed'; readonly person: PersonName; readonly reason: string }
  | { readonly is: 'note'; readonly text: string }
  /** What the plan's migrations do, drawn from the plan. */
  | { readonly is: 'migrations' }
  /** A pull request brings what a hot-fix has picked to the branch that its environment is promoted from. */
  | {
      readonly is: 'carried'
      readonly branch: string
      readonly pullRequest: { readonly id: number; readonly url: string }
      /** False: somebody had opened it already. */
      readonly isNew: boolean
    }
  /** A day later that branch still lacks these commits; the environment is what it is tested in. */
  | {
      readonly is: 'still missing'
      readonly branch: string
      readonly environment: string
      readonly commits: readonly string[]
      /** Whether a pull request is known that carries them. */
      readonly isCarried: boolean
    }
  /** Whom the plan of a release asks, mentioned once: its card was there before the plan, and mentioned nobody. */
  | { readonly is: 'asked' }
  /**
   * The last line: also broadcast to the channel. `events`: how many this release has; `head`: the hash of the last of
   * them. With them the record can be checked from outside.
   */
  | { readonly is: 'outcome'; readonly events: number; readonly head: string }

/** What one person reads privately. */
export type PrivateMessage =
  | {
      readonly is: 'planning'
      readonly number: number
      readonly app: string
      readonly environment: string
      readonly kind?: ReleaseKind
      /** Set when no worker is there to plan it; when one was last seen. */
      readonly noWorker?: { readonly lastSeen?: string }
    }
  | { readonly is: 'refusal'; readonly refusal: Refusal }
  | { readonly is: 'preview'; readonly app: string; readonly environment: string; readonly plan: Plan }
  | { readonly is: 'ended'; readonly number: number }
  /** The plan of a hot-fix that nobody signs, with the button that lets it go. */
  | { readonly is: 'go'; readonly number: number }
  /** Slack keeps refusing what belongs into the channel; `error` in its words. `isGivenUp`: it is not tried any more. */
  | {
      readonly is: 'not taken'
      readonly number: number
      readonly what: 'card' | 'line' | 'outcome'
      readonly channel: string
      readonly error: string
      readonly isGivenUp: boolean
    }
  | { readonly is: 'done'; readonly text: string }
  /** `reason`: why what was typed was not understood; plain text that may repeat it. */
  | { readonly is: 'help'; readonly reason?: string }
  | { readonly is: 'status'; readonly environments: readonly EnvironmentStatus[]; readonly workerSeenAt?: string }
  /** What was asked for with it: the next page is asked for in the same way. One release more than is shown tells that there are older ones. */
  | {
      readonly is: 'history'
      readonly releases: readonly Release[]
      readonly app?: string
      readonly environment?: string
      readonly before?: number
    }

/** One environment in `/deploy status`. */
export interface EnvironmentStatus {
  readonly app: string
  readonly environment: string
  /** What is known of what it runs; absent where no release has ever looked. */
  readonly live?: Deployed
  readonly under_way?: Release
}

/** A Slack message that is committed but not yet confirmed by Slack. `key` is unique: the same message is put in once. */
export type OutboxMessage =
  /** Draw the release's card from what is stored when it is sent; later ones replace earlier ones that wait. */
  | { readonly kind: 'card'; readonly release: number }
  | { readonly kind: 'line'; readonly release: number; readonly key: string; readonly line: ThreadLine }
  | { readonly kind: 'announcement'; readonly release: number; readonly key: string }
  /** The thread's last line, drawn from the stored end and the chain when it is sent. */
  | { readonly kind: 'outcome'; readonly release: number; readonly key: string }
  | {
      readonly kind: 'private'
      readonly key: string
      /** Slack user id. */
      readonly to: string
      /** Usable for 30 minutes after `asked`; later, or when it fails, a direct message. */
      readonly responseUrl?: string
      readonly asked: string
      readonly message: PrivateMessage
    }
