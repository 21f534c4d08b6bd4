import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readReleases } from '../../src/config/releases-file.ts'
import { releasesJsonSchema } from '../../src/config/releases-schema.ts'

/** Two environments with every key of the first edition, written out. */
const EXAMPLE = `slack:
  progress: lines
apps:
  api:
    repository: jurispect/jurispect_api
    git_url: https://bitbucket.org/jurispect/jurispect_api.git
    environments:
      integration:
        branch: master
        remote:
          name: heroku-integration
          url: https://git.heroku.com/complianceai-api-integration.git
          branch: master
          platform: heroku
          app: complianceai-api-integration
        migrations:
          config: alembic_users.ini
          env_file: .env_integration
          alembic: alembic
          lock_timeout: 10s
          statement_timeout: 0
          talk_it_over: [destroys, unknown]
          approvers: ["@database"]
        channel: "#product"
        announce: off
        sign_off: none
      production:
        branch: production
        promotes: integration
        pull_request: branch
        remote: { name: heroku-production, url: https://git.heroku.com/complianceai-api-production.git, branch: master }
        migrations: { config: alembic_users.ini, env_file: .env_production }
        channel: "#product"
        announce: required
        sign_off:
          qa: 1
          approvals: 1
          approvers: ["@release-approvers", U012AB3CD]
          qa_by: ["@qa"]
          emergency_by: ["@release-approvers"]
          require_checks: false
          expires_after: 24h
`

function problems(text: string): readonly string[] {
  return readReleases(text, '/etc/signoff').report([])
}

function releases(text: string, directory = '/etc/signoff') {
  const file = readReleases(text, directory)
  if (file.releases === undefined) throw new Error(file.report([]).join('\n'))
  return file.releases
}

function changed(from: string | RegExp, to: string): string {
  const text = EXAMPLE.replace(from, to)
  if (text === EXAMPLE) throw new Error('The example does not hold what was to be changed')
  return text
}

