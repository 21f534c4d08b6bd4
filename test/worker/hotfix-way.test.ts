/** How the picks of a hot-fix reach the branch: by what `releases.yml` says and by the rules that can be read. */
import { expect, it } from 'vitest'
import type { Permission } from '../../src/release/ports/forge.ts'
import type { Environment } from '../../src/release/settings.ts'
import { wayToBranch } from '../../src/worker/plan/picks.ts'
import { anApp, anEnvironment } from '../support/builders.ts'
import { fakePorts } from './fakes.ts'

const ALLOWED: Permission = { is: 'allowed' }
const NOBODY: Permission = { is: 'forbidden', rule: 'push on production: nobody may push' }
const SOME: Permission = { is: 'unknown', rule: 'push on production: only some may push' }

const refused = { refused: { gate: 'pick_not_allowed', branch: 'production', rule: NOBODY.rule } }

it.each<[Environment['hotfix'], Permission, Permission, unknown]>([
  [undefined, ALLOWED, ALLOWED, 'push'],
  [undefined, ALLOWED, NOBODY, 'push'],
  [undefined, NOBODY, ALLOWED, 'pull request'],
  [undefined, NOBODY, SOME, 'pull request'],
  // Refused for its merge, a moment later.
  [undefined, NOBODY, NOBODY, 'pull request'],
  [undefined, SOME, ALLOWED, 'pull request'],
  [undefined, SOME, SOME, 'push'],
  [undefined, SOME, NOBODY, 'push'],
  ['push', ALLOWED, ALLOWED, 'push'],
  ['push', SOME, ALLOWED, 'push'],
  ['push', NOBODY, ALLOWED, refused],
  ['pull_request', ALLOWED, ALLOWED, 'pull request'],
  ['pull_request', NOBODY, NOBODY, 'pull request'],
])('W9: hotfix %s, push %o, merge %o', async (hotfix, push, merge, way) => {
  const environment = anEnvironment(hotfix && { hotfix })
  const ports = fakePorts({ forge: { branchRules: async () => ({ ok: true, value: { push, merge } }) } }, environment)
  expect(await wayToBranch(ports, anApp(), environment)).toEqual(way)
})

it('W9: rules that nobody may read leave it at a push', async () => {
  const rules = { push: ALLOWED, merge: ALLOWED, unreadable: 'repository:admin' }
  const ports = fakePorts({ forge: { branchRules: async () => ({ ok: true, value: rules }) } })
  expect(await wayToBranch(ports, anApp(), anEnvironment())).toBe('push')
})

it('W9: a forge that does not answer refuses where people sign, and leaves it at a push where nobody does', async () => {
  const away = { ok: false, failure: 'unreachable', detail: 'no answer' } as const
  const ports = fakePorts({ forge: { branchRules: async () => away } })
  expect(await wayToBranch(ports, anApp(), anEnvironment())).toMatchObject({
    refused: { gate: ports.forge.words.unreachable },
  })
  const { signOff: _, ...unsigned } = anEnvironment()
  expect(await wayToBranch(ports, anApp(), unsigned)).toBe('push')
  expect(await wayToBranch(ports, anApp(), { ...unsigned, hotfix: 'pull_request' })).toBe('pull request')
})
