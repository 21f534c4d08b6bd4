import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfiguration } from '../../src/config/configuration.ts'
import type { Role } from '../../src/config/variables.ts'

const SMALL = `
apps:
  api:
    repository: team/api
    environments:
      integration:
        branch: master
        remote: { name: integration, url: http://127.0.0.1:8080/api-integration.git }
        migrations: { config: alembic.ini, env_file: .env_integration }
        channel: "#product"
`
const HEROKU = SMALL.replace('http://127.0.0.1:8080/', 'https://git.heroku.com/')

const BOT = { SLACK_BOT_TOKEN: 'xoxb-bot-token-1', SLACK_APP_TOKEN: 'xapp-app-token-1' }
const WORKER = { BITBUCKET_TOKEN: 'bitbucket-token-1' }
const STORE = { STORE_URL: 'postgres://signoff:store%2Dpassword@db.example:5432/signoff' }

let cwd: string

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'signoff-config-'))
  writeFileSync(join(cwd, 'releases.yml'), SMALL)
  writeFileSync(
    join(cwd, '.env_integration'),
    'DATABASE_URL=postgres://app:db-password@127.0.0.1:5432/app\nDEBUG=no\n',
    {
      mode: 0o600,
    },
  )
})

afterEach(() => {
  rmSync(cwd, { recursive: true, force: true })
})

function read(env: Record<string, string>, role: Role = 'all') {
  return readConfiguration({ env, cwd, role })
}

function problems(env: Record<string, string>, role: Role = 'all'): readonly string[] {
  const answer = read(env, role)
  return answer.ok ? [] : answer.problems
}

function configuration(env: Record<string, string>, role: Role = 'all') {
  const answer = read(env, role)
  if (!answer.ok) throw new Error(answer.problems.join('\n'))
  return answer.configuration
}

