import { afterAll, describe, expect, it } from 'vitest'
import { createReleaseService } from '../../src/release/service.ts'
import { stopPostgres } from '../adapters/store-opened.ts'
import { aStep, DANA, LIN, TOM } from '../support/builders.ts'
import { aTeam, made, NIA, OLA, refusedBy } from './service-team.ts'

afterAll(stopPostgres)

describe('cancelling', () => {
  it.each(['planning', 'awaiting sign-off', 'approved'] as const)('%s: ends at once', async (state) => {
    const team = await aTeam()
    const number =
      state === 'planning'
        ? made(await team.ask()).number
        : await (state === 'approved' ? team.approved() : team.awaiting())
    expect((await team.release(number)).state).toBe(state)
    expect(made(await team.service.act('cancel', { release: number, by: DANA.id }))).toMatchObject({
      state: 'cancelled',
      endedBy: DANA,
    })
    expect(await team.jobs(number, 'tidy')).toHaveLength(1)
    expect(await team.service.act('cancel', { release: number, by: TOM.id })).toMatchObject({
      refused: { gate: 'already_decided', state: 'cancelled', by: DANA, at: expect.any(String) },
    })
    expect(await team.ask()).toMatchObject({ release: { number: number + 1 } })
  })

  it('without a card the requester is told privately', async () => {
    const team = await aTeam()
    await team.ask()
    made(await team.service.act('cancel', { release: 1, by: TOM.id }))
    expect(await team.messages()).toMatchObject([{ kind: 'private', to: DANA.id, message: { is: 'ended', number: 1 } }])
  })

  it('while the first card is being posted, the requester is told privately and the card is drawn again', async () => {
    const team = await aTeam()
    const { number } = made(await team.ask())
    made(await team.service.act('cancel', { release: number, by: DANA.id }))
    await team.postCard(number)
    expect(await team.redrawn()).toEqual([number])
  })

  it('in a run: is recorded for the worker, with the running step', async () => {
    const team = await aTeam()
    const number = await team.approved()
    await team.run(number)
    await team.steps(number, aStep('merge', { state: 'running', effect: 'unknown' }))
    expect(made(await team.service.act('cancel', { release: number, by: TOM.id }))).toMatchObject({
      state: 'running',
      cancelRequestedBy: TOM,
    })
    expect((await team.lines(number)).at(-1)).toEqual({ is: 'cancel asked', person: TOM, during: 'merge' })
    expect(await team.service.act('cancel', { release: number, by: DANA.id })).toEqual({
      refused: { gate: 'already_decided', number, state: 'running', by: TOM },
    })
  })

  it('is for the requester and those who may approve', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    expect(refusedBy(await team.service.act('cancel', { release: number, by: OLA.id }))).toBe('not_allowed')
    expect(refusedBy(await team.service.act('cancel', { release: number, by: LIN.id }))).toBe('not_allowed')
    expect(made(await team.service.act('cancel', { release: number, by: NIA.id })).state).toBe('cancelled')
  })
})

