/** What an environment is deployed to: a git remote, and what stands behind it. */
import type { RemoteSettings } from '../settings.ts'
import type { Answer } from './answers.ts'

/** A platform in words and facts: pure, without secrets, so that the bot has it too. */
export interface PlatformWords {
  /** As people read it. */
  readonly name: string
  /** The settings that hold the credential for its remotes and its API, as refusals list them. */
  readonly settings: readonly string[]
  /** The setting of its API's address. */
  readonly addressSetting?: string
  /** What it runs may differ from what its remote holds: it makes releases, which succeed or fail. Else it runs what is held. */
  readonly runsApart: boolean
  /** A push waits for a build, so that a push which a hook refuses is a build that failed. */
  readonly buildsOnPush: boolean
  /** What it calls the thing that an earlier release can be made again from. */
  readonly artifact: string
  /** What becomes of a push of the commit that it runs already, in a sentence; absent where there is nothing to say. */
  readonly sameCommit?: string
  /** The line with which it ends every build that failed: whatever follows it is no cause. */
  readonly afterFailedBuild?: RegExp
  /** Commands that only read, for people who look for themselves. */
  readonly commands: {
    readonly running: (app: string) => string
    readonly releaseOutput?: (app: string, platformRelease: string) => string
  }
  /** What `signoff doctor` advises where the credential does not do: for the git remote, and for the app. */
  readonly advice: { readonly remote: string; readonly app: (app: string) => string }
}

export interface PlatformLimits {
  /** How long after a push without an answer its effect may still come. */
  readonly pushArrivesWithinMs: number
  /** How long a new release may take to be listed, where the answer to its making was lost. */
  readonly releaseAppearsWithinMs: number
  /** How long after a push a release may take to be confirmed. */
  readonly confirmedWithinMs: number
}

export interface PlatformRelease {
  readonly id: string
  /** Such as 42; a later release has a higher one. */
  readonly version: number
  readonly status: 'succeeded' | 'pending' | 'failed' | 'expired'
  readonly current: boolean
  /** 40 hex digits, or the first of them. */
  readonly commit?: string
  /** What the same can be released from again. */
  readonly artifact?: string
}

/** One look at whether the platform runs a commit. */
export type Confirmation =
  /** `summary`: for the thread. `platformRelease`: such as `v42`. */
  | { readonly is: 'running'; readonly summary: string; readonly platformRelease?: string }
  /** Its release of the commit has failed, and it goes on running what it ran before. */
  | { readonly is: 'failed'; readonly platformRelease: string }
  /** It does not run the commit, and won't by itself. */
  | { readonly is: 'not running'; readonly detail: string }
  | { readonly is: 'not yet'; readonly detail: string }

export interface Platform {
  readonly words: PlatformWords
  readonly limits: PlatformLimits
  /** The last releases, newest first; none from a platform that runs what its remote holds. Safe to repeat. */
  releases(remote: RemoteSettings, limit: number): Promise<Answer<readonly PlatformRelease[]>>
  /** Safe to repeat. */
  confirm(remote: RemoteSettings, commit: string): Promise<Answer<Confirmation>>
  /**
   * Makes a new release of what an earlier one was made from, without a push. Not safe to repeat: after `unreachable` it
   * may have been made, so look at `releases` first; after `wrong` and `refused` it was not.
   */
  releaseAgain(remote: RemoteSettings, artifact: string): Promise<Answer<PlatformRelease>>
}

/** Whether a release is of this commit; a platform may name only its first digits. */
export function isOf(release: PlatformRelease, commit: string): boolean {
  return release.commit !== undefined && release.commit.length >= 7 && commit.startsWith(release.commit)
}
