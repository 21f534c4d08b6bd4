import { afterAll, describe, expect, it } from 'vitest'
import { stopPostgres } from '../adapters/store-opened.ts'
import { aStep, DANA, LIN, sha, TOM } from '../support/builders.ts'
import { aTeam, made, NIA, OLA, refusedBy } from './service-team.ts'

afterAll(stopPostgres)

describe('asking for a release', () => {
  it('makes it, its first event and its planning job', async () => {
    const team = await aTeam()
    const asked = await team.ask()
    expect(asked).toMatchObject({
      release: { number: 1, state: 'planning', requester: DANA, configuration: team.environment.digest },
    })
    expect(asked).not.toHaveProperty('noWorker')
    expect(await team.jobs(1)).toEqual([{ kind: 'plan', release: 1 }])
    expect(await team.store.events(1)).toMatchObject([
      { type: 'release_requested', actor: DANA.id, data: { app: 'api', environment: 'production', kind: 'deploy' } },
    ])
  })

  it('an app that is not there: names those there are', async () => {
    const team = await aTeam()
    expect(await team.ask({ app: 'apy' })).toEqual({ refused: { gate: 'unknown_app', asked: 'apy', names: ['api'] } })
  })

  it('an environment that is not there: the nearest name first', async () => {
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

  it.each(['guest', 'external', 'bot', 'deactivated', 'other workspace'] as const)('%s: is told so', async (why) => {
    const team = await aTeam()
    team.directory.notAMember('U99', why)
    expect(await team.ask({ by: 'U99' })).toEqual({ refused: { gate: 'not_a_member', why } })
    expect(await team.service.history({})).toEqual([])
  })

  it('Slack can not be asked who it is', async () => {
    const team = await aTeam()
    team.directory.answers(false)
    expect(await team.ask()).toEqual({ refused: { gate: 'not_a_member', why: 'Slack did not answer' } })
  })

  it.each(['not a member', 'archived', 'gone', 'Slack did not answer'] as const)(
    'a channel that can not be posted to: %s',
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

  it('a busy environment whose card is not there yet has no link', async () => {
    const team = await aTeam()
    await team.ask()
    const busy = await team.ask({ by: OLA.id })
    expect(busy).toMatchObject({ refused: { gate: 'environment_busy', number: 1, state: 'planning' } })
    expect(busy).not.toHaveProperty('refused.link')
  })

  it('no worker: goes on, and says at once that none is there, privately and on the card', async () => {
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

  it('a worker of 29 seconds ago is there', async () => {
    const team = await aTeam()
    await team.workerDies('29 seconds')
    expect(await team.ask()).not.toHaveProperty('noWorker')
  })

  it('the same delivery again gives the same release, also when it has ended', async () => {
    const team = await aTeam()
    await team.ask({ key: 'same' })
    expect(await team.ask({ key: 'same' })).toMatchObject({ release: { number: 1 } })
    made(await team.service.cancel({ release: 1, by: DANA.id }))
    expect(await team.ask({ key: 'same' })).toMatchObject({ release: { number: 1, state: 'cancelled' } })
    expect(await team.jobs(1, 'plan')).toHaveLength(1)
    expect((await team.events(1)).filter((type) => type === 'release_requested')).toHaveLength(1)
  })

  it('ten people at once: one release, and nine who read whose', async () => {
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

  it('makes no release, and is answered once', async () => {
    const team = await aTeam()
    expect(await team.service.preview(asked)).toEqual({ asked: true })
    expect(await team.service.preview(asked)).toEqual({ asked: true })
    expect(await team.service.history({})).toEqual([])
    expect(await team.store.chainHead()).toMatchObject({ count: 0 })
    const jobs = await team.sql(`select data->'id' as id, data->'user' as "user" from pgboss.job`)
    // The answer to both is one: its place in the outbox is by this id.
    expect(new Set(jobs.map((job) => JSON.stringify(job)))).toEqual(
      new Set([JSON.stringify({ id: 'k1', user: DANA.id })]),
    )
  })

  it('needs a worker, a member and names that are there', async () => {
    const team = await aTeam()
    expect(refusedBy(await team.service.preview({ ...asked, app: 'x' }))).toBe('unknown_app')
    expect(refusedBy(await team.service.preview({ ...asked, by: 'U99' }))).toBe('not_a_member')
    await team.workerDies('1 hour')
    expect(refusedBy(await team.service.preview(asked))).toBe('no_worker')
  })

  it('may be asked for while the environment is busy', async () => {
    const team = await aTeam()
    await team.awaiting()
    expect(await team.service.preview(asked)).toEqual({ asked: true })
  })
})

describe('signing off', () => {
  it('QA, then the approval: the last one starts a preflight, and nothing more', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const first = made(await team.service.signOff('qa', { release: number, by: LIN.id }))
    expect(first).toMatchObject({ state: 'awaiting sign-off', signOffs: [{ kind: 'qa', person: LIN, right: '@qa' }] })
    expect(await team.jobs(number, 'preflight')).toEqual([])

    const last = made(await team.service.signOff('approval', { release: number, by: TOM.id }))
    expect(last).toMatchObject({
      state: 'approved',
      attempt: 1,
      approvedAt: expect.any(Date),
      signOffs: [{ kind: 'qa' }, { kind: 'approval', person: TOM, right: '@release-approvers' }],
    })
    expect(last.signOffs.every(({ fingerprint }) => fingerprint === last.fingerprint)).toBe(true)
    expect(await team.jobs(number)).toEqual([
      { kind: 'plan', release: number },
      { kind: 'preflight', release: number, attempt: 1 },
    ])
    expect((await team.events(number)).slice(-3)).toEqual(['sign_off_given', 'sign_off_given', 'release_approved'])
    expect(await team.lines(number)).toMatchObject([
      { is: 'signed', kind: 'qa', person: LIN },
      { is: 'signed', kind: 'approval', person: TOM },
    ])
    expect((await team.messages()).filter(({ kind }) => kind === 'announcement')).toEqual([])
  })

  it('each word redraws the card', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    await team.delivered()
    made(await team.service.signOff('qa', { release: number, by: LIN.id }))
    expect(await team.redrawn()).toEqual([number])
  })

  it('in the other order, and by one person for both', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.signOff('approval', { release: number, by: TOM.id }))
    expect(made(await team.service.signOff('qa', { release: number, by: TOM.id })).state).toBe('approved')
    expect((await team.release(number)).signOffs.map(({ right }) => right)).toEqual([
      '@release-approvers',
      'named by id',
    ])
  })

  it('nothing is kept of a click that was refused', async () => {
    const team = await aTeam()
    team.directory.group('@release-approvers', [TOM.id, DANA.id])
    const number = await team.awaiting()
    await team.delivered()
    const before = await team.store.chainHead()
    const press = (kind: 'qa' | 'approval', by: string) => team.service.signOff(kind, { release: number, by })
    expect(refusedBy(await press('qa', OLA.id))).toBe('not_a_qa')
    expect(refusedBy(await press('approval', OLA.id))).toBe('not_an_approver')
    expect(refusedBy(await press('approval', DANA.id))).toBe('own_release')
    expect(refusedBy(await press('approval', 'U99'))).toBe('not_a_member')
    expect(refusedBy(await team.service.signOff('qa', { release: 999, by: LIN.id }))).toBe('unknown_release')
    expect((await team.release(number)).signOffs).toEqual([])
    expect(await team.store.chainHead()).toEqual(before)
    expect(await team.redrawn()).toEqual([])
  })

  it('rights are looked up at the click: who has left the group since has none', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    team.directory.group('@release-approvers', [NIA.id])
    expect(refusedBy(await team.service.signOff('approval', { release: number, by: TOM.id }))).toBe('not_an_approver')
    team.directory.notAMember(NIA.id, 'deactivated')
    expect(refusedBy(await team.service.signOff('approval', { release: number, by: NIA.id }))).toBe('not_a_member')
  })

  it('the only author may not approve, and may say QA', async () => {
    const team = await aTeam()
    team.directory.member(TOM.id, TOM.name, 'TOM@corp.example')
    const number = await team.awaiting({ authors: [{ name: 'tom', email: 'tom@Corp.example' }] })
    expect(await team.service.signOff('approval', { release: number, by: TOM.id })).toEqual({
      refused: { gate: 'own_commits', who: ['@release-approvers'] },
    })
    expect(made(await team.service.signOff('qa', { release: number, by: TOM.id })).signOffs).toHaveLength(1)
  })

  it('the same word again changes nothing, and says when it was given', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const given = made(await team.service.signOff('qa', { release: number, by: LIN.id })).signOffs[0]
    const head = await team.store.chainHead()
    expect(await team.service.signOff('qa', { release: number, by: LIN.id })).toEqual({
      refused: { gate: 'already_signed', kind: 'qa', at: given?.at.toISOString() },
    })
    expect(await team.store.chainHead()).toEqual(head)
  })

  it('a word that comes late says by whom and when it was decided', async () => {
    const team = await aTeam()
    const number = await team.approved()
    const { signOffs } = await team.release(number)
    expect(await team.service.signOff('approval', { release: number, by: NIA.id })).toEqual({
      refused: {
        gate: 'already_decided',
        number,
        state: 'approved',
        by: TOM,
        at: signOffs.at(-1)?.at.toISOString(),
      },
    })
  })

  it('n are n people', async () => {
    const rules = { qa: 0, approvals: 2, requireChecks: false, expiresAfterMs: 3_600_000 }
    const team = await aTeam({ signOff: rules })
    const number = await team.awaiting()
    expect(made(await team.service.signOff('approval', { release: number, by: TOM.id })).state).toBe(
      'awaiting sign-off',
    )
    expect(refusedBy(await team.service.signOff('approval', { release: number, by: TOM.id }))).toBe('already_signed')
    expect(made(await team.service.signOff('approval', { release: number, by: OLA.id })).state).toBe('approved')
  })
})

describe('rejecting', () => {
  it('needs a reason, and ends it with that', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    for (const note of [undefined, '', '  \n ']) {
      const press = { release: number, by: LIN.id, ...(note !== undefined && { note }) }
      expect(await team.service.signOff('rejection', press)).toEqual({
        refused: { gate: 'reason_too_short', least: 1 },
      })
    }
    const rejected = made(
      await team.service.signOff('rejection', { release: number, by: LIN.id, note: ' wrong copy ' }),
    )
    expect(rejected).toMatchObject({
      state: 'rejected',
      endedBy: LIN,
      endReason: 'wrong copy',
      endedAt: expect.any(Date),
      signOffs: [{ kind: 'rejection', note: 'wrong copy' }],
    })
    expect(await team.jobs(number, 'preflight')).toEqual([])
    expect(await team.jobs(number, 'tidy')).toHaveLength(1)
    expect((await team.messages()).at(-1)).toMatchObject({ kind: 'outcome', release: number })
    expect(await team.ask()).toMatchObject({ release: { number: number + 1 } })
  })

  it('is for those who may approve or say QA', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    expect(
      refusedBy(await team.service.signOff('rejection', { release: number, by: DANA.id, note: 'I changed my mind' })),
    ).toBe('not_an_approver')
  })
})

