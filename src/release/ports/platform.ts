/** The platform that an environment is deployed to: a git remote, and what runs its commits. */
import type { RemoteSettings } from '../settings.ts'
import type { Answer } from './answers.ts'

/** A platform's names and facts for messages. Pure and without secrets, so the bot has it too. */
export interface PlatformWords {
  /** Display name. */
  readonly name: string
  /** The settings with the credential for its remotes and its API, as refusals list them. */
  readonly settings: readonly string[]
  /** The setting with its API's address. */
  readonly addressSetting?: string
  /** It makes releases that succeed or fail, so it may run another commit than its remote holds. False: it runs that one. */
  readonly runsApart: boolean
  /** A push waits for the build, so a push that a hook rejects is a failed build. */
  readonly buildsOnPush: boolean
  /** Its name for what an earlier release can be deployed again from. */
  readonly artifact: string
  /** A sentence on what a push of the commit that already runs does; absent if nothing needs explaining. */
  readonly sameCommit?: string
  /** Reads a push that it declined, from what git printed. Absent: what a hook printed is shown as it is. */
  readonly readRejection?: (output: readonly string[]) => PushRejection
  /** Where it tells of its own incidents. */
  readonly statusPage?: string
  /** Read-only commands for people. */
  readonly commands: {
    readonly running: (app: string) => string
    readonly releaseOutput?: (app: string, platformRelease: string) => string
  }
  /** The advice of `signoff doctor` if the credential doesn't work: for the git remote, and for the app. */
  readonly advice: { readonly remote: string; readonly app: (app: string) => string }
}

/**
 * Why a platform declined a push. `build`: the app's code or its dependencies; `platform`: the platform failed, and the code
 * is not the cause; `rule`: nothing was built.
 */
export interface PushRejection {
  readonly by: 'build' | 'platform' | 'rule'
  /** The line that tells the cause, in the platform's or the tool's own words. */
  readonly line?: string
}

export interface PlatformLimits {
  /** How long after a push without an answer it may still take effect. */
  readonly pushArrivesWithinMs: number
  /** How long a new release may take to be listed, if the answer to the request for it was lost. */
  readonly releaseAppearsWithinMs: number
  /** How long after a push a release may take to be confirmed. */
  readonly confirmedWithinMs: number
}

export interface PlatformRelease {
  readonly id: string
  /** For example 42; a later release has a higher one. */
  readonly version: number
  readonly status: 'succeeded' | 'pending' | 'failed' | 'expired'
  readonly current: boolean
  /** 40 hex digits, or the first few of them. */
  readonly commit?: string
  /** What the release can be deployed again from. */
  readonly artifact?: string
  /** Nothing was deployed yet: it has no code. Without this and without a commit, the platform doesn't tell its commit. */
  readonly isEmpty?: true
}

/** Whether the platform runs a commit, at one moment. */
export type Confirmation =
  /** `summary`: for the thread. `platformRelease`: for example `v42`. */
  | { readonly is: 'running'; readonly summary: string; readonly platformRelease?: string }
  /** Its release of the commit has failed, and it still runs what it ran before. */
  | { readonly is: 'failed'; readonly platformRelease: string }
  /** It doesn't run the commit, and won't without another action. */
  | { readonly is: 'not running'; readonly detail: string }
  | { readonly is: 'not yet'; readonly detail: string }

/** Something that people should know of what runs. `what`: a few words; `look`: a command that only reads. */
export interface ReleaseWarning {
  readonly what: string
  readonly look?: string
}

/** How what was deployed runs, at one moment. `isSettled`: nothing of it is still starting. */
export interface Aftermath {
  readonly isSettled: boolean
  readonly warnings: readonly ReleaseWarning[]
}

/** What a build there can't do without. */
export interface NeededFile {
  readonly path: string
  /** How the app is built, such as `the container stack`. */
  readonly stack: string
  /** A command that lets the app be built without the file. */
  readonly otherwise: string
}

export interface Platform {
  readonly words: PlatformWords
  readonly limits: PlatformLimits
  /**
   * The last releases, newest first; none if the platform runs what its remote holds. `limit` of them, then further back to
   * the current one and, if `commit` is given, to the newest of that commit, as far as the platform lists them. Safe to
   * repeat.
   */
  releases(remote: RemoteSettings, limit: number, commit?: string): Promise<Answer<readonly PlatformRelease[]>>
  /**
   * Why a release could not be confirmed there, for people; undefined if it can be. Asked before anyone signs. Absent: it
   * always can be. Safe to repeat.
   */
  unconfirmable?(remote: RemoteSettings): Promise<Answer<string | undefined>>
  /**
   * Why it keeps nothing there that could be released again, such as `the container stack`; undefined: it does. Absent: it
   * never runs anything but what its remote holds. Safe to repeat.
   */
  keepsNothing?(remote: RemoteSettings): Promise<Answer<string | undefined>>
  /**
   * The file at the root of a commit without which nothing is built there; undefined: none. Absent: never any. Asked before
   * anyone signs. Safe to repeat.
   */
  neededFile?(remote: RemoteSettings): Promise<Answer<NeededFile | undefined>>
  /** How it runs after the release `platformRelease`, such as `v42`. Absent: it tells nothing. Safe to repeat. */
  aftermath?(remote: RemoteSettings, platformRelease: string): Promise<Answer<Aftermath>>
  /** Safe to repeat. */
  confirm(remote: RemoteSettings, commit: string): Promise<Answer<Confirmation>>
  /**
   * Deploys an earlier release's artifact again, without a push. Not safe to repeat: after `unreachable` the new release
   * may exist, so check `releases` first; after `wrong` and `refused` it doesn't.
   */
  releaseAgain(remote: RemoteSettings, artifact: string): Promise<Answer<PlatformRelease>>
}

/** Whether a release is of this commit. The platform may give only its first digits, at least 7. */
export function isOf(release: PlatformRelease, commit: string): boolean {
  return release.commit !== undefined && release.commit.length >= 7 && commit.startsWith(release.commit)
}
