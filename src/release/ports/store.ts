/** The durable store of releases, sign-offs, steps and events. */
import type { Head } from '../automatic.ts'
import type { Tested } from '../changes.ts'
import type { DirectMessageChoices, DirectMessageKind, DirectMessageRefusal } from '../direct-messages.ts'
import type { ReleaseEvent, StoredEvent } from '../events.ts'
import type { FiguresAsked, FiguresFound } from '../figures.ts'
import type { Lock } from '../lock.ts'
import type { OutboxMessage } from '../messages.ts'
import type { Release, ReleaseMark, RollbackRequest, SignOff, StepRow } from '../release.ts'
import type { Schedule } from '../schedule.ts'
import type { Subject } from '../subjects.ts'
import type { PersonName, ReleaseKind, ReleaseState } from '../terms.ts'
import type { CommitAs, Job } from './jobs.ts'
import type { LockFilter, LockRows } from './locks.ts'

export interface NewRelease {
  readonly app: string
  readonly environment: string
  readonly kind: ReleaseKind
  readonly requester: PersonName
  readonly configuration: string
  /** The same key gives the same release, so the request is safe to repeat. */
  readonly requestKey: string
  readonly responseUrl?: string
  readonly reason?: string
  readonly picks?: readonly string[]
  readonly rollback?: RollbackRequest
  readonly replaces?: number
  readonly schedule?: Schedule
}

/** The columns that change during a release's life. An explicit `undefined` clears an optional one. */
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
    | 'schedule'
    | 'newerCommits'
    | 'provenCommit'
    | 'mergeRequirements'
    | 'proof'
    | 'freezeShown'
    | 'workerMissingShown']?: Release[K] | undefined
}

/**
 * One transaction: everything in it is committed together or not at all, and nothing once a call has thrown. It must not
 * wait for the network. Events are appended to the chain at its end, under the chain's lock.
 */
export interface Transaction {
  /** The store's time, fixed for the transaction. */
  readonly now: Date
  /**
   * Locks the environment's row until the end of the transaction. Creating a release, starting one, and setting or ending
   * a lock call this first, so each reads what the other has committed. To avoid deadlocks, rows are locked in one order:
   * the row of all environments (shared, here), the environment's, then a release's. Safe to repeat.
   */
  lockEnvironment(app: string, environment: string): Promise<void>
  /**
   * Locks all environments: waits for every transaction that has locked one, and blocks all others. Must not follow
   * `lockEnvironment` in the same transaction.
   */
  lockAllEnvironments(): Promise<void>
  /**
   * Creates a release in `planning` with the next number, without gaps. Safe to repeat: `seen` is the release with the same
   * `requestKey`. `busy` is a release of the environment that has not ended.
   */
  createRelease(release: NewRelease): Promise<{ made: Release } | { seen: Release } | { busy: Release }>
  /** The release that a request with this key has created. */
  releaseOfRequest(requestKey: string): Promise<Release | undefined>
  /** Reads a release with its sign-offs and steps, and locks its row until the end of the transaction. */
  lockRelease(number: number): Promise<Release | undefined>
  changeRelease(number: number, change: ReleaseChange): Promise<void>
  /** Returns false, and changes nothing, if this person has already given this sign-off on this fingerprint. */
  addSignOff(number: number, signOff: Omit<SignOff, 'at'>): Promise<boolean>
  /** Adds what a person has tested, at the transaction's time. A change that they have tested before stays as it is. */
  addTested(number: number, tested: readonly Omit<Tested, 'at'>[]): Promise<void>
  /**
   * Makes a sign-off void, at the transaction's time: it counts no longer, and its person may give it again. What they have
   * tested is void with their QA. Returns false, and changes nothing, if there is no such sign-off, or not any more.
   */
  disputeSignOff(number: number, signOff: SignOff): Promise<boolean>
  /** Adds or replaces the row of one step. */
  putStep(number: number, step: StepRow): Promise<void>
  /** Marks a release as bad or good, in place of an earlier mark, at the transaction's time. */
  putMark(number: number, mark: Omit<ReleaseMark, 'at'>): Promise<void>
  /** What is noted of an environment's head. To be read after `lockEnvironment`, which all who write it call. */
  head(app: string, environment: string): Promise<Head | undefined>
  /** Replaces what is noted of an environment's head. A bot that listens is woken at once if its release is due. */
  putHead(head: Head): Promise<void>
  addEvent(event: ReleaseEvent): void
  /** Enqueues a job in this transaction; an equal job is enqueued once. `afterMs` delays it. */
  enqueue(job: Job, options?: { afterMs?: number }): Promise<void>
  /** Queues a message in the outbox in this transaction. Returns false for one whose key was queued before. */
  send(message: OutboxMessage): Promise<boolean>
  /** A release's events in order, without those of this transaction. Lock the release first, so that none is added meanwhile. */
  events(release: number): Promise<readonly StoredEvent[]>
  readonly locks: LockRows
  /** The releases of an environment, an app, or all, that are not approved yet and have a card, or one that is being posted. */
  waitingCards(of?: { readonly app: string; readonly environment?: string }): Promise<readonly number[]>
  /** Switches a kind of direct messages on or off for a person. Safe to repeat. */
  setDirectMessages(person: string, kind: DirectMessageKind, on: boolean): Promise<void>
  /**
   * Notes that Slack delivers this person no direct messages, or with `undefined` that it does; `all`: the same of everybody.
   * Returns whether that is news.
   */
  noteDirectMessageRefusal(person: string | 'all', error: string | undefined): Promise<boolean>
}

