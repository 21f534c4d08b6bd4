import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, expect, it } from 'vitest'
import { socketDirectory } from '../../src/adapters/embedded-postgres/account.ts'
import { installedPackage, postgresBinaries } from '../../src/adapters/embedded-postgres/binaries.ts'
import {
  attachEmbeddedPostgres,
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/adapters/embedded-postgres/embedded-postgres.ts'
import { knock } from '../../src/adapters/embedded-postgres/postmaster.ts'

const isRoot = process.getuid?.() === 0
const onLinux = process.platform === 'linux'
const nobody = { uid: 65534, gid: 65534 }
const source = (file: string): string => new URL(`../../src/adapters/embedded-postgres/${file}`, import.meta.url).href

const dataDirs: string[] = []
const otherDirs: string[] = []
const processes: ChildProcess[] = []

afterEach(async () => {
  for (const child of processes.splice(0)) child.kill('SIGKILL')
  for (const dataDir of dataDirs.splice(0)) {
    // A test may leave a store that refuses to be attached to; its directory goes all the same.
    const isLeft = (await attachEmbeddedPostgres({ dataDir }).catch(() => undefined)) !== undefined
    if (isLeft) await (await startEmbeddedPostgres({ dataDir })).stop()
    await rm(dataDir, { recursive: true, force: true })
  }
  for (const dir of otherDirs.splice(0)) await rm(dir, { recursive: true, force: true })
})

async function newDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'signoff-store-'))
  otherDirs.push(dir)
  return dir
}

async function newDataDir(): Promise<string> {
  const dataDir = join(await newDirectory(), 'data')
  await chmod(dirname(dataDir), 0o711)
  dataDirs.unshift(dataDir)
  return dataDir
}

