/** A Postgres server for tests: its files, its process, and its end. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { type ServerAccount, serverAccount } from '../../src/adapters/embedded-postgres/account.ts'
import {
  type PostgresBinaries,
  postgresBinaries,
  postgresEnvironment,
} from '../../src/adapters/embedded-postgres/binaries.ts'

/** What the global setup hands to the tests. */
export type TestServer = { socketDir: string; port: number; user: string; password: string }

/** postgresql://user:password@127.0.0.1:port/name */
export function urlOf(server: TestServer, name: string): string {
  return `postgresql://${server.user}:${server.password}@127.0.0.1:${server.port}/${name}`
}

export async function inDatabase(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

/** Settings of the server, by their names in postgresql.conf. */
export type Settings = Readonly<Record<string, string>>

export interface StartedServer {
  readonly server: TestServer
  stop(): Promise<void>
  /** SIGKILL to its first process; its others end when they see that. */
  kill(): Promise<void>
  /** Starts it again on what it has written; resolves when it takes connections. */
  startAgain(): Promise<void>
}

/** `other`: the programs of an older version, which does not know the newest settings. */
export async function startServer(settings: Settings = {}, other?: PostgresBinaries): Promise<StartedServer> {
  const binaries = other ?? (await postgresBinaries())
  const root = await mkdtemp(join(tmpdir(), 'signoff-test-postgres-'))
  const cluster = join(root, 'cluster')
  const account = await serverAccount(cluster)
  const password = randomBytes(16).toString('hex')
  const user = 'tests'
  try {
    await writeFile(join(root, 'password'), password, { mode: 0o600 })
    await mkdir(join(root, 'socket'), { mode: 0o700 })
    for (const path of [root, join(root, 'password'), join(root, 'socket')]) {
      await chown(path, account.uid, account.gid)
    }
    const newest = other === undefined ? ['-c', 'scram_iterations=1'] : []
    await initialize(binaries.initdb, cluster, user, join(root, 'password'), account, newest)
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort()
      const server = { socketDir: join(root, 'socket'), port, user, password }
      const begin = () =>
        launch(binaries.postgres, cluster, root, server, account, {
          ...(other === undefined && { io_method: 'sync' }),
          ...settings,
        })
      let child = begin()
      const words = collect(child)
      const url = urlOf(server, 'postgres')
      if (await becomesReady(url, words)) {
        return {
          server,
          stop: () => end(child),
          async kill() {
            const [pid] = (await readFile(join(cluster, 'postmaster.pid'), 'utf8')).split('\n')
            child.kill('SIGKILL')
            process.kill(Number(pid), 'SIGKILL')
          },
          async startAgain() {
            // Those that the killed one had started may still hold its shared memory for a moment.
            for (let left = 20; ; left -= 1) {
              child = begin()
              const said = collect(child)
              if (await becomesReady(url, said)) return
              await end(child)
              if (left === 0) throw new Error(`The server does not start again: ${said()}`)
            }
          },
        }
      }
      await end(child)
      // Another program may have taken the port in between.
      if (attempt === 3) throw new Error(`The tests' Postgres does not start: ${words()}`)
    }
  } catch (error) {
    await rm(root, { recursive: true, force: true })
    throw error
  }
}

async function initialize(
  initdb: string,
  cluster: string,
  user: string,
  passwordFile: string,
  account: ServerAccount,
  more: readonly string[],
): Promise<void> {
  const access = ['--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${passwordFile}`]
  // Thousands of connections, each of which would hash the password 4,096 times at either end.
  const options = ['-U', user, '-E', 'UTF8', '--locale=C', '--no-sync', ...more, ...access]
  await promisify(execFile)(initdb, ['-D', cluster, ...options], { ...account, cwd: '/', env: postgresEnvironment })
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((settle, refuse) => probe.once('error', refuse).listen(0, '127.0.0.1', settle))
  const address = probe.address()
  await new Promise((settle) => probe.close(settle))
  if (address === null || typeof address === 'string') throw new Error('No loopback port is free.')
  return address.port
}

/**
 * The shell waits for the end of its input, which comes when we close it or are gone; then the server ends, and its
 * directory goes. The directory of one that never started stays, for the next attempt.
 */
const untilInputEnds = '"$@" & server=$!; read -r line; kill -INT $server && { wait $server; rm -rf "$0"; }'

function launch(
  postgres: string,
  cluster: string,
  root: string,
  server: TestServer,
  account: ServerAccount,
  others: Settings,
): ChildProcess {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: `${server.port}`,
    unix_socket_directories: server.socketDir,
    max_connections: '200',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    // Databases that live for seconds need nobody to look after them, nor a log that could be replayed elsewhere.
    autovacuum: 'off',
    wal_level: 'minimal',
    max_wal_senders: '0',
    checkpoint_timeout: '1h',
    jit: 'off',
    ...others,
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return spawn('/bin/sh', ['-c', untilInputEnds, root, postgres, '-D', cluster, ...options], {
    ...account,
    cwd: '/',
    env: postgresEnvironment,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
}

function collect(child: ChildProcess): () => string {
  let words = ''
  child.stderr?.on('data', (chunk) => {
    words = (words + chunk).slice(-4000)
  })
  return () => words
}

async function becomesReady(url: string, words: () => string): Promise<boolean> {
  const patience = Date.now() + 20_000
  const isInVain = () => /could not create any TCP\/IP sockets|pre-existing shared memory/.test(words())
  while (Date.now() < patience && !isInVain()) {
    try {
      await inDatabase(url, async () => undefined)
      return true
    } catch {
      await delay(20)
    }
  }
  return false
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((settle) => child.once('close', settle))
  child.stdin?.end()
  await gone
}
