import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type HotfixCommand,
  NEWER_RESERVED_WORDS,
  parseDeploy,
  parseHotfix,
  RESERVED_WORDS,
} from '../../src/release/command.ts'
import type { App, Environment } from '../../src/release/settings.ts'
import { digests } from '../support/builders.ts'

function app(name: string, environments: Record<string, string>): App {
  return {
    name,
    repository: `team/${name}`,
    gitUrl: `https://bitbucket.org/team/${name}.git`,
    environments: Object.entries(environments).map(
      ([environment, branch]): Environment => ({
        app: name,
        name: environment,
        branch,
        pullRequest: 'branch',
        remote: { name: 'origin', url: `https://git.example/${name}-${environment}.git`, branch, platform: 'git' },
        migrations: [],
        channel: '#product',
        announce: 'off',
        digests: digests('0'),
      }),
    ),
  }
}

const api = app('api', { integration: 'master', production: 'production' })
const web = app('web', { production: 'main', staging: 'develop' })
const ONE = [api]
const TWO = [api, web]

describe('/deploy with one app', () => {
  it.each([
    ['production', { is: 'release', app: 'api', environment: 'production' }],
    ['to production', { is: 'release', app: 'api', environment: 'production' }],
    ['api production', { is: 'release', app: 'api', environment: 'production' }],
    ['api to integration', { is: 'release', app: 'api', environment: 'integration' }],
    ['  API\u00a0 TO\t\n Integration ', { is: 'release', app: 'api', environment: 'integration' }],
    ['“production”', { is: 'release', app: 'api', environment: 'production' }],
    ["'api' `production`", { is: 'release', app: 'api', environment: 'production' }],
    ['pro\u200bduction\ufeff', { is: 'release', app: 'api', environment: 'production' }],
    ['ｐｒｏｄｕｃｔｉｏｎ', { is: 'release', app: 'api', environment: 'production' }],
    ['production at 18:00', { is: 'release', app: 'api', environment: 'production', at: '18:00' }],
    ['api to production AT Mon 08:00', { is: 'release', app: 'api', environment: 'production', at: 'mon 08:00' }],
    ['production at 18:00 tomorrow', { is: 'release', app: 'api', environment: 'production', at: '18:00 tomorrow' }],
    ['production at noon', { is: 'release', app: 'api', environment: 'production', at: 'noon' }],
    ['preview production', { is: 'preview', app: 'api', environment: 'production' }],
    ['preview api to production', { is: 'preview', app: 'api', environment: 'production' }],
    ['', { is: 'modal' }],
    [' \u200b ', { is: 'modal' }],
    ['status', { is: 'status' }],
    ['STATUS', { is: 'status' }],
    ['history', { is: 'history' }],
    ['history 12', { is: 'history', before: 12 }],
    ['history production #12', { is: 'history', environment: 'production', before: 12 }],
    ['history api', { is: 'history', app: 'api' }],
    ['history production', { is: 'history', environment: 'production' }],
    ['history api production', { is: 'history', app: 'api', environment: 'production' }],
    ['cancel 12', { is: 'cancel', number: 12 }],
    ['cancel #12', { is: 'cancel', number: 12 }],
    ['cancel <#C0123|12>', { is: 'cancel', number: 12 }],
    ['retry 7', { is: 'retry', number: 7 }],
    ['help', { is: 'help' }],
    ['help me please', { is: 'help' }],
  ])('reads %j', (text, command) => {
    expect(parseDeploy(text, ONE)).toEqual(command)
  })

  it('lists the environments, the nearest first, when the name is unknown', () => {
    expect(parseDeploy('prodction', ONE)).toEqual({
      is: 'refused',
      refusal: {
        gate: 'unknown_environment',
        asked: 'prodction',
        app: 'api',
        names: ['production', 'integration'],
      },
    })
  })

  it('offers the environment that follows a branch of that name', () => {
    const names = ['integration', 'production']
    expect(parseDeploy('api master', ONE)).toMatchObject({ refusal: { names, followedBy: ['integration'] } })
    expect(parseDeploy('prodction', ONE)).not.toHaveProperty('refusal.followedBy')
  })

  it('lists the apps when the name is unknown', () => {
    expect(parseDeploy('ap production', ONE)).toEqual({
      is: 'refused',
      refusal: { gate: 'unknown_app', asked: 'ap', names: ['api'] },
    })
  })

  it.each([
    ['api', 'The environment is missing: “/deploy api integration” or “/deploy api production”.'],
    ['to', 'The environment is missing: “/deploy integration” or “/deploy production”.'],
    ['preview', 'The environment is missing: “/deploy preview integration” or “/deploy preview production”.'],
    ['production now', 'The environment comes last; remove “now”.'],
    ['production api', 'The app comes first: “/deploy api production”.'],
    ['api to production now', 'Name an app and an environment only; remove “now”.'],
    ['api production to', 'Write “to” once'],
    ['to to production', 'Write “to” once'],
    ['status production', '“status” takes nothing after it.'],
    ['cancel', '“cancel” takes the number of one release, such as “cancel 12”.'],
    ['cancel 0', '“cancel” takes the number'],
    ['cancel 12 13', '“cancel” takes the number'],
    ['cancel 1e3', '“cancel” takes the number'],
    ['retry 99999999999999999999', '“retry” takes the number'],
    ['retry twelve', '“retry” takes the number'],
    ['history api production twice', '“history” takes an app and an environment'],
  ])('answers %j with help and the reason', (text, reason) => {
    const command = parseDeploy(text, ONE)
    expect(command).toMatchObject({ is: 'help', reason: expect.stringContaining(reason) })
  })

  it.each(['<@U0123|production>', '<https://production|production>', '<!channel>', '&lt;production&gt;'])(
    'takes %j for no name',
    (text) => {
      expect(parseDeploy(text, ONE)).toMatchObject({ is: 'refused', refusal: { gate: 'unknown_environment' } })
    },
  )

  it('repeats at most 40 characters of the input', () => {
    const command = parseDeploy('x'.repeat(5_000), ONE)
    expect(command).toMatchObject({ is: 'refused', refusal: { asked: `${'x'.repeat(39)}…` } })
  })
})

