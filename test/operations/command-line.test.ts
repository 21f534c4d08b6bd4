import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { STARTS_QUICKLY } from '../support/processes.ts'

const MAIN = new URL('../../bin/signoff.js', import.meta.url).pathname

const GOOD = `
apps:
  api:
    repository: team/api
    environments:
      test:
        branch: master
        remote: { name: test, url: /srv/git/api.git }
        channel: "#product"
`

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signoff-command-line-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

function signoff(args: readonly string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const options = { cwd: directory, env: { ...STARTS_QUICKLY, ...env } }
    const child = execFile(process.execPath, [MAIN, ...args], options, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    )
  })
}

describe('T10: what Node has compiled', () => {
  const start = (dataDir: string) => signoff(['--version'], { DATA_DIR: dataDir, NODE_COMPILE_CACHE: '' })

  it('is kept in a DATA_DIR of our own, for the next start', async () => {
    const dataDir = await mkdtemp(join(directory, 'own-'))
    expect((await start(dataDir)).code).toBe(0)
    const kept = await readdir(join(dataDir, 'compiled'), { recursive: true })
    expect(kept.length).toBeGreaterThan(3)
  })

  it('is kept nowhere where there is no DATA_DIR yet: who makes it decides who may read it', async () => {
    const dataDir = join(directory, 'not-made')
    expect((await start(dataDir)).code).toBe(0)
    await expect(stat(dataDir)).rejects.toThrow('ENOENT')
  })

  it.skipIf(process.getuid?.() !== 0)('is not taken from another user’s DATA_DIR (tried by root only)', async () => {
    const dataDir = await mkdtemp(join(directory, 'of-another-'))
    await chown(dataDir, 65_534, 65_534)
    expect((await start(dataDir)).code).toBe(0)
    expect(await readdir(dataDir)).toEqual([])
  })
})

