import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { parseDeploy } from '../../src/release/command.ts'
import { anApp, anEnvironment, anIntegration } from '../support/builders.ts'

const ONE = [anApp({ environments: [anIntegration(), anEnvironment()] })]
const TWO = [
  ...ONE,
  anApp({ name: 'web', environments: [anEnvironment({ app: 'web' }), anEnvironment({ app: 'web', name: 'until' })] }),
]
const on = (app: string, environment: string) => ({ is: 'environment', app, environment })
const PRODUCTION = on('api', 'production')

describe('/deploy lock and unlock', () => {
  test.each([
    ['lock', { is: 'locks' }],
    ['unlock', { is: 'locks' }],
    ['Lock production', { is: 'lock', on: PRODUCTION }],
    ['lock api to production', { is: 'lock', on: PRODUCTION }],
    ['lock all', { is: 'lock', on: { is: 'all' } }],
    ['unlock all', { is: 'unlock', on: { is: 'all' } }],
    ['unlock api production', { is: 'unlock', on: PRODUCTION }],
    ['lock production for 2h', { is: 'lock', on: PRODUCTION, end: { by: 'for', words: '2h' } }],
    ['lock production for 1h 30min', { is: 'lock', on: PRODUCTION, end: { by: 'for', words: '1h 30min' } }],
    ['lock production until Mon 08:00', { is: 'lock', on: PRODUCTION, end: { by: 'until', words: 'mon 08:00' } }],
    [
      'lock all for 2h because The cache is down, for real',
      { is: 'lock', on: { is: 'all' }, end: { by: 'for', words: '2h' }, reason: 'The cache is down, for real' },
    ],
    [
      'lock production because I test “A, B” until 18:00',
      { is: 'lock', on: PRODUCTION, reason: 'I test “A, B” until 18:00' },
    ],
  ])('%s', (text, command) => {
    expect(parseDeploy(text, ONE)).toEqual(command)
  })

  test.each([
    ['lock because of the cache', 'Say which environment'],
    ['lock api all', '“all” means every environment of every app'],
    ['lock production for', 'Say how long'],
    ['lock production until', 'Say how long'],
    ['unlock production for 2h', 'nothing after it'],
    ['unlock production because it is done', 'nothing after it'],
    ['lock production integration', 'The environment'],
    ['lokc production', 'Did you mean “/deploy lock”'],
    ['unlok production', 'Did you mean “/deploy unlock”'],
  ])('%s is not understood', (text, reason) => {
    expect(parseDeploy(text, ONE)).toEqual({ is: 'help', reason: expect.stringContaining(reason) })
  })

  it('asks for the app where there are several, and reads an environment that is named as a word of the grammar', () => {
    expect(parseDeploy('lock production', TWO)).toMatchObject({ is: 'help' })
    expect(parseDeploy('lock web until until 18:00', TWO)).toMatchObject({ is: 'help' })
    expect(parseDeploy('lock web production for 1d', TWO)).toMatchObject({ on: on('web', 'production') })
    expect(parseDeploy('lock prod', ONE)).toMatchObject({ is: 'refused', refusal: { gate: 'unknown_environment' } })
    expect(parseDeploy('unlock webb production', TWO)).toMatchObject({ refusal: { gate: 'unknown_app' } })
  })

  it('never throws, and never takes an environment that was not named', () => {
    const word = fc.oneof(
      fc.constantFrom('lock', 'unlock', 'all', 'api', 'production', 'for', 'until', 'because', 'to', '2h', '18:00'),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(word), (words) => {
        const text = ['lock', ...words].join(' ')
        const command = parseDeploy(text, TWO)
        if (command.is !== 'lock' || command.on.is !== 'environment') return
        expect(words.join(' ').toLowerCase()).toContain(command.on.environment)
        expect(words.join(' ').toLowerCase()).toContain(command.on.app)
      }),
    )
  })
})
