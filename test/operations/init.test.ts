/** `signoff init` as a new operator meets it: the real program, at a real terminal and without one. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { bitbucketRepositoryIn, herokuAppIn, lookAtCheckout } from '../../src/cli/init/checkout.ts'
import { STARTS_QUICKLY } from '../support/processes.ts'
import { eventually } from '../support/waiting.ts'

const run = promisify(execFile)
const MAIN = new URL('../../bin/signoff.js', import.meta.url).pathname
const ALEMBIC = '[alembic]\nscript_location = migrations\n'

let place: string
let ops: string
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'signoff-init-'))
  ops = join(place, 'ops')
  await mkdir(ops)
})
afterEach(() => rm(place, { recursive: true, force: true }))

/** A checkout of an app, with these remotes, branches and files. */
async function checkout({
  remotes = {
    origin: 'git@bitbucket.org:jurispect/jurispect_api.git',
    'heroku-integration': 'https://git.heroku.com/api-integration.git',
    'heroku-production': 'https://git.heroku.com/api-live.git',
  },
  branches = ['production'],
  files = { 'alembic.ini': ALEMBIC },
}: {
  remotes?: Record<string, string>
  branches?: readonly string[]
  files?: Record<string, string>
} = {}): Promise<string> {
  const root = join(place, 'app')
  const git = (...args: string[]) =>
    run('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.test', ...args], { cwd: root })
  await mkdir(root)
  await git('init', '--quiet', '--initial-branch=master')
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), text)
  }
  await git('add', '--all')
  await git('commit', '--quiet', '--allow-empty', '-m', 'Begin')
  for (const branch of branches) await git('branch', branch)
  for (const [name, url] of Object.entries(remotes)) await git('remote', 'add', name, url)
  return root
}

interface Ran {
  readonly code: number
  readonly out: string
}

/** Runs the program where nobody can answer. */
function signoff(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { cwd: ops, env: { ...STARTS_QUICKLY, TZ: 'Europe/Berlin', ...env } }
    const child = execFile(process.execPath, [MAIN, ...args], options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, out: `${stdout}${stderr}` }),
    )
    child.stdin?.end()
  })
}

const written = async (name: string) => readFile(join(ops, name), 'utf8')
const modeOf = async (name: string) => ((await stat(join(ops, name))).mode & 0o777).toString(8)
const environmentsIn = async () => {
  const { apps } = parse(await written('releases.yml')) as {
    apps: Record<string, { environments: Record<string, Record<string, unknown>> }>
  }
  return Object.values(apps)[0]?.environments ?? {}
}

