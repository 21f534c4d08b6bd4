/** The tool that applies an app's migrations. */
import type { MigrationSettings } from '../settings.ts'
import type { Isolation } from '../terms.ts'
import type { Catalog } from './sql-risks.ts'

/** A migrator's names and facts for messages. Pure and without secrets, so the bot has it too. */
export interface MigratorWords {
  /** Display name. */
  readonly name: string
  /** The key in releases.yml that names its program. */
  readonly programSetting: string
  /** The command that merges several heads, without its arguments. */
  readonly merge: string
  /** A query for a database's revision. */
  readonly lookAtRevision: string
  /** What is most often missing when its program can't read an app's migrations. */
  readonly missingPart: string
  /** How a migration runs a statement outside of the transaction. */
  readonly outsideTransaction: string
  /** Why the app's code may run the migrations and commit none of them, and what to change: two sentences. */
  readonly neverCommits: { readonly why: string; readonly fix: string }
  /** Matches the output line with the error. */
  readonly errorLine: RegExp
}

export interface MigratorLimits {
  /** How long an interrupted migration may continue in the database. */
  readonly endsWithinMs: number
}

/** Where the migrator's configuration puts the migrations. */
export interface MigrationsPlace {
  /** Relative to the repository's root; undefined if it is outside the repository or not given as a path. */
  readonly folder: string | undefined
  /** No other folder has migrations. */
  readonly isOneFolder: boolean
}

/** What the worker's host can do to isolate the app's code. */
export interface HostIsolation {
  readonly kind: Isolation
  /** Whether a step that needs no network gets none. */
  readonly cutsNetwork: boolean
  /** What is missing for more, in a few words; absent if nothing is. */
  readonly missing?: string
}

export interface MigrationStatus {
  /** Host, port and name of the database, without user or password; of all of them if there are several. */
  readonly identity: string
  readonly heads: readonly { readonly revision: string; readonly file: string }[]
  /** The database's revisions; empty if no migration was ever applied. */
  readonly current: readonly string[]
  /** The database's revisions that this commit lacks. */
  readonly unknown: readonly string[]
  /** SQLAlchemy's name for the kind of database, such as `postgresql`; absent if unknown. */
  readonly dialect?: string
  /** Oldest first. */
  readonly pending: readonly PendingRevision[]
  /** An upgrade of ours is connected to the database now. Only known for Postgres. */
  readonly isWorking?: true
  /** The table that holds the revisions, with its schema; absent if it is not known or there are several. */
  readonly versionTable?: string
  /** Each revision is committed on its own; absent: all of them together. */
  readonly transactionPerMigration?: true
  /** How the app's code was kept apart while it was read; absent if that was never tried. */
  readonly isolation?: Isolation
  /** The app's own settings replace the entry's timeouts, so an upgrade may wait or run without a limit. */
  readonly hasOtherTimeLimits?: true
  /** The app's connection commits each statement, so any revision may be partly applied. */
  readonly commitsEachStatement?: true
  /** The app's code ends without a commit of what the pending revisions do. Known only of a whole preview. */
  readonly neverCommits?: true
  /** What the app wanted to write merely to be looked at: the beginnings of statements that were skipped. */
  readonly skippedWrites?: readonly string[]
  /** Indexes that an interrupted or failed build left behind. Only known for Postgres. */
  readonly invalidIndexes?: readonly string[]
}

/** The part of a status that a direct query gives. */
export type DatabaseRevisions = Pick<MigrationStatus, 'identity' | 'versionTable' | 'isWorking'> & {
  readonly revisions: readonly string[]
}

export interface PendingRevision {
  readonly revision: string
  readonly message: string
  /** Relative to the checkout. */
  readonly file: string
  /** Present if requested. */
  readonly preview?: RevisionPreview
}

/** The statements that a revision would run. `commits`: it commits midway, so it may be partly applied. */
export type RevisionPreview =
  | { readonly statements: readonly string[]; readonly commits: boolean }
  /** It reads the database or does something else that can't be written as SQL; the reason in one line. */
  | { readonly notPreviewed: string; readonly commits: boolean }

export type MigrationsAnswer<T> = { readonly ok: true; readonly value: T } | MigrationsFailure

