/** Locks through the service, on a real store: who may, what they hold back, what becomes of them, and races. */
import { afterAll, describe, expect, it, vi } from 'vitest'
import type { LockPlace } from '../../src/release/lock.ts'
import type { TypedEnd } from '../../src/release/lock-command.ts'
import type { LockOutcome } from '../../src/release/lock-service.ts'
import { placeLock } from '../../src/release/locks.ts'
import type { PrivateMessage } from '../../src/release/messages.ts'
import { stopPostgres, waiters } from '../adapters/store-opened.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { aTeam, made, NIA, OLA, refusedBy, type Team } from './service-team.ts'

afterAll(stopPostgres)

const PRODUCTION: LockPlace = { is: 'environment', app: 'api', environment: 'production' }
const INTEGRATION: LockPlace = { is: 'environment', app: 'api', environment: 'integration' }
const ALL: LockPlace = { is: 'all' }
const HOUR_MS = 3_600_000
const FOR_AN_HOUR: TypedEnd = { by: 'for', words: '1h' }

let keys = 0
const key = () => `command:${++keys}`
const by = ({ id }: { id: string }) => ({ by: id, key: key() })

function setBy(team: Team, who: { id: string }, on = PRODUCTION, more: { reason?: string; end?: TypedEnd } = {}) {
  return team.service.locks.lock({ on, reason: 'checking a slow query', ...more, ...by(who) })
}

function lockIn(outcome: LockOutcome) {
  if ('refused' in outcome) throw new Error(`refused: ${JSON.stringify(outcome.refused)}`)
  return outcome.lock
}

const refusal = (outcome: object) => ('refused' in outcome ? outcome.refused : 'not refused')

/** Moves the stored times of locks back. */
const lockTimePasses = (team: Team, interval: string) =>
  team.sql('update environment_lock set since = since - $1::interval, until = until - $1::interval', [interval])

const told = async (team: Team, who: { id: string }): Promise<readonly PrivateMessage[]> =>
  (await team.messages()).flatMap((message) =>
    message.kind === 'private' && message.to === who.id ? [message.message] : [],
  )

/** The events of the whole record, of locks. */
const recorded = async (team: Team) =>
  (
    await team.sql(
      `select body::json->'data' as data, type, actor, release from event where type like 'lock%' order by id`,
    )
  ).map(({ type, actor, data, release }) => ({ type, actor, data, release }))

describe('who may lock', () => {
  it('an environment that needs sign-offs: those who may approve; another: every full member', async () => {
    const team = await aTeam()
    expect(lockIn(await setBy(team, TOM))).toMatchObject({
      on: PRODUCTION,
      holder: TOM,
      reason: 'checking a slow query',
    })
    expect(refusal(await setBy(team, OLA))).toEqual({
      gate: 'not_allowed',
      action: 'lock api production',
      who: ['@release-approvers'],
    })
    expect(lockIn(await setBy(team, OLA, INTEGRATION))).toMatchObject({ holder: OLA })
    team.directory.notAMember('UGUEST', 'guest')
    expect(refusedBy(await setBy(team, { id: 'UGUEST' }, INTEGRATION))).toBe('not_a_member')
  })

  it('all environments: those who may approve in one that needs sign-offs; without any, every full member', async () => {
    const team = await aTeam()
    expect(refusedBy(await setBy(team, OLA, ALL))).toBe('not_allowed')
    expect(refusedBy(await setBy(team, LIN, ALL))).toBe('not_allowed')
    expect(lockIn(await setBy(team, NIA, ALL))).toMatchObject({ on: ALL, holder: NIA })
    const open = await aTeam({ signOff: undefined } as never)
    expect(lockIn(await setBy(open, OLA, ALL))).toMatchObject({ holder: OLA })
  })

  it('a group that Slack does not list makes the right unknown, not denied', async () => {
    const team = await aTeam()
    vi.spyOn(team.directory, 'groupMembers').mockResolvedValue(undefined)
    expect(refusal(await setBy(team, TOM))).toEqual({ gate: 'not_a_member', why: 'Slack did not answer' })
    expect(await team.store.locks({})).toEqual([])
  })

  it('its holder and those who may lock end it; who may declare an emergency takes it over and does not end it', async () => {
    const team = await aTeam({
      signOff: {
        qa: 1,
        approvals: 1,
        approvers: ['@release-approvers'],
        emergencyBy: [OLA.id],
        requireChecks: false,
        expiresAfterMs: 24 * HOUR_MS,
      },
    })
    const toms = lockIn(await setBy(team, TOM))
    expect(refusal(await team.service.locks.unlock({ id: toms.id, ...by(OLA) }))).toMatchObject({
      gate: 'not_allowed',
      who: ['the holder', '@release-approvers'],
    })
    expect(refusedBy(await team.service.locks.extend({ id: toms.id, ...by(OLA) }))).toBe('not_allowed')
    const olas = lockIn(await team.service.locks.takeOver({ id: toms.id, reason: 'an outage', ...by(OLA) }))
    expect(olas).toMatchObject({ holder: OLA, reason: 'an outage' })
    expect(lockIn(await team.service.locks.extend({ id: olas.id, ...by(OLA) }))).toHaveProperty('until')
    expect(lockIn(await team.service.locks.unlock({ on: PRODUCTION, ...by(OLA) }))).toMatchObject({
      ended: { how: 'unlocked', by: OLA },
    })
  })
})