export interface ReleaseFilter {
  readonly app?: string
  readonly environment?: string
  /** Requested by this person, by Slack user id. */
  readonly requester?: string
  readonly states?: readonly ReleaseState[]
  /** Declared an emergency since then. */
  readonly emergencySince?: Date
  /** That proved this commit, or one that begins with these digits, at least 7. */
  readonly proved?: string
  /** With this mark. */
  readonly marked?: ReleaseMark['is']
  readonly before?: number
  readonly limit: number
}

export interface WorkerSeen {
  readonly id: string
  readonly at: Date
  /** `app/environment` → digest of the worker's own file, of the environments that it releases. */
  readonly configurations: Record<string, string>
  /** The host that it runs on. Absent: recorded by an older version. */
  readonly host?: string
  /** Its `--group`. */
  readonly group?: string
}

export interface EnvironmentName {
  readonly app: string
  readonly environment: string
}

/** The durable store. */
export interface Store {
  /**
   * Runs `work` in a transaction. With a claim or a lease it commits nothing and throws ClaimLost or LeaseLost unless they
   * are still held.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: CommitAs): Promise<T>
  /** The store's time. */
  now(): Promise<Date>
  release(number: number): Promise<Release | undefined>
  /** Newest first. */
  releases(filter: ReleaseFilter): Promise<readonly Release[]>
  /** The environment's release that has not ended. */
  current(app: string, environment: string): Promise<Release | undefined>
  /** Of each of these environments the newest release and the newest that has succeeded, newest first; all in one read. */
  newest(of: readonly EnvironmentName[]): Promise<readonly Release[]>
  /**
   * The numbers of the ended hot-fixes that need follow-up, newest first: those that ended in this time and were not followed
   * up, and those whose branch for the backport is still ours to delete.
   */
  hotfixesToFollowUp(ended: { readonly since: Date; readonly until: Date }): Promise<readonly number[]>
  /** A release's events in order. */
  events(number: number): Promise<readonly StoredEvent[]>
  /** The number of events and the hash of the last one. */
  chainHead(): Promise<{ count: number; hash: string }>
  /** An opaque token for a button; the same release, action and `asks` give the same token. */
  buttonToken(release: number, action: string, options?: { asks?: boolean }): Promise<string>
  /** What a token stands for; undefined if we did not create it. `asks`: its button asked before the click. */
  resolveButton(token: string): Promise<{ release: number; action: string; asks: boolean } | undefined>
  /** As `buttonToken`, for a button that doesn't act on one release. */
  subjectToken(subject: Subject, action: string): Promise<string>
  /** What such a token stands for; undefined if we did not create it. */
  resolveSubject(token: string): Promise<{ subject: Subject; action: string } | undefined>
  /** Keeps the id by which a channel's name was found, in place of an earlier one. */
  noteChannel(name: string, id: string): Promise<void>
  /** The id by which a channel's name was last found. */
  notedChannel(name: string): Promise<string | undefined>
  /** Records that a worker is alive; it calls this every few seconds. */
  workerSeen(worker: Omit<WorkerSeen, 'at'>): Promise<void>
  /** The workers, the most recently seen first. */
  workers(): Promise<readonly WorkerSeen[]>
  /** What is noted of the heads of the environments that are deployed automatically. */
  heads(): Promise<readonly Head[]>
  /** Records which database an environment's migrations use, and returns the environment that recorded it first. */
  noteDatabase(identity: string, app: string, environment: string): Promise<{ app: string; environment: string }>
  /** Newest first. */
  locks(filter: LockFilter): Promise<readonly Lock[]>
  lock(id: number): Promise<Lock | undefined>
  /** Which direct messages a person gets. Everything is on until they switch it off. */
  directMessages(person: string): Promise<DirectMessageChoices>
  /** The delivery figures of each environment that was asked about and has any. */
  figures(asked: FiguresAsked): Promise<FiguresFound>
  /** How long a run with the same kind and steps usually takes there; undefined: too few were made (release/figures.ts). */
  usualRunMs(release: Pick<Release, 'app' | 'environment' | 'kind' | 'plan'>): Promise<number | undefined>
  /** The last refusal of a direct message to this person, or to everybody, if none was delivered since. */
  directMessageRefusal(person: string): Promise<DirectMessageRefusal | undefined>
}