export interface MigrationsFailure {
  readonly ok: false
  /** `not isolated`: this host can't keep the app's code apart as the entry requires; nothing of it ran. */
  readonly why: 'unreadable' | 'database unreachable' | 'database refused' | 'not isolated'
  readonly detail: string
  readonly database?: string
  /** The commit lacks the configuration that the settings name. */
  readonly noConfiguration?: true
}

/** A session of an upgrade in its database. The pid alone can come again. */
export interface Backend {
  readonly pid: number
  /** As `startedAt` was told; ISO 8601 with microseconds. */
  readonly startedAt: string
}

interface UpgradeFacts {
  readonly output: readonly string[]
  /** The revisions of this try that committed in their middle. If the last of them failed, part of it stays. */
  readonly committedInside?: readonly string[]
  /** Indexes that were not there, or valid, before. */
  readonly invalidIndexes?: readonly string[]
}

export type UpgradeAnswer =
  | (UpgradeFacts & { readonly upgrade: 'done' })
  | (UpgradeFacts & {
      readonly upgrade: 'failed'
      readonly revision?: string
      /** It waited for a lock as long as the entry's setting allows. */
      readonly lockTimeout?: true
      /** Nothing was run: `confirm` said no, the run was stopped before, or the look failed (`look`). */
      readonly notStarted?: true
      readonly look?: MigrationsFailure
    })
  /** Killed or timed out: the database may still be working. */
  | (UpgradeFacts & { readonly upgrade: 'unknown'; readonly revision?: string })

/** A connection that holds a lock which an upgrade waits for. Its query is never read. */
export interface LockHolder {
  readonly application: string
  /** How long its transaction has been open; absent if the database doesn't let us see it. */
  readonly openMs?: number
  /** When its last query started; ISO 8601. */
  readonly queryStart?: string
}

export interface LockWait {
  readonly waitedMs: number
  readonly holders: readonly LockHolder[]
}

/** Runs in a checkout of the exact commit, with the entry's env file as its `.env` and its variables. */
export interface Migrator {
  readonly words: MigratorWords
  readonly limits: MigratorLimits
  /** Parses a configuration; `path` is its place in the repository, and `directory` where the migrator runs. Pure. */
  placeOf(configuration: string, path: string, directory: string): MigrationsPlace
  /**
   * The migrations of the checkout and the database's revisions; takes a second or two. Puts `.env` into the checkout and
   * removes it again. Changes nothing in the database. `preview`: adds the SQL of each pending revision, without running it.
   * `backends`: sessions that count as an upgrade of ours (`isWorking`).
   */
  status(
    migration: MigrationSettings,
    checkout: string,
    signal?: AbortSignal,
    options?: { preview?: boolean; backends?: readonly Backend[] },
  ): Promise<MigrationsAnswer<MigrationStatus>>
  /**
   * The database's revisions by a direct query, which takes milliseconds. `undefined` if the database can't be queried
   * directly: DATABASE_URL is not a Postgres URL, or no `status` of this process has shown that the app uses that database.
   */
  revisions(
    migration: MigrationSettings,
    options?: { backends?: readonly Backend[] },
  ): Promise<MigrationsAnswer<DatabaseRevisions | undefined>>
  /**
   * What the database's catalog has of the tables that these statements name, by a direct query that changes nothing.
   * Absent or `undefined` if the database can't be queried directly, or gives no answer.
   */
  catalog?(migration: MigrationSettings, statements: readonly string[]): Promise<Catalog | undefined>
  /** The Postgres databases in the env file, by the names of its variables. Connects to none. */
  databasesNamed(migration: MigrationSettings): Promise<Readonly<Record<string, string>>>
  /**
   * Looks once more, calls `confirm` with what it saw, and applies all pending migrations if that says so, within the
   * entry's timeouts. Without `confirm` a look that succeeds is enough. Runs in its own process group, of which nothing is
   * left running. Calls `onBackend` for each session that it opens in Postgres, so that a session which outlives this process
   * can be found. If the database can be queried directly, calls `onWait` once for each lock wait over three seconds.
   */
  upgrade(
    migration: MigrationSettings,
    checkout: string,
    options?: {
      signal?: AbortSignal
      confirm?: (status: MigrationStatus) => Promise<boolean>
      onLine?: (line: string) => void
      onWait?: (wait: LockWait) => void
      onBackend?: (backend: Backend) => void
    },
  ): Promise<UpgradeAnswer>
}