describe('what a lock holds back', () => {
  it('the request, Plan again and every click that would start another’s release, also an emergency', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const lock = lockIn(await setBy(team, TOM))
    const held = {
      gate: 'environment_locked',
      lock: lock.id,
      app: 'api',
      environment: 'production',
      holder: TOM,
      reason: 'checking a slow query',
      since: lock.since.toISOString(),
    }
    const emergency = { release: number, by: NIA.id, note: 'the site is down for everybody' }
    expect(refusal(await team.service.act('emergency', emergency))).toEqual(held)
    // The first sign-off starts nothing, so it is given; the last is not recorded, and can be repeated later.
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    expect(refusal(await team.service.act('approval', { release: number, by: NIA.id }))).toEqual(held)
    expect(await team.release(number)).toMatchObject({ state: 'awaiting sign-off', signOffs: [{ kind: 'qa' }] })
    lockIn(await team.service.locks.unlock({ id: lock.id, ...by(TOM) }))
    made(await team.service.act('approval', { release: number, by: NIA.id }))
    expect(await team.release(number)).toMatchObject({ state: 'approved' })

    lockIn(await setBy(team, TOM))
    made(await team.service.act('cancel', { release: number, by: DANA.id }))
    expect(refusedBy(await team.ask())).toBe('environment_locked')
    expect(refusedBy(await team.service.act('plan again', { release: number, by: DANA.id }))).toBe('environment_locked')
    expect(await team.release(number)).not.toHaveProperty('replacedBy')
    // The holder's own, and other environments, are free.
    expect(made(await team.service.act('plan again', { release: number, by: TOM.id }))).toMatchObject({ number: 2 })
    expect(refusedBy(await team.ask({ environment: 'integration' }))).toBe('not refused')
  })

  it('it is asked about the requester, never about who clicks', async () => {
    const team = await aTeam()
    made(await team.ask({ by: TOM.id }))
    await team.plan(1)
    await team.postCard(1)
    lockIn(await setBy(team, TOM))
    made(await team.service.act('qa', { release: 1, by: LIN.id }))
    made(await team.service.act('approval', { release: 1, by: NIA.id }))
    expect(await team.release(1)).toMatchObject({ state: 'approved' })
  })

  it('over all it stops everybody, its holder and emergencies too, and ends no other lock', async () => {
    const team = await aTeam()
    made(await team.ask({ by: TOM.id }))
    await team.plan(1)
    await team.postCard(1)
    lockIn(await setBy(team, TOM))
    const all = lockIn(await setBy(team, TOM, ALL, { reason: 'an incident' }))
    made(await team.service.act('qa', { release: 1, by: LIN.id }))
    const held = { gate: 'environment_locked', lock: all.id, all: true, holder: TOM, reason: 'an incident' }
    expect(refusal(await team.service.act('approval', { release: 1, by: NIA.id }))).toMatchObject(held)
    const emergency = { release: 1, by: TOM.id, note: 'the site is down for everybody' }
    expect(refusal(await team.service.act('emergency', emergency))).toMatchObject(held)
    expect(refusal(await team.ask({ environment: 'integration' }))).toMatchObject({
      ...held,
      environment: 'integration',
    })
    lockIn(await team.service.locks.unlock({ on: ALL, ...by(NIA) }))
    expect(await team.store.locks({ open: true })).toMatchObject([{ on: PRODUCTION, holder: TOM }])
    made(await team.service.act('approval', { release: 1, by: NIA.id }))
  })

  it('a plan that needs nobody is refused at its start', async () => {
    const team = await aTeam({ signOff: undefined } as never)
    made(await team.ask())
    lockIn(await setBy(team, OLA))
    await team.plan(1)
    expect(await team.release(1)).toMatchObject({
      state: 'refused',
      problem: { because: { gate: 'environment_locked', holder: OLA } },
    })
  })

  it('never Retry, Close or Cancel', async () => {
    const team = await aTeam()
    const stuck = await team.stuck()
    lockIn(await setBy(team, NIA))
    lockIn(await setBy(team, NIA, ALL))
    made(await team.service.act('retry', { release: stuck, by: DANA.id }))
    expect(await team.release(stuck)).toMatchObject({ state: 'approved', attempt: 2 })
    made(await team.service.act('cancel', { release: stuck, by: DANA.id }))
    made(await team.service.act('close', { release: stuck, by: TOM.id, note: 'as it is' }))
    expect(await team.release(stuck)).toMatchObject({ state: 'closed' })
  })

  it('a lock whose time is over holds nobody back, also before the bot has ended it', async () => {
    const team = await aTeam()
    lockIn(await setBy(team, TOM, PRODUCTION, { end: FOR_AN_HOUR }))
    await lockTimePasses(team, '2 hours')
    expect(refusedBy(await team.ask())).toBe('not refused')
    expect(lockIn(await setBy(team, NIA))).toMatchObject({ holder: NIA })
    expect(await recorded(team)).toMatchObject([
      { type: 'lock_set', actor: TOM.id },
      { type: 'lock_ended', actor: 'bot', data: { how: 'expired' } },
      { type: 'lock_set', actor: NIA.id },
    ])
  })
})

