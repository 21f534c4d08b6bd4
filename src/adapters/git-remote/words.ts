import type { PlatformLimits, PlatformWords } from '../../release/ports/platform.ts'

/**
 * The words for a plain git remote in messages.
 *
 * @param settings the settings that hold git's credential, which it shares with the forge
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
  // One check is enough.
  confirmedWithinMs: 0,
}
