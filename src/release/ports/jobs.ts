/** The worker's jobs: what there is to do, who holds it, and one holder at a time for an environment. */

export type Job =
  /** `forEmergency`: checks that have not passed are shown on the card, where an emergency may waive them, and don't refuse. */
  | { readonly kind: 'plan'; readonly release: number; readonly forEmergency?: true }
  | { readonly kind: 'preflight'; readonly release: number; readonly attempt: number }
  | { readonly kind: 'run'; readonly release: number; readonly attempt: number }
  /** Takes away what an ended release left at the forge: its unmerged pull request, its pinned branch. */
  | { readonly kind: 'tidy'; readonly release: number }
  /** Brings what a hot-fix has picked to the branch that its environment is promoted from, by a pull request. */
  | { readonly kind: 'carry'; readonly release: number }
  | {
      readonly kind: 'preview'
      readonly id: string
      readonly app: string
      readonly environment: string
      readonly configuration: string
      readonly user: string
      readonly responseUrl?: string
      readonly asked: string
    }

/** A job that this process holds. Effects are fenced by it: a transaction `as` a lost claim throws ClaimLost. */
export interface Claim {
  readonly job: Job
  readonly id: string
  readonly attempt: number
  /** Aborts when the claim is lost or the worker stops; look at it before each effect. */
  readonly signal: AbortSignal
}

/** Thrown by a transaction `as` a claim that another worker has taken over, or that has ended. */
export class ClaimLost extends Error {
  override readonly name: string = 'ClaimLost'
}

/**
 * Thrown by transactions and claims of a process when a newer version of Signoff uses the store: it holds no job any more,
 * may write nothing, and stops. The newer version takes up its jobs.
 */
export class NewerVersionInUse extends ClaimLost {
  override readonly name = 'NewerVersionInUse'
  constructor() {
    super('A newer version of Signoff uses the store.')
  }
}

/** The worker's side of the job queue. */
export interface Jobs {
  /**
   * Takes jobs and runs `handle` on each: `plan`, `preflight` and `preview` several at once, `run` one an environment.
   * A job whose handler throws, or whose worker dies, is taken up again with the next attempt. Returns how to stop:
   * no new job is taken, those in hand get `graceMs` to end, then their claim's signal aborts.
   */
  work(handle: (claim: Claim) => Promise<void>): Promise<{ stop(graceMs: number): Promise<void> }>
  /** Whether the job waits, is in hand, or will be taken up again: false when it was never enqueued, is done, or is given up. */
  isLive(job: Job): Promise<boolean>
}

/** One holder at a time for an environment, over all workers; freed when the holder's connection or process dies. */
export interface EnvironmentLock {
  /** Runs `work` holding the lock; `lost` aborts when the connection that holds it is lost. `held`: somebody else has it. */
  withLock<T>(app: string, environment: string, work: (lost: AbortSignal) => Promise<T>): Promise<{ done: T } | 'held'>
}