describe('an emergency', () => {
  it('needs ten characters of reason', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const say = (note: string) => team.service.signOff('emergency', { release: number, by: TOM.id, note })
    expect(await say('too short')).toEqual({ refused: { gate: 'reason_too_short', least: 10 } })
    expect(refusedBy(await say(`  short   ${' '.repeat(20)}`))).toBe('reason_too_short')
    expect(made(await say('0123456789'))).toMatchObject({ state: 'approved', attempt: 1 })
    expect(await team.jobs(number, 'preflight')).toHaveLength(1)
    expect(await team.lines(number)).toMatchObject([{ is: 'signed', kind: 'emergency', note: '0123456789' }])
  })

  it('may be said by the requester; what it waived is given by others, while it runs and after it', async () => {
    const team = await aTeam()
    team.directory.group('@release-approvers', [TOM.id, DANA.id])
    const number = await team.awaiting()
    made(await team.service.signOff('emergency', { release: number, by: DANA.id, note: 'logins are broken' }))
    expect(refusedBy(await team.service.signOff('approval', { release: number, by: DANA.id }))).toBe('own_release')
    await team.run(number)
    made(await team.service.signOff('qa', { release: number, by: LIN.id }))
    await team.store.transaction((tx) => tx.changeRelease(number, { state: 'succeeded', endedAt: tx.now }))
    made(await team.service.signOff('approval', { release: number, by: TOM.id }))
    const release = await team.release(number)
    expect(release.signOffs.map(({ kind }) => kind)).toEqual(['emergency', 'qa', 'approval'])
    expect(release).toMatchObject({ state: 'succeeded', attempt: 1 })
    expect(await team.jobs(number, 'preflight')).toHaveLength(1)
  })
})

