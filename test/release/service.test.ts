import { afterAll, describe, expect, it } from 'vitest'
import { stopPostgres } from '../adapters/store-opened.ts'
import { aStep, DANA, sha, TOM } from '../support/builders.ts'
import { aTeam, made, OLA, refusedBy } from './service-team.ts'

afterAll(stopPostgres)

describe('requesting a release', () => {
  it('creates it, its first event and its planning job', async () => {
    const team = await aTeam()
    const asked = await team.ask()
    expect(asked).toMatchObject({
      release: { number: 1, state: 'planning', requester: DANA, configuration: team.environment.digests.form2 },
    })
    expect(asked).not.toHaveProperty('noWorker')
    expect(await team.jobs(1)).toEqual([{ kind: 'plan', release: 1 }])
    expect(await team.store.events(1)).toMatchObject([
      { type: 'release_requested', actor: DANA.id, data: { app: 'api', environment: 'production', kind: 'deploy' } },
    ])
  })

  it('an unknown app: lists the known ones', async () => {
    const team = await aTeam()
    expect(await team.ask({ app: 'apy' })).toEqual({ refused: { gate: 'unknown_app', asked: 'apy', names: ['api'] } })
  })

  it('an unknown environment: lists the known ones, the nearest first', async () => {
    const team = await aTeam()
    expect(await team.ask({ environment: 'prodction' })).toEqual({
      refused: {
        gate: 'unknown_environment',
        asked: 'prodction',
        app: 'api',
        names: ['production', 'integration'],
      },
    })
  })

  it.each(['guest', 'external', 'bot', 'deactivated', 'other workspace'] as const)(
    '%s: is refused with that reason',
    async (why) => {
      const team = await aTeam()
      team.directory.notAMember('U99', why)
      expect(await team.ask({ by: 'U99' })).toEqual({ refused: { gate: 'not_a_member', why } })
      expect(await team.service.history({})).toEqual([])
    },
  )

  it('Slack can’t look the person up', async () => {
    const team = await aTeam()
    team.directory.answers(false)
    expect(await team.ask()).toEqual({ refused: { gate: 'not_a_member', why: 'Slack did not answer' } })
  })

  it.each(['not a member', 'archived', 'gone', 'Slack did not answer'] as const)(
    'a channel that can’t be posted to: %s',
    async (why) => {
      const team = await aTeam()
      team.directory.unreachable('#product', why)
      expect(await team.ask()).toEqual({ refused: { gate: 'channel_unreachable', channel: '#product', why } })
      expect(await team.service.history({})).toEqual([])
    },
  )

  it('a busy environment: names the release, its people and its link', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    expect(await team.ask({ by: OLA.id })).toEqual({
      refused: {
        gate: 'environment_busy',
        number,
        app: 'api',
        environment: 'production',
        state: 'awaiting sign-off',
        requester: DANA,
        link: 'https://team.slack.example/archives/C02PROD/p1.0001',
      },
    })
    expect(await team.ask({ environment: 'integration' })).toMatchObject({ release: { number: 2 } })
  })

  it('a busy environment without a card yet has no link', async () => {
    const team = await aTeam()
    await team.ask()
    const busy = await team.ask({ by: OLA.id })
    expect(busy).toMatchObject({ refused: { gate: 'environment_busy', number: 1, state: 'planning' } })
    expect(busy).not.toHaveProperty('refused.link')
  })

  it('no worker: creates it, and reports that at once, privately and on the card', async () => {
    const team = await aTeam()
    await team.workerDies('31 seconds')
    const asked = await team.ask()
    expect(asked).toMatchObject({ release: { number: 1 }, noWorker: { lastSeen: expect.stringMatching(/^20.*Z$/) } })
    expect(await team.redrawn()).toEqual([1])
  })

  it('no worker ever', async () => {
    const team = await aTeam()
    await team.sql('delete from worker')
    expect(await team.ask()).toMatchObject({ release: { number: 1 }, noWorker: {} })
  })

  it('a worker seen 19 seconds ago is alive', async () => {
    const team = await aTeam()
    await team.workerDies('19 seconds')
    expect(await team.ask()).not.toHaveProperty('noWorker')
  })

  it('the same delivery again gives the same release, also when it has ended', async () => {
    const team = await aTeam()
    await team.ask({ key: 'same' })
    expect(await team.ask({ key: 'same' })).toMatchObject({ release: { number: 1 } })
    made(await team.service.act('cancel', { release: 1, by: DANA.id }))
    expect(await team.ask({ key: 'same' })).toMatchObject({ release: { number: 1, state: 'cancelled' } })
    expect(await team.jobs(1, 'plan')).toHaveLength(1)
    expect((await team.events(1)).filter((type) => type === 'release_requested')).toHaveLength(1)
  })

  it('ten people at once: one release, and nine refusals that name its requester', async () => {
    const team = await aTeam()
    const bots = [team.service, await team.anotherBot()]
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => {
        const service = bots[index % 2] ?? team.service
        return service.request({
          app: 'api',
          environment: 'production',
          kind: 'deploy',
          by: index % 3 === 0 ? OLA.id : DANA.id,
          key: `click ${index}`,
        })
      }),
    )
    expect(answers.map(refusedBy).toSorted()).toEqual([...Array(9).fill('environment_busy'), 'not refused'])
    expect(await team.service.history({})).toHaveLength(1)
  })
})

