import type { Platform, PlatformLimits } from '../../release/ports/platform.ts'
import type { RemoteSettings } from '../../release/settings.ts'
import { createHerokuApi, type HerokuApiSettings } from './api.ts'
import { confirmationOf } from './confirmation.ts'
import { herokuLimits, herokuWords } from './words.ts'

const RELEASES_READ = 10

export interface HerokuSettings extends HerokuApiSettings {
  /** Shorter limits, for tests and demonstrations. */
  readonly limits?: Partial<PlatformLimits>
}

/** Heroku: a push to an app's git remote is built into a slug and released; a slug can be released again. */
export function createHeroku({ limits, ...settings }: HerokuSettings): Platform {
  const api = createHerokuApi(settings)
  return {
    words: herokuWords,
    limits: { ...herokuLimits, ...limits },
    releases: (remote, limit) => api.releases(appOf(remote), limit),
    async confirm(remote, commit) {
      const app = appOf(remote)
      const releases = await api.releases(app, RELEASES_READ)
      return releases.ok ? { ok: true, value: confirmationOf(app, releases.value, commit) } : releases
    },
    releaseAgain: (remote, slug) => api.releaseSlug(appOf(remote), slug),
  }
}

function appOf({ app, name }: RemoteSettings): string {
  if (app === undefined) throw new Error(`the remote ${name} names no Heroku app`)
  return app
}
