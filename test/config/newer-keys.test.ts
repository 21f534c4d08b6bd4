/** The keys of `releases.yml` that the first edition did not know. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { digestsOf } from '../../src/config/digests.ts'
import { readReleases } from '../../src/config/releases-file.ts'
import { releasesJsonSchema } from '../../src/config/releases-schema.ts'
import { environmentSchema } from '../../src/config/schema/environment.ts'
import type { Environment } from '../../src/release/settings.ts'
import { aMigration } from '../support/builders.ts'

/** Every key of the format. */
const EVERYTHING = `slack:
  progress: lines
  direct_messages: false
time_zone: Europe/Berlin
freezes:
  - { name: weekend, from: Fri 16:00, to: Mon 08:00 }
  - { name: year-end, from: 2026-12-21, to: 2027-01-04 07:30, environments: [api/production] }
webhooks:
  - { url: https://hooks.example.com/signoff, secret_env: RELEASE_HOOK_SECRET, events: [release.succeeded, lock.set] }
  - { url: "http://127.0.0.1:9999/hook?team=1", secret_env: [NEW_SECRET, OLD_SECRET] }
workers:
  production-net: { environments: [api/production] }
apps:
  api:
    repository: jurispect/jurispect_api
    environments:
      integration:
        branch: master
        deploys: after checks
        remote:
          name: heroku-integration
          url: https://git.heroku.com/api-integration.git
          health: https://integration.example.com/health
        migrations:
          - name: users
            config: alembic_users.ini
            env_file: .env_integration
            directory: backend
            tool: flask
            isolation: required
            readable: [/srv/venvs/api]
          - { name: search, config: pyproject.toml, env_file: .env_integration_search }
        channel: "#product"
      production:
        branch: production
        promotes: integration
        order: required
        hotfix: pull_request
        remote: { name: heroku-production, url: https://git.heroku.com/api-production.git }
        channel: "#product"
        sign_off:
          qa: each change
          rollback: { qa: 1, approvals: 2 }
          receipts: true
`

/** The same without a newer key. */
const PLAIN = `apps:
  api:
    repository: jurispect/jurispect_api
    environments:
      integration:
        branch: master
        remote: { name: heroku-integration, url: https://git.heroku.com/api-integration.git }
        migrations: { config: alembic.ini }
        channel: "#product"
      production:
        branch: production
        promotes: integration
        remote: { name: heroku-production, url: https://git.heroku.com/api-production.git }
        channel: "#product"
        sign_off: { approvers: [U0A, U0B, U0C], qa_by: ["@qa"] }
`

const IN = 'apps.api.environments.integration'
const PRO = 'apps.api.environments.production'

const read = (text: string) => readReleases(text, '/etc/signoff')
/** Without the lines' numbers. */
const problems = (text: string) =>
  read(text)
    .report([])
    .map((problem) => problem.replace(/^releases\.yml(:\d+)?: /, ''))

/** PLAIN with the value at that path. */
function set(path: string, value: unknown): string {
  const file = parse(PLAIN)
  const steps = path.split('.')
  const last = steps.pop() ?? ''
  let inside = file
  for (const step of steps) {
    inside[step] ??= {}
    inside = inside[step]
  }
  inside[last] = value
  return stringify(file)
}

describe('a file that uses every key', () => {
  it('has no problem', () => {
    expect(problems(EVERYTHING)).toEqual([])
    expect(read(EVERYTHING).releases).toBeDefined()
  })

  it('is what the JSON Schema takes', () => {
    const validate = new Ajv2020().compile(releasesJsonSchema())
    validate(parse(EVERYTHING))
    expect(validate.errors).toBeNull()
  })
})

describe('a file of the first edition', () => {
  it('has no problem', () => {
    expect(problems(PLAIN)).toEqual([])
  })
})

