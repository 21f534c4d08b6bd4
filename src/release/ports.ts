/** What Signoff needs of the outside, in our words. Adapters implement these; tests hand in others. */
import type { App, Environment } from './app.ts'
import type { GitPicks } from './hotfix.ts'
import type { OutboxMessage } from './messages.ts'
import type { ChangedFile, CheckStatus, PlannedCommit, SqlFinding } from './plan.ts'
import type {
  PersonName,
  PostedMessage,
  Release,
  ReleaseKind,
  ReleaseState,
  SignOff,
  SignOffKind,
  StepRow,
} from './release.ts'

// ---------------------------------------------------------------------------------------------- answers

/**
 * What the outside said. `unreachable`: no answer, the request may or may not have had its effect. `refused`: the
 * service said no to our credentials. `wrong`: any other answer that we can't use; `detail` is scrubbed, one line.
 */
export type Trouble = { readonly trouble: 'unreachable' | 'refused' | 'wrong'; readonly detail: string }
export type Answer<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Trouble)

// ---------------------------------------------------------------------------------------------- store

export type ReleaseEvent = {
  /** Absent for events of no release. */
  readonly release?: number
  /** Past-tense words with underscores, such as `sign_off_given`, `step_started`. */
  readonly type: string
  /** A Slack user id, `worker` or `bot`. */
  readonly actor: string
  /** JSON values only. */
  readonly data: Record<string, unknown>
}

export interface StoredEvent extends ReleaseEvent {
  readonly id: number
  readonly at: Date
  readonly hash: string
  readonly previousHash: string
}

export type Job =
  /** `forEmergency`: checks that have not passed are shown on the card, where an emergency may waive them, and don't refuse. */
  | { readonly kind: 'plan'; readonly release: number; readonly forEmergency?: true }
  | { readonly kind: 'preflight'; readonly release: number; readonly attempt: number }
  | { readonly kind: 'run'; readonly release: number; readonly attempt: number }
  /** Takes away what an ended release left at Bitbucket: its unmerged pull request, its pinned branch. */
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

/** Thrown by a transaction `as` a claim that another worker has taken over, or that has ended. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost'
}

// ---------------------------------------------------------------------------------------------- Slack's side of the store

export interface Delivery {
  /** Slack's id of the delivery: trigger id, or view id and hash. */
  readonly id: string
  /** JSON of Slack's payload. */
  readonly payload: unknown
}

/** Deliveries from Slack: stored before they are acknowledged. */
export interface Inbox {
  /** False: seen before. */
  receive(delivery: Delivery): Promise<boolean>
  handled(id: string): Promise<void>
  /** What was received over `olderThanMs` ago and not handled; taken by one caller at a time (claimed for 60 s). */
  left(olderThanMs: number): Promise<readonly (Delivery & { readonly receivedAt: Date })[]>
}

export interface Posting {
  readonly id: number
  readonly message: OutboxMessage
  /** Tries so far. Above 0 a try may have had its effect: look before posting again. */
  readonly tries: number
  readonly firstTriedAt?: Date
  readonly putInAt: Date
}

/**
 * Messages on their way to Slack. One bot delivers at a time (a lock in the store). In order per release; a message
 * behind one that has not been confirmed waits.
 */
