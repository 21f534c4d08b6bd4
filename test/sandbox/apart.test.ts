import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { startSlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { startTestPostgres } from '../support/postgres.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** Prints each module that is loaded. */
const PRINT_LOADED = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  registerHooks({ load(url, context, next) { process.stderr.write('loaded ' + url + '\\n'); return next(url, context) } })
`)}`

it('is not loaded by `signoff start`, nor are the libraries that only the sandbox needs', {
  timeout: 60_000,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'signoff-apart-'))
  const postgres = await startTestPostgres()
  const database = await postgres.createDatabase()
  const manifest = parse(await readFile(join(ROOT, 'manifest.yml'), 'utf8'))
  const slack = await startSlackWorkspace({ scopes: manifest.oauth_config.scopes.bot })
  slack.addChannel({ name: 'product' })
  await writeFile(
    join(directory, 'releases.yml'),
    `apps:
  api:
    repository: jurispect/jurispect_api
    environments:
      integration:
        branch: master
        remote: { name: here, url: ${directory}, platform: git }
        channel: "#product"
`,
  )
  const child = spawn(process.execPath, ['--import', PRINT_LOADED, join(ROOT, 'src/main.ts'), 'start'], {
    cwd: directory,
    env: {
      PATH: process.env.PATH ?? '',
      PORT: '0',
      DATA_DIR: directory,
      STORE_URL: database.url,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_APP_TOKEN: slack.appToken,
      SLACK_API_URL: slack.apiUrl,
      BITBUCKET_TOKEN: 'not-asked',
      BITBUCKET_API_URL: 'http://127.0.0.1:9/2.0',
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const gone = once(child, 'close')
  try {
    const first = await Promise.race([once(child, 'message').then(() => 'ready'), gone.then(() => 'ended')])
    expect(first, output).toBe('ready')
    child.kill('SIGTERM')
    expect(await gone).toEqual([0, null])
  } finally {
    child.kill('SIGKILL')
    await slack.close()
    await database.drop()
    await postgres.stop()
    await rm(directory, { recursive: true, force: true })
  }
  const loaded = [...output.matchAll(/^loaded (.*)$/gm)].map(([, url = '']) => url)
  for (const room of ['slack/', 'worker/', 'adapters/']) {
    expect(loaded.filter((url) => url.includes(`/src/${room}`)).length, room).toBeGreaterThan(3)
  }
  const { devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  // `ws` is a dependency of Slack's own Socket Mode client.
  const ours = Object.keys(devDependencies).filter((name) => name !== 'ws')
  const foreign = ['/src/sandbox/', '/test/', ...ours.map((name) => `/node_modules/${name}/`)]
  expect(loaded.filter((url) => foreign.some((part) => url.slice(url.indexOf(ROOT)).includes(part)))).toEqual([])
})

it('is imported only by the command line', async () => {
  const files = await readdir(join(ROOT, 'src'), { recursive: true })
  const others = files.filter((file) => file.endsWith('.ts') && file !== 'main.ts' && !file.startsWith('sandbox'))
  expect(others.length).toBeGreaterThan(100)
  for (const file of others) expect(await readFile(join(ROOT, 'src', file), 'utf8'), file).not.toMatch(/sandbox/i)
})