describe('cancelling', () => {
  it.each(['planning', 'awaiting sign-off', 'approved'] as const)('%s: ends at once', async (state) => {
    const team = await aTeam()
    const number =
      state === 'planning'
        ? made(await team.ask()).number
        : await (state === 'approved' ? team.approved() : team.awaiting())
    expect((await team.release(number)).state).toBe(state)
    expect(made(await team.service.cancel({ release: number, by: DANA.id }))).toMatchObject({
      state: 'cancelled',
      endedBy: DANA,
    })
    expect(await team.jobs(number, 'tidy')).toHaveLength(1)
    expect(await team.service.cancel({ release: number, by: TOM.id })).toMatchObject({
      refused: { gate: 'already_decided', state: 'cancelled', by: DANA, at: expect.any(String) },
    })
    expect(await team.ask()).toMatchObject({ release: { number: number + 1 } })
  })

  it('one that never had a card is told to its requester privately', async () => {
    const team = await aTeam()
    await team.ask()
    made(await team.service.cancel({ release: 1, by: TOM.id }))
    expect(await team.messages()).toMatchObject([{ kind: 'private', to: DANA.id, message: { is: 'ended', number: 1 } }])
  })

  it('in a run: is written down for the worker, with the step in flight', async () => {
    const team = await aTeam()
    const number = await team.approved()
    await team.run(number)
    await team.steps(number, aStep('merge', { state: 'running', effect: 'unknown' }))
    expect(made(await team.service.cancel({ release: number, by: TOM.id }))).toMatchObject({
      state: 'running',
      cancelRequestedBy: TOM,
    })
    expect((await team.lines(number)).at(-1)).toEqual({ is: 'cancel asked', person: TOM, during: 'merge' })
    expect(await team.service.cancel({ release: number, by: DANA.id })).toEqual({
      refused: { gate: 'already_decided', number, state: 'running', by: TOM },
    })
  })

  it('is for the requester and those who may approve', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    expect(refusedBy(await team.service.cancel({ release: number, by: OLA.id }))).toBe('not_allowed')
    expect(refusedBy(await team.service.cancel({ release: number, by: LIN.id }))).toBe('not_allowed')
    expect(made(await team.service.cancel({ release: number, by: NIA.id })).state).toBe('cancelled')
  })
})

