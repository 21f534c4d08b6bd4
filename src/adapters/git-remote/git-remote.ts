import type { Git } from '../../release/ports/git.ts'
import type { Platform, PlatformLimits } from '../../release/ports/platform.ts'
import { gitRemoteLimits, gitRemoteWords } from './words.ts'

export interface GitRemoteSettings {
  readonly git: Pick<Git, 'heads'>
  /** The settings that hold the credential which git is given. */
  readonly settings: readonly string[]
  /** Shorter times, for where nothing takes long. */
  readonly limits?: Partial<PlatformLimits>
}

/** A plain git remote: what its branch holds is what runs, as far as anyone can tell from outside. */
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