describe('a preview', () => {
  const asked = { app: 'api', environment: 'production', by: DANA.id, key: 'k1' }

  it('creates no release, and is answered once', async () => {
    const team = await aTeam()
    expect(await team.service.preview(asked)).toEqual({ asked: true })
    expect(await team.service.preview(asked)).toEqual({ asked: true })
    expect(await team.service.history({})).toEqual([])
    expect(await team.store.chainHead()).toMatchObject({ count: 0 })
    const jobs = await team.sql(`select data->'id' as id, data->'user' as "user" from pgboss.job`)
    expect(jobs).toEqual([{ id: 'k1', user: DANA.id }])
  })

  it('needs a worker, a member and known names', async () => {
    const team = await aTeam()
    expect(refusedBy(await team.service.preview({ ...asked, app: 'x' }))).toBe('unknown_app')
    expect(refusedBy(await team.service.preview({ ...asked, by: 'U99' }))).toBe('not_a_member')
    await team.workerDies('1 hour')
    expect(refusedBy(await team.service.preview(asked))).toBe('no_worker')
  })

  it('is allowed while the environment is busy', async () => {
    const team = await aTeam()
    await team.awaiting()
    expect(await team.service.preview(asked)).toEqual({ asked: true })
  })
})

describe('queries', () => {
  it('may: the same answer as the click, and nothing is recorded', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const head = await team.store.chainHead()
    expect(refusedBy(await team.service.may('emergency', { release: number, by: TOM.id }))).toBe('not refused')
    expect(refusedBy(await team.service.may('emergency', { release: number, by: OLA.id }))).toBe('not_an_approver')
    expect(refusedBy(await team.service.may('details', { release: number, by: OLA.id }))).toBe('not refused')
    expect(refusedBy(await team.service.may('details', { release: number, by: 'U99' }))).toBe('not_a_member')
    expect(await team.store.chainHead()).toEqual(head)
  })

  it('an action that only shows something records nothing either', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const head = await team.store.chainHead()
    expect(made(await team.service.act('details', { release: number, by: OLA.id }))).toMatchObject({ number })
    expect(refusedBy(await team.service.act('details', { release: number, by: 'U99' }))).toBe('not_a_member')
    expect(await team.store.chainHead()).toEqual(head)
  })

  it('status: what runs where, what is under way, when a worker was seen', async () => {
    const team = await aTeam()
    const number = await team.approved()
    await team.run(number)
    await team.steps(number, aStep('merge', { result: { commit: sha('c0ffee') } }))
    await team.store.transaction((tx) => tx.changeRelease(number, { state: 'succeeded', endedAt: tx.now }))
    await team.ask({ environment: 'integration' })
    const status = await team.service.status()
    expect(status.workerSeenAt).toEqual(expect.any(String))
    expect(status.environments).toMatchObject([
      { app: 'api', environment: 'integration', under_way: { number: 2, state: 'planning' } },
      { app: 'api', environment: 'production', live: { number, commit: sha('c0ffee') } },
    ])
    expect(status.environments[0]).not.toHaveProperty('live')
    expect(status.environments[1]).not.toHaveProperty('under_way')
  })

  it('status: what runs is unknown after a release was closed during its push', async () => {
    const team = await aTeam()
    const number = await team.stuck()
    await team.steps(number, aStep('push', { state: 'unknown', effect: 'unknown' }))
    made(await team.service.act('close', { release: number, by: TOM.id, note: 'looked at by hand' }))
    const { number: later } = made(await team.ask())
    const live = async () => (await team.service.status()).environments[1]?.live
    expect(await live()).toEqual({ is: 'not known', number, state: 'closed', since: 'its push' })
    await team.plan(later, { bound: { remote: { url: 'u', branch: 'master', holds: sha('abc'), runs: sha('abc') } } })
    expect(await live()).toMatchObject({ is: 'seen', commit: sha('abc'), number: later })
  })

  it('history: the last ten, the newest first, optionally of one environment', async () => {
    const team = await aTeam()
    for (let round = 0; round < 6; round++) {
      for (const environment of ['integration', 'production']) {
        const { number } = made(await team.ask({ environment }))
        made(await team.service.act('cancel', { release: number, by: DANA.id }))
      }
    }
    const numbers = async (filter: Parameters<typeof team.service.history>[0]) =>
      (await team.service.history(filter)).map(({ number }) => number)
    expect(await numbers({})).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3])
    expect(await numbers({ environment: 'production' })).toEqual([12, 10, 8, 6, 4, 2])
    expect(await numbers({ app: 'api', before: 4 })).toEqual([3, 2, 1])
    expect(await numbers({ app: 'other' })).toEqual([])
  })
})
