/** `releases.yml`, validated and with its defaults filled in by config/. */
import { nearestFirst } from '../lib/edit-distance.ts'
import type { MigrationTool, PlatformName } from './stored-names.ts'
import type { ReleaseKind } from './terms.ts'

/** A repository with its environments. */
export interface App {
  readonly name: string
  /** As the forge names it, such as `workspace/slug`. */
  readonly repository: string
  /** Where git fetches from and pushes picked commits to: https, or for local use http or a path. */
  readonly gitUrl: string
  readonly environments: readonly Environment[]
}

/** Not in order of severity: `RISKS` in risks.ts has the order. */
export type MigrationRisk = 'adds' | 'locks' | 'destroys' | 'unknown'

export interface RemoteSettings {
  /** The team's name for the git remote. */
  readonly name: string
  readonly url: string
  readonly branch: string
  readonly platform: PlatformName
  /** The app's name at the platform, if the platform names apps. */
  readonly app?: string
  /** A web address that answers 2xx while the app is well. */
  readonly health?: string
}

/** One of an environment's migrations: one configuration of the migrator, and the database that it leads to. */
export interface MigrationSettings {
  /** The app and environment that it belongs to. */
  readonly app: string
  readonly environment: string
  /** What people call the database. Absent only if the environment has no other entry. */
  readonly name?: string
  /** Path of the migrator's configuration inside the app's repository. */
  readonly config: string
  /** Absolute path of the env file on the worker's host; the bot never reads it. */
  readonly envFile?: string
  /** Where the migrator runs, inside the app's repository; `.` is its root. */
  readonly directory: string
  readonly tool: MigrationTool
  /** How the app's code is isolated from the worker's host: as far as the host can, or not released without, or not. */
  readonly isolation: 'auto' | 'required' | 'off'
  /** Absolute paths that the app's code may read, beside the system and its own Python. */
  readonly readable: readonly string[]
  /** The migrator's program: a name on PATH or a path. */
  readonly program: string
  /** A Postgres timeout as written, such as `10s`; `0` means none. */
  readonly lockTimeout: string
  readonly statementTimeout: string
  readonly talkItOver: readonly MigrationRisk[]
  /** Who may press Talked over. Absent: the approvers. */
  readonly approvers?: readonly string[]
}

/** People lists hold user group handles with `@` and Slack user ids. An absent list means every full member. */
export interface SignOffRules {
  /** How many people must confirm QA; or QA is asked for each change. */
  readonly qa: number | 'each change'
  readonly approvals: number
  readonly approvers?: readonly string[]
  readonly qaBy?: readonly string[]
  /** Absent: the approvers. */
  readonly emergencyBy?: readonly string[]
  readonly requireChecks: boolean
  readonly expiresAfterMs: number
  /** What a rollback needs instead of `qa` and `approvals`. Absent: no QA and one approval. */
  readonly rollback?: { readonly qa: number; readonly approvals: number }
  /** Each person gets a direct message after their sign-off, with **That was not me**. */
  readonly receipts?: true
}

/** A period in which nothing starts but an emergency, as releases.yml declares it. */
export interface Freeze {
  readonly name: string
  /** `Fri 16:00` for every week; or `2026-12-21`, which is 00:00 there, or `2026-12-21 18:00`. */
  readonly from: string
  /** In the same form; exclusive. */
  readonly to: string
  /** The name of a time zone, such as `Europe/Berlin`. */
  readonly timeZone: string
}