describe('retry and close', () => {
  it('are refused unless it needs attention', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    expect(refusedBy(await team.service.retry({ release: number, by: TOM.id }))).toBe('already_decided')
    expect(refusedBy(await team.service.close({ release: number, by: TOM.id, note: 'x' }))).toBe('already_decided')
    const other = await aTeam()
    const running = await other.approved()
    await other.run(running)
    expect(refusedBy(await other.service.retry({ release: running, by: TOM.id }))).toBe('already_decided')
    expect(refusedBy(await other.service.close({ release: running, by: TOM.id, note: 'x' }))).toBe('already_decided')
  })

  it('retry: the same plan and sign-offs, one attempt more, from a preflight', async () => {
    const team = await aTeam()
    const number = await team.stuck()
    const before = await team.release(number)
    expect(refusedBy(await team.service.retry({ release: number, by: LIN.id }))).toBe('not_allowed')
    const after = made(await team.service.retry({ release: number, by: DANA.id }))
    expect(after).toMatchObject({ state: 'approved', attempt: 2, fingerprint: before.fingerprint })
    expect(after).not.toHaveProperty('problem')
    expect([after.plan, after.signOffs, after.steps]).toEqual([before.plan, before.signOffs, before.steps])
    expect(await team.jobs(number, 'preflight')).toEqual([
      { kind: 'preflight', release: number, attempt: 1 },
      { kind: 'preflight', release: number, attempt: 2 },
    ])
    expect((await team.lines(number)).at(-1)).toEqual({ is: 'retried', person: DANA })
    expect(refusedBy(await team.service.retry({ release: number, by: TOM.id }))).toBe('already_decided')
  })

  it('retry: has an hour of its own to begin', async () => {
    const team = await aTeam()
    const number = await team.stuck()
    await team.passes('5 hours')
    made(await team.service.retry({ release: number, by: DANA.id }))
    await team.service.tick()
    expect((await team.release(number)).state).toBe('approved')
    await team.passes('1 hour')
    await team.service.tick()
    expect(await team.release(number)).toMatchObject({ state: 'needs attention', problem: expect.anything() })
  })

  it('close: needs a reason, keeps the problem, frees the environment; not for the requester', async () => {
    const team = await aTeam()
    const number = await team.stuck()
    expect(refusedBy(await team.ask())).toBe('environment_busy')
    expect(refusedBy(await team.service.close({ release: number, by: DANA.id, note: 'done by hand' }))).toBe(
      'not_an_approver',
    )
    expect(refusedBy(await team.service.close({ release: number, by: TOM.id, note: ' ' }))).toBe('reason_too_short')
    expect(made(await team.service.close({ release: number, by: TOM.id, note: 'done by hand' }))).toMatchObject({
      state: 'closed',
      endedBy: TOM,
      endReason: 'done by hand',
      problem: { step: 'migrate', because: { gate: 'internal_error' } },
    })
    expect(refusedBy(await team.service.close({ release: number, by: NIA.id, note: 'x' }))).toBe('already_decided')
    expect(refusedBy(await team.ask())).toBe('not refused')
  })
})

