/** Receipts and **That was not me** through the service, on a real store: what it does in each state, who may, and races. */
import { afterAll, describe, expect, it } from 'vitest'
import type { Subject } from '../../src/release/subjects.ts'
import type { SignOffKind } from '../../src/release/terms.ts'
import { stepMayBegin } from '../../src/release/transitions/index.ts'
import { stopPostgres, waiters } from '../adapters/store-opened.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { aTeam, made, NIA, OLA, refusedBy, type Team } from './service-team.ts'

afterAll(stopPostgres)

type Receipt = Extract<Subject, { is: 'sign-off' }>
type Signer = { readonly id: string }

const RULES = {
  qa: 1,
  approvals: 1,
  approvers: ['@release-approvers'],
  qaBy: ['@qa', TOM.id],
  emergencyBy: ['@release-approvers'],
  requireChecks: false,
  expiresAfterMs: 24 * 3_600_000,
}
const withReceipts = () => aTeam({ signOff: { ...RULES, receipts: true } })

let keys = 0
const key = () => `press:${++keys}`

/** The receipts that a person was sent, in order, as the subjects of their buttons. */
async function receiptsOf(team: Team, { id }: Signer): Promise<readonly Receipt[]> {
  return (await team.messages()).flatMap((message) => {
    if (message.kind !== 'private' || message.to !== id || message.message.is !== 'receipt') return []
    expect(message.directMessage).toBe('receipts')
    const { number: release, kind, person, at } = message.message
    return [{ is: 'sign-off', release, kind, person, at }]
  })
}

async function receiptOf(team: Team, who: Signer): Promise<Receipt> {
  const last = (await receiptsOf(team, who)).at(-1)
  if (last === undefined) throw new Error(`${who.id} got no receipt`)
  return last
}

const notMe = async (team: Team, who: Signer, by: Signer = who) =>
  team.service.receipts.dispute({ signOff: await receiptOf(team, who), by: by.id, key: key() })

const effectOf = (outcome: Awaited<ReturnType<typeof notMe>>) =>
  'refused' in outcome ? outcome.refused.gate : outcome.effect

/** Whether the release's sign-offs are these, void ones after a minus. */
async function signed(team: Team, number: number) {
  const { signOffs, disputed = [] } = await team.release(number)
  return [...signOffs.map(({ kind }) => kind), ...disputed.map(({ kind }) => `-${kind}`)]
}

describe('a receipt', () => {
  it.each<[SignOffKind, Signer]>([
    ['qa', LIN],
    ['approval', TOM],
    ['talked over', NIA],
    ['rejection', TOM],
    ['emergency', TOM],
  ])('of %s goes once to the person who gave it, and to nobody else', async (kind, who) => {
    const team = await withReceipts()
    const number = await team.awaiting()
    made(await team.service.act(kind, { release: number, by: who.id, note: 'because it is needed now' }))
    await team.service.act(kind, { release: number, by: who.id, note: 'because it is needed now' })
    const [given] = (await team.release(number)).signOffs
    const at = given?.at.toISOString()
    expect(await receiptsOf(team, who)).toEqual([{ is: 'sign-off', release: number, kind, person: who.id, at }])
    for (const other of [DANA, LIN, TOM, NIA, OLA].filter(({ id }) => id !== who.id)) {
      expect(await receiptsOf(team, other)).toEqual([])
    }
  })

  it('is not sent where releases.yml does not ask for it, nor of a sign-off that was refused', async () => {
    const without = await aTeam()
    await without.approved()
    expect(await receiptsOf(without, TOM)).toEqual([])
    const team = await withReceipts()
    const number = await team.awaiting()
    expect(refusedBy(await team.service.act('approval', { release: number, by: OLA.id }))).toBe('not_an_approver')
    expect(await receiptsOf(team, OLA)).toEqual([])
  })
})