describe('groups of workers', () => {
  const grouped = set('workers', { net: { environments: ['api/production'] } })

  it('give each environment to one group, or to the workers without one', () => {
    const environments = read(grouped).releases?.apps[0]?.environments ?? []
    expect(environments.map(({ name, group }) => [name, group])).toEqual([
      ['integration', undefined],
      ['production', 'net'],
    ])
    expect(read(set('workers', {})).releases).toEqual(read(PLAIN).releases)
  })

  it('void no sign-off: they are in no digest', () => {
    const digests = (text: string) => read(text).releases?.apps[0]?.environments.map((each) => each.digests)
    expect(digests(grouped)).toEqual(digests(PLAIN))
  })

  it('tell which workers need which secrets', () => {
    const { groups, groupsOnHeroku, hasUngrouped } = read(grouped)
    expect([groups, [...groupsOnHeroku], hasUngrouped]).toEqual([['net'], [undefined, 'net'], true])
    const all = read(set('workers', { net: { environments: ['api/production', 'api/integration'] } }))
    expect([[...all.groupsOnHeroku], all.hasUngrouped]).toEqual([['net'], false])
    const migrates = EVERYTHING.replace('[api/production] }\napps', '[api/production, api/integration] }\napps')
    expect(read(migrates).envFiles.map(({ group }) => group)).toEqual(['production-net', 'production-net'])
    expect(read(EVERYTHING).envFiles.map(({ group }) => group)).toEqual([undefined, undefined])
  })
})

describe('direct messages', () => {
  it('are sent unless the file says otherwise', () => {
    expect(read(PLAIN).releases?.directMessages).toBe(true)
    expect(read(set('slack.direct_messages', false)).releases?.directMessages).toBe(false)
  })
})