describe('plan again', () => {
  it('of an ended release: a new one for who asked, and the old card says so', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.signOff('rejection', { release: number, by: LIN.id, note: 'no' }))
    await team.delivered()
    const again = made(await team.service.planAgain({ release: number, by: OLA.id, key: 'again' }))
    expect(again).toMatchObject({ number: 2, state: 'planning', requester: OLA, signOffs: [] })
    expect(await team.release(number)).toMatchObject({ state: 'rejected', replacedBy: 2 })
    expect(await team.jobs(2)).toEqual([{ kind: 'plan', release: 2 }])
    expect(await team.redrawn()).toEqual([number])
    await team.plan(2)
    expect(await team.redrawn()).toEqual([number, 2])
  })

  it('of a pinned one that waits while its branch has gone on: its sign-offs are void', async () => {
    const team = await aTeam({ pullRequest: 'pinned' })
    const number = await team.awaiting()
    made(await team.service.signOff('qa', { release: number, by: LIN.id }))
    await team.store.transaction((tx) => tx.changeRelease(number, { newerCommits: 2 }))
    await team.delivered()
    const again = made(await team.service.planAgain({ release: number, by: OLA.id, key: 'again' }))
    expect(again).toMatchObject({ number: 2, signOffs: [] })
    expect(await team.release(number)).toMatchObject({ state: 'outdated', endedBy: OLA, replacedBy: 2 })
    expect(await team.redrawn()).toEqual([number])
    expect(await team.jobs(number, 'tidy')).toHaveLength(1)
  })

  it('the same click again gives the same release; another person reads that it was done', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.cancel({ release: number, by: DANA.id }))
    const press = { release: number, by: OLA.id, key: 'again' }
    expect(made(await team.service.planAgain(press)).number).toBe(2)
    expect(made(await team.service.planAgain(press)).number).toBe(2)
    expect(made(await team.service.planAgain({ ...press, key: 'a second click' })).number).toBe(2)
    expect(await team.service.planAgain({ ...press, by: DANA.id, key: 'hers' })).toMatchObject({
      refused: { gate: 'environment_busy', number: 2, requester: OLA },
    })
    made(await team.service.cancel({ release: 2, by: OLA.id }))
    expect(refusedBy(await team.service.planAgain({ ...press, by: DANA.id, key: 'later' }))).toBe('already_decided')
    expect(await team.release(number)).toMatchObject({ replacedBy: 2 })
    expect(await team.service.history({})).toHaveLength(2)
  })

  it('is refused while there is nothing to plan again, or somebody else is on the way', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const again = (release: number, key: string) => team.service.planAgain({ release, by: OLA.id, key })
    expect(refusedBy(await again(number, 'a'))).toBe('already_decided')
    made(await team.service.cancel({ release: number, by: DANA.id }))
    await team.awaiting()
    expect(await again(number, 'b')).toMatchObject({ refused: { gate: 'environment_busy', number: 2 } })
    expect(await team.release(number)).not.toHaveProperty('replacedBy')
    expect(refusedBy(await again(99, 'c'))).toBe('unknown_release')
  })

  it('needs a full member and a channel', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.cancel({ release: number, by: DANA.id }))
    expect(refusedBy(await team.service.planAgain({ release: number, by: 'U99', key: 'a' }))).toBe('not_a_member')
    team.directory.unreachable('#product', 'archived')
    expect(refusedBy(await team.service.planAgain({ release: number, by: OLA.id, key: 'b' }))).toBe(
      'channel_unreachable',
    )
  })
})

