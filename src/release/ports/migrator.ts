/** The tool that applies an app's migrations. */
import type { Environment } from '../settings.ts'

/** A migrator in words: pure, without secrets, so that the bot has it too. */
export interface MigratorWords {
  /** As people read it. */
  readonly name: string
  /** The key in releases.yml that names its program. */
  readonly programSetting: string
  /** The command that joins several heads, without what it is applied to. */
  readonly merge: string
  /** A query that tells where a database stands. */
  readonly lookAtRevision: string
  /** What its program most often lacks when it can't read an app's migrations. */
  readonly missingPart: string
  /** A line of its output that says what went wrong. */
  readonly errorLine: RegExp
}

export interface MigratorLimits {
  /** How long a migration that was cut off may go on in the database. */
  readonly endsWithinMs: number
}

/** Where a configuration of the migrator says that the migrations are. */
export interface MigrationsPlace {
  /** Relative to the repository's root; undefined: outside of the repository, or not said as a path. */
  readonly folder: string | undefined
  /** No migration is in any other folder. */
  readonly isOneFolder: boolean
}

export interface MigrationStatus {
  /** Host, port and name of the database, without user or password. */
  readonly identity: string
  readonly heads: readonly { readonly revision: string; readonly file: string }[]
  /** What the database holds; empty: nothing was ever applied. */
  readonly current: readonly string[]
  /** Held by the database and not in this commit. */
  readonly unknown: readonly string[]
  /** As SQLAlchemy calls the database's kind, such as `postgresql`; absent where it did not show. */
  readonly dialect?: string
  /** Oldest first. */
  readonly pending: readonly PendingRevision[]
  /** An upgrade that we have started is connected to the database now; told of Postgres only. */
  readonly isWorking?: true
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
  /** It reads the database, or does something else that can't be written down as SQL; why, in one line. */
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

/** Runs in a checkout of the exact commit with the environment's env file as its `.env` and its variables. */
export interface Migrator {
  readonly words: MigratorWords
  readonly limits: MigratorLimits
  /** Reads a configuration; `path` is where in the repository it is. Pure. */
  placeOf(configuration: string, path: string): MigrationsPlace
  /**
   * Takes a second or two. Puts `.env` into the checkout and takes it away again. `preview`: also what each pending
   * revision would run; nothing of it is run.
   */
  status(
    environment: Environment,
    checkout: string,
    signal?: AbortSignal,
    options?: { preview?: boolean },
  ): Promise<MigrationsAnswer<MigrationStatus>>
  /**
   * The database's revisions by a direct look, which takes milliseconds. `undefined` where the database can't be looked
   * at directly: not a Postgres URL in DATABASE_URL, or no `status` of this process has seen that the app uses that
   * database. `isWorking` as in `status`.
   */
  revisions(
    environment: Environment,
  ): Promise<MigrationsAnswer<{ identity: string; revisions: readonly string[]; isWorking?: true } | undefined>>
  /** The Postgres databases that the env file names, by the names of its variables; none of them is asked anything. */
  databasesNamed(environment: Environment): Promise<Readonly<Record<string, string>>>
  /**
   * Applies all that is pending, within the environment's time limits. Its own process group; nothing of it is left running.
   * `onWait` is called once for each lock that it waits for longer than three seconds, where the database can be looked
   * at directly.
   */
  upgrade(
    environment: Environment,
    checkout: string,
    options?: { signal?: AbortSignal; onLine?: (line: string) => void; onWait?: (wait: LockWait) => void },
  ): Promise<UpgradeAnswer>
}
