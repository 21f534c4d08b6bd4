/** Signoff as it is started in service: processes by the command line, and what can be seen of them from outside. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attachEmbeddedPostgres } from '../../src/adapters/embedded-postgres/embedded-postgres.ts'
import { settlesWithin } from '../../src/lib/timeout.ts'
import { watchProcessList } from '../support/process-list.ts'
import { processorTime, STARTS_QUICKLY } from '../support/processes.ts'
import { secretsSeen, storeDump } from '../support/secrets.ts'
import { INTEGRATION, startTeam, type Team } from '../support/team.ts'
import { eventually, waitUntil } from '../support/waiting.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

interface Started {
  readonly child: ChildProcess
  readonly port: number
  output(): string
  /** Waits for `/readyz`. */
  ready(): Promise<void>
  /** SIGTERM, and once more while it stops; gives the exit code. */
  terminate(): Promise<number | null>
  /** Gives the exit code of one that ends by itself. */
  exit(): Promise<number | null>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

const children: ChildProcess[] = []

async function start(
  team: Team,
  args: readonly string[],
  more: Record<string, string | undefined> = {},
): Promise<Started> {
  const port = await freePort()
  const env = {
    ...STARTS_QUICKLY,
    HOME: team.directory,
    ...team.env,
    PORT: String(port),
    LOG_LEVEL: 'trace',
    ...more,
  }
  const child = spawn(process.execPath, [MAIN, 'start', ...args], {
    env,
    cwd: team.directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      output += String(chunk)
    })
  const exited = once(child, 'exit') as Promise<[number | null]>
  return {
    child,
    port,
    output: () => output,
    async ready() {
      await waitUntil(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200, {
        what: () => `it to be ready:\n${output}`,
        moves: async () => [output.length, await processorTime(child.pid ?? 0)],
        everyMs: 100,
      })
    },
    async terminate() {
      child.kill('SIGTERM')
      // It listens no more, and has not ended: what is told twice, as by a terminal and by npm, still ends in order.
      const asked = () => fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } })
      const refuses = () =>
        asked().then(
          () => false,
          () => true,
        )
      await waitUntil(refuses, { what: 'it to listen no more', everyMs: 10 })
      child.kill('SIGTERM')
      const [code] = await exited
      return code
    },
    async exit() {
      const [code] = await exited
      return code
    },
  }
}

/** The command lines, and for processes of ours their environments, of everything that runs on this machine. */
async function processes(): Promise<{ pid: string; line: string }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids.map((pid, index) => ({ pid, line: (lines[index] ?? '').replaceAll('\0', ' ') }))
}

describe('the two roles as two processes', () => {
  let team: Team
  let roles: Started[]
  const processList = watchProcessList()
  beforeAll(async () => {
    team = await startTeam({ unstarted: true, isolation: 'auto' })
    roles = [
      await start(team, ['--role', 'worker'], { SLACK_BOT_TOKEN: undefined, SLACK_APP_TOKEN: undefined }),
      await start(team, ['--role', 'bot'], {
        BITBUCKET_TOKEN: undefined,
        HEROKU_API_KEY: undefined,
        DATA_DIR: join(team.directory, 'bot-data'),
      }),
    ]
    for (const { child } of roles) processList.add(child.pid)
    await Promise.all(roles.map((role) => role.ready()))
  })
  afterAll(async () => {
    await processList.stop()
    for (const child of children) child.kill('SIGKILL')
    await team?.close()
  })

  it('carry out production by three people', async () => {
    await team.releaseProduction(1)
    expect(await team.stepsDone(1)).toEqual([
      ...['record', 'merge', 'sync', 'verify', 'migrate', 'push', 'confirm', 'report'],
    ])
  })

  it('tell failures whose output holds secrets, without them', async () => {
    const password = decodeURIComponent(new URL(team.databases.integration.url).password)
    await team.repository.addRevision({
      message: 'fail aloud',
      upgrade: `import os\nraise Exception('cannot reach ' + os.environ['DATABASE_URL'] + ' with ' + open('.env').read())`,
    })
    await team.command(team.people.dana, '/deploy integration')
    expect(await team.until.line(2, 'failed:migrate')).toContain('cannot reach')
    await team.until.state(2, 'failed')
    expect(team.transcript()).not.toContain(password)

    await team.repository.branch('master', await team.repository.head('master').then(() => previous(team)))
    team.heroku.failNextBuild(
      `cannot fetch with ${team.heroku.apiKey} from https://heroku:${team.heroku.apiKey}@git.heroku.test/x`,
    )
    await team.command(team.people.dana, '/deploy integration')
    expect(await team.until.line(3, 'failed:push')).toContain('cannot fetch')
  })

  it('leave no secret in messages, the store, the logs or a process list', async () => {
    const places = {
      logs: roles.map((role) => role.output()).join('\n'),
      'process lists': [...processList.lines].join('\n'),
    }
    expect(places.logs).toContain('started')
    expect(await storeDump(team.databases.store.url)).toContain('release_requested')
    expect(places['process lists']).toMatch(/alembic/)
    expect(await secretsSeen(team, places)).toEqual([])
  })

  it('stop cleanly on SIGTERM', async () => {
    expect(await Promise.all(roles.map((role) => role.terminate()))).toEqual([0, 0])
  })
})

