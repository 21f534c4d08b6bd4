import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { branchHead, commitOf, git } from '../bare-git.ts'
import { createGitHttp } from '../git-http.ts'
import { answerUnder, createFaults, type Fault, send } from '../rest-faults.ts'
import { startSwitchableServer } from '../switchable-server.ts'
import { type App, type Dyno, type HerokuEvent, openAppReleases, type Stack } from './app-releases.ts'
import { type Declined, declaresReleasePhase, installBuildHooks, prepareBuild } from './build-hooks.ts'
import { createPlatformApi, type PlatformRoute, platformRoute, refusals } from './platform-api.ts'

export type { HerokuEvent } from './app-releases.ts'

/** A fault of the Platform API; git faults have their own methods. */
export type HerokuFault = Fault<PlatformRoute>

export type HerokuRelease = {
  version: number
  status: 'pending' | 'succeeded' | 'failed'
  commit: string | null
  description: string
  current: boolean
}

export type Heroku = {
  /** HEROKU_API_URL. */
  apiUrl: string
  /** Password of the git user `heroku`, and the API's Bearer token. */
  apiKey: string
  gitUrl(app: string): string
  /** The bare repository behind an app's git URL. */
  bare(app: string): string
  /** Everything that happened, in order, even if the caller got no answer. */
  log: readonly HerokuEvent[]

  /** The commit on the main branch of the app's git repository. */
  holds(app: string): Promise<string | undefined>
  /** The commit of the app's current release. */
  runs(app: string): string | undefined
  /** Newest first. */
  releases(app: string): HerokuRelease[]

  failNextBuild(output?: string): void
  /** Declines the next push with exactly these words of the hook, such as those of an incident; nothing is built. */
  declineNextPush(words: string): void
  /** Prints these lines at the beginning of every build from now on, such as those of a stack's end of life. */
  warnInBuilds(lines: string): void
  /** Answers the next requests to list or receive a repository's references with this status; nothing else of git. */
  refuseReferences(status: number, text: string, times?: number): void
  /** Makes the next release, by push or API, fail in its release phase: pushed, but not current. */
  failNextReleasePhase(): void
  /**
   * Makes the release phase of the next release last so many milliseconds, or until the promise resolves. The push returns
   * before that, unless `pushWaits` is set (Heroku waits while the connection lasts).
   */
  slowRelease(gate: number | Promise<unknown>, options?: { pushWaits?: boolean }): void
  cutNextPush(when: 'before' | 'after'): void
  /** Answers the next `times` pushes with an error when they ask for the branches, before anything is sent. */
  refuseNextPushes(error: { status: number; text?: string }, times: number): void
  hangNextPush(when?: 'before' | 'after'): void
  pushArrived(): Promise<void>
  /** Pushes a commit as someone else; it is built and released. `from` is a bare repository that has it. */
  pushBehind(app: string, sha: string, from?: string): Promise<void>
  /** Rolls back as someone else: creates a current release of an older one's code; git is unchanged. Returns its version. */
  rollback(app: string, version: number): number
  /** Deletes the slugs of a commit, as Heroku does with old ones. */
  deleteSlugs(app: string, commit: string): void
  /** Makes a release of the code that runs, as setting a config var does. Returns its version. */
  setConfigVar(app: string, name: string): number
  /** Releases what another app runs, as the promotion in a pipeline does. Returns its version. */
  promote(from: string, to: string): number
  /** Makes a current release of code that no build and no description name, as `heroku container:release` does. */
  releaseUnnamed(app: string): number
  /** Changes what the app is built into from now on. */
  setStack(app: string, stack: Stack): void
  setMaintenance(app: string, isOn: boolean): void
  setDynos(app: string, dynos: readonly Dyno[]): void
  /** Denies the API key all access to this app from now on. */
  forbid(app: string): void
  /** Hides the commit of slugs from now on; releases still name it in their description. */
  hideSlugCommits(): void
  /** Hides the commits of builds from now on. */
  hideBuildVersions(): void

  fault(fault: HerokuFault): void
  clearFaults(): void
  arrived(route: PlatformRoute | 'any'): Promise<void>
  down(): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

/**
 * Starts a Heroku stand-in on 127.0.0.1: git over HTTP at `/<app>.git`, where a push to master or main is built and released,
 * and the Platform API v3, on one port. `directory` keeps its repositories and releases across restarts. The git is real;
 * builds and release phases only print what Heroku prints.
 */
export async function startHeroku(options: {
  directory: string
  apps: readonly string[]
  port?: number
  apiKey?: string
}): Promise<Heroku> {
  const { directory, apiKey = 'HRKU-sandbox-key' } = options
  const pushes = join(directory, 'pushes')
  const bareOf = (app: string) => join(directory, `${app}.git`)
  await rm(pushes, { recursive: true, force: true })
  await mkdir(pushes, { recursive: true })
  for (const app of options.apps) {
    await mkdir(bareOf(app), { recursive: true })
    await git(bareOf(app), ['init', '--quiet', '--bare', '.'])
    await installBuildHooks(bareOf(app))
  }

  const releases = openAppReleases({ file: join(directory, 'heroku.json'), apps: options.apps })
  const faults = createFaults<HerokuFault>()
  const forbidden = new Set<string>()
  const declined: Declined[] = []
  const shown = { slugCommits: true, buildVersions: true, warning: '' }

  const appNamed = (name: string): App => {
    const app = releases.app(name)
    if (app === undefined) throw new Error(`the sandbox has no Heroku app ${name}`)
    return app
  }
  const appAt = (bare: string) => options.apps.find((app) => bareOf(app) === bare) ?? ''

  const gitHttp = createGitHttp({
    realm: 'Heroku',
    repositoryAt: (path) => options.apps.filter((app) => path === `/${app}.git`).map(bareOf)[0],
    authorize: (bare, _user, password) => {
      if (password !== apiKey) return 'unknown'
      return forbidden.has(appAt(bare)) ? 'forbidden' : 'allowed'
    },
    onPush: (bare) => {
      const app = appNamed(appAt(bare))
      return prepareBuild({ pushes, bare, app, declined: declined.shift(), warning: shown.warning }, releases)
    },
  })

  const answer = createPlatformApi({
    origin: () => server.origin,
    apiKey,
    email: 'releases@example.test',
    releases,
    forbidden,
    shown,
    declaresReleasePhase: (app, commit) => declaresReleasePhase(bareOf(app.name), commit),
  })

  const server = await startSwitchableServer((request, response) => {
    if (gitHttp.handle(request, response)) return
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const path = url.pathname.split('/').slice(1).map(decodeURIComponent)
    const method = request.method ?? 'GET'
    if (path[0] === 'streams') {
      const output = options.apps
        .map(appNamed)
        .flatMap((app) => [...app.releases, ...app.builds])
        .find((one) => one.id === path[1])?.output
      response.writeHead(output === undefined ? 404 : 200, { 'Content-Type': 'text/plain' }).end(output ?? '')
      return
    }
    const fault = faults.take(platformRoute(method, path))
    const perform = () => answer({ method, path, request })
    void answerUnder(fault, perform, (status) => refusals[status])
      .catch(() => refusals[500])
      .then((given) => send(response, given))
  }, options.port)

  return {
    apiUrl: server.origin,
    apiKey,
    gitUrl: (app) => `${server.origin}/${app}.git`,
    bare: bareOf,
    log: releases.log,

    holds: async (app) => (await branchHead(bareOf(app), 'master')) ?? (await branchHead(bareOf(app), 'main')),
    runs(name) {
      const app = appNamed(name)
      return releases.slug(app.releases.find((one) => one.id === app.current)?.slugId ?? '')?.commit
    },
    releases(name) {
      const app = appNamed(name)
      const commitOfSlug = (id: string | null) => releases.slug(id ?? '')?.commit ?? null
      return app.releases.toReversed().map(({ version, status, description, slugId, id }) => {
        return { version, status, description, commit: commitOfSlug(slugId), current: id === app.current }
      })
    },

    failNextBuild(output = '       error: requirements could not be installed') {
      declined.push({ build: output })
    },
    declineNextPush: (words) => void declined.push({ words }),
    warnInBuilds(lines) {
      shown.warning = `${lines.trimEnd()}\n`
    },
    refuseReferences: gitHttp.refuseReferences,
    failNextReleasePhase: releases.failNextReleasePhase,
    slowRelease: (gate, { pushWaits = false } = {}) => releases.slowRelease(gate, pushWaits),
    cutNextPush: gitHttp.cutNextPush,
    refuseNextPushes: gitHttp.refuseNextPushes,
    hangNextPush: gitHttp.hangNextPush,
    pushArrived: gitHttp.pushArrived,

    async pushBehind(name, sha, from) {
      const app = appNamed(name)
      const bare = bareOf(name)
      if (from !== undefined && (await commitOf(bare, sha)) === undefined) {
        await git(bare, ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', from, sha])
      }
      const before = (await branchHead(bare, 'master')) ?? '0'.repeat(40)
      await git(bare, ['update-ref', 'refs/heads/master', sha])
      releases.refMoved(app, 'refs/heads/master', before, sha, 'someone else')
      const slug = releases.addSlug(app, sha)
      const description = `Deploy ${sha.slice(0, 8)}`
      const { release } = releases.addRelease(app, { slug, description, phase: false, by: 'someone else' })
      releases.addBuild(app, { commit: sha, status: 'succeeded', slugId: slug.id, releaseId: release.id, output: '' })
    },
    rollback(name, version) {
      const app = appNamed(name)
      const earlier = app.releases.find((one) => one.version === version)
      const slug = releases.slug(earlier?.slugId ?? '')
      if (slug === undefined) throw new Error(`${name} has no release v${version} with code`)
      const description = `Rollback to v${version}`
      return releases.addRelease(app, { slug, description, phase: false, by: 'someone else' }).release.version
    },
    deleteSlugs: (app, commit) => releases.deleteSlugs(appNamed(app), commit),
    setConfigVar(name, variable) {
      const app = appNamed(name)
      const current = app.releases.find((one) => one.id === app.current)
      const slug = releases.slug(current?.slugId ?? '') ?? null
      const description = `Set ${variable} config vars`
      return releases.addRelease(app, { slug, description, phase: false, by: 'someone else' }).release.version
    },
    promote(from, to) {
      const source = appNamed(from)
      const current = source.releases.find((one) => one.id === source.current)
      const slug = releases.slug(current?.slugId ?? '')
      if (current === undefined || slug === undefined) throw new Error(`${from} has no release with code`)
      const description = `Promote ${from} v${current.version} ${slug.commit.slice(0, 8)}`
      return releases.addRelease(appNamed(to), { slug, description, phase: false, by: 'someone else' }).release.version
    },
    releaseUnnamed(name) {
      const app = appNamed(name)
      releases.change(app, { stack: 'container' })
      const description = 'Deployed web (4f2c9d1e0b7a)'
      return releases.addRelease(app, { slug: null, description, phase: false, by: 'someone else' }).release.version
    },
    setStack: (app, stack) => releases.change(appNamed(app), { stack }),
    setMaintenance: (app, maintenance) => releases.change(appNamed(app), { maintenance }),
    setDynos: (app, dynos) => releases.change(appNamed(app), { dynos: [...dynos] }),
    forbid: (app) => void forbidden.add(app),
    hideSlugCommits() {
      shown.slugCommits = false
    },
    hideBuildVersions() {
      shown.buildVersions = false
    },

    fault: faults.add,
    clearFaults: faults.clear,
    arrived: faults.arrived,
    down: server.down,
    up: server.up,
    async close() {
      await server.down()
      await gitHttp.close()
      releases.close()
    },
  }
}