describe('signoff init without a terminal', () => {
  it('writes what a checkout proposes: a file without problems, samples that nobody else can read, and what is left to do', async () => {
    const { code, out } = await signoff([
      'init',
      '--checkout',
      await checkout(),
      '--approvers',
      '@release-approvers U012AB3CD',
    ])
    expect(code, out).toBe(0)
    expect((await readdir(ops)).toSorted()).toEqual(
      [
        '.env_integration',
        '.env_production',
        'releases.schema.json',
        'releases.yml',
        'signoff.env',
        'slack-manifest.yml',
      ].toSorted(),
    )
    for (const name of ['.env_integration', '.env_production', 'signoff.env']) expect(await modeOf(name)).toBe('600')
    expect(await environmentsIn()).toMatchObject({
      integration: { branch: 'master', remote: { url: 'https://git.heroku.com/api-integration.git' } },
      production: {
        branch: 'production',
        promotes: 'integration',
        remote: { url: 'https://git.heroku.com/api-live.git' },
        migrations: { config: 'alembic.ini', env_file: '.env_production' },
        announce: 'required',
        sign_off: { qa: 1, approvals: 1, approvers: ['@release-approvers', 'U012AB3CD'] },
      },
    })
    expect(await written('releases.yml')).toContain('time_zone: Europe/Berlin')
    expect(await written('slack-manifest.yml')).toContain('app_home_opened')
    for (const left of ['SLACK_BOT_TOKEN is missing', 'BITBUCKET_TOKEN', 'HEROKU_API_KEY is missing'])
      expect(out).toContain(left)
    expect(await signoff(['config', 'check'])).toMatchObject({ code: 0 })
  })

  it('is safe to repeat: it changes nothing, and reads no secret that was filled in', async () => {
    const app = await checkout()
    await signoff(['init', '--checkout', app])
    await writeFile(join(ops, 'signoff.env'), 'SLACK_BOT_TOKEN=xoxb-a-secret\n')
    await chmod(join(ops, 'signoff.env'), 0o640)
    const before = await Promise.all((await readdir(ops)).map(written))
    const { code, out } = await signoff(['init', '--checkout', app])
    expect(code, out).toBe(0)
    expect(out).not.toContain('a-secret')
    expect(await Promise.all((await readdir(ops)).map(written))).toEqual(before)
    expect(await modeOf('signoff.env')).toBe('640')
  })

  it('shows how a file differs, and replaces it only where it is told to', async () => {
    const app = await checkout()
    await signoff(['init', '--checkout', app])
    await writeFile(join(ops, 'releases.yml'), (await written('releases.yml')).replace('qa: 1', 'qa: 2'))
    const left = await signoff(['init', '--checkout', app])
    expect(left.code).toBe(1)
    expect(left.out).toMatch(/^-\s+qa: 2.*\n\+\s+qa: 1/m)
    expect(await written('releases.yml')).toContain('qa: 2')
    expect((await signoff(['init', '--checkout', app, '--overwrite'])).code).toBe(0)
    expect(await written('releases.yml')).toContain('qa: 1')
  })

  it('writes nothing where an answer is missing or wrong, and names each with its option', async () => {
    const missing = await signoff(['init', '--checkout', ops])
    expect(missing.code).toBe(2)
    for (const option of ['--repository', '--app', '--integration ', '--production ', '--alembic']) {
      expect(missing.out).toContain(`${option}${option.endsWith(' ') ? '' : ' '}is missing`)
    }
    const wrong = await signoff([
      ...[
        'init',
        '--checkout',
        await checkout(),
        '--repository',
        'jurispect',
        '--app',
        'Deploy',
        '--channel',
        'product',
      ],
      ...['--production', 'http://example.com/x.git', '--approvers', '@qa me', '--alembic', '../alembic.ini'],
    ])
    expect(wrong.code).toBe(2)
    for (const option of ['repository', 'app', 'channel', 'production', 'approvers', 'alembic']) {
      expect(wrong.out).toMatch(new RegExp(`--${option} must`))
    }
    expect(await readdir(ops)).toEqual([])
  })

  it('takes one environment on a plain git remote, with no migrations', async () => {
    const { code, out } = await signoff([
      ...['init', '--checkout', ops, '--repository', 'acme/shop', '--app', 'shop', '--integration', '-'],
      ...['--production', '/srv/git/shop.git', '--production-branch', 'main', '--alembic', '-'],
    ])
    expect(code, out).toBe(0)
    expect(await environmentsIn()).toEqual({
      production: expect.objectContaining({
        branch: 'main',
        remote: { name: 'production', url: '/srv/git/shop.git', branch: 'master' },
      }),
    })
    expect(out).not.toContain('HEROKU_API_KEY')
    expect(await signoff(['config', 'check'])).toMatchObject({ code: 0 })
  })

  it('ends with what signoff doctor says, once the variables are set', async () => {
    const app = await checkout({ files: {} })
    const nowhere = 'http://127.0.0.1:9'
    const { code, out } = await signoff(['init', '--checkout', app], {
      ...{
        SLACK_BOT_TOKEN: 'xoxb-1',
        SLACK_APP_TOKEN: 'xapp-1',
        SLACK_API_URL: `${nowhere}/api/`,
        BITBUCKET_TOKEN: 'token-1',
      },
      ...{
        BITBUCKET_API_URL: nowhere,
        HEROKU_API_KEY: 'key-1',
        HEROKU_API_URL: nowhere,
        STORE_URL: 'postgres://127.0.0.1:9/store',
      },
    })
    expect(code, out).toBe(1)
    expect(out).toMatch(/^✗ .*Slack/m)
    expect(out).not.toContain('token-1')
  })
})