describe('retry and close', () => {
  it('are refused unless it needs attention', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    expect(refusedBy(await team.service.act('retry', { release: number, by: TOM.id }))).toBe('already_decided')
    expect(refusedBy(await team.service.act('close', { release: number, by: TOM.id, note: 'x' }))).toBe(
      'already_decided',
    )
    const other = await aTeam()
    const running = await other.approved()
    await other.run(running)
    expect(refusedBy(await other.service.act('retry', { release: running, by: TOM.id }))).toBe('already_decided')
    expect(refusedBy(await other.service.act('close', { release: running, by: TOM.id, note: 'x' }))).toBe(
      'already_decided',
    )
  })

  it('retry: keeps plan and sign-offs, and starts a new attempt with a preflight', async () => {
    const team = await aTeam()
    const number = await team.stuck()
    const before = await team.release(number)
    expect(refusedBy(await team.service.act('retry', { release: number, by: LIN.id }))).toBe('not_allowed')
    const after = made(await team.service.act('retry', { release: number, by: DANA.id }))
    expect(after).toMatchObject({ state: 'approved', attempt: 2, fingerprint: before.fingerprint })
    expect(after).toHaveProperty('problem')
    expect([after.plan, after.signOffs, after.steps]).toEqual([before.plan, before.signOffs, before.steps])
    expect(await team.jobs(number, 'preflight')).toEqual([
      { kind: 'preflight', release: number, attempt: 1 },
      { kind: 'preflight', release: number, attempt: 2 },
    ])
    expect((await team.lines(number)).at(-1)).toEqual({ is: 'retried', person: DANA })
    expect(refusedBy(await team.service.act('retry', { release: number, by: TOM.id }))).toBe('already_decided')
  })

  it('retry: gets a new hour to start', async () => {
    const team = await aTeam()
    const number = await team.stuck()
    await team.passes('5 hours')
    made(await team.service.act('retry', { release: number, by: DANA.id }))
    await team.service.tick()
    expect((await team.release(number)).state).toBe('approved')
    await team.passes('1 hour')
    await team.service.tick()
    expect(await team.release(number)).toMatchObject({ state: 'needs attention', problem: expect.anything() })
    expect((await team.store.events(number)).at(-1)).toMatchObject({ type: 'attention_needed', actor: 'bot' })
  })

  it('cancel after a retry leads back to needs attention: only Close frees the environment', async () => {
    const team = await aTeam()
    const number = await team.stuck()
    made(await team.service.act('retry', { release: number, by: DANA.id }))
    const after = made(await team.service.act('cancel', { release: number, by: DANA.id }))
    expect(after).toMatchObject({ state: 'needs attention', problem: { step: 'migrate' } })
    expect((await team.store.events(number)).at(-1)).toMatchObject({ type: 'attention_needed', actor: DANA.id })
  })

  it('retry and cancel: a delivery that is handled twice acts once, whatever happened in between', async () => {
    const team = await aTeam()
    const number = await team.stuck()
    const press = (key: string) => ({ release: number, by: DANA.id, key })
    made(await team.service.act('retry', press('first')))
    expect(made(await team.service.act('cancel', press('second'))).state).toBe('needs attention')
    expect(await team.service.act('retry', press('first'))).toEqual({
      refused: { gate: 'already_decided', number, state: 'needs attention', by: DANA },
    })
    made(await team.service.act('retry', press('third')))
    expect(await team.service.act('cancel', press('second'))).toMatchObject({
      refused: { state: 'approved', by: DANA },
    })
    expect(await team.release(number)).toMatchObject({ state: 'approved', attempt: 3 })
  })

  it('retry: one click handled by two processes is one attempt, even if it needs attention again in between', async () => {
    const team = await aTeam()
    const number = await team.stuck()
    const press = { release: number, by: DANA.id, key: 'first' }
    let isFirst = true
    const events: typeof team.store.events = async (of) => {
      const seen = await team.store.events(of)
      if (isFirst) {
        isFirst = false
        made(await team.service.act('retry', press))
        made(await team.service.act('cancel', { release: number, by: DANA.id }))
      }
      return seen
    }
    const other = createReleaseService({ ...team, store: { ...team.store, events } })
    expect(refusedBy(await other.act('retry', press))).toBe('already_decided')
    expect(await team.release(number)).toMatchObject({ state: 'needs attention', attempt: 2 })
  })

  it('close: needs a reason, keeps the problem, frees the environment; not for the requester', async () => {
    const team = await aTeam()
    const number = await team.stuck()
    expect(refusedBy(await team.ask())).toBe('environment_busy')
    expect(refusedBy(await team.service.act('close', { release: number, by: DANA.id, note: 'done by hand' }))).toBe(
      'not_an_approver',
    )
    expect(refusedBy(await team.service.act('close', { release: number, by: TOM.id, note: ' ' }))).toBe(
      'reason_too_short',
    )
    expect(made(await team.service.act('close', { release: number, by: TOM.id, note: 'done by hand' }))).toMatchObject({
      state: 'closed',
      endedBy: TOM,
      endReason: 'done by hand',
      problem: { step: 'migrate', because: { gate: 'internal_error' } },
    })
    expect(refusedBy(await team.service.act('close', { release: number, by: NIA.id, note: 'x' }))).toBe(
      'already_decided',
    )
    expect(refusedBy(await team.ask())).toBe('not refused')
  })
})