async function query(postgres: Pick<EmbeddedPostgres, 'connection'>, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(postgres.connection)
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

type Service = { attached: boolean; kill(): Promise<void>; end(): Promise<void> }

/** A process of its own that starts the store and holds it until its input ends. */
function spawnService(dataDir: string, as: { uid?: number; gid?: number } = {}): ChildProcess {
  const program = `
    import { startEmbeddedPostgres } from ${JSON.stringify(source('embedded-postgres.ts'))}
    const postgres = await startEmbeddedPostgres({ dataDir: process.argv[1] })
    console.log(JSON.stringify({ attached: postgres.attached }))
    process.stdin.on('end', async () => { await postgres.stop(); process.exit() }).resume()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, dataDir], {
    ...as,
    cwd: '/',
    detached: true,
    env: { PATH: process.env.PATH, SLACK_BOT_TOKEN: 'xoxb-of-the-service' },
  })
  processes.push(child)
  return child
}

async function startService(dataDir: string, as?: { uid: number; gid: number }): Promise<Service> {
  const child = spawnService(dataDir, as)
  const gone = new Promise<void>((settle) => child.once('close', () => settle()))
  const said = await new Promise<string>((settle, refuse) => {
    let errors = ''
    child.stderr?.on('data', (chunk) => {
      errors += chunk
    })
    child.stdout?.once('data', (line) => settle(String(line)))
    child.once('close', () => refuse(new Error(`The service ended: ${errors}`)))
  })
  return {
    attached: JSON.parse(said).attached,
    kill: async () => {
      child.kill('SIGKILL')
      await gone
    },
    end: async () => {
      child.stdin?.end()
      await gone
    },
  }
}

async function serverPid(dataDir: string): Promise<number> {
  return Number((await readFile(join(dataDir, 'pg', 'postmaster.pid'), 'utf8')).split('\n')[0])
}

/** Every process of the server. */
async function serverPids(postgres: Pick<EmbeddedPostgres, 'connection'>, dataDir: string): Promise<number[]> {
  const rows = await query(postgres, 'select pid from pg_stat_activity where pid <> pg_backend_pid()')
  return [await serverPid(dataDir), ...rows.map((row) => Number(row.pid))]
}

async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return !/\) [ZX] /.test(status)
}

async function untilTrue(condition: () => Promise<boolean>): Promise<void> {
  const patience = Date.now() + 15_000
  while (!(await condition())) {
    if (Date.now() > patience) throw new Error('It did not become true in 15 seconds.')
    await delay(5)
  }
}

it('makes a private store at the first start, keeps the data, and leaves nothing running', async () => {
  const dataDir = await newDataDir()
  const first = await startEmbeddedPostgres({ dataDir, maxConnections: 17 })
  expect(first.attached).toBe(false)
  const [settings] = await query(
    first,
    `select current_setting('server_version_num')::int / 10000 as major, current_setting('data_checksums') as checksums,
            current_setting('listen_addresses') as addresses, current_setting('max_connections') as connections,
            current_setting('fsync') as fsync, datcollate as collation, pg_encoding_to_char(encoding) as encoding
       from pg_database where datname = current_database()`,
  )
  expect(settings).toEqual({
    major: 18,
    checksums: 'on',
    addresses: '',
    connections: '17',
    fsync: 'on',
    collation: 'C',
    encoding: 'UTF8',
  })
  const socket = await stat(String(first.connection.host))
  expect(socket.mode & 0o777).toBe(0o700)
  expect((await readdir(dataDir)).sort()).toEqual(['pg', 'pg.log', 'pg.socket'])

  await query(first, 'create table kept as select 42 as answer')
  const pids = await serverPids(first, dataDir)
  await Promise.all([first.stop(), first.stop()])
  expect(await Promise.all(pids.map(isRunning))).toEqual(pids.map(() => false))

  const second = await startEmbeddedPostgres({ dataDir })
  expect(second.attached).toBe(false)
  expect(await query(second, 'select answer from kept')).toEqual([{ answer: 42 }])
  await second.stop()
})

it.runIf(isRoot)(
  'runs as an unprivileged user when root starts it, in a data directory that only root had',
  async () => {
    const dataDir = await newDataDir()
    await mkdir(dataDir, { mode: 0o700 })
    const postgres = await startEmbeddedPostgres({ dataDir })
    expect((await stat(join(dataDir, 'pg'))).uid).toBeGreaterThan(0)
    expect((await stat(dataDir)).mode & 0o777).toBe(0o710)
    await postgres.stop()
  },
)

it.runIf(isRoot)('takes a cluster that root restored from a backup', async () => {
  const dataDir = await newDataDir()
  const first = await startEmbeddedPostgres({ dataDir })
  await query(first, 'create table kept as select 42 as answer')
  await first.stop()
  await cp(join(dataDir, 'pg'), join(dataDir, 'restored'), { recursive: true })
  await rm(join(dataDir, 'pg'), { recursive: true })
  await cp(join(dataDir, 'restored'), join(dataDir, 'pg'), { recursive: true })
  await chmod(join(dataDir, 'pg'), 0o700)
  const restored = await startEmbeddedPostgres({ dataDir })
  expect(await query(restored, 'select answer from kept')).toEqual([{ answer: 42 }])
  await restored.stop()
})

it.runIf(isRoot)('runs for an ordinary user, and says whose it is when another comes', async () => {
  const home = await newDirectory()
  await chown(home, nobody.uid, nobody.gid)
  const dataDir = join(home, 'data')
  dataDirs.unshift(dataDir)
  const service = await startService(dataDir, nobody)
  expect(service.attached).toBe(false)
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700)

  const byRoot = await attachEmbeddedPostgres({ dataDir })
  expect(byRoot && (await query(byRoot, 'select 1 as one'))).toEqual([{ one: 1 }])
  await service.end()
  expect(await attachEmbeddedPostgres({ dataDir })).toBeUndefined()

  await chmod(dataDir, 0o777)
  await chmod(home, 0o755)
  await expect(startService(dataDir, { uid: 12345, gid: 12345 })).rejects.toThrow('belongs to the user id 65534')
})

it.runIf(isRoot)('says which directory is closed to the unprivileged user', async () => {
  const closed = await newDirectory()
  const start = startEmbeddedPostgres({ dataDir: join(closed, 'data') })
  await expect(start).rejects.toThrow(`${closed} is closed to it. Set DATA_DIR`)
})

it.runIf(onLinux)('gives the server none of the service’s secrets', async () => {
  const dataDir = await newDataDir()
  const service = await startService(dataDir)
  const environment = await readFile(`/proc/${await serverPid(dataDir)}/environ`, 'utf8')
  expect(environment).toContain('LC_ALL=C')
  expect(environment).not.toContain('xoxb')
  await service.end()
})

it('has every acknowledged row after kill -9 of the service and every server process', async () => {
  const dataDir = await newDataDir()
  const service = await startService(dataDir)
  const seen = await attachEmbeddedPostgres({ dataDir })
  if (seen === undefined) throw new Error('The store does not run.')
  await query(seen, 'create table kept as select generate_series(1, 1000) as id')
  const pids = await serverPids(seen, dataDir)
  await service.kill()
  // The one that served the service alone may have ended with it.
  for (const pid of pids) if (await isRunning(pid)) process.kill(pid, 'SIGKILL')

  const again = await startEmbeddedPostgres({ dataDir })
  expect(again.attached).toBe(false)
  expect(await query(again, 'select count(*)::int as rows from kept')).toEqual([{ rows: 1000 }])
  await again.stop()
})

it('attaches to the server that a killed service left, and ends it', async () => {
  const dataDir = await newDataDir()
  const service = await startService(dataDir)
  const pid = await serverPid(dataDir)
  await service.kill()

  const again = await startEmbeddedPostgres({ dataDir })
  expect(again.attached).toBe(true)
  expect(await serverPid(dataDir)).toBe(pid)
  expect(await query(again, 'select 1 as one')).toEqual([{ one: 1 }])

  await again.stop()
  expect(await isRunning(pid)).toBe(false)
  expect(await attachEmbeddedPostgres({ dataDir })).toBeUndefined()
})

it('starts cleanly after a kill in the middle of making the cluster', async () => {
  const dataDir = await newDataDir()
  const child = spawnService(dataDir)
  const gone = new Promise((settle) => child.once('close', settle))
  await untilTrue(async () => {
    const [half] = (await readdir(dataDir).catch(() => [])).filter((name) => name.startsWith('pg.init.'))
    return half !== undefined && (await readdir(join(dataDir, half))).includes('global')
  })
  process.kill(-Number(child.pid), 'SIGKILL')
  await gone
  expect(await readdir(dataDir)).not.toContain('pg')

  const postgres = await startEmbeddedPostgres({ dataDir })
  expect(await query(postgres, 'select 1 as one')).toEqual([{ one: 1 }])
  expect((await readdir(dataDir)).sort()).toEqual(['pg', 'pg.log', 'pg.socket'])
  await postgres.stop()
})

it.runIf(onLinux)('starts although stale lock files name a living process of the same user', async () => {
  const dataDir = await newDataDir()
  const first = await startEmbeddedPostgres({ dataDir })
  const paths = [join(dataDir, 'pg', 'postmaster.pid'), join(dataDir, 'pg.socket', '.s.PGSQL.5432.lock')]
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')))
  await first.stop()
  const { uid, gid } = await stat(join(dataDir, 'pg'))
  const stranger = spawn('sleep', ['60'], { uid, gid, cwd: '/' })
  processes.push(stranger)
  for (const [index, path] of paths.entries()) {
    await writeFile(path, `${texts[index]}`.replace(/^\d+/, `${stranger.pid}`))
    await chown(path, uid, gid)
  }

  const again = await startEmbeddedPostgres({ dataDir })
  expect(again.attached).toBe(false)
  expect(await isRunning(Number(stranger.pid))).toBe(true)
  await again.stop()
})

it('keeps its socket elsewhere, privately, when the data directory’s path is too long for one', async () => {
  const dataDir = join(await newDataDir(), 'long'.repeat(30))
  dataDirs.unshift(dataDir)
  const postgres = await startEmbeddedPostgres({ dataDir })
  const host = String(postgres.connection.host)
  otherDirs.push(host)
  expect(host.startsWith(dataDir)).toBe(false)
  expect((await stat(host)).mode & 0o777).toBe(0o700)
  const attached = await attachEmbeddedPostgres({ dataDir })
  expect(attached && (await query(attached, 'select 1 as one'))).toEqual([{ one: 1 }])
  await postgres.stop()

  await rm(host, { recursive: true })
  await symlink(await newDirectory(), host)
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow('should be a private directory')
  await unlink(host)
})

it('finds the running server when another process would put the socket elsewhere', async () => {
  const dataDir = join(await newDataDir(), 'long'.repeat(30))
  dataDirs.unshift(dataDir)
  const postgres = await startEmbeddedPostgres({ dataDir })
  otherDirs.push(String(postgres.connection.host))
  const usual = process.env.TMPDIR
  process.env.TMPDIR = await newDirectory()
  try {
    expect(socketDirectory(dataDir)).not.toBe(postgres.connection.host)
    const attached = await attachEmbeddedPostgres({ dataDir })
    expect(attached?.connection.host).toBe(postgres.connection.host)
  } finally {
    if (usual === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = usual
  }
  await postgres.stop()
})

it('starts one server when two services start at once, and ends it with the last of all that use it', async () => {
  const dataDir = await newDataDir()
  const services = await Promise.all([startService(dataDir), startService(dataDir)])
  expect(services.map((service) => service.attached).sort()).toEqual([false, true])
  const pid = await serverPid(dataDir)
  await services.find((service) => !service.attached)?.end()
  expect(await isRunning(pid)).toBe(true)
  const third = await startService(dataDir)
  await services.find((service) => service.attached)?.end()
  expect(await isRunning(pid)).toBe(true)
  await third.end()
  expect(await isRunning(pid)).toBe(false)
  expect((await readdir(dataDir)).filter((name) => name.startsWith('pg.init'))).toEqual([])
})

it('starts again for a service that comes while the last one ends the server', async () => {
  const dataDir = await newDataDir()
  const last = await startEmbeddedPostgres({ dataDir })
  const [, next] = await Promise.all([last.stop(), startEmbeddedPostgres({ dataDir })])
  expect(await query(next, 'select 1 as one')).toEqual([{ one: 1 }])
  await next.stop()
  expect(await attachEmbeddedPostgres({ dataDir })).toBeUndefined()
})

it.each(['57P01', '57P02', '57P03'])(
  'takes a server that lets nobody in any more (%s) for one that is ending',
  async (code) => {
    const directory = await newDirectory()
    const fields = `SFATAL\0VFATAL\0C${code}\0Mterminating connection\0\0`
    const refusal = Buffer.alloc(5)
    refusal.write('E')
    refusal.writeInt32BE(4 + fields.length, 1)
    const server = createServer((socket) => {
      socket.once('data', () => socket.end(Buffer.concat([refusal, Buffer.from(fields)])))
    })
    await new Promise<void>((resolve) => server.listen(join(directory, '.s.PGSQL.5432'), resolve))
    try {
      expect(await knock(directory)).toBe('busy')
    } finally {
      server.close()
    }
  },
)

it('takes a data directory with commas, spaces and quotes in its name', async () => {
  const dataDir = join(await newDataDir(), `Signoff's "data", here`)
  dataDirs.unshift(dataDir)
  const postgres = await startEmbeddedPostgres({ dataDir })
  expect(await query(postgres, 'select 1 as one')).toEqual([{ one: 1 }])
  await postgres.stop()
})