describe('time passes', () => {
  it('sign-offs have their time from the posting of the card', async () => {
    const team = await aTeam()
    const { number } = made(await team.ask())
    await team.plan(number)
    await team.passes('20 hours')
    await team.postCard(number)
    const posted = await team.release(number)
    expect(Number(posted.expiresAt) - Number(posted.cardPostedAt)).toBe(24 * 3_600_000)
    await team.passes('23 hours 59 minutes')
    await team.service.tick()
    expect((await team.release(number)).state).toBe('awaiting sign-off')
    await team.passes('1 minute')
    expect(await team.service.signOff('qa', { release: number, by: LIN.id })).toMatchObject({
      refused: { gate: 'expired', number },
    })
    await team.service.tick()
    expect(await team.release(number)).toMatchObject({
      state: 'expired',
      problem: { because: { gate: 'expired', number } },
    })
    expect(await team.jobs(number, 'preflight')).toEqual([])
    expect(refusedBy(await team.ask())).toBe('not refused')
  })

  it('a card that was there before the plan gives the sign-offs their time from the plan on', async () => {
    const team = await aTeam()
    await team.workerDies('1 minute')
    const { number } = made(await team.ask())
    await team.postCard(number)
    expect(await team.release(number)).not.toHaveProperty('expiresAt')
    await team.plan(number)
    const { expiresAt, cardPostedAt, plannedAt } = await team.release(number)
    expect([cardPostedAt, Number(expiresAt)]).toEqual([plannedAt, Number(plannedAt) + 24 * 3_600_000])
  })

  it('a card that Slack never took does not keep the environment for ever', async () => {
    const team = await aTeam()
    const { number } = made(await team.ask())
    await team.plan(number)
    await team.passes('25 hours')
    await team.service.tick()
    expect((await team.release(number)).state).toBe('expired')
  })

  it('a run that has not begun within an hour of the last sign-off begins no more', async () => {
    const team = await aTeam({ announce: 'off' })
    const number = await team.approved()
    await team.passes('59 minutes 58 seconds')
    await team.service.tick()
    expect((await team.release(number)).state).toBe('approved')
    await team.passes('2 seconds')
    await team.service.tick()
    expect(await team.release(number)).toMatchObject({ state: 'expired', problem: { because: { gate: 'expired' } } })
  })

  it('nor one whose announcement Slack has not confirmed, which is said', async () => {
    const team = await aTeam()
    const number = await team.approved()
    await team.passes('1 hour')
    await team.service.tick()
    expect(await team.release(number)).toMatchObject({
      state: 'expired',
      problem: { because: { gate: 'announcement_unconfirmed' } },
    })
  })

  it('a run is not ended by the clock', async () => {
    const team = await aTeam()
    const number = await team.approved()
    await team.run(number)
    await team.passes('30 hours')
    await team.service.tick()
    expect((await team.release(number)).state).toBe('running')
  })

  it('without a worker planning ends after ten minutes', async () => {
    const team = await aTeam()
    await team.workerDies('1 minute')
    await team.ask()
    await team.passes('9 minutes 58 seconds')
    await team.service.tick()
    expect((await team.release(1)).state).toBe('planning')
    await team.passes('2 seconds')
    await team.service.tick()
    expect(await team.release(1)).toMatchObject({
      state: 'refused',
      problem: { because: { gate: 'no_worker', lastSeen: expect.any(String) } },
    })
    expect((await team.messages()).at(-1)).toMatchObject({ kind: 'private', to: DANA.id })
  })

  it('with a worker planning is the worker’s to end', async () => {
    const team = await aTeam()
    await team.ask()
    await team.passes('11 minutes')
    await team.service.tick()
    expect((await team.release(1)).state).toBe('planning')
  })

  it('planning that even a worker never ends is given up', async () => {
    const team = await aTeam()
    await team.ask()
    await team.passes('1 hour')
    await team.service.tick()
    expect(await team.release(1)).toMatchObject({ state: 'refused', problem: { because: { gate: 'time_ran_out' } } })
  })

  it('after four hours without a sign-off the thread says so, once', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    await team.passes('3 hours 59 minutes')
    await team.service.tick()
    expect(await team.lines(number)).toEqual([])
    await team.passes('1 minute')
    for (let round = 0; round < 3; round++) await team.service.tick()
    expect(await team.lines(number)).toEqual([
      { is: 'reminder', owed: ['QA by @qa or U04TOM', 'approval by @release-approvers'] },
    ])
  })

  it('nobody is reminded where one has signed', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.signOff('qa', { release: number, by: LIN.id }))
    await team.passes('5 hours')
    await team.service.tick()
    expect(await team.lines(number)).toMatchObject([{ is: 'signed' }])
  })

  it('what an emergency left owed is asked for again after 24 hours, once', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.signOff('emergency', { release: number, by: TOM.id, note: 'logins are broken' }))
    await team.run(number)
    await team.store.transaction((tx) => tx.changeRelease(number, { state: 'succeeded', endedAt: tx.now }))
    made(await team.service.signOff('qa', { release: number, by: LIN.id }))
    await team.passes('23 hours 59 minutes')
    await team.service.tick()
    expect((await team.lines(number)).filter(({ is }) => is === 'reminder')).toEqual([])
    await team.passes('1 minute')
    for (let round = 0; round < 3; round++) await team.service.tick()
    expect((await team.lines(number)).filter(({ is }) => is === 'reminder')).toEqual([
      { is: 'reminder', owed: ['approval by @release-approvers'] },
    ])
  })

  it('counts the 24 hours from the emergency, not from a retry', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.signOff('emergency', { release: number, by: TOM.id, note: 'logins are broken' }))
    await team.run(number)
    await team.store.transaction((tx) => tx.changeRelease(number, { state: 'needs attention' }))
    await team.passes('24 hours')
    made(await team.service.retry({ release: number, by: TOM.id }))
    await team.service.tick()
    expect((await team.lines(number)).map(({ is }) => is)).toEqual(['signed', 'retried', 'reminder'])
  })

  it('an emergency that owes nothing any more is let be', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.signOff('emergency', { release: number, by: TOM.id, note: 'logins are broken' }))
    made(await team.service.signOff('qa', { release: number, by: LIN.id }))
    made(await team.service.signOff('approval', { release: number, by: NIA.id }))
    await team.run(number)
    await team.store.transaction((tx) => tx.changeRelease(number, { state: 'succeeded', endedAt: tx.now }))
    await team.passes('30 hours')
    await team.service.tick()
    expect((await team.lines(number)).filter(({ is }) => is === 'reminder')).toEqual([])
  })
})

