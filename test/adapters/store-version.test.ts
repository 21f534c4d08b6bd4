/** What becomes of a process when a newer version of the program opens its store. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { STORE_VERSION } from '../../src/adapters/store/migrations.ts'
import { openStore } from '../../src/adapters/store/open.ts'
import { NewerVersionInUse } from '../../src/release/ports/jobs.ts'
import { STARTS_QUICKLY } from '../support/processes.ts'
import { makeRelease, openedStore, stopPostgres } from './store-opened.ts'
import { enqueue, run, soon, storeWithRelease, working } from './store-working.ts'

afterAll(stopPostgres)

/** A store that both an older process, the first, and a newer one have opened. */
async function upgraded(options: Parameters<typeof openedStore>[0] = {}) {
  const older = await openedStore(options)
  await makeRelease(older)
  return { older, newer: await older.again({ version: STORE_VERSION + 1 }) }
}

describe('an older process on a store that a newer version has opened', () => {
  it('commits no transaction any more, and the newer one goes on', async () => {
    const { older, newer } = await upgraded()
    expect(older.superseded.aborted).toBe(false)
    let hasWorked = false
    const late = older.store.transaction(async (tx) => {
      hasWorked = true
      await tx.changeRelease(1, { newerCommits: 1 })
    })
    await expect(late).rejects.toBeInstanceOf(NewerVersionInUse)
    expect(hasWorked).toBe(false)
    expect(older.superseded.aborted).toBe(true)
    await newer.store.transaction((tx) => tx.changeRelease(1, { newerCommits: 2 }))
    expect(await older.store.release(1)).toMatchObject({ newerCommits: 2 })
    expect(newer.superseded.aborted).toBe(false)
  })

  it('stops within its next claim, hands the job back, and takes no other', async () => {
    const { older, newer } = await upgraded({ role: 'worker', timing: soon })
    const old = await working(older)
    await enqueue(newer, run())
    await expect.poll(() => older.superseded.aborted, { timeout: 10_000 }).toBe(true)
    const work = await working(newer)
    expect(await work.next()).toMatchObject({ job: run() })
    await enqueue(newer, { kind: 'plan', release: 1 })
    expect(await work.next()).toMatchObject({ job: { kind: 'plan' }, attempt: 1 })
    expect(old.claims).toEqual([])
  })

  it('finishes nothing half: the job in hand commits nothing as its holder, and is taken up by the newer one', async () => {
    const older = await storeWithRelease()
    const going = Promise.withResolvers<void>()
    const ends: unknown[] = []
    const old = await working(older, async (claim) => {
      await going.promise
      await older.store
        .transaction((tx) => tx.changeRelease(1, { newerCommits: 1 }), { as: claim })
        .catch((error) => {
          ends.push(error)
          throw error
        })
    })
    await enqueue(older, run())
    await old.next()
    const newer = await older.again({ version: STORE_VERSION + 1 })
    going.resolve()
    await expect.poll(() => ends).toEqual([expect.any(NewerVersionInUse)])
    const work = await working(newer)
    expect(await work.next()).toMatchObject({ job: run(), attempt: 2 })
    expect(await newer.store.release(1)).not.toHaveProperty('newerCommits')
  })

  it('sends nothing to Slack any more, and leaves no trace of a try', async () => {
    const { older, newer } = await upgraded()
    await newer.store.transaction((tx) => tx.send({ kind: 'card', release: 1 }))
    const [posting] = await newer.outbox.due(9)
    await expect(older.outbox.trying(posting?.id ?? 0)).rejects.toBeInstanceOf(NewerVersionInUse)
    expect(await older.outbox.due(9)).toEqual([])
    expect(await newer.outbox.due(9)).toMatchObject([{ tries: 0 }])
    await newer.outbox.trying(posting?.id ?? 0)
    expect(await newer.outbox.due(9)).toMatchObject([{ tries: 1 }])
  })

  it.each<[string, (older: Awaited<ReturnType<typeof upgraded>>['older']) => Promise<unknown>]>([
    ['says that it is alive', ({ store }) => store.workerSeen({ id: 'w', configurations: {} })],
    ['asks for the time', ({ store }) => store.now()],
    ['is asked whether it is ready', ({ ping }) => ping()],
    ['looks for messages', ({ outbox }) => outbox.due(1)],
  ])('finds out while idle when it %s', async (_, look) => {
    const { older, newer } = await upgraded()
    await newer.store.transaction((tx) => tx.send({ kind: 'card', release: 1 }))
    await look(older)
    expect(older.superseded.aborted).toBe(true)
  })
})

describe('opening a store', () => {
  it('of the same version again takes nothing from the first', async () => {
    const first = await openedStore()
    const second = await first.again()
    await makeRelease(first)
    await makeRelease(second, { environment: 'integration' })
    expect([first.superseded.aborted, second.superseded.aborted]).toEqual([false, false])
  })

  it('that a newer version uses is refused, for reading too', async () => {
    const { older } = await upgraded()
    await expect(older.again()).rejects.toThrow('The store belongs to a newer version of Signoff')
    await expect(older.again({ migrate: false })).rejects.toThrow('The store belongs to a newer version of Signoff')
    const reader = await older.again({ migrate: false, version: STORE_VERSION + 1 })
    expect(await reader.store.release(1)).toMatchObject({ number: 1 })
  })
})

describe('signoff start', () => {
  const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const RELEASES = `
apps:
  api:
    repository: team/api
    environments:
      production:
        branch: master
        remote: { name: production, url: /srv/git/api.git }
        channel: "#product"
`

  it('stops and exits with 0 when a newer version has opened the store, with one clear line', async () => {
    const opened = await openedStore()
    await makeRelease(opened)
    const directory = await mkdtemp(join(tmpdir(), 'signoff-version-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    await writeFile(join(directory, 'releases.yml'), RELEASES)
    const child = spawn(process.execPath, [MAIN, 'start', '--role', 'worker'], {
      cwd: directory,
      env: { ...STARTS_QUICKLY, HOME: directory, STORE_URL: opened.url, BITBUCKET_TOKEN: 'token', PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let printed = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed += text
      })
    }
    const ended = once(child, 'exit')
    await expect.poll(() => printed, { timeout: 40_000 }).toContain('"msg":"started"')
    const newer = await openStore({ pool: { connectionString: opened.url }, version: STORE_VERSION + 1 })
    onTestFinished(() => newer.close())
    await enqueue(newer, { kind: 'plan', release: 1 })
    expect(await ended).toEqual([0, null])
    const lines = printed.split('\n').filter((line) => line !== '')
    expect(lines.filter((line) => /"level":"(warn|error)"/.test(line))).toEqual([
      expect.stringContaining('a newer version of Signoff uses the store: this process takes no more work and stops'),
    ])
    expect(await newer.jobs.isLive({ kind: 'plan', release: 1 })).toBe(true)
    expect(await newer.store.release(1)).toMatchObject({ state: 'planning' })
  })
})