describe('a newer key is read strictly', () => {
  const weekend = { name: 'weekend', from: 'Fri 16:00', to: 'Mon 08:00' }
  const moment = 'must be a weekday and a time such as Fri 16:00, or a date such as 2026-12-21'
  const hook = { url: 'https://hooks.example.com/', secret_env: 'HOOK_SECRET' }

  it.each<[string, unknown, string]>([
    ['slack.direct_messages', 'no', 'slack.direct_messages must be true or false'],
    [
      'time_zone',
      'Europe/Berlyn',
      'time_zone must be the name of a time zone, such as Europe/Berlin; did you mean Europe/Berlin?',
    ],
    ['time_zone', '+02:00', 'time_zone must be the name of a time zone, such as Europe/Berlin'],
    ['time_zone', 2, 'time_zone must be text: put it in quotes'],
    ['freezes', weekend, 'freezes must be a list'],
    ['freezes', [{ ...weekend, form: 'x' }], 'freezes[1].form is not a known key; did you mean from?'],
    ['freezes', [{ name: 'weekend', from: 'Fri 16:00' }], 'freezes[1].to is missing'],
    ['freezes', [{ ...weekend, name: ' ' }], 'freezes[1].name must be 1 to 60 characters'],
    ['freezes', [{ ...weekend, from: 'Friday 16:00' }], `freezes[1].from ${moment}`],
    ['freezes', [{ ...weekend, from: 'Fri' }], `freezes[1].from ${moment}`],
    ['freezes', [{ ...weekend, from: 'Fri 24:00' }], `freezes[1].from ${moment}`],
    ['freezes', [{ ...weekend, from: '16:00' }], `freezes[1].from ${moment}`],
    ['freezes', [{ ...weekend, from: '2026-02-30' }], `freezes[1].from ${moment}`],
    ['freezes', [{ ...weekend, from: '2026-13-01 08:00' }], `freezes[1].from ${moment}`],
    ['freezes', [{ ...weekend, to: '2026-12-21' }], 'freezes[1].to must be a weekday or a date, as in from'],
    ['freezes', [{ ...weekend, to: 'Fri 16:00' }], 'freezes[1].to must not be the same as from'],
    ['freezes', [{ name: 'f', from: '2027-01-04', to: '2026-12-21' }], 'freezes[1].to must be after from'],
    ['freezes', [{ name: 'f', from: '2026-12-21', to: '2026-12-21 00:00' }], 'freezes[1].to must be after from'],
    ['freezes', [weekend, weekend], 'freezes[2].name is the name of another freeze'],
    ['freezes', [{ ...weekend, environments: [] }], 'freezes[1].environments is an empty list; add an environment'],
    [
      'freezes',
      [{ ...weekend, environments: ['production'] }],
      'freezes[1].environments[1] must be an app and its environment, written app/environment, such as api/production',
    ],
    [
      'freezes',
      [{ ...weekend, environments: ['api/prodction'] }],
      'freezes[1].environments[1] is not an environment; did you mean api/production?',
    ],
    [
      'freezes',
      [{ ...weekend, environments: ['web/zzz'] }],
      'freezes[1].environments[1] is not an environment; choose from api/production, api/integration',
    ],
    [
      'freezes',
      [{ ...weekend, environments: ['api/production', 'api/production'] }],
      'freezes[1].environments names an environment twice',
    ],
    [
      'webhooks',
      [{ ...hook, url: 'http://hooks.example.com/' }],
      'webhooks[1].url must be https; http is allowed only for this machine',
    ],
    [
      'webhooks',
      [{ ...hook, url: 'https://u:marker@a.example/' }],
      'webhooks[1].url must not contain a user or a password',
    ],
    [
      'webhooks',
      [{ ...hook, secret_env: 'whsec_marker=' }],
      'webhooks[1].secret_env must be the name of an environment variable, not its value',
    ],
    [
      'webhooks',
      [{ ...hook, secret_env: ['A', 'A'] }],
      'webhooks[1].secret_env must be two different variables: [NEW, OLD]',
    ],
    [
      'webhooks',
      [{ ...hook, secret_env: ['A'] }],
      'webhooks[1].secret_env must be two different variables: [NEW, OLD]',
    ],
    [
      'webhooks',
      [{ ...hook, events: [] }],
      'webhooks[1].events is an empty list, which sends nothing; remove the key to send everything',
    ],
    ['webhooks', [{ ...hook, events: ['lock.set', 'lock.set'] }], 'webhooks[1].events names an event twice'],
    ['webhooks', [hook, hook], 'webhooks[2].url is the URL of another webhook'],
    ['workers', { net: ['api/production'] }, 'workers.net must be keys and their values'],
    ['workers', { net: {} }, 'workers.net.environments is missing'],
    [
      'workers',
      { net: { environments: ['api/production'] }, other: { environments: ['api/production'] } },
      'workers.other.environments[1] already belongs to net; an environment has only one group',
    ],
    [
      'workers',
      { net: { environments: ['api/prod'] } },
      'workers.net.environments[1] is not an environment; choose from api/production, api/integration',
    ],
    [
      'workers',
      { Net: { environments: ['api/production'] } },
      'workers.Net must be lower-case letters, digits and -, beginning with a letter',
    ],
    [`${IN}.deploys`, 'always', `${IN}.deploys must be on request or automatically or after checks`],
    [`${PRO}.order`, 'shwon', `${PRO}.order must be off or shown or required`],
    [`${IN}.order`, 'shown', `${IN}.order needs promotes, the environment on which commits are proven first`],
    [`${IN}.order`, 'off', `${IN}.order needs promotes, the environment on which commits are proven first`],
    [`${PRO}.hotfix`, true, `${PRO}.hotfix must be auto or push or pull_request`],
    [`${IN}.remote.health`, 'integration.example.com', `${IN}.remote.health must be an https URL`],
    [`${IN}.migrations`, 'alembic.ini', `${IN}.migrations must be keys and their values, or a list of them`],
    [`${IN}.migrations`, [], `${IN}.migrations is an empty list; remove the key when there are no migrations`],
    [
      `${IN}.migrations`,
      [{ name: 'a', confg: 'x.ini', config: 'x.ini' }],
      `${IN}.migrations[1].confg is not a known key; did you mean config?`,
    ],
    [`${IN}.migrations`, [{ name: 'a' }], `${IN}.migrations[1].config is missing`],
    [
      `${IN}.migrations`,
      [{ config: 'x.ini' }],
      `${IN}.migrations[1].name is missing: each entry of a list needs a name`,
    ],
    [
      `${IN}.migrations`,
      [
        { name: 'a', config: 'x.ini' },
        { name: 'a', config: 'y.ini' },
      ],
      `${IN}.migrations[2].name is the name of another entry`,
    ],
    [
      `${IN}.migrations.name`,
      'Users',
      `${IN}.migrations.name must be lower-case letters, digits, _ and -, beginning with a letter`,
    ],
    [`${IN}.migrations.directory`, '../other', `${IN}.migrations.directory must be a path inside the repository, or .`],
    [`${IN}.migrations.tool`, 'django', `${IN}.migrations.tool must be alembic or flask`],
    [`${IN}.migrations.isolation`, 'on', `${IN}.migrations.isolation must be auto or required or off`],
    [
      `${IN}.migrations.readable`,
      ['venvs'],
      `${IN}.migrations.readable[1] must be an absolute path, such as /srv/venvs/api`,
    ],
    [
      `${IN}.migrations.readable`,
      ['/'],
      `${IN}.migrations.readable[1] must be an absolute path, such as /srv/venvs/api`,
    ],
    [
      `${IN}.migrations.readable`,
      ['/srv/..'],
      `${IN}.migrations.readable[1] must be an absolute path without . and ..`,
    ],
    [`${IN}.migrations.readable`, ['/a', '/a'], `${IN}.migrations.readable names a path twice`],
    [`${PRO}.sign_off.qa`, 'every change', `${PRO}.sign_off.qa must be a whole number from 0 to 20, or each change`],
    [`${PRO}.sign_off.qa`, 21, `${PRO}.sign_off.qa must be at most 20`],
    [
      `${PRO}.sign_off.rollback`,
      { approval: 1 },
      `${PRO}.sign_off.rollback.approval is not a known key; did you mean approvals?`,
    ],
    [`${PRO}.sign_off.rollback`, { qa: -1 }, `${PRO}.sign_off.rollback.qa must be at least 0`],
    [
      `${PRO}.sign_off.rollback`,
      { approvals: 4 },
      `${PRO}.sign_off.approvers names 3 people and no group, but rollback.approvals needs 4`,
    ],
    [`${PRO}.sign_off.receipts`, 'yes', `${PRO}.sign_off.receipts must be true or false`],
  ])('%s: %j', (path, value, expected) => {
    const found = problems(set(path, value))
    expect(found).toEqual([expected])
    expect(found.join()).not.toContain('marker')
  })

  it('names every event that a webhook may be told of where one is not known', () => {
    const [problem] = problems(set('webhooks', [{ ...hook, events: ['release.done'] }]))
    expect(problem).toMatch(/^webhooks\[1\]\.events\[1\] must be release\.requested or .* or lock\.ended$/)
  })

  it('deploys by itself only where nobody signs and nothing is promoted to it', () => {
    expect(problems(set(`${PRO}.deploys`, 'automatically'))).toEqual([
      `${PRO}.deploys must be on request in an environment with promotes`,
      `${PRO}.deploys must be on request in an environment with a sign_off`,
    ])
    expect(problems(set(`${IN}.deploys`, 'after checks'))).toEqual([])
  })

  it('reads env files of a list, too', () => {
    const { envFiles } = read(EVERYTHING)
    expect(envFiles.map(({ path, place }) => [path, place.slice(-3)])).toEqual([
      ['/etc/signoff/.env_integration', ['migrations', 0, 'env_file']],
      ['/etc/signoff/.env_integration_search', ['migrations', 1, 'env_file']],
    ])
  })

  it('is not led astray by a list that holds itself', () => {
    const text =
      'freezes: &a [*a]\nworkers: &b { net: *b }\napps: { api: { environments: { t: { migrations: &c [*c] } } } }\n'
    expect(problems(text).length).toBeGreaterThan(0)
  })
})