export interface Outbox {
  /** Runs `work` while this process is the one that delivers; gives false at once when another one is. */
  deliverAlone(work: (signal: AbortSignal) => Promise<void>): Promise<boolean>
  /** The postings that may go now: the first waiting one of each release, and private ones; oldest first. */
  due(limit: number): Promise<readonly Posting[]>
  /** Written before a try. */
  trying(id: number): Promise<void>
  /** Slack has confirmed. In the same transaction `then` records what follows (channel and ts, the run's job). */
  confirmed(id: number, posted: PostedMessage | undefined, then?: (tx: Transaction) => Promise<void>): Promise<void>
  /** Try again later. */
  postpone(id: number, untilMs: number): Promise<void>
  /** It can never be sent (the channel is gone, a private answer of which nobody can be told); kept with its reason. */
  giveUp(id: number, reason: string): Promise<void>
  /** Resolves when something may be due: a new message, or a postponed one's time, or `timeoutMs`. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<void>
}

// ---------------------------------------------------------------------------------------------- jobs

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

// ---------------------------------------------------------------------------------------------- git

export type PushAnswer =
  /** The remote took it. `already`: it held the commit before us. */
  | { readonly push: 'moved' | 'already'; readonly output: readonly string[] }
  /** The remote's answer was no: `hook` (a build or a branch rule), `stale` (it is not where we expected), `not a fast-forward`. */
  | {
      readonly push: 'rejected'
      readonly why: 'hook' | 'stale' | 'not a fast-forward'
      readonly output: readonly string[]
    }
  | { readonly push: 'not allowed'; readonly output: readonly string[] }
  /** No answer: cut, killed, timed out. It may have moved, or move later. */
  | { readonly push: 'unknown'; readonly output: readonly string[] }

export type MergeForeseen =
  | { readonly clean: true; readonly tree: string }
  | { readonly clean: false; readonly files: readonly string[]; readonly messages: readonly string[] }

export interface CommitFacts {
  readonly sha: string
  readonly tree: string
  readonly parents: readonly string[]
}

/**
 * git over the worker's own bare mirror, one an app. Everything after `heads`, `fetch`, `push` and `deleteBranch` is
 * local and throws on surprises. Commits are 40 hex digits; branches are valid names; both are checked before git sees them.
 */
export interface Git extends GitPicks {
  /** Where the branches of a remote are, by ls-remote; null: not there. */
  heads(
    url: string,
    branches: readonly string[],
    signal?: AbortSignal,
  ): Promise<Answer<Readonly<Record<string, string | null>>>>
  /** Brings branches of a remote into the mirror; gives their commits. Missing branches are null. Repeatable. */
  fetch(
    app: App,
    url: string,
    branches: readonly string[],
    signal?: AbortSignal,
  ): Promise<Answer<Readonly<Record<string, string | null>>>>
  has(app: App, commit: string): Promise<boolean>
  commit(app: App, commit: string): Promise<CommitFacts>
  /** Reachable from any of `from`, from none of `notFrom`; newest first. */
  commits(
    app: App,
    range: { from: readonly string[]; notFrom: readonly string[]; limit: number },
  ): Promise<{ count: number; commits: readonly PlannedCommit[]; authors: readonly { name: string; email: string }[] }>
  isAncestor(app: App, ancestor: string, descendant: string): Promise<boolean>
  /** What merging `theirs` into `ours` would give, by git's own merge. */
  foreseeMerge(app: App, ours: string, theirs: string): Promise<MergeForeseen>
  /** Files that differ between two commits or trees; null: the empty tree. */
  changedFiles(
    app: App,
    from: string | null,
    to: string,
    limit: number,
  ): Promise<{ count: number; list: readonly ChangedFile[] }>
  /** The object id of a path in a commit or tree; undefined: no such path. */
  objectAt(app: App, commit: string, path: string): Promise<string | undefined>
  /** A file's text in a commit; undefined: no such file. */
  fileAt(app: App, commit: string, path: string): Promise<string | undefined>
  /** Who wrote the last change of a file on the way to any of these commits, merges aside; undefined: nobody did. */
  lastAuthor(app: App, commits: readonly string[], path: string): Promise<string | undefined>
  /** Writes the exact files of a commit into an empty directory. */
  checkout(app: App, commit: string, directory: string): Promise<void>
  /**
   * Pushes one commit to one branch, only if the branch is at `expected` (null: absent) and only forward.
   * Never forces. Its own process group; nothing of it is left running afterwards.
   */
  push(
    app: App,
    url: string,
    push: { commit: string; branch: string; expected: string | null },
    options?: { signal?: AbortSignal; onLine?: (line: string) => void },
  ): Promise<PushAnswer>
  /** Deletes a branch of ours at a remote, only if it is at `expected`. Gone already is good. */
  deleteBranch(app: App, url: string, branch: string, expected: string): Promise<Answer<void>>
}

// ---------------------------------------------------------------------------------------------- Bitbucket

export interface PullRequest {
  readonly id: number
  readonly url: string
  readonly state: 'open' | 'merged' | 'declined'
  readonly source: string
  readonly destination: string
  /** Set when merged; may be abbreviated (12 digits). */
  readonly mergeCommit?: string
}

export type MergeAnswer =
  | { readonly merge: 'merged'; readonly commit: string }
  | { readonly merge: 'refused'; readonly detail: string }
  /** 409: a branch moved while merging; nothing was merged. */
  | { readonly merge: 'moved' }
  | { readonly merge: 'unknown'; readonly detail: string }

/** Bitbucket Cloud, for one repository a call. A marker is a text of ours in a description or comment: how we find our own again. */
export interface Bitbucket {
  /** Finds our pull request by its marker, in any state. */
  findPullRequest(app: App, marker: string): Promise<Answer<PullRequest | undefined>>
  createPullRequest(
    app: App,
    request: { title: string; description: string; source: string; destination: string },
  ): Promise<Answer<PullRequest>>
  pullRequest(app: App, id: number): Promise<Answer<PullRequest>>
  /** The open ones into a branch, from branches of the same repository. */
  openPullRequests(app: App, destination: string): Promise<Answer<readonly PullRequest[]>>
  /** As a merge commit; 202 is polled to its end. */
  merge(app: App, id: number, message: string, signal?: AbortSignal): Promise<MergeAnswer>
  decline(app: App, id: number): Promise<Answer<void>>
  /** Finds our comment by its marker; gives its web address. */
  findComment(
    app: App,
    on: { pullRequest: number } | { commit: string },
    marker: string,
  ): Promise<Answer<string | undefined>>
  comment(app: App, on: { pullRequest: number } | { commit: string }, markdown: string): Promise<Answer<string>>
  checks(app: App, commit: string): Promise<Answer<readonly CheckStatus[]>>
  /** A rule, in Bitbucket's words, that forbids our merge into the branch; undefined: none that can be read. */
  mergeForbiddenBy(app: App, branch: string): Promise<Answer<string | undefined>>
  /** The same for our push to the branch. */
  pushForbiddenBy(app: App, branch: string): Promise<Answer<string | undefined>>
}

// ---------------------------------------------------------------------------------------------- Heroku

export interface PlatformRelease {
  readonly id: string
  /** Such as 42. */
  readonly version: number
  readonly status: 'succeeded' | 'pending' | 'failed' | 'expired'
  readonly current: boolean
  readonly commit?: string
  readonly slug?: string
}

export interface Heroku {
  /** The last releases of an app, newest first, with the commits of their slugs. */
  releases(herokuApp: string, limit: number): Promise<Answer<readonly PlatformRelease[]>>
  /** Makes a new release from a slug. */
  releaseSlug(herokuApp: string, slug: string): Promise<Answer<PlatformRelease>>
}

// ---------------------------------------------------------------------------------------------- alembic

export interface MigrationStatus {
  /** Host, port and name of the database, without user or password. */
  readonly identity: string
  readonly heads: readonly { readonly revision: string; readonly file: string }[]
  /** What the database holds; empty: no alembic_version. */
  readonly current: readonly string[]
  /** Held by the database and not in this commit. */
  readonly unknown: readonly string[]
  /** As SQLAlchemy calls the database's kind, such as `postgresql`; absent where it did not show. */
  readonly dialect?: string
  /** Oldest first. */
  readonly pending: readonly PendingRevision[]
}

export interface PendingRevision {
  readonly revision: string
  readonly message: string
  /** Relative to the checkout. */
  readonly file: string
  /** Present when it was asked for. */
  readonly preview?: RevisionPreview
}

/** What a revision would run, one statement each. `commits`: it commits in its middle, so that it may be in by parts. */
export type RevisionPreview =
  | { readonly statements: readonly string[]; readonly commits: boolean }
  /** It reads the database, or does something else that alembic can't write down as SQL; why, in one line. */
  | { readonly notPreviewed: string; readonly commits: boolean }

export type MigrationsAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false
      readonly why: 'unreadable' | 'database unreachable' | 'database refused'
      readonly detail: string
      readonly database?: string
    }