describe('signoff init at a terminal', () => {
  interface AtTerminal {
    readonly child: ChildProcess
    shows(text: string): Promise<unknown>
    type(line: string): void
    readonly ended: Promise<number>
  }

  /** `script` gives the program a terminal of its own, and passes on what is typed. */
  function atTerminal(...args: readonly string[]): AtTerminal {
    const command = [process.execPath, MAIN, 'init', ...args].map((word) => `'${word}'`).join(' ')
    const env = { ...STARTS_QUICKLY, TZ: 'UTC', TERM: 'dumb' }
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], { cwd: ops, env })
    onTestFinished(() => void child.kill('SIGKILL'))
    let shown = ''
    let read = 0
    child.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString()
    })
    return {
      child,
      // Each time after what was found the last time.
      shows: (text) =>
        eventually(() => {
          const at = shown.indexOf(text, read)
          expect(at, `${text} in ${shown.slice(read)}`).toBeGreaterThanOrEqual(0)
          read = at + text.length
        }),
      type: (line) => void child.stdin.write(line),
      ended: once(child, 'exit').then(([code]) => Number(code)),
    }
  }

  it('asks with a proposal each, asks again for what can’t be, and asks before it replaces a file', async () => {
    await writeFile(join(ops, 'slack-manifest.yml'), 'display_information: { name: Ours }\n')
    const terminal = atTerminal('--checkout', await checkout())
    const answers: readonly (readonly [string, string])[] = [
      ['Repository at Bitbucket, as workspace/name [jurispect/jurispect_api]: ', ''],
      ['What people call the app in Slack [jurispect-api]: ', 'Deploy'],
      ['What people call the app in Slack [jurispect-api]: ', 'api'],
      ['if there is none [api-integration]: ', ''],
      ['Branch that integration follows [master]: ', ''],
      ['the URL of its git remote [api-live]: ', 'api-production'],
      ['Branch that production follows [production]: ', ''],
      ['[alembic.ini]: ', ''],
      ['[#product]: ', '#releases'],
      ['[everybody]: ', ''],
      ['slack-manifest.yml? [y/N]: ', 'y'],
    ]
    for (const [question, answer] of answers) {
      await terminal.shows(question)
      terminal.type(`${answer}\n`)
    }
    expect(await terminal.ended).toBe(0)
    const { production } = await environmentsIn()
    expect(production).toMatchObject({
      channel: '#releases',
      remote: { url: 'https://git.heroku.com/api-production.git' },
    })
    expect(Object.keys((parse(await written('releases.yml')) as { apps: object }).apps)).toEqual(['api'])
    expect(await written('slack-manifest.yml')).toContain('app_home_opened')
  })

  it('keeps a file that differs unless the answer is yes, and writes nothing when it is left', async () => {
    await writeFile(join(ops, 'releases.yml'), 'apps: {}\n')
    const app = await checkout()
    const options = ['--checkout', app, '--channel', '#product', '--approvers', 'everybody', '--alembic', 'alembic.ini']
    const more = ['--repository', 'a/b', '--app', 'api', '--integration', 'api-one', '--production', 'api-two']
    const all = [...options, ...more, '--integration-branch', 'master', '--production-branch', 'production']
    const kept = atTerminal(...all)
    await kept.shows('releases.yml? [y/N]: ')
    kept.type('\n')
    expect(await kept.ended).toBe(1)
    expect(await written('releases.yml')).toBe('apps: {}\n')

    await Promise.all((await readdir(ops)).map((name) => rm(join(ops, name))))
    const left = atTerminal('--checkout', app)
    await left.shows('[jurispect/jurispect_api]: ')
    left.type('\u0003')
    expect(await left.ended).toBe(1)
    await left.shows('The input ended')
    expect(await readdir(ops)).toEqual([])
  })
})

describe('a checkout of an app', () => {
  it.each([
    ['https://bitbucket.org/jurispect/jurispect_api.git', 'jurispect/jurispect_api'],
    ['https://dana@bitbucket.org/jurispect/api', 'jurispect/api'],
    ['git@bitbucket.org:jurispect/api.git', 'jurispect/api'],
    ['ssh://git@bitbucket.org/jurispect/api.git', 'jurispect/api'],
    ['https://github.com/jurispect/api.git', undefined],
    ['https://bitbucket.org.example.com/jurispect/api.git', undefined],
  ])('%s is the repository %s', (url, repository) => expect(bitbucketRepositoryIn(url)).toBe(repository))

  it.each([
    ['https://git.heroku.com/api-production.git', 'api-production'],
    ['git@heroku.com:api-production.git', 'api-production'],
    ['https://git.example.com/api.git', undefined],
  ])('%s is the Heroku app %s', (url, app) => expect(herokuAppIn(url)).toBe(app))

  it('shows each migration configuration with where it runs, Flask-Migrate too', async () => {
    const root = await checkout({
      files: {
        'alembic_users.ini': ALEMBIC,
        'tox.ini': '[tox]\n',
        'backend/alembic.ini': ALEMBIC,
        'search/pyproject.toml': '[tool.alembic]\nscript_location = "m"\n',
        'web/migrations/alembic.ini': ALEMBIC,
        'web/migrations/env.py': 'from flask import current_app\n',
      },
    })
    expect((await lookAtCheckout(join(root, 'backend')))?.migrations).toEqual([
      { config: 'alembic_users.ini', directory: '.', tool: 'alembic' },
      { config: 'alembic.ini', directory: 'backend', tool: 'alembic' },
      { config: 'pyproject.toml', directory: 'search', tool: 'alembic' },
      { config: 'migrations/alembic.ini', directory: 'web', tool: 'flask' },
    ])
    const { code, out } = await signoff(['init', '--checkout', root])
    expect(code, out).toBe(0)
    expect((await environmentsIn()).production?.migrations).toMatchObject([
      { name: 'users', config: 'alembic_users.ini' },
      { name: 'backend', directory: 'backend' },
      { name: 'search', config: 'pyproject.toml', directory: 'search' },
      { name: 'web_migrations', config: 'migrations/alembic.ini', directory: 'web', tool: 'flask' },
    ])
    expect(await written('.env_production_web_migrations')).toContain('FLASK_APP=')
  })

  it('is no checkout where git knows none', async () => {
    expect(await lookAtCheckout(ops)).toBeUndefined()
  })
})