describe('the environment variables', () => {
  it('need no more than the tokens of Slack and Bitbucket, and have defaults for the rest', () => {
    expect(configuration({ ...BOT, ...WORKER })).toMatchObject({
      role: 'all',
      bot: { token: 'xoxb-bot-token-1', appToken: 'xapp-app-token-1', apiUrl: 'https://slack.com/api/' },
      worker: {
        bitbucket: {
          credentials: { token: 'bitbucket-token-1' },
          apiUrl: 'https://api.bitbucket.org/2.0',
        },
      },
      port: 3000,
      dataDir: join(cwd, 'data'),
      releasesFile: join(cwd, 'releases.yml'),
      logLevel: 'info',
    })
    expect(configuration({ ...BOT, ...WORKER })).not.toHaveProperty('storeUrl')
    expect(configuration({ ...BOT, ...WORKER }).worker).not.toHaveProperty('heroku')
  })

  it('are all told at once when they are missing', () => {
    expect(problems({})).toEqual([
      "SLACK_BOT_TOKEN is missing: the bot's token, xoxb-…",
      'SLACK_APP_TOKEN (for Socket Mode) or SLACK_SIGNING_SECRET (for HTTP mode) is missing',
      'BITBUCKET_TOKEN, or BITBUCKET_EMAIL and BITBUCKET_API_TOKEN, is missing',
    ])
  })

  it('count as missing when they are set to nothing', () => {
    expect(problems({ ...BOT, BITBUCKET_TOKEN: ' ' })).toHaveLength(1)
  })

  it('are asked for role by role', () => {
    expect(configuration({ ...BOT, ...STORE }, 'bot')).not.toHaveProperty('worker')
    expect(configuration({ ...WORKER, ...STORE }, 'worker')).not.toHaveProperty('bot')
    expect(problems({ ...BOT }, 'bot')).toEqual([expect.stringContaining('STORE_URL is missing')])
    expect(problems({ ...WORKER }, 'worker')).toEqual([expect.stringContaining('STORE_URL is missing')])
  })

  it('choose HTTP mode by the signing secret, when there is no app token', () => {
    const http = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_SIGNING_SECRET: 'signing-secret-1', ...WORKER }
    expect(configuration(http).bot).toEqual({
      token: 'xoxb-1',
      signingSecret: 'signing-secret-1',
      apiUrl: 'https://slack.com/api/',
    })
    expect(configuration({ ...http, SLACK_APP_TOKEN: 'xapp-1' }).bot).toEqual({
      token: 'xoxb-1',
      appToken: 'xapp-1',
      apiUrl: 'https://slack.com/api/',
    })
  })

  it('take one form of Bitbucket credentials', () => {
    const userToken = { BITBUCKET_EMAIL: 'bot@example.com', BITBUCKET_API_TOKEN: 'api-token-1' }
    expect(configuration({ ...BOT, ...userToken }).worker?.bitbucket.credentials).toEqual({
      email: 'bot@example.com',
      apiToken: 'api-token-1',
    })
    expect(problems({ ...BOT, ...WORKER, ...userToken })).toEqual([expect.stringContaining('set only one of them')])
    expect(problems({ ...BOT, ...WORKER, BITBUCKET_EMAIL: 'bot@example.com' })).toHaveLength(1)
    expect(problems({ ...BOT, BITBUCKET_EMAIL: 'bot@example.com' })).toEqual([
      'BITBUCKET_API_TOKEN is missing: it goes with BITBUCKET_EMAIL',
    ])
    expect(problems({ ...BOT, BITBUCKET_API_TOKEN: 'x' })).toEqual([
      'BITBUCKET_EMAIL is missing: it goes with BITBUCKET_API_TOKEN',
    ])
  })

  it('need the Heroku key when an environment is on Heroku, of the worker', () => {
    writeFileSync(join(cwd, 'releases.yml'), HEROKU)
    expect(problems({ ...BOT, ...WORKER })).toEqual(['HEROKU_API_KEY is missing: an environment is on Heroku'])
    expect(problems({ ...BOT, ...STORE }, 'bot')).toEqual([])
    expect(configuration({ ...BOT, ...WORKER, HEROKU_API_KEY: 'heroku-key-1' }).worker?.heroku).toEqual({
      apiKey: 'heroku-key-1',
      apiUrl: 'https://api.heroku.com',
    })
  })

  it('send credentials to their own services and to this machine, and nowhere else', () => {
    const local = {
      SLACK_API_URL: 'http://127.0.0.1:1/api',
      BITBUCKET_API_URL: 'http://localhost:2/2.0/',
      HEROKU_API_URL: 'http://[::1]:3',
      HEROKU_API_KEY: 'k',
    }
    expect(configuration({ ...BOT, ...WORKER, ...local })).toMatchObject({
      bot: { apiUrl: 'http://127.0.0.1:1/api/' },
      worker: { bitbucket: { apiUrl: 'http://localhost:2/2.0' }, heroku: { apiUrl: 'http://[::1]:3' } },
    })
    expect(
      problems({
        ...BOT,
        ...WORKER,
        SLACK_API_URL: 'https://slack.com.evil.example/api/',
        BITBUCKET_API_URL: 'http://api.bitbucket.org/2.0',
        HEROKU_API_URL: 'https://user:pass@api.heroku.com',
      }),
    ).toEqual([
      'SLACK_API_URL must point to slack.com or to this machine, because credentials are sent there',
      'BITBUCKET_API_URL must be https; http is allowed only for this machine',
      'HEROKU_API_URL must not contain a user or a password',
    ])
  })

  it.each([
    ['SLACK_BOT_TOKEN', 'xapp-marker'],
    ['SLACK_APP_TOKEN', 'marker'],
    ['BITBUCKET_TOKEN', '"marker"\nmarker'],
    ['HEROKU_API_KEY', 'mar ker'],
    ['STORE_URL', 'mysql://marker'],
    ['STORE_URL', 'postgres://marker:marker@host:port/'],
    ['SLACK_API_URL', 'marker'],
    ['BITBUCKET_API_URL', 'ftp://marker/'],
    ['PORT', '65536'],
    ['PORT', '1e3'],
    ['HEALTH_PORT', '65536'],
    ['LOG_LEVEL', 'marker'],
  ])('refuse a malformed %s without showing it', (name, value) => {
    const found = problems({ ...BOT, ...WORKER, [name]: value })
    expect(found).toEqual([expect.stringMatching(new RegExp(`^${name} `))])
    expect(found.join()).not.toContain('marker')
    expect(found.join()).not.toContain(value)
  })

  it('O5: are warned of where both modes are set, and where a token is given as the signing secret', () => {
    const { SLACK_APP_TOKEN: appToken = '', ...http } = { ...BOT, ...WORKER } as Record<string, string>
    const warnings = (env: Record<string, string>) => {
      const found = read(env)
      return found.ok ? found.warnings : found.problems
    }
    const secret = '0123456789abcdef0123456789abcdef'
    expect(warnings({ ...http, SLACK_SIGNING_SECRET: secret })).toEqual([])
    expect(warnings({ ...http, SLACK_APP_TOKEN: appToken, SLACK_SIGNING_SECRET: secret })).toEqual([
      expect.stringContaining('are both set: Signoff uses Socket Mode'),
    ])
    for (const token of ['xoxb-1-marker', 'xapp-1-marker', 'xoxp-marker']) {
      const [warned, ...others] = warnings({ ...http, SLACK_SIGNING_SECRET: token })
      expect(warned).toMatch(/^SLACK_SIGNING_SECRET looks like a token/)
      expect(warned).not.toContain('marker')
      expect(others).toEqual([])
    }
  })

  it('O13: give health a port of its own, which differs from PORT', () => {
    const read = (ports: Record<string, string>) =>
      readConfiguration({ env: { ...BOT, ...WORKER, ...ports }, cwd, role: 'all' })
    expect(read({})).toMatchObject({ ok: true, configuration: { port: 3000 } })
    expect(read({ HEALTH_PORT: '9100' })).toMatchObject({ configuration: { port: 3000, healthPort: 9100 } })
    expect(read({ PORT: '0', HEALTH_PORT: '0' })).toMatchObject({ configuration: { port: 0, healthPort: 0 } })
    expect(problems({ ...BOT, ...WORKER, HEALTH_PORT: '3000' })).toEqual(['HEALTH_PORT must differ from PORT'])
    expect(problems({ ...BOT, ...WORKER, PORT: '81', HEALTH_PORT: '81' })).toEqual([
      'HEALTH_PORT must differ from PORT',
    ])
  })

  it('are told together with what is wrong in releases.yml', () => {
    writeFileSync(join(cwd, 'releases.yml'), SMALL.replace('channel:', 'chanel:'))
    expect(problems({ ...BOT, PORT: 'x' })).toEqual([
      'BITBUCKET_TOKEN, or BITBUCKET_EMAIL and BITBUCKET_API_TOKEN, is missing',
      'PORT must be a number from 0 to 65535',
      'releases.yml:6: apps.api.environments.integration.channel is missing',
      'releases.yml:10: apps.api.environments.integration.chanel is not a known key; did you mean channel?',
    ])
  })
})

