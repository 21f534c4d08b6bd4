import type { Answer } from '../../release/ports/answers.ts'
import type { Platform, PlatformLimits } from '../../release/ports/platform.ts'
import type { RemoteSettings } from '../../release/settings.ts'
import { readAftermath } from './aftermath.ts'
import { createHerokuApi, type HerokuApi, type HerokuApiSettings } from './api.ts'
import { confirmationOf } from './confirmation.ts'
import { herokuLimits, herokuWords } from './words.ts'

const RELEASES_READ = 10
/** What the container stack builds by: https://devcenter.heroku.com/articles/build-docker-images-heroku-yml */
const BUILD_MANIFEST = 'heroku.yml'

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
    releases: (remote, limit, commit) => api.releases(appOf(remote), limit, commit),
    aftermath: (remote, platformRelease) =>
      readAftermath(api, appOf(remote), Number(platformRelease.replace(/^v/, ''))),
    unconfirmable: (remote) => unconfirmable(api, appOf(remote)),
    async keepsNothing(remote) {
      const facts = await api.app(appOf(remote))
      return facts.ok ? { ok: true, value: facts.value.hasSlugs ? undefined : facts.value.stack } : facts
    },
    async neededFile(remote) {
      const app = appOf(remote)
      const facts = await api.app(app)
      if (!facts.ok) return facts
      const { buildsContainers, stack } = facts.value
      if (!buildsContainers) return { ok: true, value: undefined }
      const otherwise = `heroku stack:set heroku-24 --app ${app}`
      return { ok: true, value: { path: BUILD_MANIFEST, stack, otherwise } }
    },
    async confirm(remote, commit) {
      const app = appOf(remote)
      const releases = await api.releases(app, RELEASES_READ)
      return releases.ok ? { ok: true, value: confirmationOf(app, releases.value, commit) } : releases
    },
    releaseAgain: (remote, slug) => api.releaseSlug(appOf(remote), slug),
  }
}

/** A stack without slugs proves a release by its build or, failing that, by the commit in its description. */
async function unconfirmable(api: HerokuApi, app: string): Promise<Answer<string | undefined>> {
  const facts = await api.app(app)
  if (!facts.ok || facts.value.hasSlugs) return facts.ok ? { ok: true, value: undefined } : facts
  const [builds, releases] = await Promise.all([api.buildsNameCommits(app), api.releases(app, RELEASES_READ)])
  if (!builds.ok) return builds
  if (!releases.ok) return releases
  const withCode = releases.value.filter(({ isEmpty }) => isEmpty !== true)
  const isNamed = builds.value !== false || withCode.length === 0 || withCode.some(({ commit }) => commit !== undefined)
  if (isNamed) return { ok: true, value: undefined }
  return { ok: true, value: `on ${facts.value.stack}, neither its builds nor its releases name a commit` }
}

function appOf({ app, name }: RemoteSettings): string {
  if (app === undefined) throw new Error(`the remote ${name} names no Heroku app`)
  return app
}