describe('what becomes of a lock', () => {
  it('the second person is refused with the holder; the holder’s own command changes reason and end', async () => {
    const team = await aTeam()
    const lock = lockIn(await setBy(team, TOM))
    expect(refusal(await setBy(team, NIA))).toMatchObject({ gate: 'environment_locked', lock: lock.id, asked: 'lock' })
    const changed = lockIn(await setBy(team, TOM, PRODUCTION, { reason: 'nearly done', end: FOR_AN_HOUR }))
    expect(changed).toEqual({ ...lock, reason: 'nearly done', until: expect.any(Date) })
    expect(await recorded(team)).toEqual([
      {
        type: 'lock_set',
        actor: TOM.id,
        release: null,
        data: {
          lock: lock.id,
          app: 'api',
          environment: 'production',
          reason: 'checking a slow query',
          name: TOM.name,
          right: '@release-approvers',
          delivery: expect.any(String),
        },
      },
      expect.objectContaining({
        type: 'lock_changed',
        data: expect.objectContaining({ reason: 'nearly done', until: changed.until?.toISOString() }),
      }),
    ])
  })

  it('the old holder is told of a take-over, with its reason, and that somebody else has ended theirs', async () => {
    const team = await aTeam()
    const lock = lockIn(await setBy(team, TOM))
    expect(await team.service.locks.mayTakeOver(lock.id, NIA.id)).toEqual({ lock })
    const taken = await team.service.locks.takeOver({ id: lock.id, reason: ' the deploy can’t wait ', ...by(NIA) })
    expect(taken).toMatchObject({ lock: { holder: NIA, reason: 'the deploy can’t wait' }, before: { id: lock.id } })
    expect(await told(team, TOM)).toMatchObject([{ is: 'lock taken over', lock: { holder: NIA } }])
    expect((await recorded(team)).at(-1)).toMatchObject({
      type: 'lock_taken_over',
      data: { before: lock.id, from: TOM.id, fromName: TOM.name, reason: 'the deploy can’t wait' },
    })
    lockIn(await team.service.locks.unlock({ on: PRODUCTION, ...by(TOM) }))
    expect(await told(team, NIA)).toMatchObject([{ is: 'lock unlocked', lock: { ended: { by: TOM } } }])
  })

  it('a button of a lock that has ended reads how, and never acts on another’s', async () => {
    const team = await aTeam()
    const { locks } = team.service
    const toms = lockIn(await setBy(team, TOM))
    lockIn(await locks.unlock({ id: toms.id, ...by(TOM) }))
    const over = { gate: 'not_locked', app: 'api', environment: 'production', ended: { how: 'unlocked', by: TOM } }
    expect(refusal(await locks.unlock({ id: toms.id, ...by(TOM) }))).toMatchObject(over)
    expect(refusal(await locks.extend({ id: toms.id, ...by(TOM) }))).toMatchObject(over)
    expect(refusal(await locks.takeOver({ id: toms.id, reason: 'now', ...by(NIA) }))).toMatchObject(over)
    expect(refusal(await locks.mayTakeOver(toms.id, NIA.id))).toMatchObject(over)
    expect(refusal(await locks.unlock({ on: PRODUCTION, ...by(TOM) }))).toMatchObject({ gate: 'not_locked' })
    const nias = lockIn(await setBy(team, NIA))
    for (const act of ['unlock', 'extend'] as const) {
      expect(refusal(await locks[act]({ id: toms.id, ...by(TOM) }))).toMatchObject({ holder: NIA, lock: nias.id })
    }
    expect(await team.store.locks({ open: true })).toEqual([nias])
  })

  it('Extend adds two hours, gives an end to a lock without one, and stays within a week', async () => {
    const team = await aTeam()
    const lock = lockIn(await setBy(team, TOM))
    const extend = async () =>
      lockIn(await team.service.locks.extend({ id: lock.id, ...by(TOM) })).until?.getTime() ?? 0
    const first = await extend()
    expect(first - Date.now()).toBeGreaterThan(1.9 * HOUR_MS)
    expect(await extend()).toBe(first + 2 * HOUR_MS)
    await team.sql(`update environment_lock set until = now() + interval '167 hours'`)
    expect((await extend()) - Date.now()).toBeLessThanOrEqual(168 * HOUR_MS + 60_000)
  })

  it('a lock ends 5 minutes to 7 days ahead, by the person’s own time zone', async () => {
    const team = await aTeam()
    const ends = (by: TypedEnd['by'], words: string) => setBy(team, TOM, PRODUCTION, { end: { by, words } })
    expect(refusedBy(await ends('for', '4min'))).toBe('time_refused')
    expect(refusedBy(await ends('for', '8d'))).toBe('time_refused')
    expect(refusedBy(await ends('for', 'ever'))).toBe('time_refused')
    expect(refusedBy(await ends('until', '2020-01-01 12:00'))).toBe('time_refused')
    const inTwoWeeks = new Date(Date.now() + 14 * 24 * HOUR_MS).toISOString().slice(0, 10)
    expect(refusedBy(await ends('until', `${inTwoWeeks} 12:00`))).toBe('too_far_ahead')
    expect(await team.store.locks({})).toEqual([])
    const inTwoDays = new Date(Date.now() + 2 * 24 * HOUR_MS).toISOString().slice(0, 10)
    expect(lockIn(await ends('until', `${inTwoDays} 12:00`)).until).toEqual(new Date(`${inTwoDays}T12:00:00Z`))
    expect(lockIn(await ends('for', '7d')).until).toEqual(expect.any(Date))
  })

  it('the same delivery acts once, though another person has locked in between', async () => {
    const team = await aTeam()
    const { locks } = team.service
    const set = { on: PRODUCTION, reason: 'once', by: TOM.id, key: 'command:set' }
    const first = lockIn(await locks.lock(set))
    const extend = { id: first.id, by: TOM.id, key: 'press:extend' }
    const until = lockIn(await locks.extend(extend)).until
    expect(lockIn(await locks.extend(extend)).until).toEqual(until)
    const end = { on: PRODUCTION, by: TOM.id, key: 'command:unlock' }
    lockIn(await locks.unlock(end))
    const nias = lockIn(await setBy(team, NIA))
    expect(lockIn(await locks.lock(set))).toMatchObject({ id: first.id, ended: { how: 'unlocked' } })
    expect(lockIn(await locks.unlock(end))).toMatchObject({ id: first.id })
    expect(await team.store.locks({ open: true })).toEqual([nias])
    expect((await recorded(team)).map(({ type }) => type)).toEqual([
      'lock_set',
      'lock_changed',
      'lock_ended',
      'lock_set',
    ])
  })

  it('cards that wait for sign-off are redrawn at each change, those of started releases are not', async () => {
    const team = await aTeam()
    await team.awaiting()
    const redrawn = async (act: () => Promise<LockOutcome>) => {
      await team.delivered()
      lockIn(await act())
      return team.redrawn()
    }
    expect(await redrawn(() => setBy(team, TOM))).toEqual([1])
    expect(await redrawn(() => setBy(team, TOM, INTEGRATION))).toEqual([])
    expect(await redrawn(() => setBy(team, TOM, ALL))).toEqual([1])
    expect(await redrawn(() => team.service.locks.unlock({ on: ALL, ...by(TOM) }))).toEqual([1])
    expect(await redrawn(() => team.service.locks.unlock({ on: PRODUCTION, ...by(TOM) }))).toEqual([1])
    made(await team.service.act('qa', { release: 1, by: LIN.id }))
    made(await team.service.act('approval', { release: 1, by: NIA.id }))
    expect(await redrawn(() => setBy(team, TOM))).toEqual([])
  })

  it('placeLock, as after a rollback, belongs to its release, and leaves another’s lock as it is', async () => {
    const team = await aTeam()
    const { number } = made(await team.ask({ environment: 'integration' }))
    const place = (holder: typeof DANA, more = {}) =>
      team.store.transaction((tx) =>
        placeLock(tx, { app: 'api', environment: 'production', holder, reason: 'rolled back', ...more }),
      )
    expect(await place(DANA, { release: number })).toMatchObject({ set: { holder: DANA, reason: 'rolled back' } })
    expect(await place(DANA)).toMatchObject({ changed: { holder: DANA } })
    expect(await place(TOM)).toMatchObject({ held: { holder: DANA } })
    expect(await recorded(team)).toMatchObject([
      { type: 'lock_set', release: number, data: { right: 'the requester', name: DANA.name } },
      { type: 'lock_changed' },
    ])
  })
})

