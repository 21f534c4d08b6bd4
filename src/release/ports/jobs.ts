/** The worker's jobs, the claims on them, and the lease of an environment. */

export type Job =
  /** `forEmergency`: checks that have not passed don't refuse the plan; an emergency may waive them on the card. */
  | { readonly kind: 'plan'; readonly release: number; readonly forEmergency?: true }
  | { readonly kind: 'preflight'; readonly release: number; readonly attempt: number }
  | { readonly kind: 'run'; readonly release: number; readonly attempt: number }
  /** Cleans up what an ended release left at the forge: its unmerged pull request, its pinned branch. */
  | { readonly kind: 'tidy'; readonly release: number }
  /** Reads again what the forge asks for before it merges. `at`: when it was asked for; each is a job of its own. */
  | { readonly kind: 'look'; readonly release: number; readonly at: string }
  /** Backports a hot-fix, by a pull request, to the branch that its environment is promoted from. */
  | { readonly kind: 'carry'; readonly release: number }
  /** Looks at what a succeeded release deployed: whether it runs, and whether its health check answers. */
  | { readonly kind: 'aftermath'; readonly release: number; readonly look?: number }
  /** Writes the record of a rollback whose step could not: the forge did not answer. Tried for a day. */
  | { readonly kind: 'record'; readonly release: number; readonly tries?: number }
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

/**
 * How a job ended. `needs attention`: its release does; `stopped`: its release ended without success. `waiting`: the job
 * could not begin yet, and is tried again. `lost`: another worker took the job over.
 */
export type JobOutcome = 'done' | 'needs attention' | 'stopped' | 'waiting' | 'failed' | 'lost'

/** A job that this process holds. It fences effects: a transaction `as` a lost claim throws ClaimLost. */
export interface Claim {
  readonly job: Job
  readonly id: string
  readonly attempt: number
  /** Where it was taken from. Absent: from the queue of workers without a group. */
  readonly queue?: string
  /** Aborts when the claim is lost or the worker stops. Check it before each effect. */
  readonly signal: AbortSignal
}

/** Thrown by a transaction `as` a claim that has ended or that another worker has taken over. */
export class ClaimLost extends Error {
  override readonly name: string = 'ClaimLost'
}

/**
 * Thrown when a newer version of Signoff uses the store. This process holds no job any more, may write nothing, and stops;
 * the newer version resumes its jobs.
 */
export class NewerVersionInUse extends ClaimLost {
  override readonly name = 'NewerVersionInUse'
  constructor() {
    super('A newer version of Signoff uses the store. Upgrade this process or stop it.')
  }
}

/** The worker's side of the job queue. */
export interface Jobs {
  /**
   * Takes jobs and runs `handle` on each: `run` one per environment, others in parallel. A job whose handler throws or
   * whose worker dies is retried with the next attempt. `stop` takes no new job, gives the current ones `graceMs` to end,
   * then aborts their claims' signals.
   */
  work(handle: (claim: Claim) => Promise<void>): Promise<{ stop(graceMs: number): Promise<void> }>
  /** Whether the job is queued, running or due for a retry. False if it was never enqueued, is done, or was given up. */
  isLive(job: Job): Promise<boolean>
}

/**
 * A run's hold on its environment, limited in time by the store's clock and renewed while the run continues. It fences the
 * run: effects start, and transactions `as` its claim commit, only while the lease is held.
 */
export interface Lease {
  readonly app: string
  readonly environment: string
  /** Fencing number: larger than that of every earlier holder. Stored with each step that the run writes. */
  readonly fence: number
  /** Aborts when the lease is lost. Reading it also checks the time, as for a claim. */
  readonly signal: AbortSignal
  /** Renews the lease in the store. Throws LeaseLost if it has run out or can't be renewed. To be called before each effect. */
  assertHeld(): Promise<void>
}

/** The lease has run out, another run has taken it over, or the store can't be reached to renew it. */
export class LeaseLost extends ClaimLost {
  override readonly name = 'LeaseLost'
  constructor({ app, environment }: Pick<Lease, 'app' | 'environment'>) {
    super(`The lease of ${app} ${environment} is no longer this run's.`)
  }
}

/** What a transaction commits as: nothing unless each of these is still held. */
export interface CommitAs {
  readonly as?: Claim
  readonly lease?: Pick<Lease, 'app' | 'environment' | 'fence'>
}

/** Locks with one holder per environment over all workers. */
export interface EnvironmentLock {
  /**
   * Runs `work` as the only run of the environment. Returns `held` if another run has the lease, or a worker of an older
   * version the lock beneath it. A lease that has run out is taken over, also from a worker that is suspended.
   */
  withLease<T>(app: string, environment: string, work: (lease: Lease) => Promise<T>): Promise<{ done: T } | 'held'>
  /**
   * Runs `work` with a lock that is freed when the holder's connection or process dies; `lost` aborts if its connection is
   * lost. Returns `held` if another process has it.
   */
  withLock<T>(app: string, environment: string, work: (lost: AbortSignal) => Promise<T>): Promise<{ done: T } | 'held'>
}