describe('the file that RELEASES_FILE names', () => {
  it('may lie elsewhere, and paths in it begin there', () => {
    mkdirSync(join(cwd, 'elsewhere'))
    writeFileSync(join(cwd, 'elsewhere', 'ours.yml'), SMALL)
    const env = { ...BOT, ...WORKER, RELEASES_FILE: 'elsewhere/ours.yml' }
    expect(problems(env)).toEqual([
      `releases.yml:9: apps.api.environments.integration.migrations.env_file names a file that does not exist: ${join(cwd, 'elsewhere', '.env_integration')}`,
    ])
    writeFileSync(join(cwd, 'elsewhere', '.env_integration'), 'A=b', { mode: 0o600 })
    const [app] = configuration(env).releases.apps
    expect(app?.environments[0]?.migrations[0]?.envFile).toBe(join(cwd, 'elsewhere', '.env_integration'))
  })

  it('must be there', () => {
    expect(problems({ ...BOT, ...WORKER, RELEASES_FILE: 'marker.yml' })).toEqual([
      `releases.yml: there is no file ${join(cwd, 'marker.yml')}; set RELEASES_FILE to its path`,
    ])
    expect(problems({ ...BOT, ...WORKER, RELEASES_FILE: '.' })).toEqual([
      `releases.yml: ${cwd} can't be read; check its permissions and RELEASES_FILE`,
    ])
  })
})

