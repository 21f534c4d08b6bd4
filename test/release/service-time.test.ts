import { afterAll, describe, expect, it } from 'vitest'
import { createReleaseService } from '../../src/release/service.ts'
import { announced, planned, stop } from '../../src/release/transitions/index.ts'
import { stopPostgres } from '../adapters/store-opened.ts'
import { aPlan, DANA, LIN, TOM } from '../support/builders.ts'
import { aTeam, made, NIA, refusedBy } from './service-team.ts'

afterAll(stopPostgres)

describe('deadlines', () => {
  it('the sign-off period starts when the card is posted', async () => {
    const team = await aTeam()
    const { number } = made(await team.ask())
    await team.plan(number)
    await team.passes('20 hours')
    await team.postCard(number)
    const posted = await team.release(number)
    expect(Number(posted.expiresAt) - Number(posted.cardPostedAt)).toBe(24 * 3_600_000)
    await team.service.tick()
    expect(await team.lines(number)).toEqual([])
    await team.passes('23 hours')
    // Slack lost the card, and a new one was posted: the period stays the same.
    await team.postCard(number)
    await team.passes('59 minutes')
    await team.service.tick()
    expect((await team.release(number)).state).toBe('awaiting sign-off')
    await team.passes('1 minute')
    expect(await team.service.act('qa', { release: number, by: LIN.id })).toMatchObject({
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

  it('with a card before the plan the sign-off period starts with the plan', async () => {
    const team = await aTeam()
    await team.workerDies('1 minute')
    const { number } = made(await team.ask())
    await team.postCard(number)
    expect(await team.release(number)).not.toHaveProperty('expiresAt')
    await team.plan(number)
    const { expiresAt, cardPostedAt, plannedAt } = await team.release(number)
    expect([cardPostedAt, Number(expiresAt)]).toEqual([plannedAt, Number(plannedAt) + 24 * 3_600_000])
  })

  it('a card posted while a hot-fix waits for Go leaves the hour of Go unchanged', async () => {
    const team = await aTeam()
    await team.workerDies('1 minute')
    const { number } = made(await team.ask())
    const hotfix = { picks: [], at: '2026-11-22T08:00:00Z', alsoGoes: { count: 0, commits: [] }, asksGo: true as const }
    await team.plan(number, { hotfix })
    await team.postCard(number)
    const { expiresAt, plannedAt } = await team.release(number)
    expect(Number(expiresAt) - Number(plannedAt)).toBe(3_600_000)
  })

  it('a release whose card Slack never accepted expires', async () => {
    const team = await aTeam()
    const { number } = made(await team.ask())
    await team.plan(number)
    await team.passes('25 hours')
    await team.service.tick()
    expect((await team.release(number)).state).toBe('expired')
  })

  it('a release whose run has not started within an hour of the last sign-off expires', async () => {
    const team = await aTeam({ announce: 'off' })
    const number = await team.approved()
    await team.passes('59 minutes 58 seconds')
    await team.service.tick()
    expect((await team.release(number)).state).toBe('approved')
    await team.passes('2 seconds')
    await team.service.tick()
    expect(await team.release(number)).toMatchObject({ state: 'expired', problem: { because: { gate: 'expired' } } })
  })

  it('so does one without sign-offs, an hour after its plan', async () => {
    const team = await aTeam()
    const { number } = made(await team.ask({ environment: 'integration' }))
    await team.store.transaction(async (tx) => {
      const release = await tx.lockRelease(number)
      if (release) await planned(tx, release, team.integration, aPlan())
    })
    expect((await team.release(number)).state).toBe('approved')
    await team.passes('1 hour')
    await team.service.tick()
    expect(await team.release(number)).toMatchObject({ state: 'expired', problem: { because: { gate: 'expired' } } })
  })

  it('so does an announced one, as expired and not as unconfirmed', async () => {
    const team = await aTeam()
    const number = await team.approved()
    await team.announce(number)
    const confirm = () => team.store.transaction((tx) => announced(tx, number, { channel: 'C1', ts: '1.1' }))
    await confirm()
    await confirm()
    expect(await team.jobs(number, 'run')).toHaveLength(1)
    expect((await team.events(number)).filter((type) => type === 'announcement_confirmed')).toHaveLength(1)
    await team.passes('1 hour')
    await team.service.tick()
    expect(await team.release(number)).toMatchObject({ state: 'expired', problem: { because: { gate: 'expired' } } })
  })

  it('an error at one release does not stop the others', async () => {
    const team = await aTeam()
    const number = await team.approved()
    const other = made(await team.ask({ environment: 'integration' })).number
    await team.passes('1 hour')
    const events: typeof team.store.events = async (of) => {
      if (of === number) throw new Error('on purpose')
      return team.store.events(of)
    }
    const service = createReleaseService({ ...team, store: { ...team.store, events } })
    await expect(service.tick()).rejects.toThrow('on purpose')
    expect((await team.release(other)).state).toBe('refused')
  })

  it('one whose announcement Slack has not confirmed ends as announcement_unconfirmed', async () => {
    const team = await aTeam()
    const number = await team.approved()
    await team.announce(number)
    await team.passes('1 hour')
    await team.service.tick()
    expect(await team.release(number)).toMatchObject({
      state: 'expired',
      problem: { because: { gate: 'announcement_unconfirmed' } },
    })
  })

  it('an unconfirmed announcement is reported early to the requester and the last signer, once', async () => {
    const team = await aTeam()
    const number = await team.approved()
    const until = new Date(Number((await team.release(number)).approvedAt) + 55 * 60_000).toISOString()
    const told = async () =>
      (await team.messages()).flatMap((message) =>
        message.kind === 'private' && message.message.is === 'refusal' ? [[message.to, message.message.refusal]] : [],
      )
    await team.passes('5 minutes')
    await team.service.tick()
    expect(await told()).toEqual([])
    await team.announce(number)
    for (let round = 0; round < 3; round++) await team.service.tick()
    const refusal = { gate: 'announcement_unconfirmed', number, until, channel: '#product' }
    expect(await told()).toEqual([
      [DANA.id, refusal],
      [TOM.id, refusal],
    ])
  })

  it('an announcement that was never sent is not reported as unconfirmed', async () => {
    const team = await aTeam()
    const number = await team.approved()
    await team.passes('1 hour')
    await team.service.tick()
    expect(await team.release(number)).toMatchObject({ state: 'expired', problem: { because: { gate: 'expired' } } })
  })

  it('a run has no deadline', async () => {
    const team = await aTeam()
    const number = await team.approved()
    await team.run(number)
    await team.passes('30 hours')
    await team.service.tick()
    expect((await team.release(number)).state).toBe('running')
  })

  it('a run whose worker is gone is reported once per attempt, and stays a run', async () => {
    const team = await aTeam()
    const number = await team.approved()
    await team.run(number)
    const told = async () => (await team.lines(number)).filter((line) => line.is === 'waiting').length
    await team.service.tick()
    expect(await told()).toBe(0)
    await team.workerDies('3 minutes')
    await team.service.tick()
    await team.service.tick()
    expect(await told()).toBe(1)
    await team.store.transaction((tx) => tx.changeRelease(number, { attempt: 2 }))
    await team.service.tick()
    expect(await told()).toBe(2)
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

  it('with a worker the deadline does not end planning', async () => {
    const team = await aTeam()
    await team.ask()
    await team.passes('11 minutes')
    await team.service.tick()
    expect((await team.release(1)).state).toBe('planning')
  })

  it('planning that the worker never finishes is given up', async () => {
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
      {
        is: 'reminder',
        since: 'card',
        owed: [
          { kind: 'qa', count: 1, by: ['@qa', TOM.id] },
          { kind: 'approval', count: 1, by: ['@release-approvers'] },
        ],
        mentioned: [],
        told: [LIN.id, TOM.id, 'U07NIA'],
      },
    ])
  })

  it('there is no reminder once a person has signed', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    await team.passes('5 hours')
    await team.service.tick()
    expect(await team.lines(number)).toMatchObject([{ is: 'signed' }])
  })

  it('what an emergency waived is asked for again after 24 hours, once', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('emergency', { release: number, by: TOM.id, note: 'logins are broken' }))
    await team.run(number)
    await team.store.transaction((tx) => tx.changeRelease(number, { state: 'succeeded', endedAt: tx.now }))
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    await team.passes('23 hours 59 minutes')
    await team.service.tick()
    expect((await team.lines(number)).filter(({ is }) => is === 'reminder')).toEqual([])
    await team.passes('1 minute')
    for (let round = 0; round < 3; round++) await team.service.tick()
    expect((await team.lines(number)).filter(({ is }) => is === 'reminder')).toEqual([
      { is: 'reminder', since: 'emergency', owed: [{ kind: 'approval', count: 1, by: ['@release-approvers'] }] },
    ])
  })

  it('there is no second reminder a month later, when the store has forgotten the first', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('emergency', { release: number, by: TOM.id, note: 'logins are broken' }))
    await team.run(number)
    await team.store.transaction((tx) => tx.changeRelease(number, { state: 'succeeded', endedAt: tx.now }))
    await team.passes('31 days')
    await team.service.tick()
    expect((await team.lines(number)).map(({ is }) => is)).toEqual(['signed'])
  })

  it('counts the 24 hours from the emergency, not from a retry', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('emergency', { release: number, by: TOM.id, note: 'logins are broken' }))
    await team.run(number)
    await team.store.transaction((tx) => tx.changeRelease(number, { state: 'needs attention' }))
    await team.passes('24 hours')
    made(await team.service.act('retry', { release: number, by: TOM.id }))
    await team.service.tick()
    expect((await team.lines(number)).map(({ is }) => is)).toEqual(['signed', 'retried', 'reminder'])
  })

  describe('W7: a merge that the forge’s rules refused', () => {
    async function refused(team: Awaited<ReturnType<typeof aTeam>>, number: number, byRules: boolean) {
      await team.run(number)
      await team.store.transaction(async (tx) => {
        const merge = { name: 'merge', state: 'failed', attempt: 1, effect: 'none', endedAt: tx.now } as const
        await tx.putStep(number, merge)
        const release = await tx.lockRelease(number)
        const because = {
          gate: 'merge_refused',
          detail: '1 approval',
          ...(byRules && { byRules, pullRequest: 418 }),
        } as const
        if (release) await stop(tx, release, { step: 'merge', because }, { actor: 'worker' })
      })
    }
    const ago = (team: Awaited<ReturnType<typeof aTeam>>, interval: string) =>
      team.sql('update step set ended_at = ended_at - $1::interval', [interval])

    it('waits for Retry or Close, and expires after 24 hours', async () => {
      const team = await aTeam()
      const number = await team.approved()
      await refused(team, number, true)
      expect((await team.release(number)).state).toBe('needs attention')
      expect(await team.jobs(number, 'look')).toHaveLength(1)
      expect(await team.jobs(number, 'tidy')).toEqual([])
      await ago(team, '23 hours 59 minutes')
      await team.service.tick()
      expect((await team.release(number)).state).toBe('needs attention')
      await ago(team, '1 minute')
      await team.service.tick()
      expect(await team.release(number)).toMatchObject({ state: 'expired', problem: { because: { gate: 'expired' } } })
      expect(await team.jobs(number, 'tidy')).toHaveLength(1)
    })

    it('may be retried with the same sign-offs, or closed', async () => {
      const team = await aTeam()
      const number = await team.approved()
      await refused(team, number, true)
      made(await team.service.act('retry', { release: number, by: DANA.id }))
      expect(await team.release(number)).toMatchObject({ state: 'approved', attempt: 2, signOffs: { length: 2 } })
      await team.service.tick()
      expect((await team.release(number)).state).toBe('approved')
      await refused(team, number, true)
      made(await team.service.act('close', { release: number, by: TOM.id, note: 'not today' }))
      expect((await team.release(number)).state).toBe('closed')
    })

    it('fails at once where it is no rule that refused it', async () => {
      const team = await aTeam()
      const number = await team.approved()
      await refused(team, number, false)
      expect((await team.release(number)).state).toBe('failed')
    })
  })

  it('a needs-attention release with something irreversible begun never expires', async () => {
    const team = await aTeam()
    const number = await team.stuck()
    await team.sql('update step set ended_at = now() - $1::interval', ['30 days'])
    await team.service.tick()
    expect((await team.release(number)).state).toBe('needs attention')
  })

  it('W7: a press while the forge asks for something makes the worker look again; another press does not', async () => {
    const team = await aTeam()
    const number = await team.awaiting({ mergeRequirements: [{ needs: '1 approval' }] })
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    expect(await team.jobs(number, 'look')).toHaveLength(1)
    await team.store.transaction((tx) => tx.changeRelease(number, { mergeRequirements: [] }))
    made(await team.service.act('approval', { release: number, by: TOM.id }))
    expect(await team.jobs(number, 'look')).toHaveLength(1)
  })

  it('an emergency with every sign-off gets no reminder', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('emergency', { release: number, by: TOM.id, note: 'logins are broken' }))
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    made(await team.service.act('approval', { release: number, by: NIA.id }))
    await team.run(number)
    await team.store.transaction((tx) => tx.changeRelease(number, { state: 'succeeded', endedAt: tx.now }))
    await team.passes('30 hours')
    await team.service.tick()
    expect((await team.lines(number)).filter(({ is }) => is === 'reminder')).toEqual([])
  })
})
