/** The tool that applies an app's migrations. */
import type { MigrationSettings } from '../settings.ts'
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
  /** No migration is in any other folder. */
  readonly isOneFolder: boolean
}

export interface MigrationStatus {
  /** Host, port and name of the database, without user or password. */
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
  /** Each revision is committed on its own; absent: all of them together. */
  readonly transactionPerMigration?: true
  /** The app's own settings replace the entry's timeouts, so an upgrade may wait or run without a limit. */
  readonly hasOtherTimeLimits?: true
  /** The app's connection commits each statement, so any revision may be partly applied. */
  readonly commitsEachStatement?: true
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
  /** `lockTimeout`: it waited for a lock as long as the environment's setting allows. */
  | {
      readonly upgrade: 'failed'
      readonly revision?: string
      readonly lockTimeout?: true
      readonly output: readonly string[]
    }
  /** Killed or timed out: the database may still be working. */
  | { readonly upgrade: 'unknown'; readonly output: readonly string[] }

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
  /** Parses a configuration; `path` is its place in the repository. Pure. */
  placeOf(configuration: string, path: string): MigrationsPlace
  /**
   * The migrations of the checkout and the database's revisions; takes a second or two. Puts `.env` into the checkout and
   * removes it again. `preview`: adds the SQL of each pending revision, without running it.
   */
  status(
    migration: MigrationSettings,
    checkout: string,
    signal?: AbortSignal,
    options?: { preview?: boolean },
  ): Promise<MigrationsAnswer<MigrationStatus>>
  /**
   * The database's revisions by a direct query, which takes milliseconds. `undefined` if the database can't be queried
   * directly: DATABASE_URL is not a Postgres URL, or no `status` of this process has shown that the app uses that database.
   */
  revisions(
    migration: MigrationSettings,
  ): Promise<MigrationsAnswer<{ identity: string; revisions: readonly string[]; isWorking?: true } | undefined>>
  /**
   * What the database's catalog has of the tables that these statements name, by a direct query that changes nothing.
   * Absent or `undefined` if the database can't be queried directly, or gives no answer.
   */
  catalog?(migration: MigrationSettings, statements: readonly string[]): Promise<Catalog | undefined>
  /** The Postgres databases in the env file, by the names of its variables. Connects to none. */
  databasesNamed(migration: MigrationSettings): Promise<Readonly<Record<string, string>>>
  /**
   * Applies all pending migrations, within the entry's timeouts. Runs in its own process group, of which nothing is
   * left running. If the database can be queried directly, calls `onWait` once for each lock wait over three seconds.
   */
  upgrade(
    migration: MigrationSettings,
    checkout: string,
    options?: { signal?: AbortSignal; onLine?: (line: string) => void; onWait?: (wait: LockWait) => void },
  ): Promise<UpgradeAnswer>
}
