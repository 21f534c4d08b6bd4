/**
 * Promises 1 and 7, for real: bot, worker or both are killed around the announcement, the merge, the pick, the migration
 * and the push, at the time of a release that has one, around the slug of a rollback, and when a new head is deployed by
 * itself; every effect is counted outside. `npm run faults` does it at random moments.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { When } from '../support/kill-points.ts'
import { createRounds, type Kill, type Rounds, type Verdict } from '../support/kill-round.ts'
import { type KillTeam, startKillTeam, type Victim } from '../support/kill-team.ts'

const kill = (step: string, when: When, victim: Victim, fate: Kill['fate'] = 'go'): Kill => ({
  point: { step, when },
  victim,
  fate,
})

const counted = { releases: 0, kills: 0, merges: 0, picks: 0, pushes: 0, 'platform releases': 0, announcements: 0 }
afterAll(() => console.log(`kill points, counted outside: ${JSON.stringify(counted)}`))

/** Nothing is wrong, and every kill came to its moment. */
function expectWhole(verdict: Verdict, kills: readonly Kill[]): void {
  const { end, killed, lost, doubled, guessed, notEnded, retries } = verdict
  expect({ end, lost, doubled, guessed, notEnded, retries }).toEqual({
    end: 'succeeded',
    lost: [],
    doubled: [],
    guessed: [],
    notEnded: [],
    retries: 0,
  })
  expect(killed).toBe(kills.length)
  const { effects } = verdict
  counted.releases += 1
  counted.kills += killed
  counted['platform releases'] += effects.platformReleases
  for (const what of ['merges', 'picks', 'pushes', 'announcements'] as const) counted[what] += effects[what]
}

describe('Promises 1 and 7, for real: bot and worker on one Postgres', () => {
  let kills: KillTeam
  let rounds: Rounds
  beforeAll(async () => {
    kills = await startKillTeam()
    rounds = await createRounds(kills)
  })
  afterAll(() => kills?.close())

  it.each<[string, readonly Kill[]]>([
    [
      'before their effects, of which nothing arrives',
      [
        kill('announce', 'before the effect', 'bot', 'drop'),
        kill('merge', 'before the effect', 'worker', 'drop'),
        kill('migrate', 'before the effect', 'worker', 'drop'),
        kill('push', 'before the effect', 'both', 'drop'),
      ],
    ],
    [
      'before their effects, which arrive when nobody waits for them any more',
      [
        kill('announce', 'before the effect', 'both'),
        kill('merge', 'before the effect', 'worker'),
        kill('migrate', 'before the effect', 'both'),
        kill('push', 'before the effect', 'worker'),
      ],
    ],
    [
      'after their effects, before their results are written down, and at the time at which it starts',
      [
        kill('start', 'before the intent', 'bot'),
        kill('start', 'after the result', 'both'),
        kill('merge', 'after the effect', 'both'),
        kill('migrate', 'after the effect', 'worker'),
        kill('push', 'after the effect', 'worker'),
      ],
    ],
  ])('killed around announcement, merge, migration and push: %s', async (_when, moments) => {
    const flow = moments.some(({ point }) => point.step === 'start') ? 'scheduled' : 'production'
    expectWhole(await rounds.play({ flow, migrates: true, kills: moments }), moments)
  })

  it.each<[string, readonly Kill[]]>([
    ['before it, and it never arrives', [kill('pick', 'before the effect', 'worker', 'drop')]],
    ['after it', [kill('pick', 'after the effect', 'worker'), kill('outcome', 'after the effect', 'bot')]],
  ])('killed around the pick of a hot-fix: %s', async (_when, moments) => {
    expectWhole(await rounds.play({ flow: 'hot-fix', migrates: false, kills: moments }), moments)
  })

  it('killed before a rollback’s request for an earlier slug, which arrives late', async () => {
    const moments = [kill('slug release', 'before the effect', 'worker'), kill('record', 'after the effect', 'both')]
    expectWhole(await rounds.play({ flow: 'rollback', migrates: false, kills: moments }), moments)
  })

  it('killed when a new head is due, and when its release was made', async () => {
    const moments = [kill('request', 'before the intent', 'both'), kill('request', 'after the result', 'bot')]
    expectWhole(await rounds.play({ flow: 'automatic', migrates: false, kills: moments }), moments)
  })
})

describe('Promises 1 and 7, for real: one process with its embedded Postgres', () => {
  let kills: KillTeam
  let rounds: Rounds
  beforeAll(async () => {
    kills = await startKillTeam({ embedded: true })
    rounds = await createRounds(kills)
  })
  afterAll(() => kills?.close())

  it('killed, and killed together with Postgres, goes on where it was', async () => {
    const moments = [
      kill('announce', 'after the effect', 'all'),
      kill('merge', 'after the effect', 'all and Postgres'),
      kill('push', 'before the effect', 'all and Postgres', 'drop'),
    ]
    expectWhole(await rounds.play({ flow: 'production', migrates: false, kills: moments }), moments)
  })
})