describe('/deploy with several apps', () => {
  it('asks for the app, and lists those with the environment', () => {
    expect(parseDeploy('production', TWO)).toEqual({
      is: 'help',
      reason: 'There are several apps, so name one: “/deploy api production” or “/deploy web production”.',
    })
  })

  it('asks for the app even when only one has the environment', () => {
    expect(parseDeploy('staging', TWO)).toEqual({
      is: 'help',
      reason: 'There are several apps, so name one: “/deploy web staging”.',
    })
  })

  it('tells a mistyped environment from a mistyped app', () => {
    expect(parseDeploy('stagin', TWO)).toMatchObject({
      refusal: { gate: 'unknown_environment', names: ['staging', 'integration', 'production'] },
    })
    expect(parseDeploy('wbe', TWO)).toMatchObject({ refusal: { gate: 'unknown_app', names: ['web', 'api'] } })
  })

  it('refuses an environment of another app', () => {
    expect(parseDeploy('api staging', TWO)).toMatchObject({
      refusal: { gate: 'unknown_environment', app: 'api', asked: 'staging' },
    })
  })
})

describe('/hotfix', () => {
  it.each([
    ['1a2b3c4 to production', ['1a2b3c4'], 'production'],
    ['1A2B3C4 production', ['1a2b3c4'], 'production'],
    ['1a2b, 3c4d, 1a2b to api production', ['1a2b', '3c4d'], 'production'],
    [`${'f'.repeat(40)} api to integration`, ['f'.repeat(40)], 'integration'],
    ['1234567 api integration', ['1234567'], 'integration'],
    ['https://bitbucket.org/team/api/commits/1A2B3C4 production', ['1a2b3c4'], 'production'],
    ['<https://bitbucket.org/team/api/commits/1a2b3c4?at=master> 3c4d production', ['1a2b3c4', '3c4d'], 'production'],
  ])('reads %j', (text, commits, environment) => {
    expect(parseHotfix(text, ONE)).toEqual({ is: 'hotfix', commits, app: 'api', environment })
  })

  it('opens the modal when nothing is typed', () => {
    expect(parseHotfix('  ', ONE)).toEqual({ is: 'modal' })
  })

  it.each([
    ['help', undefined],
    ['1a2b3c4', 'The environment is missing: “/hotfix 1a2b3c4 integration” or “/hotfix 1a2b3c4 production”.'],
    ['1a2b3c4 production 5d6e7f8', 'The environment comes last; remove “5d6e7f8”.'],
    ['production', 'A hot-fix starts with a commit of 4 to 40 hex digits; “production” isn’t one.'],
    ['abc to production', '“abc” isn’t one'],
    [`${'a'.repeat(41)} production`, 'A hot-fix starts with a commit'],
  ])('answers %j with help', (text, reason) => {
    const command = parseHotfix(text, ONE)
    expect(command.is).toBe('help')
    if (command.is !== 'help') return
    if (reason === undefined) expect(command.reason).toBeUndefined()
    else expect(command.reason).toContain(reason)
  })

  it('refuses a branch that no environment follows, in its own case, also with several apps', () => {
    const branch = `Feature/${'long-'.repeat(20)}name`
    for (const apps of [ONE, TWO]) {
      const command = parseHotfix(`1a2b3c4 to ${branch}`, apps)
      expect(command).toMatchObject({ refusal: { gate: 'unknown_environment', asked: branch }, commits: ['1a2b3c4'] })
      expect(command).not.toHaveProperty('refusal.followedBy')
    }
  })

  it('recognizes a branch that an environment follows', () => {
    const followedBy = (command: HotfixCommand) =>
      (command as { refusal?: { followedBy?: unknown } }).refusal?.followedBy
    expect(followedBy(parseHotfix('1a2b3c4 master', ONE))).toEqual(['integration'])
    expect(followedBy(parseHotfix('1a2b3c4 main', TWO))).toEqual(['web production'])
    expect(followedBy(parseHotfix('1a2b3c4 web develop', TWO))).toEqual(['staging'])
  })

  it('reads any number of commits: a gate checks the number', () => {
    const commits = Array.from({ length: 60 }, (_, index) => (4096 + index).toString(16))
    expect(parseHotfix(`${commits.join(' ')} production`, ONE)).toMatchObject({ is: 'hotfix', commits })
  })
})