describe('releases.yml as in the design', () => {
  it('becomes apps and environments', () => {
    const digests = expect.objectContaining({ form1: expect.any(String), form2: expect.any(String) })
    expect(releases(EXAMPLE)).toEqual({
      progress: 'lines',
      directMessages: true,
      timeZone: 'UTC',
      apps: [
        {
          name: 'api',
          repository: 'jurispect/jurispect_api',
          gitUrl: 'https://bitbucket.org/jurispect/jurispect_api.git',
          environments: [
            {
              app: 'api',
              name: 'integration',
              branch: 'master',
              pullRequest: 'branch',
              remote: {
                name: 'heroku-integration',
                url: 'https://git.heroku.com/complianceai-api-integration.git',
                branch: 'master',
                platform: 'heroku',
                app: 'complianceai-api-integration',
              },
              migrations: [
                {
                  app: 'api',
                  environment: 'integration',
                  directory: '.',
                  tool: 'alembic',
                  isolation: 'auto',
                  readable: [],
                  config: 'alembic_users.ini',
                  envFile: '/etc/signoff/.env_integration',
                  program: 'alembic',
                  lockTimeout: '10s',
                  statementTimeout: '0',
                  talkItOver: ['destroys', 'unknown'],
                  approvers: ['@database'],
                },
              ],
              channel: '#product',
              announce: 'off',
              digests,
            },
            {
              app: 'api',
              name: 'production',
              branch: 'production',
              promotes: 'integration',
              order: 'shown',
              pullRequest: 'branch',
              remote: {
                name: 'heroku-production',
                url: 'https://git.heroku.com/complianceai-api-production.git',
                branch: 'master',
                platform: 'heroku',
                app: 'complianceai-api-production',
              },
              migrations: [
                {
                  app: 'api',
                  environment: 'production',
                  directory: '.',
                  tool: 'alembic',
                  isolation: 'auto',
                  readable: [],
                  config: 'alembic_users.ini',
                  envFile: '/etc/signoff/.env_production',
                  program: 'alembic',
                  lockTimeout: '10s',
                  statementTimeout: '0',
                  talkItOver: ['destroys', 'unknown'],
                },
              ],
              channel: '#product',
              announce: 'required',
              signOff: {
                qa: 1,
                approvals: 1,
                approvers: ['@release-approvers', 'U012AB3CD'],
                qaBy: ['@qa'],
                emergencyBy: ['@release-approvers'],
                requireChecks: false,
                expiresAfterMs: 86_400_000,
                rollback: { qa: 0, approvals: 1 },
              },
              digests,
            },
          ],
        },
      ],
    })
  })

  it('may leave out everything that has a default', () => {
    const [app] = releases(`
apps:
  api:
    repository: team/api
    environments:
      test:
        branch: master
        remote: { name: test, url: http://localhost:1234/git/api-test.git, platform: heroku }
        migrations: { config: alembic.ini }
        channel: C012AB3CD
        sign_off: {}
`).apps
    expect(app?.gitUrl).toBe('https://bitbucket.org/team/api.git')
    expect(app?.environments[0]).toMatchObject({
      pullRequest: 'branch',
      remote: { branch: 'master', platform: 'heroku', app: 'api-test' },
      migrations: [
        {
          program: 'alembic',
          lockTimeout: '10s',
          statementTimeout: '0',
          talkItOver: ['destroys', 'unknown'],
        },
      ],
      announce: 'off',
      signOff: { qa: 1, approvals: 1, requireChecks: false, expiresAfterMs: 86_400_000 },
    })
    expect(app?.environments[0]?.migrations[0]).not.toHaveProperty('envFile')
    expect(app?.environments[0]?.signOff).not.toHaveProperty('approvers')
  })

  it('needs no Talked over where there is no sign-off, unless it says so', () => {
    const without = changed(/ {10}talk_it_over: .*\n/, '')
    expect(releases(without).apps[0]?.environments[0]?.migrations[0]?.talkItOver).toEqual([])
  })

  it('may keep sign-offs open for longer than a month', () => {
    const [, production] = releases(changed('expires_after: 24h', 'expires_after: 30d')).apps[0]?.environments ?? []
    expect(production?.signOff?.expiresAfterMs).toBe(30 * 86_400_000)
  })

  it('takes git on this machine for a plain git remote', () => {
    for (const url of ['/srv/git/api.git', 'file:///srv/git/api.git', 'http://127.0.0.1:80/api.git']) {
      const text = changed(/platform: heroku\n.*app: .*\n/, '\n').replace(
        /url: https:\/\/git\.heroku\S*int\S*/,
        `url: ${url}`,
      )
      expect(releases(text).apps[0]?.environments[0]?.remote).toEqual({
        name: 'heroku-integration',
        url,
        branch: 'master',
        platform: 'git',
      })
    }
  })
})

