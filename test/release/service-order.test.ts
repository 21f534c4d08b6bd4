/** The order of environments: what is not proven on the environment that is promoted from does not start where that is required. */
import { afterAll, describe, expect, it } from 'vitest'
import type { Proof } from '../../src/release/plan.ts'
import { countsAsProof } from '../../src/release/proof.ts'
import type { ReleaseState } from '../../src/release/terms.ts'
import { stopPostgres } from '../adapters/store-opened.ts'
import { DANA, LIN, sha, TOM } from '../support/builders.ts'
import { aTeam, made, refusedBy, type Team } from './service-team.ts'

afterAll(stopPostgres)

const COMMIT = sha('9f2c1ab')
const NOT_PROVEN: Proof = { on: 'integration', commit: COMMIT, by: [], runs: { commit: sha('1f03ae2'), behind: 3 } }

/** A release of integration in that state; its number. */
async function onIntegration(team: Team, state: ReleaseState = 'succeeded'): Promise<number> {
  const { number } = made(await team.ask({ environment: 'integration' }))
  await team.sql('update release set state = $1, ended_at = now() where number = $2', [state, number])
  return number
}

const provenBy = (...numbers: readonly number[]): Proof => ({
  on: 'integration',
  commit: COMMIT,
  by: numbers.map((number) => ({ number, commit: COMMIT })),
})

/** The last sign-off on a release with that proof. */
async function lastSignOff(team: Team, proof: Proof | undefined) {
  const number = await team.awaiting(proof && { proof })
  made(await team.service.act('qa', { release: number, by: LIN.id }))
  return { number, answer: await team.service.act('approval', { release: number, by: TOM.id }) }
}

it('refuses the click that would start what nothing proves, records nothing of it, and says what runs instead', async () => {
  const team = await aTeam({ order: 'required' })
  const { number, answer } = await lastSignOff(team, NOT_PROVEN)
  expect(answer).toEqual({
    refused: {
      gate: 'source_not_proven',
      number,
      app: 'api',
      environment: 'production',
      on: 'integration',
      commit: COMMIT,
      runs: { commit: sha('1f03ae2'), behind: 3 },
      who: ['@release-approvers'],
    },
  })
  expect(await team.release(number)).toMatchObject({ state: 'awaiting sign-off', signOffs: [{ kind: 'qa' }] })
  expect(await team.events(number)).not.toContain('release_approved')
  // It is proven since, and a look has found that.
  const proving = await onIntegration(team)
  await team.store.transaction((tx) => tx.changeRelease(number, { proof: provenBy(proving) }))
  made(await team.service.act('approval', { release: number, by: TOM.id }))
  expect((await team.release(number)).state).toBe('approved')
})

describe('what proves it', () => {
  it.each<[string, (team: Team) => Promise<Proof | undefined>, string]>([
    ['a succeeded release', async (team) => provenBy(await onIntegration(team)), 'not refused'],
    ['no look at all', async () => undefined, 'source_not_proven'],
    ['a release that failed', async (team) => provenBy(await onIntegration(team, 'failed')), 'source_not_proven'],
    ['a release that was closed', async (team) => provenBy(await onIntegration(team, 'closed')), 'source_not_proven'],
    [
      'the second, where the first no longer counts',
      async (team) => provenBy(await onIntegration(team, 'failed'), await onIntegration(team)),
      'not refused',
    ],
    [
      'another commit',
      async (team) => ({ ...provenBy(await onIntegration(team)), commit: sha('ddddddd') }),
      'source_not_proven',
    ],
    [
      'another environment',
      async (team) => ({ ...provenBy(await onIntegration(team)), on: 'staging' }),
      'source_not_proven',
    ],
  ])('%s', async (_, proof, expected) => {
    const team = await aTeam({ order: 'required' })
    const { answer } = await lastSignOff(team, await proof(team))
    expect(refusedBy(answer)).toBe(expected)
  })

  it.each<[ReleaseState, 'bad' | 'good' | undefined, boolean]>([
    ['succeeded', undefined, true],
    ['succeeded', 'good', true],
    ['succeeded', 'bad', false],
    ['closed', 'good', false],
    ['needs attention', undefined, false],
  ])('a release that is %s and marked %s: %s', (state, mark, counts) => {
    expect(countsAsProof({ state, ...(mark && { mark: { is: mark } }) })).toBe(counts)
  })
})

it.each(['bad', 'good'] as const)(
  'E5: a mark as %s redraws at once what waits for it, and has it looked at',
  async (is) => {
    const team = await aTeam({ order: 'required' })
    const proving = await onIntegration(team)
    if (is === 'good')
      made(await team.service.act('mark bad', { release: proving, by: TOM.id, key: 'b', note: 'Broken' }))
    const number = await team.awaiting({ proof: provenBy(proving) })
    await team.delivered()
    const jobs = (await team.jobs(number)).length
    const note = is === 'bad' ? 'Logins fail' : undefined
    made(await team.service.act(`mark ${is}`, { release: proving, by: TOM.id, key: is, ...(note && { note }) }))
    expect(await team.redrawn()).toContain(number)
    expect((await team.jobs(number)).slice(jobs)).toMatchObject([{ kind: 'look', release: number }])
  },
)

it('is only shown by default, and off says nothing', async () => {
  for (const order of ['shown', 'off'] as const) {
    const { answer } = await lastSignOff(await aTeam({ order }), NOT_PROVEN)
    expect(refusedBy(answer)).toBe('not refused')
  }
})

it('refuses nothing at the request and at planning, and holds neither a hot-fix nor an emergency', async () => {
  const team = await aTeam({ order: 'required' })
  const { number } = await lastSignOff(team, NOT_PROVEN)
  made(await team.service.act('emergency', { release: number, by: TOM.id, note: 'Search is down for everyone' }))
  expect((await team.release(number)).state).toBe('approved')
  const signed = (await team.store.events(number)).filter(({ type }) => type === 'sign_off_given')
  expect(signed.at(-1)?.data).toMatchObject({ waives: ['source_not_proven'] })
  made(await team.service.act('cancel', { release: number, by: DANA.id, key: 'no' }))

  const { number: hotfix } = made(await team.ask({ kind: 'hotfix', picks: ['7ad90f4'], reason: 'search is down' }))
  await team.plan(hotfix, { bound: { kind: 'hotfix' } })
  await team.postCard(hotfix)
  made(await team.service.act('qa', { release: hotfix, by: LIN.id }))
  made(await team.service.act('approval', { release: hotfix, by: TOM.id }))
  expect((await team.release(hotfix)).state).toBe('approved')
})