describe('any text', () => {
  const scraps = fc.constantFrom(
    '<',
    '>',
    '&lt;',
    '<@',
    '|',
    '“',
    '#',
    'to',
    'api',
    'production',
    '\u202e',
    '\ud800',
    ' ',
  )
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.array(scraps, { maxLength: 60 }).map((parts) => parts.join('')),
  )

  it('never makes it throw', () => {
    fc.assert(
      fc.property(hostile, fc.constantFrom([], ONE, TWO), (text, apps) => {
        expect(parseDeploy(text, apps)).toHaveProperty('is')
        expect(parseHotfix(text, apps)).toHaveProperty('is')
      }),
      { numRuns: 500 },
    )
  })

  it('is parsed quickly, even 5,000 characters of the worst input', () => {
    const started = performance.now()
    for (const text of [
      '<'.repeat(5_000),
      '“'.repeat(5_000),
      'a '.repeat(2_500),
      '&lt;'.repeat(1_250),
      '-'.repeat(5_000),
    ]) {
      parseDeploy(text, TWO)
      parseHotfix(text, TWO)
    }
    expect(performance.now() - started).toBeLessThan(500)
  })
})

describe('every way to write a command', () => {
  const space = fc.constantFrom(' ', '  ', '\t', '\u00a0', ' \u200b')
  const spelled = (word: string) =>
    fc
      .tuple(fc.boolean(), fc.constantFrom(['', ''], ['“', '”'], ['"', '"'], ['‘', '’'], ['`', '`']))
      .map(([upper, [open, close]]) => `${open}${upper ? word.toUpperCase() : word}${close}`)
  const written = (words: readonly string[]) =>
    fc.tuple(space, ...words.flatMap((word) => [spelled(word), space])).map((parts) => parts.join(''))
  const target = fc.constantFrom(...TWO.flatMap((each) => each.environments)).chain((environment) =>
    fc.boolean().map((withTo) => ({
      app: environment.app,
      environment: environment.name,
      words: withTo ? [environment.app, 'to', environment.name] : [environment.app, environment.name],
    })),
  )

  it('reads back as the same release or preview', () => {
    const asked = fc
      .tuple(target, fc.boolean())
      .chain(([to, preview]) =>
        fc.tuple(fc.constant({ to, preview }), written(preview ? ['preview', ...to.words] : to.words)),
      )
    fc.assert(
      fc.property(asked, ([{ to, preview }, text]) => {
        const is = preview ? 'preview' : 'release'
        expect(parseDeploy(text, TWO)).toEqual({ is, app: to.app, environment: to.environment })
      }),
    )
  })

  it('reads back as the same hot-fix', () => {
    const sha = fc.stringMatching(/^[0-9a-f]{4,40}$/)
    const asked = fc
      .tuple(target, fc.uniqueArray(sha, { minLength: 1, maxLength: 20 }))
      .chain(([to, commits]) => fc.tuple(fc.constant({ to, commits }), written([...commits, ...to.words])))
    fc.assert(
      fc.property(asked, ([{ to, commits }, text]) => {
        expect(parseHotfix(text, TWO)).toEqual({ is: 'hotfix', commits, app: to.app, environment: to.environment })
      }),
    )
  })

  it('reads back as the same number', () => {
    const asked = fc
      .tuple(
        fc.constantFrom('cancel' as const, 'retry' as const),
        fc.integer({ min: 1, max: 999_999_999 }),
        fc.boolean(),
      )
      .chain(([is, number, hash]) =>
        fc.tuple(fc.constant({ is, number }), written([is, `${hash ? '#' : ''}${number}`])),
      )
    fc.assert(
      fc.property(asked, ([command, text]) => {
        expect(parseDeploy(text, TWO)).toEqual(command)
      }),
    )
  })
})