describe('signoff', () => {
  it('start: lists every problem at once, names no value, and exits with 2', async () => {
    await writeFile(join(directory, 'bad.yml'), 'apps:\n  api:\n    repositry: a/b\n    environments: {}\n')
    const env = {
      SLACK_BOT_TOKEN: 'wrong-value-1',
      BITBUCKET_TOKEN: 'a',
      BITBUCKET_EMAIL: 'wrong-value-2',
      RELEASES_FILE: 'bad.yml',
    }
    const { code, out, err } = await signoff(['start'], env)
    expect(code).toBe(2)
    expect(out).toBe('')
    for (const named of ['SLACK_BOT_TOKEN', 'SLACK_APP_TOKEN', 'BITBUCKET_TOKEN', 'releases.yml:3', 'repository']) {
      expect(err).toContain(named)
    }
    expect(err).not.toContain('wrong-value')
  })

  it('start --role bot: needs STORE_URL and nothing of the worker’s', async () => {
    const { code, err } = await signoff(['start', '--role', 'bot'])
    expect(code).toBe(2)
    expect(err).toContain('STORE_URL')
    expect(err).not.toContain('BITBUCKET')
  })

  it('start: makes DATA_DIR for nobody else, and says so where it can’t be made', async () => {
    const env = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1', STORE_URL: 'postgres://u:p@127.0.0.1:1/x' }
    await writeFile(join(directory, 'good.yml'), GOOD)
    const start = (dataDir: string) =>
      signoff(['start', '--role', 'bot'], { ...env, RELEASES_FILE: 'good.yml', DATA_DIR: dataDir })
    const [made, impossible, file] = await Promise.all([start('new/data'), start('/proc/data'), start('good.yml')])
    expect(made.err).toContain('The store does not answer')
    expect((await stat(join(directory, 'new', 'data'))).mode & 0o777).toBe(0o700)
    expect(impossible).toMatchObject({ code: 1, err: expect.stringContaining("DATA_DIR can't be created") })
    expect(file).toMatchObject({ code: 2, err: expect.stringContaining('DATA_DIR is not a directory') })
  })

  it.each([
    ['no command', []],
    ['an unknown command', ['deploy']],
    ['an unknown role', ['start', '--role', 'boss']],
    ['a bot of a group', ['start', '--role', 'bot', '--group', 'net']],
    ['an unknown option', ['manifest', '--http']],
    ['a port that is none', ['sandbox', '--port', 'http']],
    ['an export of no number', ['audit', 'export', '--release', 'twelve']],
    ['an export of everything for reading', ['audit', 'export', '--format', 'markdown']],
    ['a head that is too short', ['audit', 'verify', '--head', '4be1']],
    ['a sandbox at no port', ['sandbox', '--port', 'http']],
    ['a manifest for plain http', ['manifest', '--url', 'http://signoff.example.com']],
  ])('%s is wrong use: exit code 2', async (_what, args) => {
    expect((await signoff(args)).code).toBe(2)
  })

  it('sandbox --reset: leaves one that runs as it is, exit code 1', async () => {
    const kept = join(directory, 'sandboxes', 'sandbox', 'sandbox.pid')
    await mkdir(dirname(kept), { recursive: true })
    await writeFile(kept, String(process.pid))
    const { code, err } = await signoff(['sandbox', '--reset', '--port', '0'], { DATA_DIR: 'sandboxes' })
    expect(code).toBe(1)
    expect(err).toContain('A sandbox is already running')
    expect(await readFile(kept, 'utf8')).toBe(String(process.pid))
  })

  it('O3: says on an older Node which one is needed, and how to get it', async () => {
    // Only what the program reads is another version: an older Node is not on every machine.
    const older = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })'
    const { stdout, stderr, code } = await promisify(execFile)(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(older)}`, MAIN, 'start'],
      { cwd: directory },
    ).then(
      (printed) => ({ ...printed, code: 0 }),
      (error: { stdout: string; stderr: string; code: number }) => error,
    )
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 })
    expect(stderr).toBe(
      'Signoff needs Node 24 or newer, and this is Node 20.20.2. Install Node 24, or run npm ci without --omit=dev: it ' +
        'brings Node for npm start and npx signoff.\n',
    )
  })

  it('O3: is one file of plain JavaScript before the version is known', async () => {
    const { bin, scripts } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(bin).toEqual({ signoff: 'bin/signoff.js' })
    expect(scripts.start).toContain(bin.signoff)
    expect(scripts.sandbox).toContain(bin.signoff)
    expect(await readFile(MAIN, 'utf8')).not.toMatch(/^import /m)
  })

  it('O5: --version prints the version', async () => {
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(await signoff(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
  })

  it('O5: start names the files that it has looked for', async () => {
    await writeFile(
      join(directory, 'migrates.yml'),
      GOOD.replace('channel:', 'migrations: { config: alembic.ini, env_file: env/.env_test }\n        channel:'),
    )
    const env = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1', BITBUCKET_TOKEN: 'b' }
    const [envFile, releases] = await Promise.all(
      ['migrates.yml', 'nowhere.yml'].map((file) => signoff(['start'], { ...env, RELEASES_FILE: file })),
    )
    expect(envFile).toMatchObject({ code: 2, err: expect.stringContaining(join(directory, 'env/.env_test')) })
    expect(releases).toMatchObject({ code: 2, err: expect.stringContaining(join(directory, 'nowhere.yml')) })
  })

  it('--help is good', async () => {
    const { code, out } = await signoff(['--help'])
    expect(code).toBe(0)
    for (const command of ['start', 'sandbox', 'doctor', 'audit', 'manifest', 'config']) expect(out).toContain(command)
  })

  it('manifest prints the Socket Mode form, and with --url the HTTP form', async () => {
    const socket = await signoff(['manifest'])
    expect(parse(socket.out).settings.socket_mode_enabled).toBe(true)
    const http = await signoff(['manifest', '--url', 'https://signoff.example.com'])
    expect(http.code).toBe(0)
    expect(parse(http.out).settings.interactivity.request_url).toBe('https://signoff.example.com/slack/events')
  })

  it('config schema prints JSON Schema', async () => {
    expect(JSON.parse((await signoff(['config', 'schema'])).out).properties).toHaveProperty('apps')
  })

  it('ends without a word when nobody reads on', async () => {
    const child = spawn(process.execPath, [MAIN, 'config', 'schema'], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let err = ''
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    await once(child, 'close')
    expect(err).toBe('')
  })

  it('audit verify where nothing runs and no store is named says so: exit code 2', async () => {
    const { code, err } = await signoff(['audit', 'verify'])
    expect(code).toBe(2)
    expect(err).toContain('STORE_URL')
  })

  it('audit verify on a store that does not answer says so without its password', async () => {
    const { code, err } = await signoff(['audit', 'verify'], { STORE_URL: 'postgres://u:planted-secret@127.0.0.1:1/x' })
    expect(code).toBe(1)
    expect(err).not.toContain('planted-secret')
    expect(err).not.toMatch(/^\s+at /m)
  })
})
