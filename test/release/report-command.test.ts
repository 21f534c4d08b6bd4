/** `/deploy report [app] [env] [7d | 30d | 90d]` as people type it. */
import { expect, it } from 'vitest'
import { parseDeploy } from '../../src/release/command.ts'
import { anApp, anEnvironment, anIntegration } from '../support/builders.ts'

const api = anApp()
const web = anApp({ name: 'web', environments: [anEnvironment({ app: 'web', name: '30d' })] })

it.each<[string, object]>([
  ['report', { is: 'report', days: 30 }],
  ['report 7d', { is: 'report', days: 7 }],
  ['Report API Production 90d', { is: 'report', app: 'api', environment: 'production', days: 90 }],
  ['report production', { is: 'report', environment: 'production', days: 30 }],
  ['report web 30d', { is: 'report', app: 'web', environment: '30d', days: 30 }],
  ['report web 30d 7d', { is: 'report', app: 'web', environment: '30d', days: 7 }],
])('%s', (text, command) => {
  expect(parseDeploy(text, [api, web])).toEqual(command)
})

it.each([
  ['report 60d', 'help'],
  ['report 2weeks', 'help'],
  ['report api production integration', 'help'],
  ['report 7d production', 'refused'],
  ['report nowhere', 'refused'],
])('%s is not understood', (text, is) => {
  const only = anApp({ environments: [anIntegration(), anEnvironment()] })
  expect(parseDeploy(text, [only]).is).toBe(is)
})