describe('by the clock', () => {
  it('a lock without an end: its holder is asked after 3 h, then daily, each time once', async () => {
    const team = await aTeam()
    lockIn(await setBy(team, TOM))
    const after = async (interval: string) => {
      await lockTimePasses(team, interval)
      for (let times = 0; times < 3; times++) await team.service.tick()
      return (await told(team, TOM)).length
    }
    expect(await after('2 hours 59 minutes')).toBe(0)
    expect(await after('1 minute')).toBe(1)
    expect(await after('23 hours 59 minutes')).toBe(1)
    expect(await after('1 minute')).toBe(2)
    // Only the last of what a bot has missed.
    expect(await after('5 days')).toBe(3)
    expect(await told(team, TOM)).toMatchObject(Array(3).fill({ is: 'lock held', lock: { holder: TOM } }))
  })

  it('a lock with an end: its holder is told 15 minutes before, again after Extend, and it ends', async () => {
    const team = await aTeam()
    const lock = lockIn(await setBy(team, TOM, PRODUCTION, { end: FOR_AN_HOUR }))
    const after = async (interval: string) => {
      await lockTimePasses(team, interval)
      await team.service.tick()
      await team.service.tick()
      return (await told(team, TOM)).length
    }
    expect(await after('44 minutes')).toBe(0)
    expect(await after('2 minutes')).toBe(1)
    lockIn(await team.service.locks.extend({ id: lock.id, ...by(TOM) }))
    expect(await after('1 hour')).toBe(1)
    expect(await after('65 minutes')).toBe(2)
    expect(await after('10 minutes')).toBe(2)
    expect(await team.store.lock(lock.id)).toMatchObject({ ended: { how: 'expired' } })
    expect((await recorded(team)).at(-1)).toMatchObject({
      type: 'lock_ended',
      actor: 'bot',
      data: { lock: lock.id, how: 'expired' },
    })
  })

  it('a lock that was set for minutes is not announced to end at once', async () => {
    const team = await aTeam()
    lockIn(await setBy(team, TOM, PRODUCTION, { end: { by: 'for', words: '10min' } }))
    await team.service.tick()
    expect(await told(team, TOM)).toEqual([])
  })
})

