import { randomUUID } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

export type Slug = { id: string; commit: string; createdAt: string }

export type Release = {
  id: string
  version: number
  status: 'pending' | 'succeeded' | 'failed'
  description: string
  slugId: string | null
  createdAt: string
  updatedAt: string
  output: string
}

export type Build = {
  id: string
  commit: string
  status: 'succeeded' | 'failed'
  slugId: string | null
  releaseId: string | null
  createdAt: string
  output: string
}

/** What an app is built into. Only `heroku-24` makes slugs. */
export type Stack = 'heroku-24' | 'container' | 'cnb'

export type Dyno = { type: string; state: 'up' | 'starting' | 'crashed' | 'idle' | 'down' }

export type App = {
  id: string
  name: string
  createdAt: string
  /** Missing: `heroku-24`. `cnb` is a Fir app, whose releases have an OCI image. */
  stack?: Stack
  maintenance?: boolean
  /** Missing: one web dyno, which is up. */
  dynos?: Dyno[]
  /** The id of the release that the dynos run. */
  current: string
  slugs: Slug[]
  releases: Release[]
  builds: Build[]
}

/** `by`: `'push'` and `'api'` came over the network; `'someone else'` is a change that a test made directly. */
export type HerokuEvent =
  | { at: string; kind: 'ref moved'; app: string; ref: string; from: string; to: string; by: 'push' | 'someone else' }
  | { at: string; kind: 'build failed'; app: string }
  | {
      at: string
      kind: 'release made'
      app: string
      version: number
      commit: string | null
      by: 'push' | 'api' | 'someone else'
    }
  | { at: string; kind: 'release settled'; app: string; version: number; status: 'succeeded' | 'failed' }

export type AppReleases = ReturnType<typeof openAppReleases>

const now = () => new Date().toISOString()

// The default duration of a release phase of the API: long enough to be seen as pending.
const RELEASE_PHASE_MS = 30

/**
 * The apps of the Heroku stand-in with their slugs, builds and releases, kept in a JSON file across restarts. A release becomes
 * current when its release phase succeeds; after a failed one, the previous release stays current.
 */
export function openAppReleases(options: { file: string; apps: readonly string[] }) {
  const apps = new Map(readApps(options.file).map((app) => [app.name, app]))
  const log: HerokuEvent[] = []
  const phases: { gate: number | Promise<unknown>; pushWaits: boolean }[] = []
  let failures = 0
  let closed = false

  for (const name of options.apps) if (!apps.has(name)) apps.set(name, newApp(name))
  save()

  function save(): void {
    // Atomic: a kill during the write leaves the previous file.
    writeFileSync(`${options.file}.part`, JSON.stringify([...apps.values()]))
    renameSync(`${options.file}.part`, options.file)
  }

  function finishRelease(app: App, release: Release, status: 'succeeded' | 'failed', output: string): void {
    if (closed) return
    Object.assign(release, { status, updatedAt: now(), output })
    const current = app.releases.find((one) => one.id === app.current)
    if (status === 'succeeded' && (current?.version ?? 0) < release.version) app.current = release.id
    log.push({ at: now(), kind: 'release settled', app: app.name, version: release.version, status })
    save()
  }

  return {
    log,
    app: (name: string): App | undefined => apps.get(name) ?? [...apps.values()].find((app) => app.id === name),
    slug: (id: string): Slug | undefined =>
      [...apps.values()].flatMap((app) => app.slugs).find((slug) => slug.id === id),

    /** Running release phases end without effect. */
    close() {
      closed = true
    },
    failNextReleasePhase() {
      failures += 1
    },
    slowRelease(gate: number | Promise<unknown>, pushWaits: boolean) {
      phases.push({ gate, pushWaits })
    },

    /** Changes what an app is, beside its releases. */
    change(app: App, to: Partial<Pick<App, 'stack' | 'maintenance' | 'dynos'>>): void {
      Object.assign(app, to)
      save()
    },
    addSlug(app: App, commit: string): Slug {
      const slug = { id: randomUUID(), commit, createdAt: now() }
      app.slugs.push(slug)
      save()
      return slug
    },
    /** Heroku deletes old slugs: releases keep their ids, and nothing can be made of them any more. */
    deleteSlugs(app: App, commit: string): void {
      app.slugs = app.slugs.filter((slug) => slug.commit !== commit)
      save()
    },
    addBuild(app: App, build: Omit<Build, 'id' | 'createdAt'>): void {
      app.builds.push({ id: randomUUID(), createdAt: now(), ...build })
      if (build.status === 'failed') log.push({ at: now(), kind: 'build failed', app: app.name })
      save()
    },
    refMoved(app: App, ref: string, from: string, to: string, by: 'push' | 'someone else') {
      log.push({ at: now(), kind: 'ref moved', app: app.name, ref, from, to, by })
    },

    /**
     * Creates a release of a slug. With a release phase it is pending until `settled`; without one it is current at once.
     * `pushWaits`: whether the push waits for the phase, as at Heroku.
     */
    addRelease(
      app: App,
      made: { slug: Slug | null; description: string; phase: boolean; by: 'push' | 'api' | 'someone else' },
    ): { release: Release; settled: Promise<void>; pushWaits: boolean } {
      const release: Release = {
        id: randomUUID(),
        version: Math.max(...app.releases.map((one) => one.version)) + 1,
        status: 'pending',
        description: made.description,
        slugId: made.slug?.id ?? null,
        createdAt: now(),
        updatedAt: now(),
        output: '',
      }
      app.releases.push(release)
      const { version } = release
      const commit = made.slug?.commit ?? null
      log.push({ at: now(), kind: 'release made', app: app.name, version, commit, by: made.by })
      const slow = made.by === 'someone else' ? undefined : phases.shift()
      const fails = made.by !== 'someone else' && failures > 0
      if (fails) failures -= 1
      if (!made.phase && !fails && slow === undefined) {
        finishRelease(app, release, 'succeeded', '')
        return { release, settled: Promise.resolve(), pushWaits: true }
      }
      save()
      const finish = () =>
        fails
          ? finishRelease(app, release, 'failed', 'Release command failed with exit code 1\n')
          : finishRelease(app, release, 'succeeded', 'Nothing to do before this release\n')
      if (made.by === 'push' && slow === undefined) {
        finish()
        return { release, settled: Promise.resolve(), pushWaits: true }
      }
      const gate = slow?.gate ?? RELEASE_PHASE_MS
      const opened = typeof gate === 'number' ? wait(gate, undefined, { ref: false }) : gate
      return { release, settled: opened.then(finish, finish), pushWaits: slow?.pushWaits ?? true }
    },
  }
}

function newApp(name: string): App {
  // A new app already has one release, without code.
  const first: Release = {
    id: randomUUID(),
    version: 1,
    status: 'succeeded',
    description: 'Initial release',
    slugId: null,
    createdAt: now(),
    updatedAt: now(),
    output: '',
  }
  const app = { id: randomUUID(), name, createdAt: now(), current: first.id, slugs: [], builds: [] }
  return { ...app, releases: [first] }
}

function readApps(file: string): App[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return []
  }
  const apps = JSON.parse(text) as App[]
  // Release phases that ran when the sandbox stopped never finished.
  for (const release of apps.flatMap((app) => app.releases)) if (release.status === 'pending') release.status = 'failed'
  return apps
}