describe('plan again', () => {
  it('of an ended release: creates a new one for the person, and the old card says so', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('rejection', { release: number, by: LIN.id, note: 'no' }))
    await team.delivered()
    const again = made(await team.service.act('plan again', { release: number, by: OLA.id, key: 'again' }))
    expect(again).toMatchObject({ number: 2, state: 'planning', requester: OLA, signOffs: [] })
    expect(await team.release(number)).toMatchObject({ state: 'rejected', replacedBy: 2 })
    expect(await team.jobs(2)).toEqual([{ kind: 'plan', release: 2 }])
    expect(await team.redrawn()).toEqual([number])
    await team.plan(2)
    expect(await team.redrawn()).toEqual([number, 2])
  })

  it('of a waiting pinned release with newer commits: its sign-offs are void', async () => {
    const team = await aTeam({ pullRequest: 'pinned' })
    const number = await team.awaiting()
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    await team.store.transaction((tx) => tx.changeRelease(number, { newerCommits: 2 }))
    await team.delivered()
    const again = made(await team.service.act('plan again', { release: number, by: OLA.id, key: 'again' }))
    expect(again).toMatchObject({ number: 2, signOffs: [] })
    expect(await team.release(number)).toMatchObject({ state: 'outdated', endedBy: OLA, replacedBy: 2 })
    expect(await team.redrawn()).toEqual([number])
    expect(await team.jobs(number, 'tidy')).toHaveLength(1)
  })

  it('the same click again gives the same release; another person is refused', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('cancel', { release: number, by: DANA.id }))
    const press = { release: number, by: OLA.id, key: 'again' }
    expect(made(await team.service.act('plan again', press)).number).toBe(2)
    expect(made(await team.service.act('plan again', press)).number).toBe(2)
    expect(made(await team.service.act('plan again', { ...press, key: 'a second click' })).number).toBe(2)
    expect(await team.service.act('plan again', { ...press, by: DANA.id, key: 'hers' })).toMatchObject({
      refused: { gate: 'environment_busy', number: 2, requester: OLA },
    })
    made(await team.service.act('cancel', { release: 2, by: OLA.id }))
    expect(refusedBy(await team.service.act('plan again', { ...press, by: DANA.id, key: 'later' }))).toBe(
      'already_decided',
    )
    expect(await team.release(number)).toMatchObject({ replacedBy: 2 })
    expect(await team.service.history({})).toHaveLength(2)
  })

  it('without a delivery too, a release is replaced only once', async () => {
    const team = await aTeam()
    for (const number of [1, 2]) {
      if (number === 1) made(await team.ask())
      made(await team.service.act('cancel', { release: number, by: DANA.id }))
      const again = () => team.service.act('plan again', { release: number, by: DANA.id })
      expect((await Promise.all([again(), again()])).map((each) => made(each).number)).toEqual([number + 1, number + 1])
    }
  })

  it('is refused when the state does not allow it, or another release is under way', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const again = (release: number, key: string) => team.service.act('plan again', { release, by: OLA.id, key })
    expect(refusedBy(await again(number, 'a'))).toBe('already_decided')
    made(await team.service.act('cancel', { release: number, by: DANA.id }))
    await team.awaiting()
    expect(await again(number, 'b')).toMatchObject({ refused: { gate: 'environment_busy', number: 2 } })
    expect(await team.release(number)).not.toHaveProperty('replacedBy')
    expect(refusedBy(await again(99, 'c'))).toBe('unknown_release')
  })

  it('needs a full member and a channel', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('cancel', { release: number, by: DANA.id }))
    expect(refusedBy(await team.service.act('plan again', { release: number, by: 'U99', key: 'a' }))).toBe(
      'not_a_member',
    )
    team.directory.unreachable('#product', 'archived')
    expect(refusedBy(await team.service.act('plan again', { release: number, by: OLA.id, key: 'b' }))).toBe(
      'channel_unreachable',
    )
  })
})