describe('Tell me when it is free', () => {
  const wait = (team: Team, who: { id: string }, environment = 'production') =>
    team.service.locks.tellWhenFree({ app: 'api', environment, by: who.id })
  const frees = async (team: Team, who: { id: string }) => (await told(team, who)).filter(({ is }) => is === 'free')

  it('tells each person once, when the lock is unlocked or its time is over', async () => {
    const team = await aTeam()
    lockIn(await setBy(team, TOM))
    expect(await wait(team, DANA)).toMatchObject({ waitsFor: { holder: TOM } })
    expect(await wait(team, DANA)).toMatchObject({ waitsFor: { holder: TOM } })
    expect(await wait(team, OLA, 'integration')).toEqual({ free: true })
    lockIn(await team.service.locks.unlock({ on: PRODUCTION, ...by(TOM) }))
    expect(await frees(team, DANA)).toEqual([{ is: 'free', app: 'api', environment: 'production' }])
    // A second lock is another matter, for those who ask again.
    lockIn(await setBy(team, TOM, PRODUCTION, { end: FOR_AN_HOUR }))
    await wait(team, LIN)
    await lockTimePasses(team, '2 hours')
    await Promise.all([team.service.tick(), (await team.anotherBot()).tick()])
    expect(await frees(team, DANA)).toHaveLength(1)
    expect(await frees(team, LIN)).toHaveLength(1)
    expect(await frees(team, OLA)).toEqual([])
  })

  it('waits for both the environment’s lock and that over all, and on through a take-over', async () => {
    const team = await aTeam()
    const lock = lockIn(await setBy(team, TOM))
    lockIn(await setBy(team, NIA, ALL))
    await wait(team, DANA)
    await wait(team, TOM)
    lockIn(await team.service.locks.unlock({ on: ALL, ...by(NIA) }))
    // For its holder the environment's own lock is none.
    expect([await frees(team, DANA), await frees(team, TOM)]).toEqual([[], [expect.anything()]])
    const taken = lockIn(await team.service.locks.takeOver({ id: lock.id, reason: 'now', ...by(NIA) }))
    expect(await frees(team, DANA)).toEqual([])
    lockIn(await team.service.locks.unlock({ id: taken.id, ...by(NIA) }))
    expect(await frees(team, DANA)).toHaveLength(1)
    // In the other order too: what is locked twice is not free while one of both holds.
    const again = lockIn(await setBy(team, TOM))
    lockIn(await setBy(team, NIA, ALL))
    await wait(team, LIN)
    lockIn(await team.service.locks.unlock({ id: again.id, ...by(TOM) }))
    expect(await frees(team, LIN)).toEqual([])
    lockIn(await team.service.locks.unlock({ on: ALL, ...by(NIA) }))
    expect(await frees(team, LIN)).toHaveLength(1)
  })

  it('who takes the lock over waits no longer, and is told nothing', async () => {
    const team = await aTeam()
    const lock = lockIn(await setBy(team, TOM))
    await wait(team, NIA)
    const taken = lockIn(await team.service.locks.takeOver({ id: lock.id, reason: 'now', ...by(NIA) }))
    lockIn(await team.service.locks.unlock({ id: taken.id, ...by(NIA) }))
    expect(await frees(team, NIA)).toEqual([])
  })
})