describe('env files', () => {
  it('must be there for the worker, and are not looked at by the bot', () => {
    rmSync(join(cwd, '.env_integration'))
    expect(problems({ ...BOT, ...WORKER })).toHaveLength(1)
    expect(problems({ ...WORKER, ...STORE }, 'worker')).toHaveLength(1)
    expect(problems({ ...BOT, ...STORE }, 'bot')).toEqual([])
  })

  it.each([
    ['is empty', ''],
    ['is not text', 'A=\0'],
  ])('are refused when one %s', (_, text) => {
    writeFileSync(join(cwd, '.env_integration'), text)
    expect(problems({ ...BOT, ...WORKER })).toEqual([expect.stringContaining('releases.yml:9: ')])
  })

  it('are refused when they are directories', () => {
    rmSync(join(cwd, '.env_integration'))
    mkdirSync(join(cwd, '.env_integration'))
    expect(problems({ ...BOT, ...WORKER })).toEqual([expect.stringContaining('is not a file')])
  })

  it.runIf(process.getuid?.() !== 0)('are refused when they can’t be read', () => {
    chmodSync(join(cwd, '.env_integration'), 0)
    expect(problems({ ...BOT, ...WORKER })).toEqual([expect.stringContaining("can't be read")])
  })

  it('are warned of when everyone on the machine can read them', () => {
    expect(read({ ...BOT, ...WORKER })).toMatchObject({ ok: true, warnings: [] })
    chmodSync(join(cwd, '.env_integration'), 0o644)
    expect(read({ ...BOT, ...WORKER })).toMatchObject({
      ok: true,
      warnings: ['The env file of api/integration can be read by everyone on this machine; run chmod 600 on it'],
    })
  })

  it.each([
    ['foo bar', ' in line 2,'],
    ['DATABASE_URL: postgres://a', ' in line 2,'],
    ['foo\nbar', ' in lines 2, 3,'],
  ])('O5: are warned of where a line sets nothing, as %j does', (text, told) => {
    writeFileSync(join(cwd, '.env_integration'), `A=b\n${text}\n`, { mode: 0o600 })
    const found = read({ ...BOT, ...WORKER })
    expect(found).toMatchObject({
      ok: true,
      warnings: [expect.stringContaining(`api/integration has no NAME=value${told}`)],
    })
    expect(found.ok && found.warnings[0]).toContain(join(cwd, '.env_integration'))
    expect(JSON.stringify(found.ok && found.warnings)).not.toMatch(/foo|bar|postgres:/)
  })

  it('O5: are not warned of for comments, export, spaces, and quoted values of several lines', () => {
    const text = '# a comment\n\nexport A=b\nB = "c d"\nKEY="-----BEGIN\nfoo bar\n-----END"\nC=\'x\ny z\'\nEMPTY=\n'
    writeFileSync(join(cwd, '.env_integration'), text, { mode: 0o600 })
    expect(read({ ...BOT, ...WORKER })).toMatchObject({ ok: true, warnings: [] })
  })

  it("never lead to Signoff's own store", () => {
    writeFileSync(join(cwd, '.env_integration'), 'DATABASE_URL=postgresql://other:x@db.example/signoff')
    expect(problems({ ...BOT, ...WORKER, ...STORE })).toEqual([
      expect.stringContaining("env_file points to Signoff's own store (STORE_URL)"),
    ])
  })
})

describe('the secrets', () => {
  it('are every token, and every password of a URL as written and decoded', () => {
    writeFileSync(
      join(cwd, '.env_integration'),
      [
        'DATABASE_URL=postgres://app:db%40password@127.0.0.1:5432/app',
        'REDIS="rediss://:redis-password@cache.example:6379/0"',
        'DSN="host=db.example user=app password=dsn-password"',
        'API_SECRET=word',
        'SESSION="q8/2+zz9=="',
        'ENVIRONMENT=production',
        'HOME_PAGE=https://example.com/start',
        'WORKERS=10000000',
      ].join('\n'),
    )
    const { secrets } = configuration({ ...BOT, ...WORKER, ...STORE, HEROKU_API_KEY: 'heroku-key-1' })
    expect(new Set(secrets)).toEqual(
      new Set([
        'xoxb-bot-token-1',
        'xapp-app-token-1',
        'bitbucket-token-1',
        'heroku-key-1',
        STORE.STORE_URL,
        'store%2Dpassword',
        'store-password',
        'postgres://app:db%40password@127.0.0.1:5432/app',
        'db%40password',
        'db@password',
        'rediss://:redis-password@cache.example:6379/0',
        'redis-password',
        'host=db.example user=app password=dsn-password',
        'dsn-password',
        'word',
        'q8/2+zz9==',
      ]),
    )
  })
})
