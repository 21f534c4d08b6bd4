import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readConfiguration } from '../../src/config/configuration.ts'
import type { Role } from '../../src/config/variables.ts'
import { createScrubber } from '../../src/operations/scrub.ts'
import { secretOf } from '../support/webhook-receiver.ts'

const file = (webhooks: string) => `
webhooks:
${webhooks}
apps:
  api:
    repository: team/api
    environments:
      integration:
        branch: master
        remote: { name: integration, url: http://127.0.0.1:8080/api-integration.git }
        channel: "#product"
`
const BOT = { SLACK_BOT_TOKEN: 'xoxb-bot-token-1', SLACK_APP_TOKEN: 'xapp-app-token-1' }
const WORKER = { BITBUCKET_TOKEN: 'bitbucket-token-1' }
const STORE = { STORE_URL: 'postgres://signoff:store%2Dpassword@db.example:5432/signoff' }
const TWO = `
  - { url: https://hooks.example.com/signoff?token=marker, secret_env: HOOK_SECRET, events: [release.succeeded, lock.set] }
  - { url: "http://127.0.0.1:9999/hook", secret_env: [NEW_SECRET, OLD_SECRET] }`
const SECRETS = { HOOK_SECRET: secretOf('a'), NEW_SECRET: secretOf('b'), OLD_SECRET: secretOf('c') }

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'signoff-config-'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

function read(webhooks: string, env: Record<string, string>, role: Role = 'all') {
  writeFileSync(join(cwd, 'releases.yml'), file(webhooks))
  return readConfiguration({ env: { ...BOT, ...WORKER, ...STORE, ...env }, cwd, role })
}
function problems(webhooks: string, env: Record<string, string>, role: Role = 'all') {
  const answer = read(webhooks, env, role)
  return answer.ok ? [] : answer.problems
}

it('have their secrets, by names that show neither path nor token', () => {
  const answer = read(TWO, SECRETS, 'bot')
  if (!answer.ok) throw new Error(answer.problems.join('\n'))
  expect(answer.configuration.webhooks).toEqual([
    {
      name: 'webhooks[1] (hooks.example.com)',
      url: 'https://hooks.example.com/signoff?token=marker',
      secretEnv: ['HOOK_SECRET'],
      secrets: [SECRETS.HOOK_SECRET],
      events: ['release.succeeded', 'lock.set'],
    },
    {
      name: 'webhooks[2] (127.0.0.1:9999)',
      url: 'http://127.0.0.1:9999/hook',
      secretEnv: ['NEW_SECRET', 'OLD_SECRET'],
      secrets: [SECRETS.NEW_SECRET, SECRETS.OLD_SECRET],
    },
  ])
  expect(answer.warnings).toEqual([])
})

it('every problem of their secrets is listed at once, without a value, also where the file has others', () => {
  const wrong = { HOOK_SECRET: 'marker-of-a-secret', NEW_SECRET: `whsec_${Buffer.alloc(8, 'm').toString('base64')}` }
  const found = problems(`${TWO}\n  - { url: 'https://a.example/', secret_env: HOOK_3, evnts: [] }`, wrong)
  expect(found.map((problem) => problem.replace(/^releases\.yml:\d+: /, '').replace(/\. Make one with.*/, ''))).toEqual(
    [
      'webhooks[1].secret_env names HOOK_SECRET, whose value is not whsec_ and 24 to 64 bytes in base64',
      'webhooks[2].secret_env names NEW_SECRET, whose value is not whsec_ and 24 to 64 bytes in base64',
      "webhooks[2].secret_env names OLD_SECRET, which is not set in the bot's environment",
      'webhooks[3].evnts is not a known key; did you mean events?',
    ],
  )
  expect(found.join()).not.toContain('marker')
  expect(found[0]).toMatch(/^releases\.yml:4: .*openssl rand -base64 32/)
})

it.each<[string, string]>([
  ['without the prefix', secretOf('a').slice(6)],
  ['23 bytes', `whsec_${Buffer.alloc(23, 'a').toString('base64')}`],
  ['65 bytes', `whsec_${Buffer.alloc(65, 'a').toString('base64')}`],
  ['cut off', secretOf('a').slice(0, -1)],
  ['base64url', `whsec_${Buffer.alloc(32, 255).toString('base64url')}`],
  ['an asymmetric key', secretOf('a').replace('whsec_', 'whsk_')],
  ['with white space', `${secretOf('a').slice(0, 20)} ${secretOf('a').slice(20)}`],
])('a secret %s is refused', (_, value) => {
  expect(problems(TWO, { ...SECRETS, HOOK_SECRET: value }).join()).toContain('whose value is not whsec_')
})

it.each([24, 64])('a secret of %i bytes is taken', (length) => {
  expect(problems(TWO, { ...SECRETS, HOOK_SECRET: `whsec_${Buffer.alloc(length, 'a').toString('base64')}` })).toEqual(
    [],
  )
})

it('two variables with one value are no rotation', () => {
  expect(problems(TWO, { ...SECRETS, OLD_SECRET: SECRETS.NEW_SECRET })).toEqual([
    expect.stringMatching(
      /webhooks\[2\]\.secret_env names two variables with the same value: NEW_SECRET and OLD_SECRET$/,
    ),
  ])
})

it('a secret that two of them share is a warning', () => {
  const answer = read(TWO.replace('[NEW_SECRET, OLD_SECRET]', 'HOOK_SECRET'), SECRETS)
  expect(answer.ok && answer.warnings).toEqual([expect.stringContaining('have the same secret HOOK_SECRET')])
})

it('one URL in two spellings is there twice', () => {
  const twice = `
  - { url: "https://hooks.example.com", secret_env: HOOK_SECRET }
  - { url: "https://HOOKS.example.com:443/", secret_env: NEW_SECRET }`
  expect(problems(twice, SECRETS)).toEqual([expect.stringMatching(/webhooks\[2\]\.url is the URL of another webhook$/)])
})

it('a worker needs none of the secrets, and leaks none that it is given', () => {
  const answer = read(TWO, { HOOK_SECRET: SECRETS.HOOK_SECRET }, 'worker')
  if (!answer.ok) throw new Error(answer.problems.join('\n'))
  expect(answer.configuration.webhooks).toEqual([])
  const scrub = createScrubber(answer.configuration.secrets)
  const bare = SECRETS.HOOK_SECRET.slice('whsec_'.length)
  expect(scrub(`key ${SECRETS.HOOK_SECRET} and ${bare}`)).toBe('key [secret] and [secret]')
})
