import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../src/sandbox/place.ts'
import { APPS } from '../../src/sandbox/world.ts'
import { type OpenSandbox, openSandbox } from '../browser/page.ts'

const run = promisify(execFile)
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const TWO_MINUTES = { timeout: 120_000 }

/** The API as a script uses it. */
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

describe('a sandbox without alembic', TWO_MINUTES, () => {
  let open: OpenSandbox
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'signoff-sandbox-'))
    open = await openSandbox({ directory, migrations: 'sql' })
  }, 120_000)
  afterAll(async () => {
    await open?.close()
    await rm(directory, { recursive: true, force: true })
  })

  it('runs the SQL beside each revision, says so, and does by HTTP what the page does', async () => {
    const { sandbox, url } = open
    const world = (await (await fetch(`${url}/api/world`)).json()) as { migrations: string }
    expect(world.migrations).toContain('the SQL beside each revision')
    const columns = await sandbox.databases.columns('integration')

    const asked = await post(url, 'command', { as: 'dana', channel: 'engineering', text: '/deploy integration' })
    expect(asked.body.seen).toBe('acknowledged')
    const succeeded = () => sandbox.slack.messages('engineering').some(({ text }) => text.includes('succeeded'))
    await sandbox.slack.waitFor(succeeded, { what: 'the success', channel: 'engineering', timeoutMs: 60_000 })
    expect(await sandbox.databases.columns('integration')).toEqual([...columns, 'documents.language'].sort())
    expect(sandbox.heroku.runs(APPS.integration)).toBe(await sandbox.repository.head('master'))
  })

  it('refuses in words what can not be done, and other sites altogether', async () => {
    const { url } = open
    expect(await post(url, 'command', { as: 'eve', channel: 'product', text: '/deploy' })).toMatchObject({
      status: 400,
    })
    const nothing = await post(url, 'click', { as: 'dana', channel: 'product', ts: '1.000001', label: 'Approve' })
    expect(nothing).toMatchObject({ status: 400, body: { error: expect.stringContaining('sees no message') } })
    const form = await fetch(`${url}/api/trouble`, { method: 'POST', body: 'name=kill-worker' })
    expect(form.status).toBe(415)
  })

  it('is found again as it was left', async () => {
    // The last line of the thread: after it nothing of the release is on its way any more.
    const isWhole = () => open.sandbox.slack.transcript().includes('Record:')
    await open.sandbox.slack.waitFor(isWhole, { what: 'the outcome in the thread', timeoutMs: 60_000 })
    const before = { transcript: open.sandbox.slack.transcript(), url: open.sandbox.slack.apiUrl }
    await open.close()
    open = await openSandbox({ directory, migrations: 'sql' })
    expect(open.sandbox.slack.transcript()).toBe(before.transcript)
    expect(open.sandbox.slack.apiUrl).toBe(before.url)
    await post(open.url, 'command', { as: 'lin', channel: 'product', text: '/deploy history' })
    const read = () =>
      open.sandbox.slack.ephemerals('lin').some((one) => open.sandbox.slack.plainText(one).includes('#1'))
    await open.sandbox.slack.waitFor(read, { what: 'the history', timeoutMs: 30_000 })
  })
})

describe('signoff sandbox', TWO_MINUTES, () => {
  it('--play tells its story, and all of it is as it should be', async () => {
    const { stdout } = await run(process.execPath, [MAIN, 'sandbox', '--play'], { timeout: 110_000 })
    expect(stdout).toContain('Release #2 succeeded')
    expect(stdout).toContain('Hot-fix #3 succeeded')
    expect(stdout).toMatch(/branch production: (\w{7})[\s\S]*complianceai-api-production: runs \1, holds \1/)
    expect(stdout).toMatch(/PR #\d+ OPEN: Hot-fix #3: carry it to master/)
    expect(stdout).toContain('All of it is as it should be.')
  })

  it('prints one address, and leaves nothing running after Ctrl-C', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'signoff-data-'))
    const env = { ...process.env, DATA_DIR: directory }
    // Postgres runs as another user when this one is root, and has to reach its directory.
    await run('chmod', ['755', directory])
    const port = await freePort(0)
    const child = spawn(process.execPath, [MAIN, 'sandbox', '--port', String(port)], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      let said = ''
      const ready = new Promise<void>((resolve, reject) => {
        child.stdout.on('data', (chunk: Buffer) => {
          said += chunk.toString()
          if (said.includes('Ctrl-C')) resolve()
        })
        child.once('close', () => reject(new Error(`it ended: ${said}`)))
      })
      await ready
      expect(said).toContain(`http://localhost:${port}`)
      expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200)
      const gone = new Promise<number | null>((resolve) => child.once('close', resolve))
      child.kill('SIGINT')
      expect(await gone).toBe(0)
      const { stdout } = await run('ps', ['-eo', 'pid,args'])
      expect(stdout.split('\n').filter((line) => line.includes(directory))).toEqual([])
    } finally {
      child.kill('SIGKILL')
      await rm(directory, { recursive: true, force: true })
    }
  })
})
