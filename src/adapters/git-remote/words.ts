import type { PlatformLimits, PlatformWords } from '../../release/ports/platform.ts'

/**
 * The words and facts of a plain git remote for messages.
 *
 * @param settings the settings of git's credential: a git remote has none of its own
 */
export function gitRemoteWords(settings: readonly string[]): PlatformWords {
  return {
    name: 'git',
    settings,
    runsApart: false,
    buildsOnPush: false,
    artifact: 'commit',
    commands: { running: (remote) => `git ls-remote ${remote}` },
    advice: { remote: 'see remote.url and our access to it', app: () => 'see remote.url and our access to it' },
  }
}

export const gitRemoteLimits: PlatformLimits = {
  pushArrivesWithinMs: 60_000,
  releaseAppearsWithinMs: 0,
  // A single look is conclusive.
  confirmedWithinMs: 0,
}
