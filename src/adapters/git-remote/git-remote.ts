import type { Git } from '../../release/ports/git.ts'
import type { Platform, PlatformLimits } from '../../release/ports/platform.ts'
import { gitRemoteLimits, gitRemoteWords } from './words.ts'

export interface GitRemoteSettings {
  readonly git: Pick<Git, 'heads'>
  /** The settings of git's credential. */
  readonly settings: readonly string[]
  /** Shorter limits, for tests and demonstrations. */
  readonly limits?: Partial<PlatformLimits>
}

/** A plain git remote: what its branch holds counts as running, because nothing else is visible from outside. */
export function createGitRemote({ git, settings, limits }: GitRemoteSettings): Platform {
  return {
    words: gitRemoteWords(settings),
    limits: { ...gitRemoteLimits, ...limits },
    releases: async () => ({ ok: true, value: [] }),
    async confirm({ name, url, branch }, commit) {
      const held = await git.heads(url, [branch])
      if (!held.ok) return held
      const short = commit.slice(0, 7)
      return held.value[branch] === commit
        ? { ok: true, value: { is: 'running', summary: `Confirmed: ${name} is at ${short}` } }
        : { ok: true, value: { is: 'not running', detail: `it does not hold ${short}` } }
    },
    async releaseAgain({ name }) {
      throw new Error(`${name} runs what it holds: there is nothing to release again`)
    },
  }
}
