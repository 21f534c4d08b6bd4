/** A real pgbouncer before a test's server. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { serverAccount } from '../../src/adapters/embedded-postgres/account.ts'

const program = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', 'pgbouncer'].find(isThere)
if (program === undefined) console.log('skipped: pgbouncer is not installed (Debian: apt-get install pgbouncer)')

/** For `skipIf`; where there is none, it was printed what to install. */
export const hasPgbouncer = program !== undefined

function isThere(path: string): boolean {
  try {
    execFileSync(path, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const OUR_PARAMETERS = 'statement_timeout, idle_in_transaction_session_timeout'

/** The URL of a database through a pgbouncer, which ends with the test. `ignores`: parameters of a start; empty: none. */
export async function pooled(
  url: string,
  mode: 'transaction' | 'session',
  { ignores = OUR_PARAMETERS, settings = '' }: { ignores?: string; settings?: string } = {},
): Promise<string> {
  const database = new URL(url)
  const directory = await mkdtemp(join(tmpdir(), 'signoff-pgbouncer-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  // It does not run as root.
  const account = await serverAccount(directory)
  const port = await freePort()
  const file = join(directory, 'pgbouncer.ini')
  await writeFile(
    file,
    `[databases]
* = host=${database.hostname} port=${database.port} user=${database.username} password=${database.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = 30
${ignores === '' ? '' : `ignore_startup_parameters = ${ignores}`}
${settings}
`,
  )
  await chown(directory, account.uid, account.gid)
  await chown(file, account.uid, account.gid)
  const child = spawn(program ?? '', ['-q', file], { ...account, cwd: directory, stdio: 'ignore' })
  onTestFinished(async () => {
    if (child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  await expect.poll(() => answers(port), { interval: 20 }).toBe(true)
  database.port = `${port}`
  return database.href
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  return typeof address === 'object' && address !== null ? address.port : 0
}

function answers(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1', () => settle(true)).on('error', () => settle(false))
    socket.on('connect', () => socket.destroy())
  })
}