export type UpgradeAnswer =
  | { readonly upgrade: 'done'; readonly output: readonly string[] }
  /** `lockTimeout`: it waited for a lock as long as the environment lets it. */
  | {
      readonly upgrade: 'failed'
      readonly revision?: string
      readonly lockTimeout?: true
      readonly output: readonly string[]
    }
  /** Killed or timed out: the database may still be working. */
  | { readonly upgrade: 'unknown'; readonly output: readonly string[] }

/** A connection that holds what an upgrade waits for. Nothing of its query is read. */
export interface LockHolder {
  readonly application: string
  /** How long its transaction is open; absent where the database does not let us see it. */
  readonly openMs?: number
  /** When its last query began; ISO 8601. */
  readonly queryStart?: string
}

export interface LockWait {
  readonly waitedMs: number
  readonly holders: readonly LockHolder[]
}

/** alembic, run in a checkout of the exact commit with the environment's env file as its `.env` and its variables. */
export interface Migrations {
  /**
   * One start of Python. Puts `.env` into the checkout and takes it away again. `preview`: in the same start, what each
   * pending revision would run; nothing of it is run.
   */
  status(
    environment: Environment,
    checkout: string,
    signal?: AbortSignal,
    options?: { preview?: boolean },
  ): Promise<MigrationsAnswer<MigrationStatus>>
  /**
   * The database's revisions by a direct look at alembic_version, without Python. `undefined` where the database can't
   * be looked at directly (not a Postgres URL in DATABASE_URL). `isWorking`: an alembic that we have started is connected
   * to the database now.
   */
  revisions(
    environment: Environment,
  ): Promise<MigrationsAnswer<{ identity: string; revisions: readonly string[]; isWorking?: true } | undefined>>
  /**
   * `upgrade head`, with the environment's time limits. Its own process group; nothing of it is left running.
   * `onWait` is called once for each lock that it waits for longer than three seconds, where the database can be looked
   * at directly.
   */
  upgrade(
    environment: Environment,
    checkout: string,
    options?: { signal?: AbortSignal; onLine?: (line: string) => void; onWait?: (wait: LockWait) => void },
  ): Promise<UpgradeAnswer>
}

