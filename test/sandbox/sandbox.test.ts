import { execFile, spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../src/sandbox/place.ts'
import type { Systems } from '../../src/sandbox/systems.ts'
import { type OpenSandbox, openSandbox } from '../browser/page.ts'
import { lines } from '../support/channel.ts'
import { eventually } from '../support/waiting.ts'

const run = promisify(execFile)
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Longer than any test takes; each wait has its own limit. */
const LONG = { timeout: 300_000 }

/** Calls the API like a script does. */
async function post(
  url: string,
  name: string,
  body: object,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${url}/api/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const processes = async () => (await run('ps', ['-eo', 'pid,ppid,args'])).stdout.split('\n').map((line) => line.trim())

describe('a sandbox', LONG, () => {
  let open: OpenSandbox
  let dataDir: string
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'signoff-data-'))
    // As root, Postgres runs as another user, which needs access to its directory.
    await chmod(dataDir, 0o755)
    open = await openSandbox({ directory: join(dataDir, 'sandbox'), migrations: 'sql' })
  })
  afterAll(async () => {
    await open?.close()
    await rm(dataDir, { recursive: true, force: true })
  })

  it('runs the SQL beside each revision of both databases, says so, and offers over HTTP what the page offers', async () => {
    const { sandbox, url } = open
    const world = async () => (await (await fetch(`${url}/api/world`)).json()) as Systems
    expect((await world()).migrations).toContain('the SQL beside each revision')
    const columns = await sandbox.databases.columns('integration')
    const isAtHead = ({ revisions, head }: Systems['environments'][number]['search']) => revisions.join() === head
    const databases = ({ environments: [one] }: Systems) => one && [isAtHead(one.database), isAtHead(one.search)]
    expect(databases(await world())).toEqual([false, false])

    const asked = await post(url, 'command', { as: 'dana', channel: 'engineering', text: '/deploy integration' })
    expect(asked.body.seen).toBe('acknowledged')
    // The last message of the thread: after it, nothing of the release is running.
    const isWhole = () => lines(sandbox.slack, 1, 'outcome', 'engineering').length > 0
    await sandbox.slack.waitFor(isWhole, { what: 'the outcome in the thread' })
    expect(await sandbox.databases.columns('integration')).toEqual([...columns, 'documents.language'].sort())
    expect(await sandbox.databases.columns('integration', 'search')).toContain('entries.language')
    expect(databases(await world())).toEqual([true, true])
    const [integration] = (await world()).environments
    expect(integration?.runs?.sha).toBe(await sandbox.repository.head('master'))
    await expect.poll(async () => (await world()).webhooks[0]?.type).toBe('release.succeeded')
    expect((await world()).webhooks.map(({ type, about }) => `${type} ${about}`).toReversed()).toEqual(
      ['requested', 'planned', 'started', 'succeeded'].map((type) => `release.${type} #1 api integration`),
    )
  })

  it('sets the clock of Slack and of the store forward, to the start of a release with a time', async () => {
    const { sandbox, url } = open
    const clock = async () => ((await (await fetch(`${url}/api/world`)).json()) as Systems).clock
    expect(await post(url, 'clock', { to: 'next start' })).toMatchObject({ status: 400 })
    await post(url, 'work', { name: 'commit' })
    await post(url, 'command', { as: 'dana', channel: 'engineering', text: '/deploy integration at 12:00 tomorrow' })
    const cards = () => sandbox.slack.messages('engineering').filter(({ text }) => /is scheduled for/.test(text))
    await sandbox.slack.waitFor(() => cards().length > 0, { what: 'the card of the scheduled release' })
    const { nextStart = '' } = await clock()
    expect(Date.parse(nextStart)).toBeGreaterThan(sandbox.now())
    expect(await post(url, 'clock', { to: 'next start' })).toMatchObject({ status: 200 })
    expect(sandbox.now()).toBeGreaterThanOrEqual(Date.parse(nextStart))
    const isOver = () =>
      lines(sandbox.slack, 2, 'outcome', 'engineering').length > 0 &&
      sandbox.slack.messages('engineering').some(({ text }) => /#2 .*succeeded/.test(text)) &&
      // Progress follows the outcome.
      /Confirmed: .* as v4/.test(sandbox.slack.transcript('engineering'))
    await sandbox.slack.waitFor(isOver, { what: 'the card and the outcome of the scheduled release' })
    const last = sandbox.slack.messages('engineering').at(-1)
    expect(Number(last?.ts) * 1000).toBeGreaterThan(Date.parse(nextStart))
    expect(await clock()).toEqual({ aheadMs: expect.any(Number) })
    // The clock was further ahead than a webhook may be without its bot.
    const told = async () => ((await (await fetch(`${url}/api/world`)).json()) as Systems).webhooks
    await expect
      .poll(async () => (await told())[0])
      .toMatchObject({ type: 'release.succeeded', about: '#2 api integration' })
    expect(await post(url, 'clock', { minutes: -5 })).toMatchObject({ status: 400 })
  })

  it('answers invalid requests with a reason, and refuses other sites', async () => {
    const { url } = open
    expect(await post(url, 'command', { as: 'eve', channel: 'product', text: '/deploy' })).toMatchObject({
      status: 400,
    })
    const nothing = await post(url, 'click', { as: 'dana', channel: 'product', ts: '1.000001', label: 'Approve' })
    expect(nothing).toMatchObject({ status: 400, body: { error: expect.stringContaining('sees no message') } })
    const form = await fetch(`${url}/api/trouble`, { method: 'POST', body: 'name=kill-worker' })
    expect(form.status).toBe(415)
  })

  it('keeps its state across restarts, prints its address, and leaves nothing running after repeated stop signals', async () => {
    const before = { transcript: open.sandbox.slack.transcript(), slack: open.sandbox.slack.apiUrl }
    await open.close()
    const port = await freePort(0)
    const child = spawn(process.execPath, [MAIN, 'sandbox', '--port', String(port)], {
      env: { ...process.env, DATA_DIR: dataDir },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const gone = new Promise<number | null>((resolve) => child.once('close', resolve))
    try {
      let output = ''
      await new Promise<void>((resolve, reject) => {
        child.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString()
          if (output.includes('Ctrl-C')) resolve()
        })
        void gone.then(() => reject(new Error(`it ended: ${output}`)))
      })
      const url = `http://localhost:${port}`
      expect(output).toContain(url)
      expect((await fetch(url)).status).toBe(200)
      const transcript = async () => ((await (await fetch(`${url}/api/transcript`)).json()) as { text: string }).text
      expect(await transcript()).toBe(before.transcript)
      expect(await readFile(join(dataDir, 'sandbox', 'sandbox.json'), 'utf8')).toContain(new URL(before.slack).port)
      await post(url, 'command', { as: 'lin', channel: 'product', text: '/deploy history' })
      await eventually(async () => expect(await transcript()).toMatch(/lin alone:[\s\S]*#1/))

      const second = run(process.execPath, [MAIN, 'sandbox', '--reset', '--port', '0'], {
        env: { ...process.env, DATA_DIR: dataDir },
      })
      await expect(second).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('A sandbox is already running in'),
      })
      expect(await transcript()).toContain(before.transcript.split('\n').at(-1))

      const roles = (await processes()).filter((line) => line.split(/\s+/)[1] === String(child.pid))
      expect(roles.length).toBeGreaterThanOrEqual(2)
      // What one has compiled, the next one finds, as after a kill.
      for (const role of roles.filter((line) => line.includes('--role'))) {
        const { stdout } = await run('ps', ['eww', '-o', 'command=', '-p', String(Number.parseInt(role, 10))])
        expect(stdout).toMatch(/ NODE_COMPILE_CACHE=\//)
      }
      // Several signals and a closed output, as when someone presses Ctrl-C and closes the terminal.
      child.stdout.destroy()
      child.kill('SIGINT')
      child.kill('SIGHUP')
      expect(await gone).toBe(0)
      const isLeft = (line: string) => line.includes(dataDir) || roles.includes(line)
      expect((await processes()).filter(isLeft)).toEqual([])
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('stops all that it started when its page can’t be served: another program took the port meanwhile', async () => {
    const own = await mkdtemp(join(tmpdir(), 'signoff-port-taken-'))
    await chmod(own, 0o755)
    const port = await freePort(0)
    const child = spawn(process.execPath, [MAIN, 'sandbox', '--port', String(port)], {
      env: { ...process.env, DATA_DIR: own },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const gone = new Promise<number | null>((resolve) => child.once('close', resolve))
    const other = createServer()
    try {
      let printed = ''
      child.stderr.on('data', (chunk: Buffer) => {
        printed += chunk.toString()
      })
      await new Promise<void>((resolve, reject) => {
        child.stdout.on('data', (chunk: Buffer) => {
          if (chunk.toString().includes('Starting')) resolve()
        })
        void gone.then(() => reject(new Error(`it ended: ${printed}`)))
      })
      await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
      expect(await gone).toBe(1)
      expect(printed).toContain("The sandbox can't start")
      expect((await processes()).filter((line) => line.includes(own))).toEqual([])
    } finally {
      child.kill('SIGKILL')
      other.close()
      await rm(own, { recursive: true, force: true })
    }
  })

  it('O4: ends whole when a supervisor stops npm alone', async () => {
    const own = await mkdtemp(join(tmpdir(), 'signoff-under-npm-'))
    await chmod(own, 0o755)
    const child = spawn('npm', ['run', '--silent', 'sandbox', '--', '--port', '0'], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, DATA_DIR: own },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve))
    try {
      let printed = ''
      await new Promise<void>((resolve, reject) => {
        child.stdout.on('data', (chunk: Buffer) => {
          printed += chunk.toString()
          if (printed.includes('Ctrl-C')) resolve()
        })
        void gone.then(() => reject(new Error(`it ended: ${printed}`)))
      })
      child.kill('SIGTERM')
      await gone
      await eventually(async () => expect((await processes()).filter((line) => line.includes(own))).toEqual([]))
    } finally {
      child.kill('SIGKILL')
      const left = (await processes()).filter(
        (line) => line.includes(own) || line.endsWith('signoff.js sandbox --port 0'),
      )
      for (const line of left) process.kill(Number.parseInt(line, 10), 'SIGKILL')
      await rm(own, { recursive: true, force: true })
    }
  })

  it('--play plays its story and ends as expected', async () => {
    const { stdout } = await run(process.execPath, [MAIN, 'sandbox', '--play'], { timeout: 280_000 })
    for (const number of [1, 2, 3]) expect(stdout).toContain(`#${number}`)
    expect(stdout).toMatch(/branch production: (\w{7})[\s\S]*complianceai-api-production: runs \1, holds \1/)
    expect(stdout).toMatch(/PR #\d+ OPEN: .*#3.*master/)
    expect(stdout).toMatch(/database users at \w{12};[\s\S]*database search at \w{12};/)
    expect(stdout).toContain('Everything is as expected.')
  })
})