describe('at the same moment', () => {
  it('the last QA and the last approval by two people, through two bots: one start, twenty times', async () => {
    const team = await aTeam({ announce: 'off' })
    const other = await team.anotherBot()
    for (let round = 1; round <= 20; round++) {
      const number = await team.awaiting()
      const answers = await Promise.all([
        team.service.signOff('qa', { release: number, by: LIN.id }),
        other.signOff('approval', { release: number, by: TOM.id }),
      ])
      expect(answers.map(refusedBy)).toEqual(['not refused', 'not refused'])
      expect(await team.release(number)).toMatchObject({ state: 'approved', attempt: 1 })
      expect(await team.jobs(number, 'preflight')).toHaveLength(1)
      expect((await team.events(number)).filter((type) => type === 'release_approved')).toHaveLength(1)
      made(await team.service.cancel({ release: number, by: DANA.id }))
    }
  })

  it('the same last word by two people: one decides, the other reads who did', async () => {
    const team = await aTeam()
    const other = await team.anotherBot()
    for (let round = 1; round <= 20; round++) {
      const number = await team.awaiting()
      made(await team.service.signOff('qa', { release: number, by: LIN.id }))
      const answers = await Promise.all([
        team.service.signOff('approval', { release: number, by: TOM.id }),
        other.signOff('approval', { release: number, by: NIA.id }),
      ])
      expect(answers.map(refusedBy).toSorted()).toEqual(['already_decided', 'not refused'])
      const { signOffs } = await team.release(number)
      const winner = signOffs.at(-1)?.person
      expect(signOffs).toHaveLength(2)
      expect(answers.find((answer) => 'refused' in answer)).toMatchObject({ refused: { by: winner } })
      expect(await team.jobs(number, 'preflight')).toHaveLength(1)
      made(await team.service.cancel({ release: number, by: DANA.id }))
    }
  })

  it('one person clicks twice: it counts once', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const click = () => team.service.signOff('qa', { release: number, by: LIN.id })
    const answers = await Promise.all([click(), click(), click()])
    expect(answers.map(refusedBy).toSorted()).toEqual(['already_signed', 'already_signed', 'not refused'])
    expect((await team.release(number)).signOffs).toHaveLength(1)
    expect(await team.lines(number)).toHaveLength(1)
  })

  it('the last approval and a rejection: one of them holds', async () => {
    const team = await aTeam()
    const other = await team.anotherBot()
    for (let round = 1; round <= 10; round++) {
      const number = await team.awaiting()
      made(await team.service.signOff('qa', { release: number, by: LIN.id }))
      const answers = await Promise.all([
        team.service.signOff('approval', { release: number, by: TOM.id }),
        other.signOff('rejection', { release: number, by: NIA.id, note: 'wait' }),
      ])
      expect(answers.map(refusedBy).toSorted()).toEqual(['already_decided', 'not refused'])
      const { state } = await team.release(number)
      expect(await team.jobs(number, 'preflight')).toHaveLength(state === 'approved' ? 1 : 0)
      if (state !== 'rejected') made(await team.service.cancel({ release: number, by: DANA.id }))
    }
  })

  it('an approval and the clock', async () => {
    const team = await aTeam()
    const other = await team.anotherBot()
    const number = await team.awaiting()
    await team.passes('24 hours')
    const [, answer] = await Promise.all([team.service.tick(), other.signOff('qa', { release: number, by: LIN.id })])
    expect(['expired', 'already_decided']).toContain(refusedBy(answer))
    expect(await team.release(number)).toMatchObject({ state: 'expired', signOffs: [] })
  })

  it('two people plan again: one new release', async () => {
    const team = await aTeam()
    const other = await team.anotherBot()
    const number = await team.awaiting()
    made(await team.service.cancel({ release: number, by: DANA.id }))
    const answers = await Promise.all([
      team.service.planAgain({ release: number, by: DANA.id, key: 'hers' }),
      other.planAgain({ release: number, by: OLA.id, key: 'his' }),
    ])
    expect(answers.map(refusedBy).toSorted()).toEqual(['environment_busy', 'not refused'])
    expect(await team.service.history({})).toHaveLength(2)
  })
})

describe('what may be asked', () => {
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

  it('history: the last ten, the newest first, of an environment where one is named', async () => {
    const team = await aTeam()
    for (let round = 0; round < 6; round++) {
      for (const environment of ['integration', 'production']) {
        const { number } = made(await team.ask({ environment }))
        made(await team.service.cancel({ release: number, by: DANA.id }))
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
