/**
 * A whole release on services that Signoff does not come with: a forge in memory, a platform that copies a tree, a migrator
 * of numbered files. The worker is the real one, on real git; that it needs no more is what makes a second service a folder.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createGit } from '../../src/adapters/git/git.ts'
import { CLOCK } from '../../src/lib/clock.ts'
import type { ServiceWords } from '../../src/release/ports/words.ts'
import type { Release } from '../../src/release/release.ts'
import { createReleaseService } from '../../src/release/service.ts'
import type { App, Environment } from '../../src/release/settings.ts'
import type { PlatformName } from '../../src/release/stored-names.ts'
import { hasEnded } from '../../src/release/terms.ts'
import { threadLine } from '../../src/slack/views/thread.ts'
import { createCheckouts } from '../../src/worker/checkouts.ts'
import { TIMES, type WorkerPorts } from '../../src/worker/ports.ts'
import { startWorker } from '../../src/worker/worker.ts'
import { aMigration, DANA, digests, LIN, TOM } from '../support/builders.ts'
import { createFakeDirectory } from '../support/directory.ts'
import { createGitRepositories, type GitRepository } from '../support/git-repository.ts'
import { createCopyingPlatform } from '../support/other-services/copying-platform.ts'
import { createFileMigrator } from '../support/other-services/file-migrator.ts'
import { createMemoryForge } from '../support/other-services/memory-forge.ts'
import { createMemoryStore } from '../support/simulation/memory-store.ts'

/** As a third one would be added to PLATFORM_NAMES. */
const COPIER = 'copier' as string as PlatformName
const OURS = /heroku|bitbucket|alembic/i

const ends: (() => Promise<unknown>)[] = []
let place: string
let origin: GitRepository
let live: GitRepository

beforeEach(async () => {
  const repositories = await createGitRepositories()
  place = await mkdtemp(join(tmpdir(), 'signoff-other-services-'))
  ends.push(
    () => repositories.close(),
    () => rm(place, { recursive: true, force: true }),
  )
  origin = await repositories.repository('origin')
  live = await repositories.repository('live')
})
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

function environment(name: string, settings: Partial<Environment>): Environment {
  return {
    app: 'shop',
    name,
    branch: name,
    pullRequest: 'branch',
    remote: { name: `copier-${name}`, url: live.directory, branch: name, platform: COPIER },
    migrations: [],
    channel: '#shop',
    announce: 'off',
    digests: digests(name),
    ...settings,
  }
}

async function start() {
  const staging = environment('staging', {})
  const production = environment('live', {
    promotes: 'staging',
    migrations: [aMigration({ app: 'shop', environment: 'live', config: 'migrations/settings.json', program: 'none' })],
    signOff: { qa: 1, approvals: 1, requireChecks: false, expiresAfterMs: 3_600_000 },
  })
  const app: App = {
    name: 'shop',
    repository: 'team/shop',
    gitUrl: origin.directory,
    environments: [staging, production],
  }
  const forge = createMemoryForge(origin.directory)
  const platform = await createCopyingPlatform(live, place)
  const migrator = createFileMigrator({ live: join(place, 'database.json') })
  const services: ServiceWords = {
    forge: forge.words,
    platforms: { [COPIER]: platform.words } as ServiceWords['platforms'],
    migrator: migrator.words,
  }
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const git = createGit({ mirrors: join(place, 'mirrors'), credentials: () => undefined })
  const memory = createMemoryStore({ now: Date.now })
  const waking = setInterval(memory.wake, 50)
  const { store, jobs, lock } = memory.connect('worker')
  const directory = createFakeDirectory()
  for (const { id, name } of [DANA, LIN, TOM]) directory.member(id, name)
  const service = createReleaseService({ store, directory, apps: [app], services })
  const worker = await startWorker({
    apps: [app],
    store,
    jobs,
    lock,
    health: { ask: async () => ({ isHealthy: true, status: 200, ms: 1 }) },
    git,
    forge,
    words: services,
    platforms: { [COPIER]: platform } as unknown as WorkerPorts['platforms'],
    migrator,
    sqlRisks: { classify: async (revisions) => revisions.map(() => ({ findings: [], commits: false })) },
    checkouts: createCheckouts({ directory: join(place, 'checkouts', String(process.pid)), git, log }),
    times: { ...TIMES, pause: 10, poll: 10 },
    clock: CLOCK,
    log,
  })
  ends.push(
    () => git.close(),
    async () => clearInterval(waking),
    () => worker.stop(1_000),
  )

  async function reaches(number: number, state: Release['state']): Promise<Release> {
    for (let tries = 0; tries < 2_000; tries++) {
      const release = await store.release(number)
      if (release?.state === state) return release
      if (release !== undefined && hasEnded(release.state)) break
      await sleep(10)
    }
    const { state: is, problem, steps } = (await store.release(number)) ?? {}
    throw new Error(`#${number} is ${is}, not ${state}: ${JSON.stringify({ problem, steps })}`)
  }

  /** Asks for it, signs it, and waits for what becomes of it. */
  async function release(key: string, state: Release['state']): Promise<Release> {
    const made = await service.request({ app: 'shop', environment: 'live', kind: 'deploy', by: DANA.id, key })
    if ('refused' in made) throw new Error(JSON.stringify(made.refused))
    const { number } = made.release
    await reaches(number, 'awaiting sign-off')
    await service.act('qa', { release: number, by: LIN.id })
    await service.act('approval', { release: number, by: TOM.id })
    return reaches(number, state)
  }

  /** Everything that the thread says, as it is drawn. */
  const thread = (of: Release) =>
    memory.outboxRows().flatMap(({ message }) => {
      if ((message.kind !== 'line' && message.kind !== 'outcome') || message.release !== of.number) return []
      const line =
        message.kind === 'line' ? message.line : ({ is: 'outcome', events: 1, head: 'a'.repeat(64) } as const)
      return [JSON.stringify(threadLine(line, of, { services, environment: production, owed: [] }))]
    })
  return { memory, forge, platform, service, release, reaches, thread }
}