describe('That was not me', () => {
  it('before it is approved: the sign-off is void, and the release rejected', async () => {
    const team = await withReceipts()
    const number = await team.awaiting()
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    expect(effectOf(await notMe(team, LIN))).toBe('rejected')
    const release = await team.release(number)
    expect(release).toMatchObject({ state: 'rejected', endedBy: LIN, signOffs: [] })
    expect(release.disputed).toMatchObject([{ kind: 'qa', person: LIN, fingerprint: release.fingerprint }])
    expect((await team.events(number)).slice(-2)).toEqual(['sign_off_disputed', 'release_ended'])
    const [event] = (await team.store.events(number)).filter(({ type }) => type === 'sign_off_disputed')
    expect(event?.actor).toBe(LIN.id)
    expect(event?.data).toMatchObject({ kind: 'qa', state: 'awaiting sign-off', name: 'Lin', right: 'the signer' })
    expect((await team.lines(number)).at(-1)).toMatchObject({ is: 'disputed', person: LIN, effect: 'rejected' })
    expect((await team.messages()).filter(({ kind }) => kind === 'outcome')).toHaveLength(1)
  })

  it('while it waits for its time: the same', async () => {
    const team = await withReceipts()
    const picked = new Date(Date.now() + 3_600_000)
    const { number } = made(await team.ask({ at: { picked } }))
    await team.plan(number)
    await team.postCard(number)
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    expect(made(await team.service.act('approval', { release: number, by: TOM.id })).state).toBe('scheduled')
    expect(effectOf(await notMe(team, TOM))).toBe('rejected')
    expect((await team.release(number)).state).toBe('rejected')
    await team.passes('2 hours')
    await team.service.tick()
    expect((await team.release(number)).state).toBe('rejected')
  })

  it('once it is approved: it is cancelled, and its preflight and run find nothing to do', async () => {
    const team = await withReceipts()
    const number = await team.approved()
    expect(effectOf(await notMe(team, TOM))).toBe('cancelled')
    expect(await team.release(number)).toMatchObject({ state: 'cancelled', endedBy: TOM, cancelRequestedBy: TOM })
    expect(await signed(team, number)).toEqual(['qa', '-approval'])
    // Plan again asks for everything again.
    const again = made((await team.service.act('plan again', { release: number, by: DANA.id })) as never)
    await team.plan(again.number)
    expect(await team.release(again.number)).toMatchObject({ state: 'awaiting sign-off', signOffs: [] })
  })

  it('during the run, before anything irreversible: no new step begins, and it is cancelled', async () => {
    const team = await withReceipts()
    const number = await team.approved()
    await team.run(number)
    await team.steps(number, { name: 'record', state: 'done', attempt: 1, effect: 'none' })
    expect(effectOf(await notMe(team, TOM))).toBe('stopping')
    expect(await team.release(number)).toMatchObject({ state: 'running', cancelRequestedBy: TOM })
    expect(await mayBegin(team, number, 'merge')).toBe('over')
    expect((await team.release(number)).state).toBe('cancelled')
  })

  it('during the run, after something irreversible: it needs attention, and Retry is refused', async () => {
    const team = await withReceipts()
    const number = await team.approved()
    await team.run(number)
    await team.steps(number, { name: 'merge', state: 'done', attempt: 1, effect: 'some' })
    expect(effectOf(await notMe(team, TOM))).toBe('stopping')
    expect(await mayBegin(team, number, 'migrate')).toBe('over')
    const { state, problem } = await team.release(number)
    expect({ state, problem }).toMatchObject({
      state: 'needs attention',
      problem: { because: { gate: 'sign_off_disputed', kind: 'approval', person: TOM } },
    })
    expect(refusedBy(await team.service.act('retry', { release: number, by: DANA.id, key: key() }))).toBe(
      'sign_off_disputed',
    )
    expect(made(await team.service.act('close', { release: number, by: NIA.id, note: 'looked at it' })).state).toBe(
      'closed',
    )
  })

  it('after somebody’s Cancel of the same run: the void sign-off still makes it need attention', async () => {
    const team = await withReceipts()
    const number = await team.approved()
    await team.run(number)
    await team.steps(number, { name: 'merge', state: 'done', attempt: 1, effect: 'some' })
    made(await team.service.act('cancel', { release: number, by: DANA.id, key: key() }))
    await notMe(team, LIN)
    await mayBegin(team, number, 'migrate')
    expect((await team.release(number)).state).toBe('needs attention')
  })

  it('in needs attention: it stays, Retry is refused, and what it stopped for is kept', async () => {
    const team = await withReceipts()
    const number = await team.stuck()
    const before = (await team.release(number)).problem
    expect(effectOf(await notMe(team, LIN))).toBe('held')
    expect(await team.release(number)).toMatchObject({ state: 'needs attention', problem: before })
    expect(refusedBy(await team.service.act('retry', { release: number, by: TOM.id, key: key() }))).toBe(
      'sign_off_disputed',
    )
    expect((await team.lines(number)).at(-1)).toMatchObject({ is: 'disputed', effect: 'held' })
  })

  it('between Retry and its run: it needs attention again', async () => {
    const team = await withReceipts()
    const number = await team.stuck()
    expect(made(await team.service.act('retry', { release: number, by: TOM.id, key: key() })).state).toBe('approved')
    expect(effectOf(await notMe(team, TOM))).toBe('held')
    expect((await team.release(number)).state).toBe('needs attention')
  })

  it('where enough others have signed, Retry goes on without it', async () => {
    const team = await withReceipts()
    const number = await team.awaiting()
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    made(await team.service.act('emergency', { release: number, by: TOM.id, note: 'nobody can log in at all' }))
    made(await team.service.act('approval', { release: number, by: NIA.id }))
    await team.run(number)
    await team.steps(number, { name: 'merge', state: 'done', attempt: 1, effect: 'some' })
    expect(effectOf(await notMe(team, TOM))).toBe('stopping')
    await mayBegin(team, number, 'migrate')
    // QA and approval are given: nothing that it needs is void.
    expect(made(await team.service.act('retry', { release: number, by: DANA.id, key: key() })).state).toBe('approved')
  })

  it('of an emergency that nobody else has signed: Retry is refused', async () => {
    const team = await withReceipts()
    const number = await team.awaiting()
    made(await team.service.act('emergency', { release: number, by: TOM.id, note: 'nobody can log in at all' }))
    await team.run(number)
    await team.steps(number, { name: 'merge', state: 'done', attempt: 1, effect: 'some' })
    await notMe(team, TOM)
    await mayBegin(team, number, 'migrate')
    expect(refusedBy(await team.service.act('retry', { release: number, by: DANA.id, key: key() }))).toBe(
      'sign_off_disputed',
    )
  })

  it('after the end: an event and a line for the channel; the state stays', async () => {
    const team = await withReceipts()
    const number = await team.stuck()
    made(await team.service.act('close', { release: number, by: NIA.id, note: 'done by hand' }))
    const before = await team.release(number)
    expect(effectOf(await notMe(team, TOM))).toBe('ended')
    const after = await team.release(number)
    expect(after).toMatchObject({ state: 'closed', endedAt: before.endedAt, endedBy: NIA, endReason: 'done by hand' })
    expect(await signed(team, number)).toEqual(['qa', '-approval'])
    expect((await team.events(number)).at(-1)).toBe('sign_off_disputed')
    expect((await team.lines(number)).at(-1)).toMatchObject({ is: 'disputed', person: TOM, effect: 'ended' })
    expect((await team.messages()).filter(({ kind }) => kind === 'outcome')).toHaveLength(2)
  })

  it('of a rejection: the release stays rejected', async () => {
    const team = await withReceipts()
    const number = await team.awaiting()
    made(await team.service.act('rejection', { release: number, by: TOM.id, note: 'too risky' }))
    expect(effectOf(await notMe(team, TOM))).toBe('ended')
    expect(await team.release(number)).toMatchObject({ state: 'rejected', endReason: 'too risky' })
  })

  it('what an emergency waived is owed again, and its person may give it again, with a receipt of its own', async () => {
    const team = await withReceipts()
    const number = await team.awaiting()
    made(await team.service.act('emergency', { release: number, by: TOM.id, note: 'nobody can log in at all' }))
    await team.run(number)
    await team.steps(number, { name: 'merge', state: 'done', attempt: 1, effect: 'some' })
    await team.store.transaction(async (tx) => tx.changeRelease(number, { state: 'succeeded', endedAt: tx.now }))
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    expect(effectOf(await notMe(team, LIN))).toBe('ended')
    expect(await signed(team, number)).toEqual(['emergency', '-qa'])
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    expect(await signed(team, number)).toEqual(['emergency', 'qa', '-qa'])
    const [first, second] = await receiptsOf(team, LIN)
    expect(first?.at).not.toBe(second?.at)
    // The first receipt's button does nothing to the second sign-off.
    if (first === undefined) throw new Error('no receipt')
    const again = await team.service.receipts.dispute({ signOff: first, by: LIN.id, key: key() })
    expect(effectOf(again)).toBeUndefined()
    expect(await signed(team, number)).toEqual(['emergency', 'qa', '-qa'])
  })
})

