/** The durable store: releases, sign-offs, steps, events. */
import type { ReleaseEvent, StoredEvent } from '../events.ts'
import type { OutboxMessage } from '../messages.ts'
import type { Release, SignOff, StepRow } from '../release.ts'
import type { PersonName, ReleaseKind, ReleaseState, SignOffKind } from '../terms.ts'
import type { Claim, Job } from './jobs.ts'

export interface NewRelease {
  readonly app: string
  readonly environment: string
  readonly kind: ReleaseKind
  readonly requester: PersonName
  readonly configuration: string
  /** Makes the request safe to repeat: the same key gives the same release. */
  readonly requestKey: string
  readonly responseUrl?: string
  readonly reason?: string
  readonly picks?: readonly string[]
  readonly replaces?: number
}

/** The columns that change while a release lives. `undefined` as a value clears an optional field. */
export type ReleaseChange = {
  readonly [K in
    | 'state'
    | 'plan'
    | 'fingerprint'
    | 'problem'
    | 'endedBy'
    | 'endReason'
    | 'replacedBy'
    | 'card'
    | 'announcement'
    | 'cancelRequestedBy'
    | 'attempt'
    | 'plannedAt'
    | 'cardPostedAt'
    | 'approvedAt'
    | 'startedAt'
    | 'endedAt'
    | 'expiresAt'
    | 'newerCommits']?: Release[K] | undefined
}

/**
 * One transaction. Everything in it is committed together or not at all, and nothing once a call of it has thrown.
 * Nothing in it may wait on the network. Events are kept until the end and added to the chain last, under its lock.
 */
export interface Transaction {
  /** The store's time, fixed for the transaction. */
  readonly now: Date
  /**
   * Locks the environment's row until the end of the transaction. Making a release, starting one, and setting or ending a
   * lock each do this first: who commits first has won, and the other one then reads what was committed. Rows are locked
   * in one order, so that nobody waits in a circle: the row of all environments (shared, here), the environment's, then
   * a release's. Safe to repeat.
   */
  lockEnvironment(app: string, environment: string): Promise<void>
  /**
   * The same for all environments at once: waits for every transaction that has locked one, and holds back all others.
   * Not after `lockEnvironment` in the same transaction.
   */
  lockAllEnvironments(): Promise<void>
  /**
   * Makes a release in `planning` with the next number (no gaps). Safe to repeat by `requestKey`.
   * `busy`: another release of the environment is not ended, which is then given.
   */
  createRelease(release: NewRelease): Promise<{ made: Release } | { seen: Release } | { busy: Release }>
  /** Reads a release whole and locks its row until the end of the transaction. */
  lockRelease(number: number): Promise<Release | undefined>
  changeRelease(number: number, change: ReleaseChange): Promise<void>
  /** False: this person has already given this word on this fingerprint; nothing is changed. */
  addSignOff(number: number, signOff: Omit<SignOff, 'at'>): Promise<boolean>
  /** Adds or replaces the row of one step. */
  putStep(number: number, step: StepRow): Promise<void>
  addEvent(event: ReleaseEvent): void
  /** Enqueues a job in this transaction; the same job twice is enqueued once. `afterMs` delays it. */
  enqueue(job: Job, options?: { afterMs?: number }): Promise<void>
  /** Puts a message into the outbox in this transaction; the same key twice is put in once. */
  send(message: OutboxMessage): Promise<void>
}

export interface ReleaseFilter {
  readonly app?: string
  readonly environment?: string
  readonly kind?: ReleaseKind
  readonly states?: readonly ReleaseState[]
  /** With a sign-off of this kind. */
  readonly signedAs?: SignOffKind
  readonly before?: number
  readonly limit: number
}

export interface WorkerSeen {
  readonly id: string
  readonly at: Date
  /** `app/environment` → digest of the worker's own file. */
  readonly configurations: Record<string, string>
}

/** The durable store: releases, sign-offs, steps, events. */
export interface Store {
  /** `as`: throws ClaimLost, and commits nothing, unless this claim still holds its job. */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: { as?: Claim }): Promise<T>
  /** The store's time. */
  now(): Promise<Date>
  release(number: number): Promise<Release | undefined>
  /** Newest first. */
  releases(filter: ReleaseFilter): Promise<readonly Release[]>
  /** The release of the environment that is not ended. */
  current(app: string, environment: string): Promise<Release | undefined>
  /** A release's events in order. */
  events(number: number): Promise<readonly StoredEvent[]>
  /** The number of events and the hash of the last one. */
  chainHead(): Promise<{ count: number; hash: string }>
  /** A button's opaque token; the same release and action give the same token. */
  buttonToken(release: number, action: string): Promise<string>
  /** What a token stands for; undefined for one that we did not make. */
  resolveButton(token: string): Promise<{ release: number; action: string } | undefined>
  /** Notes that a worker is alive; every 10 s. */
  workerSeen(worker: Omit<WorkerSeen, 'at'>): Promise<void>
  /** The workers, the last seen first. */
  workers(): Promise<readonly WorkerSeen[]>
  /** Notes which database an environment's migrations reach, and gives the environment that has noted it before. */
  noteDatabase(identity: string, app: string, environment: string): Promise<{ app: string; environment: string }>
}