/** One environment of one app. */
export interface Environment {
  readonly app: string
  readonly name: string
  /** The branch that this environment follows. */
  readonly branch: string
  /** When it is deployed without a request. Absent: only on request. */
  readonly deploys?: 'automatically' | 'after checks'
  /** The environment of the same app whose branch is merged into this one's. */
  readonly promotes?: string
  readonly pullRequest: 'branch' | 'pinned'
  /** How the picks of a hot-fix reach the branch. Absent: by its visible rules. */
  readonly hotfix?: 'push' | 'pull_request'
  readonly remote: RemoteSettings
  /** In the order in which they run; empty if the environment has none. */
  readonly migrations: readonly MigrationSettings[]
  /** `#name` of a public channel, or a channel id. */
  readonly channel: string
  readonly announce: 'required' | 'off'
  readonly signOff?: SignOffRules
  /** Whether a commit must be proven on the promoted environment first. Absent if the environment promotes none. */
  readonly order?: 'off' | 'shown' | 'required'
  /** Those that apply here. Absent: none. */
  readonly freezes?: readonly Freeze[]
  /** The group of workers that releases it. Absent: workers without a group. */
  readonly group?: string
  readonly digests: EnvironmentDigests
}

/** Digests of the environment's declared entry, equal for equal files. Only configuration.ts compares them. */
export interface EnvironmentDigests {
  /** SHA-256 in hex, computed exactly as the first version did. */
  readonly form1: string
  /** `2:` and SHA-256 in hex. It leaves out the channel, and newer keys that have their default value. */
  readonly form2: string
  /** False if a key is set that form 1 doesn't cover. */
  readonly isForm1Complete: boolean
}

/** How the card of a running release shows its steps. */
export type Progress = 'lines' | 'plan'

/** The whole of `releases.yml`. */
export interface Releases {
  readonly progress: Progress
  /** Whether people get reminders, outcomes and receipts as direct messages. */
  readonly directMessages: boolean
  /** The time zone of freezes, and of people whose own is unknown. */
  readonly timeZone: string
  readonly apps: readonly App[]
}

/** Finds an app by its exact name. */
export function findApp(apps: readonly App[], name: string): App | undefined {
  return apps.find((app) => app.name === name)
}

/** Finds an environment by its exact name. */
export function findEnvironment(app: App, name: string): Environment | undefined {
  return app.environments.find((environment) => environment.name === name)
}

/** The environment that `environment` promotes, if it promotes one. */
export function promotedFrom(app: App, environment: Environment): Environment | undefined {
  return environment.promotes === undefined ? undefined : findEnvironment(app, environment.promotes)
}

/** Whether the release uses a pinned branch, so that new commits on the source don't make it outdated. */
export function isPinned(app: App, environment: Environment): boolean {
  return environment.pullRequest === 'pinned' && promotedFrom(app, environment) !== undefined
}

/**
 * Whether a release doesn't become outdated by new commits on its source: it is pinned, or has a time to start. A hot-fix has
 * a source of its own.
 */
export function ignoresNewerCommits(
  app: App,
  environment: Environment,
  { kind, schedule }: { readonly kind: ReleaseKind; readonly schedule?: object },
): boolean {
  return kind === 'deploy' && (schedule !== undefined || isPinned(app, environment))
}

/**
 * Whether another environment merges the same branch into the same branch of the same repository. A forge has one open
 * pull request for two branches, so each release of these environments needs a branch of its own.
 */
export function sharesItsBranches(apps: readonly App[], app: App, environment: Environment): boolean {
  const source = promotedFrom(app, environment)?.branch
  if (source === undefined) return false
  return apps
    .filter(({ gitUrl }) => gitUrl === app.gitUrl)
    .flatMap((each) => each.environments.map((other) => ({ other, from: promotedFrom(each, other)?.branch })))
    .filter(({ other }) => !(other.app === environment.app && other.name === environment.name))
    .some(({ other, from }) => from === source && other.branch === environment.branch)
}

/** The name of what runs there: the platform's name for the app, else the remote's name. */
export function appAt({ app, name }: RemoteSettings): string {
  return app ?? name
}

/** The names, the one nearest to what was asked first. */
export function namesNear(asked: string, named: readonly { readonly name: string }[]): readonly string[] {
  return nearestFirst(
    asked,
    named.map(({ name }) => name),
  )
}