describe('a mistake in releases.yml is told with its line', () => {
  const at = 'apps.api.environments'
  it.each<[string, string | RegExp, string, string[]]>([
    [
      'unknown key',
      'qa_by:',
      'qa_bye:',
      [`releases.yml:39: ${at}.production.sign_off.qa_bye is not a known key; did you mean qa_by?`],
    ],
    ['unknown key at the top', 'slack:', 'slak:', ['releases.yml:1: slak is not a known key; did you mean slack?']],
    [
      'key far from any known',
      'progress: lines',
      'zzzzzzzz: 1',
      [
        'releases.yml:2: slack.zzzzzzzz is not a known key; the nearest is progress (known here: progress, direct_messages)',
      ],
    ],
    [
      'missing key',
      / {6}production:\n {8}branch: production\n/,
      '      production:\n',
      [`releases.yml:27: ${at}.production.branch is missing`],
    ],
    [
      'wrong word',
      'announce: required',
      'announce: always',
      [`releases.yml:34: ${at}.production.announce must be required or off`],
    ],
    [
      'wrong type',
      'approvals: 1',
      'approvals: one',
      [`releases.yml:37: ${at}.production.sign_off.approvals must be a number`],
    ],
    [
      'fraction',
      'approvals: 1',
      'approvals: 1.5',
      [`releases.yml:37: ${at}.production.sign_off.approvals must be a whole number`],
    ],
    [
      'negative number',
      'approvals: 1',
      'approvals: -1',
      [`releases.yml:37: ${at}.production.sign_off.approvals must be at least 0`],
    ],
    [
      'yes for true',
      'require_checks: false',
      'require_checks: yes',
      [`releases.yml:41: ${at}.production.sign_off.require_checks must be true or false`],
    ],
    [
      'number for a text',
      'branch: production',
      'branch: 7',
      [`releases.yml:28: ${at}.production.branch must be text: put it in quotes`],
    ],
    [
      'channel without quotes',
      'channel: "#product"',
      'channel: #product',
      [
        `releases.yml:24: ${at}.integration.channel is empty, and must be text (a text with # or @ in front needs quotes)`,
      ],
    ],
    [
      'handle without quotes',
      'qa_by: ["@qa"]',
      'qa_by: @qa',
      ['releases.yml:39: a text that begins with @ needs quotes'],
    ],
    [
      'one person for a list',
      'qa_by: ["@qa"]',
      'qa_by: "@qa"',
      [`releases.yml:39: ${at}.production.sign_off.qa_by must be a list`],
    ],
    [
      'empty list',
      'qa_by: ["@qa"]',
      'qa_by: []',
      [
        `releases.yml:39: ${at}.production.sign_off.qa_by is an empty list, which allows nobody; remove the key to allow the default`,
      ],
    ],
    [
      'name for a person',
      'qa_by: ["@qa"]',
      'qa_by: [dana]',
      [
        `releases.yml:39: ${at}.production.sign_off.qa_by[1] must be a user group in quotes, such as "@qa", or a Slack user id, such as U012AB3CD`,
      ],
    ],
    [
      'somebody twice',
      'qa_by: ["@qa"]',
      'qa_by: ["@qa", "@qa"]',
      [`releases.yml:39: ${at}.production.sign_off.qa_by names someone twice`],
    ],
    [
      'sign_off that is no word',
      'sign_off: none',
      'sign_off: no',
      [`releases.yml:26: ${at}.integration.sign_off must be none, or keys and their values`],
    ],
    [
      'time without a unit',
      'expires_after: 24h',
      'expires_after: 24',
      [`releases.yml:42: ${at}.production.sign_off.expires_after must be text: put it in quotes`],
    ],
    [
      'time of nothing',
      'expires_after: 24h',
      'expires_after: 0s',
      [
        `releases.yml:42: ${at}.production.sign_off.expires_after must be a time such as 10s, 5min or 24h, at most 366d`,
      ],
    ],
    [
      'time of years',
      'expires_after: 24h',
      'expires_after: 9999999999d',
      [
        `releases.yml:42: ${at}.production.sign_off.expires_after must be a time such as 10s, 5min or 24h, at most 366d`,
      ],
    ],
    [
      'unit that Postgres lacks',
      'lock_timeout: 10s',
      'lock_timeout: 10m',
      [
        `releases.yml:20: ${at}.integration.migrations.lock_timeout must be a time such as 10s, 5min or 24h, at most 24d, or 0 for none`,
      ],
    ],
    [
      'limit that Postgres lacks',
      'lock_timeout: 10s',
      'lock_timeout: 25d',
      [
        `releases.yml:20: ${at}.integration.migrations.lock_timeout must be a time such as 10s, 5min or 24h, at most 24d, or 0 for none`,
      ],
    ],
    [
      'promotion of nothing',
      'promotes: integration',
      'promotes: intgration',
      [`releases.yml:29: ${at}.production.promotes is not an environment of this app, which has integration`],
    ],
    [
      'promotion of itself',
      'promotes: integration',
      'promotes: production',
      [`releases.yml:29: ${at}.production.promotes names its own environment`],
    ],
    [
      'promotion of the same branch',
      'branch: production',
      'branch: master',
      [
        `releases.yml:29: ${at}.production.promotes names an environment with the same branch; a pull request needs two branches`,
      ],
    ],
    [
      'promotion in a circle',
      'announce: off',
      'promotes: production',
      [
        `releases.yml:25: ${at}.integration.promotes is part of a cycle`,
        `releases.yml:29: ${at}.production.promotes is part of a cycle`,
      ],
    ],
    [
      'shared remote',
      'api-production.git',
      'api-integration/',
      [
        `releases.yml:31: ${at}.production.remote.url has the same URL and branch as api/integration; each environment needs its own`,
      ],
    ],
    [
      'too few people',
      'approvals: 1\n          approvers: ["@release-approvers", U012AB3CD]',
      'approvals: 2\n          approvers: [U012AB3CD]',
      [`releases.yml:38: ${at}.production.sign_off.approvers names 1 person and no group, but approvals needs 2`],
    ],
    [
      'sign-off of nobody',
      'qa: 1\n          approvals: 1',
      'qa: 0\n          approvals: 0',
      [`releases.yml:35: ${at}.production.sign_off requires nobody: set sign_off to none, or require qa or approvals`],
    ],
    [
      'another Heroku app',
      'app: complianceai',
      'app: other',
      [`releases.yml:15: ${at}.integration.remote.app is not the Heroku app in the URL`],
    ],
    [
      'password in a URL',
      'git_url: https://',
      'git_url: https://user:marker@',
      ['releases.yml:6: apps.api.git_url must not contain a user or a password'],
    ],
    [
      'plain http',
      'git_url: https://',
      'git_url: http://',
      ['releases.yml:6: apps.api.git_url must be https; http is allowed only for this machine'],
    ],
    [
      'ssh',
      'git_url: https://',
      'git_url: ssh://',
      ['releases.yml:6: apps.api.git_url must be an https URL; ssh and git URLs are not supported'],
    ],
    [
      'address as for scp',
      /git_url: .*/,
      'git_url: git@bitbucket.org:a/b.git',
      ['releases.yml:6: apps.api.git_url must be an https URL, or an absolute path on this machine'],
    ],
    [
      "git's ext",
      /git_url: .*/,
      'git_url: "ext::sh -c id"',
      ['releases.yml:6: apps.api.git_url must be an https URL, or an absolute path on this machine'],
    ],
    [
      'branch that is an option',
      'branch: production',
      'branch: --force',
      [`releases.yml:28: ${at}.production.branch must be the name of a branch, such as master`],
    ],
    [
      'branch that is a refspec',
      'branch: production',
      'branch: "a:b"',
      [`releases.yml:28: ${at}.production.branch must be the name of a branch, such as master`],
    ],
    [
      'path that climbs',
      'config: alembic_users.ini\n',
      'config: a/../../b\n',
      [
        `releases.yml:17: ${at}.integration.migrations.config must be a path inside the repository, such as alembic.ini`,
      ],
    ],
    [
      'repository that is none',
      'jurispect/jurispect_api\n',
      'jurispect_api\n',
      ['releases.yml:5: apps.api.repository must be a Bitbucket repository, written workspace/slug'],
    ],
    ['word of the commands', '  api:', '  status:', ['releases.yml:4: apps.status is a reserved word of the commands']],
    ['commit for a name', '  api:', '  cafe:', ['releases.yml:4: apps.cafe looks like a commit (4 to 40 hex digits)']],
    [
      'capital in a name',
      '  api:',
      '  Api:',
      ['releases.yml:4: apps.Api must be lower-case letters, digits and -, beginning with a letter'],
    ],
    [
      'app named as an environment',
      '  api:',
      '  production:',
      ["releases.yml:4: apps.production is also the name of an environment; commands can't tell them apart"],
    ],
    ['key that stands twice', 'announce: off', 'channel: "#other"', ['releases.yml:25: this key appears twice']],
    [
      'tab',
      '        announce: off',
      '\tannounce: off',
      ['releases.yml:25: tabs are not allowed as indentation; use spaces'],
    ],
  ])('%s', (_, from, to, expected) => {
    const found = problems(changed(from, to))
    expect(found).toEqual(expected)
    expect(found.join()).not.toContain('marker')
  })

  it.each(['lock', 'unlock', 'rollback', 'bad', 'good', 'report'])('an app called %s: now a command', (word) => {
    expect(problems(changed('  api:', `  ${word}:`))).toEqual([
      `releases.yml:4: apps.${word} is now a command of /deploy: give the app another name`,
    ])
    // What is typed after the app is no command: an environment may be called so.
    expect(
      problems(changed('      integration:', `      ${word}:`).replace('promotes: integration', `promotes: ${word}`)),
    ).toEqual([])
  })

  it('an environment called all: now a word of a command', () => {
    expect(problems(changed('      production:', '      all:'))).toEqual([
      `releases.yml:27: ${at}.all is now a word of /deploy lock: give the environment another name`,
    ])
    expect(problems(changed('  api:', '  all:'))).toEqual([])
  })

  it('also inside of an app whose name is wrong', () => {
    expect(problems(changed('  api:', '  Api:').replace('qa: 1', 'qua: 1'))).toEqual([
      'releases.yml:4: apps.Api must be lower-case letters, digits and -, beginning with a letter',
      'releases.yml:36: apps.Api.environments.production.sign_off.qua is not a known key; did you mean qa?',
    ])
  })

  it('and all of them at once', () => {
    const text = changed('promotes: integration', 'promotes: nothing')
      .replace('lock_timeout: 10s', 'lock_timeout: ten')
      .replace('approvals: 1', 'approvals: []')
      .replace('announce: off', 'anounce: off')
    expect(problems(text).map((problem) => problem.split(' ')[0])).toEqual([
      'releases.yml:20:',
      'releases.yml:25:',
      'releases.yml:29:',
      'releases.yml:37:',
    ])
  })

  it.each([
    ['', ['releases.yml: is empty']],
    [
      'apps: !env NAME',
      ['releases.yml:1: tags such as !this are not supported', 'releases.yml:1: apps must be keys and their values'],
    ],
    ['# nothing yet\n', ['releases.yml: is empty']],
    ['- a', ['releases.yml:1: must be keys and their values']],
    ['apps: {}', ['releases.yml:1: apps needs an app']],
    [
      'apps:\n  api:\n    repository: a/b\n    environments: {}',
      ['releases.yml:4: apps.api.environments needs an environment'],
    ],
    ['apps: *none', ['releases.yml:1: this alias has no anchor before it']],
    ['apps: {a: [}', [expect.stringMatching(/^releases\.yml:1: /)]],
  ])('%j', (text, expected) => {
    const found = problems(text)
    expect(found).toEqual(expected)
  })
})

