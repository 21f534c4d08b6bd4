import type { PlatformLimits, PlatformWords } from '../../release/ports/platform.ts'

/**
 * What messages say of a plain git remote.
 *
 * @param settings that hold the credential which git is given: it has none of its own
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
  // One look tells.
  confirmedWithinMs: 0,
}
