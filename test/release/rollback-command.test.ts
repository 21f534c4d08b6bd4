import { describe, expect, it } from 'vitest'
import { parseDeploy } from '../../src/release/command.ts'
import { anEnvironment } from '../support/builders.ts'

const api = app('api', ['integration', 'production'])
const web = app('web', ['production'])

function app(name: string, environments: readonly string[]) {
  return {
    name,
    repository: `team/${name}`,
    gitUrl: `https://bitbucket.org/team/${name}.git`,
    environments: environments.map((each) => anEnvironment({ app: name, name: each })),
  }
}

const PRODUCTION = { is: 'rollback', app: 'api', environment: 'production' }

describe('/deploy rollback', () => {
  it.each([
    ['rollback production', PRODUCTION],
    ['rollback to production', PRODUCTION],
    ['rollback api to production', PRODUCTION],
    ['rollback production to #40', { ...PRODUCTION, to: 40 }],
    ['rollback production to 40', { ...PRODUCTION, to: 40 }],
    ['Rollback to production to <#C012|40>', { ...PRODUCTION, to: 40 }],
    ['rollback api to production to #40', { ...PRODUCTION, to: 40 }],
    ['rollback api production to #40', { ...PRODUCTION, to: 40 }],
    [
      'rollback production to #40 because Checkout, “pay now”, is down since #41',
      { ...PRODUCTION, to: 40, reason: 'Checkout, “pay now”, is down since #41' },
    ],
    ['rollback production because to #3 or not', { ...PRODUCTION, reason: 'to #3 or not' }],
  ])('reads %j', (text, command) => {
    expect(parseDeploy(text, [api])).toEqual(command)
  })

  it.each([
    ['rollback', 'The environment is missing: “/deploy rollback integration” or “/deploy rollback production”.'],
    ['rollback to #40', 'The environment is missing'],
    ['rollback 40', 'The release to go back to comes last, after “to”: “rollback <environment> to #40”.'],
    ['rollback #40 production', 'comes last, after “to”: “rollback <environment> to #40”.'],
    ['rollback production 40', 'comes last, after “to”'],
    ['rollback production to 40 41', 'comes last, after “to”'],
    ['rollback to 40 production', 'comes last, after “to”'],
    ['rollback production api', 'The app comes first: “/deploy rollback api production”.'],
    ['rolback production', 'Did you mean “/deploy rollback”?'],
    ['rollback production now', 'remove “now”'],
  ])('answers %j with help and the reason', (text, reason) => {
    expect(parseDeploy(text, [api])).toMatchObject({ is: 'help', reason: expect.stringContaining(reason) })
  })

  it('asks for the app where there are several, and refuses a name that does not exist', () => {
    expect(parseDeploy('rollback production to #40', [api, web])).toMatchObject({
      is: 'help',
      reason: expect.stringContaining('“/deploy rollback api production”'),
    })
    expect(parseDeploy('rollback prodction', [api])).toMatchObject({ refusal: { gate: 'unknown_environment' } })
  })
})

describe('/deploy bad and /deploy good', () => {
  it.each([
    ['bad 41', { is: 'bad', number: 41 }],
    ['bad #41 because Logins fail, “500” each', { is: 'bad', number: 41, reason: 'Logins fail, “500” each' }],
    ['BAD 41 because', { is: 'bad', number: 41 }],
    ['good #41', { is: 'good', number: 41 }],
  ])('reads %j', (text, command) => {
    expect(parseDeploy(text, [api])).toEqual(command)
  })

  it.each([
    ['bad', '“bad” takes the number of one release, such as “bad 12”.'],
    ['bad production', '“bad” takes the number of one release'],
    ['bad 41 42', '“bad” takes the number of one release'],
    ['bad because it is slow', '“bad” takes the number of one release'],
    ['good 41 because it was the network', '“good” takes the number of one release, such as “good 12”.'],
  ])('answers %j with help and the reason', (text, reason) => {
    expect(parseDeploy(text, [api])).toMatchObject({ is: 'help', reason: expect.stringContaining(reason) })
  })
})