const SETTINGS = { 'migrations/settings.json': '{"folder": "migrations"}' }

it('goes from the request to its success, and nothing that is stored or said names another service', async () => {
  const first = await origin.commit('first', { branch: 'live', files: { ...SETTINGS, 'shop.txt': 'one\n' } })
  await origin.branch('staging', first)
  const files = { 'shop.txt': 'two\n', 'migrations/001_documents.sql': 'create table documents ();\n' }
  await origin.commit('second', { branch: 'staging', files })

  const { memory, forge, platform, release, thread } = await start()
  const done = await release('first', 'succeeded')

  expect(done.steps.map(({ name, state }) => `${name} ${state}`).sort()).toEqual(
    ['record', 'merge', 'sync', 'verify', 'migrate', 'push', 'confirm', 'report'].map((name) => `${name} done`).sort(),
  )
  const merged = await origin.head('live')
  expect(merged).toBe(forge.pullRequests[0]?.mergeCommit)
  expect(await live.head('live')).toBe(merged)
  expect(await readdir(platform.folder)).toEqual(['migrations', 'shop.txt'])
  expect(await readFile(join(platform.folder, 'shop.txt'), 'utf8')).toBe('two\n')
  expect(JSON.parse(await readFile(join(place, 'database.json'), 'utf8'))).toEqual([
    { revision: '001', sql: 'create table documents ();' },
  ])
  expect(forge.comments).toMatchObject([
    { on: 'request 1', text: expect.stringContaining('create table documents ();') },
  ])

  const said = thread(done).join('\n')
  expect(said).toContain(`https://shelf.example/team/shop?commit=${merged}`)
  expect(said).toContain(`Confirmed: copier-live has a copy of ${merged?.slice(0, 7)}`)
  const written = [memory.releases(), memory.events(), memory.outboxRows(), forge.comments, forge.pullRequests]
  for (const text of [said, ...written.map((each) => JSON.stringify(each))]) expect(text).not.toMatch(OURS)
})

it('tells a release that the platform fails in the words of the platform, and makes it again without a push', async () => {
  const first = await origin.commit('first', { branch: 'live', files: { ...SETTINGS, 'shop.txt': 'one\n' } })
  await origin.branch('staging', first)
  await origin.commit('second', { branch: 'staging', files: { DO_NOT_COPY: '' } })

  const { service, platform, release, reaches, thread } = await start()
  const failed = await release('first', 'needs attention')
  expect(failed.problem).toMatchObject({ step: 'confirm', because: { gate: 'release_phase_failed', platform: COPIER } })
  const said = thread(failed).join('\n')
  expect(said).toContain('Copier’s release phase failed: v1 of copier-live is not live')
  expect(said).toContain('cat copier-live/v1')
  expect(said).not.toMatch(OURS)

  // An operator of the platform has fixed what kept it from copying.
  const copy = await readFile(join(place, 'copy'), 'utf8')
  await writeFile(join(place, 'copy'), copy.replace('DO_NOT_COPY', 'NOTHING'))
  await service.act('retry', { release: failed.number, by: DANA.id })
  const done = await reaches(failed.number, 'succeeded')
  expect(done.steps.find(({ name }) => name === 'push')?.result?.said).toMatch(/^Made Copier release v2 from /)
  expect(await readdir(platform.folder)).toContain('DO_NOT_COPY')
})