describe('who may say so, and how often', () => {
  it('only the person, on a receipt of their own; guests of today may not', async () => {
    const team = await withReceipts()
    const number = await team.approved()
    for (const other of [DANA, LIN, NIA, OLA]) {
      expect(effectOf(await notMe(team, TOM, other))).toBe('not_allowed')
    }
    const forged: Receipt = { is: 'sign-off', release: number, kind: 'approval', person: LIN.id, at: '2026-11-22' }
    expect(effectOf(await team.service.receipts.dispute({ signOff: forged, by: LIN.id, key: key() }))).toBe(
      'stale_button',
    )
    team.directory.notAMember(TOM.id, 'guest')
    expect(effectOf(await notMe(team, TOM))).toBe('not_a_member')
    expect(await signed(team, number)).toEqual(['qa', 'approval'])
    expect(await team.events(number)).not.toContain('sign_off_disputed')
  })

  it('while Slack does not answer: it goes through, recorded as unverified', async () => {
    const team = await withReceipts()
    const number = await team.approved()
    team.directory.answers(false)
    expect(effectOf(await notMe(team, TOM))).toBe('cancelled')
    const [event] = (await team.store.events(number)).filter(({ type }) => type === 'sign_off_disputed')
    expect(event?.data).toMatchObject({ name: 'Tom', right: 'unverified' })
  })

  it('pressed twice: the second press is answered, and changes nothing', async () => {
    const team = await withReceipts()
    const number = await team.approved()
    await notMe(team, TOM)
    const events = await team.events(number)
    expect(effectOf(await notMe(team, TOM))).toBeUndefined()
    expect(await team.events(number)).toEqual(events)
  })

  it('two at once, on two bots: once', async () => {
    const team = await withReceipts()
    const number = await team.approved()
    const signOff = await receiptOf(team, TOM)
    const other = await team.anotherBot()
    const outcomes = await Promise.all(
      [team.service, other, team.service, other].map((bot) =>
        bot.receipts.dispute({ signOff, by: TOM.id, key: key() }),
      ),
    )
    expect(outcomes.map(effectOf).filter((effect) => effect !== undefined)).toEqual(['cancelled'])
    expect((await team.events(number)).filter((type) => type === 'sign_off_disputed')).toHaveLength(1)
    expect((await team.lines(number)).filter(({ is }) => is === 'disputed')).toHaveLength(1)
  })

  it('both who signed at once: both are void, and it ends once', async () => {
    const team = await withReceipts()
    const number = await team.approved()
    await Promise.all([notMe(team, LIN), notMe(team, TOM)])
    expect((await signed(team, number)).toSorted()).toEqual(['-approval', '-qa'])
    expect((await team.events(number)).filter((type) => type === 'release_ended')).toHaveLength(1)
  })

  it('while the run begins: who commits first has won, and no step begins after it', async () => {
    const team = await withReceipts()
    const number = await team.approved()
    const press = { signOff: await receiptOf(team, TOM), by: TOM.id, key: key() }
    let pressed: ReturnType<typeof team.service.receipts.dispute> | undefined
    await team.store.transaction(async (tx) => {
      await tx.lockRelease(number)
      pressed = team.service.receipts.dispute(press)
      const waiting = () => waiters(team as unknown as Parameters<typeof waiters>[0])
      await expect.poll(waiting, { interval: 10, timeout: 10_000 }).toHaveLength(1)
      await tx.changeRelease(number, { state: 'running', startedAt: tx.now })
    })
    expect(effectOf(await (pressed as NonNullable<typeof pressed>))).toBe('stopping')
    expect(await mayBegin(team, number, 'merge')).toBe('over')
    expect((await team.release(number)).state).toBe('cancelled')
  })
})

function mayBegin(team: Team, number: number, step: 'merge' | 'migrate') {
  return team.store.transaction(async (tx) => {
    const release = await tx.lockRelease(number)
    return release && stepMayBegin(tx, release, step)
  })
}