describe('freezes and the order of environments', () => {
  const environments = (text: string) => {
    const [integration, production] = read(text).releases?.apps[0]?.environments ?? []
    return { integration, production }
  }
  const weekend = { name: 'weekend', from: 'Fri 16:00', to: 'Mon 08:00' }
  const lasts = { ...weekend, timeZone: 'UTC' }

  it('apply to every environment with a sign-off, and to others only if they are named', () => {
    const plain = environments(set('freezes', [weekend]))
    expect([plain.integration?.freezes, plain.production?.freezes]).toEqual([undefined, [lasts]])
    const named = environments(set('freezes', [{ ...weekend, environments: ['api/integration'] }]))
    expect([named.integration?.freezes, named.production?.freezes]).toEqual([[lasts], undefined])
  })

  it('are in the time zone of the file, which is UTC unless it says another', () => {
    expect(read(PLAIN).releases?.timeZone).toBe('UTC')
    const text = `time_zone: Europe/Berlin\n${set('freezes', [weekend])}`
    expect(read(text).releases?.timeZone).toBe('Europe/Berlin')
    expect(environments(text).production?.freezes).toEqual([{ ...weekend, timeZone: 'Europe/Berlin' }])
  })

  it('void no sign-off: neither is in the digest, unless the order is not the default', () => {
    const plain = environments(PLAIN).production?.digests
    expect(environments(`time_zone: Europe/Berlin\n${set('freezes', [weekend])}`).production?.digests).toEqual(plain)
    expect(environments(set(`${PRO}.order`, 'shown')).production?.digests).toEqual(plain)
    expect(environments(set(`${PRO}.order`, 'required')).production?.digests.form2).not.toBe(plain?.form2)
  })

  it('is shown where an environment promotes another, and is nothing where it promotes none', () => {
    const orders = (text: string) => [environments(text).integration?.order, environments(text).production?.order]
    expect(orders(PLAIN)).toEqual([undefined, 'shown'])
    expect(orders(set(`${PRO}.order`, 'required'))).toEqual([undefined, 'required'])
    expect(orders(set(`${PRO}.order`, 'off'))).toEqual([undefined, 'off'])
  })
})