// ---------------------------------------------------------------------------------------------- SQL

/** Reads SQL by Postgres's own grammar. */
export interface SqlRisks {
  /**
   * The findings of each of several revisions, oldest first; of a statement that can't be read, or not in time, one
   * that is `unknown`. Only `adds` findings: nothing to know. Never throws.
   */
  classify(revisions: readonly (readonly string[])[]): Promise<readonly (readonly SqlFinding[])[]>
}

// ---------------------------------------------------------------------------------------------- people and channels

export type PersonLookup =
  | {
      readonly is: 'member'
      readonly id: string
      readonly name: string
      /** Lower case; absent when Slack does not tell. */
      readonly email?: string
    }
  | { readonly is: 'not a member'; readonly why: 'guest' | 'external' | 'bot' | 'deactivated' | 'other workspace' }
  | { readonly is: 'unknown' }

/** What Slack says of people and channels. The bot's to ask; the worker never does. */
export interface Directory {
  person(id: string): Promise<PersonLookup>
  /** The members of a user group by its handle with `@`, none where there is no such group; undefined: Slack can't be asked. */
  groupMembers(handle: string): Promise<readonly string[] | undefined>
  /** Whether we can post in the environment's channel; its id. */
  channel(
    nameOrId: string,
  ): Promise<{ id: string } | { unreachable: 'not a member' | 'archived' | 'gone' | 'Slack did not answer' }>
  permalink(message: PostedMessage): Promise<string | undefined>
}
