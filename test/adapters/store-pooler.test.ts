/** Promise 10, O12: a store behind a real pgbouncer. In transaction mode nothing starts; in session mode all holds. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { PooledStore } from '../../src/adapters/store/opening-failed.ts'
import { requireSessions } from '../../src/adapters/store/sessions.ts'
import { freePort, hasPgbouncer, pooled } from '../support/pgbouncer.ts'
import { STARTS_QUICKLY } from '../support/processes.ts'
import { openedStore, stopPostgres } from './store-opened.ts'

afterAll(stopPostgres)

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

/** A command of Signoff on that store, until it ends or prints `until`. */
async function signoff(command: 'start' | 'doctor', url: string, until?: string) {
  const directory = await mkdtemp(join(tmpdir(), 'signoff-pooled-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  await writeFile(join(directory, 'releases.yml'), RELEASES)
  const settings = { STORE_URL: url, BITBUCKET_TOKEN: 'token', BITBUCKET_API_URL: 'http://127.0.0.1:1', PORT: '0' }
  const child = spawn(process.execPath, [MAIN, command, '--role', 'worker'], {
    cwd: directory,
    env: { ...STARTS_QUICKLY, HOME: directory, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let printed = ''
  const ended = once(child, 'close')
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
      if (until !== undefined && printed.includes(until)) child.kill('SIGTERM')
    })
  }
  const [code] = await ended
  return { code, printed }
}

describe.skipIf(!hasPgbouncer)('O12: STORE_URL through pgbouncer', () => {
  it('in transaction mode: the start ends with 2 and says why, and doctor says it', async () => {
    const opened = await openedStore()
    const url = await pooled(opened.url, 'transaction')
    const [start, doctor] = await Promise.all([signoff('start', url), signoff('doctor', url)])
    expect(start).toEqual({
      code: 2,
      printed:
        "Signoff can't start: STORE_URL goes through a pooler: a lock that one connection took was not held against another. Give a direct connection to Postgres.\n",
    })
    expect(doctor.code).toBe(1)
    expect(doctor.printed).toMatch(/^✗ store connection: STORE_URL goes through a pooler: .* Give a direct connection/m)
    expect(`${start.printed}${doctor.printed}`).not.toContain(new URL(url).password)
  })

  it.each([
    ['as it comes, which takes no startup parameters', { ignores: '' }],
    ['that gives each server in turn', { settings: 'server_round_robin = 1\nmin_pool_size = 4' }],
    ['with one server for all', { settings: 'pool_mode = transaction\ndefault_pool_size = 1' }],
  ])('in transaction mode, %s: it is found out', async (_, options) => {
    const opened = await openedStore()
    const refused = requireSessions({ connectionString: await pooled(opened.url, 'transaction', options) })
    await expect(refused).rejects.toBeInstanceOf(PooledStore)
    await expect(refused).rejects.toThrow(/^STORE_URL goes through a pooler.*\. Give a direct connection to Postgres/)
  })

  it('in transaction mode, had it started: of three callers one holds the lease', async () => {
    const opened = await openedStore()
    const pool = { connectionString: await pooled(opened.url, 'transaction') }
    const stores = await Promise.all([1, 2, 3].map(() => opened.again({ pool, migrate: false })))
    const [first, ...others] = stores.map(({ lock }) => lock)
    const take = (lock = first, work = async (): Promise<unknown> => 'two at once') =>
      lock?.withLease('api', 'production', work)
    const outcome = await take(first, async () => [await take(others[0]), await take(others[1])])
    expect(outcome).toEqual({ done: ['held', 'held'] })
  })

  it('in session mode: it starts, and one caller holds the lease', async () => {
    const opened = await openedStore()
    const url = await pooled(opened.url, 'session')
    const started = await signoff('start', url, '"msg":"started"')
    expect(started.code, started.printed).toBe(0)
    const other = await opened.again({ pool: { connectionString: url } })
    const outcome = await other.lock.withLease('api', 'production', async ({ fence }) => {
      expect(await opened.lock.withLease('api', 'production', async () => 'two at once')).toBe('held')
      return fence
    })
    expect(outcome).toEqual({ done: 1 })
  })

  it('in session mode, as it comes: the start ends with 2 and names the parameter', async () => {
    const opened = await openedStore()
    const { code, printed } = await signoff('start', await pooled(opened.url, 'session', { ignores: '' }))
    expect(code).toBe(2)
    expect(printed).toMatch(
      /a pooler that does not take the startup parameter \w+\. Give a direct connection to Postgres, or/,
    )
  })
})

describe('a direct connection', () => {
  it('gives sessions, and the try leaves no lock and nobody listening', async () => {
    const opened = await openedStore()
    await requireSessions({ connectionString: opened.url })
    expect(
      await opened.sql(`select mode from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`),
    ).toEqual([])
  })

  it('that nobody answers is told as before', async () => {
    const refused = requireSessions({ connectionString: `postgresql://nobody@127.0.0.1:${await freePort()}/none` })
    await expect(refused).rejects.toThrow('The store does not answer (ECONNREFUSED). See STORE_URL')
  })
})
