/** What `releases.yml` declares, after config/ has checked it and filled in the defaults. */
import type { PlatformName } from './stored-names.ts'

/** A repository with its environments. */
export interface App {
  readonly name: string
  /** As the forge names it, such as `workspace/slug`. */
  readonly repository: string
  /** Where git fetches from and pushes picked commits to: https, or http and paths on this machine. */
  readonly gitUrl: string
  readonly environments: readonly Environment[]
}

/** Worst last is not the order: it is `destroys`, `unknown`, `locks`, `adds`. */
export type MigrationRisk = 'adds' | 'locks' | 'destroys' | 'unknown'

export interface RemoteSettings {
  /** The git remote's name in the team's words. */
  readonly name: string
  readonly url: string
  readonly branch: string
  readonly platform: PlatformName
  /** The app's name at the platform, where the platform names apps. */
  readonly app?: string
}

export interface MigrationSettings {
  /** Path of the migrator's configuration inside the app's repository. */
  readonly config: string
  /** Absolute path of the env file on the worker host; the bot never reads it. */
  readonly envFile?: string
  /** The migrator's program: a name on PATH or a path. */
  readonly program: string
  /** A Postgres time limit as written, such as `10s`; `0` means none. */
  readonly lockTimeout: string
  readonly statementTimeout: string
  readonly talkItOver: readonly MigrationRisk[]
  /** Who may say Talked over; absent: the approvers. */
  readonly approvers?: readonly string[]
}

/** Entries of people lists: a user group's handle with `@`, or a Slack user id. An absent list means every full member. */
export interface SignOffRules {
  readonly qa: number
  readonly approvals: number
  readonly approvers?: readonly string[]
  readonly qaBy?: readonly string[]
  /** Absent: the approvers. */
  readonly emergencyBy?: readonly string[]
  readonly requireChecks: boolean
  readonly expiresAfterMs: number
}

/** One environment of one app. */
export interface Environment {
  readonly app: string
  readonly name: string
  /** The branch that this environment follows. */
  readonly branch: string
  /** The environment of the same app whose branch is brought to this one's. */
  readonly promotes?: string
  readonly pullRequest: 'branch' | 'pinned'
  readonly remote: RemoteSettings
  readonly migrations?: MigrationSettings
  /** `#name` of a public channel, or a channel id. */
  readonly channel: string
  readonly announce: 'required' | 'off'
  readonly signOff?: SignOffRules
  readonly digests: EnvironmentDigests
}

/**
 * Digests of the environment's entry as declared; the same file gives bot and worker the same ones. They are compared by
 * configuration.ts, and by nothing else.
 */
export interface EnvironmentDigests {
  /** SHA-256 in hex, byte for byte as the first edition made it. */
  readonly form1: string
  /** `2:` and SHA-256 in hex: without the channel, and with the newer keys whose value is not the default. */
  readonly form2: string
  /** False where a key is set that form 1 does not know. */
  readonly isForm1Complete: boolean
}

/** How running cards show their steps. */
export type Progress = 'lines' | 'plan'

/** The whole of `releases.yml`. */
export interface Releases {
  readonly progress: Progress
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

/** Whether the pull request's source may move on without making the release outdated. */
export function isPinned(app: App, environment: Environment): boolean {
  return environment.pullRequest === 'pinned' && promotedFrom(app, environment) !== undefined
}

/** What runs there is called: the platform's name of the app, else the remote's. */
export function appAt({ app, name }: RemoteSettings): string {
  return app ?? name
}