describe('races, decided by the store', () => {
  /** Holds the row of production while both begin, in this order, then lets them go on. */
  async function inOrder<A, B>(team: Team, first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]> {
    const begun: Promise<unknown>[] = []
    // Who waits for a row that is there comes through in order.
    await team.store.transaction((tx) => tx.lockEnvironment('api', 'production'))
    await team.store.transaction(async (tx) => {
      await tx.lockEnvironment('api', 'production')
      for (const [index, act] of [first, second].entries()) {
        begun.push(act())
        const waiting = () => waiters(team as unknown as Parameters<typeof waiters>[0])
        await expect.poll(waiting, { interval: 10, timeout: 10_000 }).toHaveLength(index + 1)
      }
    })
    return (await Promise.all(begun)) as [A, B]
  }

  it('two people lock: the first holds it, the second reads who', async () => {
    const team = await aTeam()
    const outcomes = await inOrder(
      team,
      () => setBy(team, TOM),
      () => setBy(team, NIA),
    )
    expect(outcomes.map(refusal)).toEqual(['not refused', expect.objectContaining({ holder: TOM })])
    expect(await team.store.locks({})).toMatchObject([{ holder: TOM }])
  })

  it.each(['the lock', 'the start'])('a lock and a start: %s is first', async (first) => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    const lock = () => setBy(team, TOM)
    const start = () => team.service.act('approval', { release: number, by: NIA.id })
    if (first === 'the lock') {
      const [set, started] = await inOrder(team, lock, start)
      expect([refusal(set), refusedBy(started)]).toEqual(['not refused', 'environment_locked'])
      expect(await team.release(number)).toMatchObject({ state: 'awaiting sign-off', signOffs: [{ kind: 'qa' }] })
    } else {
      const [started, set] = await inOrder(team, start, lock)
      expect([refusal(set), refusedBy(started)]).toEqual(['not refused', 'not refused'])
      expect(await team.release(number)).toMatchObject({ state: 'approved' })
    }
  })

  it.each(['unlock', 'Approve'])('unlock and Approve: %s is first', async (first) => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    lockIn(await setBy(team, TOM))
    const unlock = () => team.service.locks.unlock({ on: PRODUCTION, ...by(TOM) })
    const approve = () => team.service.act('approval', { release: number, by: NIA.id })
    const [outcome] =
      first === 'unlock' ? (await inOrder(team, unlock, approve)).slice(1) : await inOrder(team, approve, unlock)
    expect(refusedBy(outcome as object)).toBe(first === 'unlock' ? 'not refused' : 'environment_locked')
    expect(await team.release(number)).toMatchObject({ state: first === 'unlock' ? 'approved' : 'awaiting sign-off' })
  })

  it('a lock over all waits for a start that began before it, and every start after it is refused', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    const [started, set] = await inOrder(
      team,
      () => team.service.act('approval', { release: number, by: NIA.id }),
      () => setBy(team, TOM, ALL),
    )
    expect([refusedBy(started), refusal(set)]).toEqual(['not refused', 'not refused'])
    expect(refusedBy(await team.ask({ environment: 'integration' }))).toBe('environment_locked')
  })

  it('two people take the same lock over: one gets it, the other reads who', async () => {
    const team = await aTeam()
    lockIn(await setBy(team, OLA, INTEGRATION))
    const [held] = await team.store.locks({ open: true })
    const take = (who: typeof DANA) =>
      team.service.locks.takeOver({ id: held?.id ?? 0, reason: `${who.name} is in a hurry`, ...by(who) })
    const outcomes = await Promise.all([take(DANA), take(TOM), take(NIA)])
    const won = outcomes.filter((one) => 'lock' in one)
    expect(won).toHaveLength(1)
    const [open] = await team.store.locks({ open: true })
    for (const one of outcomes) if ('refused' in one) expect(one.refused).toMatchObject({ holder: open?.holder })
    expect(await told(team, OLA)).toHaveLength(1)
  })
})