describe('hostile text', () => {
  it('that explodes is refused', () => {
    const doubled = Array.from({ length: 30 }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}]`)
    const text = ['a0: &a0 [x, x]', ...doubled].join('\n')
    expect(problems(text)).toEqual(['releases.yml: is nested too deeply, or uses too many aliases'])
  })

  it('that is deep, circular, huge or binary is refused', () => {
    for (const text of [
      '['.repeat(50_000),
      `apps: &a { b: *a }`,
      'x'.repeat(1_000_001),
      'a: \0',
      '%YAML 9.9\n---\n',
      '\u{feff}a',
    ]) {
      expect(problems(text).length).toBeGreaterThan(0)
    }
  })

  it('is never thrown at, and its values are never shown', () => {
    const scrap = fc.constantFrom(
      '- ',
      ': ',
      '\n',
      '  ',
      '{',
      '}',
      '[',
      ']',
      '&a ',
      '*a ',
      '"',
      '#',
      '|',
      '>',
      '? ',
      '!!',
      '\t',
    )
    const known = fc.constantFrom(...EXAMPLE.split('\n'))
    const text = fc.array(fc.oneof(scrap, known, fc.constant('s3cr3t-value!'), fc.string({ unit: 'binary' })), {
      maxLength: 40,
    })
    fc.assert(
      fc.property(text, (parts) => {
        const file = readReleases(parts.join('\n'), '/etc/signoff')
        const report = file.report([])
        expect(file.releases === undefined).toBe(report.length > 0)
        expect(report.join()).not.toContain('s3cr3t-value!')
      }),
      { numRuns: 100 },
    )
  })

  it('in any value is not repeated', () => {
    const lines = EXAMPLE.split('\n')
    lines.forEach((line, index) => {
      if (!/: \S/.test(line)) return
      const text = lines.with(index, line.replace(/: .*/, ': "s3cr3t value!"')).join('\n')
      expect(problems(text).join()).not.toContain('s3cr3t')
    })
  })
})

describe('warnings', () => {
  const warnings = (text: string) => readReleases(text, '/etc/signoff').warnings

  it('are not given for the example', () => {
    expect(warnings(EXAMPLE)).toEqual([])
  })

  it('say when a person could release alone, and when an approver could not ask', () => {
    expect(warnings(changed('approvals: 1', 'approvals: 0'))).toEqual([
      'releases.yml:35: apps.api.environments.production.sign_off requires no approval, so one person can release alone',
    ])
    expect(warnings(changed('["@release-approvers", U012AB3CD]', '[U012AB3CD]'))).toEqual([
      'releases.yml:38: apps.api.environments.production.sign_off.approvers names only as many people as must approve, so none of them can request a release',
    ])
  })
})

describe('the JSON Schema', () => {
  const validate = new Ajv2020().compile(releasesJsonSchema())

  it('takes what we take', () => {
    validate(parse(EXAMPLE))
    expect(validate.errors).toBeNull()
  })

  it.each([
    ['announce: off', 'announce: always'],
    ['qa_by:', 'qa_bye:'],
    ['  api:', '  Api:'],
    ['qa_by: ["@qa"]', 'qa_by: []'],
    ['lock_timeout: 10s', 'lock_timeout: 10m'],
    ['approvals: 1', 'approvals: one'],
  ])('refuses %j made %j', (from, to) => {
    expect(validate(parse(changed(from, to)))).toBe(false)
  })

  it('describes every key for editors, with examples that it takes', () => {
    const keys = keysOf(releasesJsonSchema())
    expect(keys.map(([path]) => path)).toEqual(
      expect.arrayContaining(['slack.progress', 'apps.*.environments.*.remote']),
    )
    expect(keys.length).toBeGreaterThan(50)
    for (const [path, { description, examples, ...key }] of keys) {
      expect(description, path).toMatch(/^[A-Z].{9,}[^.]$|^(true|flask): .{9,}[^.]$/)
      expect(examples, path).toBeInstanceOf(Array)
      const takes = new Ajv2020().compile(key)
      expect(examples, path).not.toHaveLength(0)
      for (const example of examples as unknown[])
        expect(takes(example), `${path}: ${JSON.stringify(example)}`).toBe(true)
    }
  })

  /** The schemas of all keys and of what stands behind names, by their paths. */
  function keysOf(schema: unknown, path: readonly string[] = []): readonly [string, Record<string, unknown>][] {
    if (typeof schema !== 'object' || schema === null) return []
    const { properties = {}, additionalProperties, items, anyOf = [] } = schema as Record<string, object>
    const named = typeof additionalProperties === 'object' ? { ...properties, '*': additionalProperties } : properties
    const within = Object.entries(named).flatMap(([key, each]): readonly [string, Record<string, unknown>][] => {
      const place = [...path, key]
      return [[place.join('.'), each], ...keysOf(each, place)]
    })
    return [...within, ...keysOf(items, path), ...Object.values(anyOf).flatMap((form) => keysOf(form, path))]
  }
})