it('reserves exactly the words of the grammar', () => {
  expect([...RESERVED_WORDS].sort()).toEqual(['cancel', 'help', 'history', 'preview', 'retry', 'status', 'to'])
  expect([...NEWER_RESERVED_WORDS.app].sort()).toEqual(['bad', 'good', 'lock', 'report', 'rollback', 'unlock'])
  expect(NEWER_RESERVED_WORDS.environment).toEqual(['all'])
})

describe('a time after “at”', () => {
  const at = app('at', { at: 'master', production: 'production' })

  it.each([
    ['at', '/deploy production at', [api], { is: 'help' }],
    ['an app of that name', 'at production', [at, web], { is: 'release', app: 'at', environment: 'production' }],
    ['both, and a time', 'at at at 18:00', [at], { is: 'release', app: 'at', environment: 'at', at: '18:00' }],
    [
      'both, and a day',
      'at to at at Mon 08:00',
      [at],
      { is: 'release', app: 'at', environment: 'at', at: 'mon 08:00' },
    ],
    ['both, and no time', 'at at', [at], { is: 'release', app: 'at', environment: 'at' }],
    ['to, app and environment', 'to at production', [at], { is: 'release', app: 'at', environment: 'production' }],
  ])('is told from names: %s', (_what, text, apps, expected) => {
    expect(parseDeploy(text.replace('/deploy ', ''), apps)).toMatchObject(expected)
  })

  it('is asked for where it is missing', () => {
    expect(parseDeploy('production at', ONE)).toMatchObject({
      is: 'help',
      reason: expect.stringContaining('time is missing'),
    })
  })
})