it('attaches to nothing where nothing runs, and makes nothing', async () => {
  const dataDir = await newDataDir()
  expect(await attachEmbeddedPostgres({ dataDir })).toBeUndefined()
  await expect(stat(dataDir)).rejects.toThrow('ENOENT')
})

it('refuses a cluster of another major version', async () => {
  const dataDir = await newDataDir()
  await mkdir(join(dataDir, 'pg'), { recursive: true })
  await writeFile(join(dataDir, 'pg', 'PG_VERSION'), '17\n')
  await chmod(dataDir, 0o711)
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow('was made by Postgres 17')
})

it('says why a cluster does not start, soon', async () => {
  const dataDir = await newDataDir()
  await (await startEmbeddedPostgres({ dataDir })).stop()
  await rm(join(dataDir, 'pg', 'global', 'pg_control'))
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(/does not start.*pg_control/s)
})

/** The installed package as it is when install scripts did not run: the programs, and no links among the libraries. */
async function packageWithoutLinks(): Promise<string> {
  const installed = join(installedPackage(process.platform, process.arch), 'native')
  const dir = await newDirectory()
  await chmod(dir, 0o755)
  await mkdir(join(dir, 'native', 'lib'), { recursive: true })
  await cp(join(installed, 'bin'), join(dir, 'native', 'bin'), { recursive: true })
  await cp(join(installed, 'pg-symlinks.json'), join(dir, 'native', 'pg-symlinks.json'))
  await symlink(join(installed, 'share'), join(dir, 'native', 'share'))
  for (const entry of await readdir(join(installed, 'lib'), { withFileTypes: true })) {
    const to = join(dir, 'native', 'lib', entry.name)
    if (entry.isDirectory()) await symlink(join(installed, 'lib', entry.name), to)
    else if (!entry.isSymbolicLink()) await symlink(join(installed, 'lib', entry.name), to)
  }
  return dir
}