const previous = async (team: Team) => {
  const [row] = await team.query<{ source: string }>(
    "select plan->'bound'->'source'->>'commit' as source from release where number = 1",
  )
  return row?.source ?? ''
}

describe('everything in one process with the embedded store', () => {
  let team: Team
  let dataDir: string
  beforeAll(async () => {
    team = await startTeam({ unstarted: true, isolation: 'auto' })
    dataDir = await mkdtemp(join(tmpdir(), 'signoff-data-'))
    // Its store is the one that it starts itself.
    team.query = async <Row extends object>(sql: string) => {
      const attached = await attachEmbeddedPostgres({ dataDir })
      if (attached === undefined) return []
      const client = new pg.Client(attached.connection)
      await client.connect()
      try {
        return (await client.query<Row>(sql)).rows
      } finally {
        await client.end()
      }
    }
  })
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await team?.close()
    await rm(dataDir, { recursive: true, force: true })
  })

  // By the data directory, in arguments or environment: other test files run the same program beside this one.
  const ours = async () => {
    const all = await processes()
    const environments = await Promise.all(
      all.map(({ pid }) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')),
    )
    return all.filter(({ line }, index) => line.includes(dataDir) || environments[index]?.includes(dataDir))
  }

  const nothingIsLeft = () => eventually(async () => expect(await ours()).toEqual([]), { moves: ours })

  it('becomes ready, releases, ends with 0 on SIGTERM and leaves no process', async () => {
    const started = await start(team, [], { STORE_URL: undefined, DATA_DIR: dataDir })
    await started.ready()
    await team.command(team.people.dana, '/deploy integration')
    await team.until.succeeded(1)
    expect(team.heroku.runs(INTEGRATION)).toBe(await team.repository.head('master'))
    expect((await ours()).length).toBeGreaterThan(1)

    // Started once more by mistake: it can't be, and takes nothing from the one that runs.
    const again = await start(team, [], { STORE_URL: undefined, DATA_DIR: dataDir, PORT: String(started.port) })
    expect(await again.exit()).toBe(1)
    expect(again.output()).toContain(`Signoff can't start: PORT ${started.port} is used by another program.`)
    await started.ready()

    expect(await started.terminate()).toBe(0)
    await nothingIsLeft()
    for (const secret of team.secrets) expect(started.output()).not.toContain(secret)
  })

  it('goes on from the same data after a restart, and ends as cleanly when it is told to while it starts', async () => {
    const hurried = await start(team, [], { STORE_URL: undefined, DATA_DIR: dataDir })
    await waitUntil(async () => (await ours()).length > 1, { what: 'its first child', moves: ours })
    expect(await hurried.terminate()).toBe(0)
    await nothingIsLeft()

    const again = await start(team, [], { STORE_URL: undefined, DATA_DIR: dataDir })
    await again.ready()
    await team.command(team.people.lin, '/deploy history')
    await team.hears(team.people.lin, '#1', 'succeeded')
    expect(await again.terminate()).toBe(0)
    await nothingIsLeft()
  })

  it('says which setting is at fault when it can’t start, exit code 1, and no value', async () => {
    const roles = [
      [{ SLACK_BOT_TOKEN: 'xoxb-hunter2-planted' }, 'Slack refuses SLACK_BOT_TOKEN (invalid_auth)'],
      [{ SLACK_APP_TOKEN: 'xapp-hunter2-planted' }, 'Slack refuses SLACK_APP_TOKEN (invalid_auth)'],
      [{ SLACK_API_URL: 'http://127.0.0.1:1/' }, 'SLACK_API_URL'],
      [{ STORE_URL: 'postgres://u:hunter2-planted@127.0.0.1:1/x' }, 'The store does not answer'],
      [{ STORE_URL: team.env.STORE_URL?.replace(/:[^:@]+@/, ':hunter2-planted@') }, 'refuses the user or the password'],
    ] as const
    await Promise.all(
      roles.map(async ([more, words]) => {
        const started = await start(team, ['--role', 'bot'], more)
        const isOver = await settlesWithin(60_000, started.exit())
        if (!isOver) throw new Error(`it still runs, and should say ${words}; it said ${started.output()}`)
        expect(await started.exit()).toBe(1)
        expect(started.output()).toContain(words)
        expect(started.output()).not.toContain('hunter2-planted')
      }),
    )
  })

  it('O5: does not start a worker without git, and says so', async () => {
    const started = await start(team, ['--role', 'worker'], { PATH: '/nowhere' })
    expect(await started.exit()).toBe(1)
    expect(started.output()).toContain('git: not found on PATH. The worker needs it: install git.')
  })

  it('refuses to start with every problem at once, exit code 2, and no value', async () => {
    const wrong = await start(team, ['--role', 'bot'], { STORE_URL: undefined, SLACK_BOT_TOKEN: 'hunter2-planted' })
    expect(await wrong.exit()).toBe(2)
    expect(wrong.output()).toMatch(/SLACK_BOT_TOKEN/)
    expect(wrong.output()).toMatch(/STORE_URL/)
    expect(wrong.output()).not.toContain('hunter2-planted')
  })
})