describe('what a rollback needs', () => {
  it('is one approval unless the entry says otherwise', () => {
    const rules = (value: unknown) =>
      read(set(`${PRO}.sign_off.rollback`, value)).releases?.apps[0]?.environments[1]?.signOff?.rollback
    expect(rules({})).toEqual({ qa: 0, approvals: 1 })
    expect(rules({ qa: 1 })).toEqual({ qa: 1, approvals: 1 })
    expect(rules({ approvals: 2 })).toEqual({ qa: 0, approvals: 2 })
  })
})

describe('a rollback that asks for nobody', () => {
  it('is a warning', () => {
    const { warnings, report } = read(set(`${PRO}.sign_off.rollback`, { qa: 0, approvals: 0 }))
    expect(warnings).toEqual([
      expect.stringMatching(/sign_off\.rollback requires nobody, so one person can roll back alone$/),
    ])
    expect(report([])).toEqual([])
  })
})

describe('the digest in form 2', () => {
  const app = { name: 'api', repository: 'team/api', gitUrl: 'https://bitbucket.org/team/api.git' }
  const [, environment] = read(PLAIN).releases?.apps[0]?.environments ?? []
  const entry = parse(PLAIN).apps.api.environments.production
  const migrations = { config: 'alembic.ini' }

  /** As the file would give it if everything were built: of the entry with these keys. */
  function digestsWith(keys: object) {
    const { digests: _, migrations: __, ...declared } = environment as Environment
    const parsed = environmentSchema.parse({ ...entry, migrations, ...keys })
    const list = [parsed.migrations ?? []].flat().map(({ config }) => aMigration({ config }))
    return digestsOf(app, { ...declared, migrations: list }, parsed)
  }

  const plain = digestsWith({})

  it.each<[string, object]>([
    ['deploys', { deploys: 'on request' }],
    ['order', { order: 'shown' }],
    ['hotfix', { hotfix: 'auto' }],
    ['directory', { migrations: { ...migrations, directory: '.' } }],
    ['tool', { migrations: { ...migrations, tool: 'alembic' } }],
    ['isolation', { migrations: { ...migrations, isolation: 'auto' } }],
    ['readable', { migrations: { ...migrations, readable: [] } }],
    ['rollback', { sign_off: { ...entry.sign_off, rollback: { qa: 0, approvals: 1 } } }],
    ['a list of one without a name', { migrations: [migrations] }],
    // Never in it.
    ['the channel', { channel: '#other' }],
    ['the health check', { remote: { ...entry.remote, health: 'https://api.example.com/health' } }],
    ['receipts', { sign_off: { ...entry.sign_off, receipts: true } }],
  ])('does not change with %s', (_, keys) => {
    expect(digestsWith(keys)).toEqual(plain)
  })

  it.each<[string, object]>([
    ['deploys', { deploys: 'automatically' }],
    ['order', { order: 'required' }],
    ['order', { order: 'off' }],
    ['hotfix', { hotfix: 'push' }],
    ['name', { migrations: { ...migrations, name: 'users' } }],
    ['directory', { migrations: { ...migrations, directory: 'backend' } }],
    ['tool', { migrations: { ...migrations, tool: 'flask' } }],
    ['isolation', { migrations: { ...migrations, isolation: 'off' } }],
    ['readable', { migrations: { ...migrations, readable: ['/srv/venvs/api'] } }],
    ['QA for each change', { sign_off: { ...entry.sign_off, qa: 'each change' } }],
    ['rollback', { sign_off: { ...entry.sign_off, rollback: { qa: 1 } } }],
  ])('changes with %s, and form 1 does not and says so', (_, keys) => {
    const { form1, form2, isForm1Complete } = digestsWith(keys)
    expect(form2).not.toBe(plain.form2)
    expect(form1).toBe(plain.form1)
    expect([plain.isForm1Complete, isForm1Complete]).toEqual([true, false])
  })

  it('changes with the order of several migrations', () => {
    const two = [
      { name: 'a', config: 'a.ini' },
      { name: 'b', config: 'b.ini' },
    ]
    expect(digestsWith({ migrations: two }).form2).not.toBe(digestsWith({ migrations: two.toReversed() }).form2)
  })
})