it('makes the library links that the install script would have made', async () => {
  const packageDir = await packageWithoutLinks()
  const postgres = await startEmbeddedPostgres({ dataDir: await newDataDir(), packageDir })
  expect(await query(postgres, 'select 1 as one')).toEqual([{ one: 1 }])
  await postgres.stop()
})

it('says so when the links are missing and can’t be made', async () => {
  const packageDir = await packageWithoutLinks()
  await chmod(join(packageDir, 'native', 'lib'), 0o555)
  const program = `
    import { postgresBinaries } from ${JSON.stringify(source('binaries.ts'))}
    await postgresBinaries({ packageDir: process.argv[1] }).catch((error) => console.log(error.message))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, packageDir], {
    ...(isRoot ? nobody : {}),
    cwd: '/',
  })
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  await new Promise((settle) => child.once('close', settle))
  await chmod(join(packageDir, 'native', 'lib'), 0o755)
  expect(said).toContain('is not writable (EACCES)')
})

it('points to STORE_URL where there is no Postgres for the platform, or it can’t run', async () => {
  expect(() => installedPackage('sunos', 'x64')).toThrow('Set STORE_URL')
  const packageDir = await newDirectory()
  await chmod(packageDir, 0o755)
  await mkdir(join(packageDir, 'native', 'bin'), { recursive: true })
  const { postgres } = await postgresBinaries({ packageDir })
  // As on musl: the program is there, and what should load it is not.
  await writeFile(postgres, '#!/lib/no-such-loader\n', { mode: 0o755 })
  const start = startEmbeddedPostgres({ dataDir: await newDataDir(), packageDir })
  await expect(start).rejects.toThrow(/does not run on this system \(ENOENT\).*STORE_URL/s)
})
