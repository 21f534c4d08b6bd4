/** QA that is asked for each change: what a person's ticks change, on the real store. */
import { afterAll, describe, expect, it } from 'vitest'
import { changeId, type PlannedChange, untestedBy } from '../../src/release/changes.ts'
import { owed } from '../../src/release/policy.ts'
import type { SignOffRules } from '../../src/release/settings.ts'
import { stop } from '../../src/release/transitions/index.ts'
import { stopPostgres } from '../adapters/store-opened.ts'
import { aPlan, DANA, LIN, sha, TOM } from '../support/builders.ts'
import { aTeam, made, OLA, refusedBy, type Team } from './service-team.ts'

afterAll(stopPostgres)

const CHI = { name: 'Chi', email: `${LIN.id.toLowerCase()}@example.com` }
const MAREK = { name: 'Marek', email: 'marek@example.com' }

const CHANGES: readonly PlannedChange[] = [
  { commits: [sha('a1'), sha('a2')], title: 'Fix digests', pullRequest: 41, authors: [CHI] },
  { commits: [sha('b1')], title: 'Fix a typo', authors: [CHI] },
  { commits: [sha('c1')], title: 'Add limits', pullRequest: 42, authors: [MAREK] },
]
const [A, B, C] = CHANGES.map(changeId) as [string, string, string]
const PLAN = { changes: CHANGES, bound: { changes: CHANGES.map(({ commits }) => commits) } }

const RULES: SignOffRules = {
  qa: 'each change',
  approvals: 1,
  approvers: ['@release-approvers'],
  qaBy: ['@qa', TOM.id],
  emergencyBy: ['@release-approvers'],
  requireChecks: false,
  expiresAfterMs: 24 * 3_600_000,
}

const aQaTeam = (rules: Partial<SignOffRules> = {}) => aTeam({ signOff: { ...RULES, ...rules } })

function tick(team: Team, number: number, by: string, tested: readonly string[], more: object = {}) {
  return team.service.act('test changes', { release: number, by, isConfirmed: true, qa: { tested, ...more } })
}

/** The receipts that a person got, as their buttons stand for them. */
const receiptsOf = async (team: Team, id: string) =>
  (await team.messages()).flatMap((message) => {
    if (message.kind !== 'private' || message.to !== id || message.message.is !== 'receipt') return []
    const { number: release, kind, person, at } = message.message
    return [{ is: 'sign-off' as const, release, kind, person, at }]
  })

const owing = async (team: Team, number: number) =>
  owed(team.environment, await team.release(number)).map(({ kind, count, changes }) =>
    changes === undefined ? `${count} ${kind}` : `${changes.of - changes.untested} of ${changes.of} ${kind}`,
  )

describe('QA of each change', () => {
  it('is owed until each is tested by somebody; what is ticked stays, and is told with who wrote it', async () => {
    const team = await aQaTeam()
    const number = await team.awaiting(PLAN)
    expect(await owing(team, number)).toEqual(['0 of 3 qa', '1 approval'])
    made(await tick(team, number, LIN.id, [A, C]))
    const release = await team.release(number)
    expect(release.tested?.map(({ change, person, isOwn, right }) => [change, person, isOwn, right])).toEqual([
      [A, LIN, true, '@qa'],
      [C, LIN, undefined, '@qa'],
    ])
    expect(await owing(team, number)).toEqual(['2 of 3 qa', '1 approval'])
    expect(untestedBy(release).map(({ author, changes }) => [author?.name, changes.map(changeId)])).toEqual([
      ['Chi', [B]],
    ])
    expect((await team.lines(number)).at(-1)).toEqual({
      ...{ is: 'tested', person: LIN, count: 2, own: 1 },
      changes: [
        { title: 'Fix digests', pullRequest: 41 },
        { title: 'Add limits', pullRequest: 42 },
      ],
    })
    const signed = (await team.store.events(number)).filter(({ type }) => type === 'sign_off_given')
    expect(signed.map(({ data }) => data)).toMatchObject([{ kind: 'qa', changes: [A, C], own: [A], right: '@qa' }])
    // A second tick of the same person is one more event, and no second sign-off.
    made(await tick(team, number, LIN.id, [A, B]))
    expect((await team.release(number)).signOffs).toHaveLength(1)
    expect((await team.store.events(number)).at(-1)?.data).toMatchObject({ changes: [B], own: [B] })
    expect(await owing(team, number)).toEqual(['1 approval'])
  })

  it('the same delivery again, or the same ticks, change nothing', async () => {
    const team = await aQaTeam()
    const number = await team.awaiting(PLAN)
    const request = { release: number, by: LIN.id, key: 'submission:V1', isConfirmed: true, qa: { tested: [A] } }
    made(await team.service.act('test changes', request))
    const before = await team.messages()
    const events = await team.events(number)
    made(await team.service.act('test changes', request))
    made(await (await team.anotherBot()).act('test changes', request))
    expect(await team.events(number)).toEqual(events)
    expect(await team.messages()).toEqual(before)
  })

  it('two people tick at once: each tick is kept, each change counts once, and one start', async () => {
    const team = await aQaTeam({ approvals: 0 })
    const number = await team.awaiting(PLAN)
    const other = await team.anotherBot()
    const [one, two] = await Promise.all([
      tick(team, number, LIN.id, [A, B]),
      other.act('test changes', { release: number, by: TOM.id, isConfirmed: true, qa: { tested: [B, C] } }),
    ])
    expect([made(one).number, made(two).number]).toEqual([number, number])
    const release = await team.release(number)
    expect(release.state).toBe('approved')
    const rows = (release.tested ?? []).map(({ change, person }) => `${change} ${person.id}`)
    expect(rows.toSorted()).toEqual([`${A} ${LIN.id}`, `${B} ${LIN.id}`, `${B} ${TOM.id}`, `${C} ${TOM.id}`].toSorted())
    expect((await team.events(number)).filter((type) => type === 'release_approved')).toHaveLength(1)
    expect(await team.jobs(number, 'preflight')).toHaveLength(1)
  })

  it('the ticks that leave nothing owed are refused until they are confirmed, and then start it', async () => {
    const team = await aQaTeam()
    const number = await team.awaiting(PLAN)
    made(await team.service.act('approval', { release: number, by: TOM.id, isConfirmed: false }))
    const all = { release: number, by: LIN.id, isConfirmed: false, qa: { tested: [A, B, C] } }
    made(await team.service.act('test changes', { ...all, qa: { tested: [A] } }))
    const before = await team.release(number)
    expect(refusedBy(await team.service.act('test changes', all))).toBe('start_not_confirmed')
    expect(await team.release(number)).toEqual(before)
    expect(made(await team.service.act('test changes', { ...all, isConfirmed: true })).state).toBe('approved')
  })

  it('a problem rejects the release with its reason; what was tested beside it is kept', async () => {
    const team = await aQaTeam()
    const number = await team.awaiting(PLAN)
    const rejected = made(await tick(team, number, LIN.id, [B], { problemWith: A, reason: ' Digests come twice. ' }))
    expect(rejected).toMatchObject({
      state: 'rejected',
      endedBy: LIN,
      endReason: 'Problem with PR #41 Fix digests: Digests come twice.',
      tested: [{ change: B, person: LIN }],
    })
    expect(rejected.signOffs.map(({ kind }) => kind)).toEqual(['qa', 'rejection'])
  })

  it('a dialog that says too little, or contradicts itself, is refused and changes nothing', async () => {
    const team = await aQaTeam()
    const number = await team.awaiting(PLAN)
    const before = await team.events(number)
    const answers = [
      await tick(team, number, LIN.id, []),
      await tick(team, number, LIN.id, [], { reason: 'no' }),
      await tick(team, number, LIN.id, [A], { reason: 'no' }),
      await tick(team, number, LIN.id, [], { problemWith: A, reason: '  ' }),
      await tick(team, number, LIN.id, [A], { problemWith: A, reason: 'broken' }),
      await tick(team, number, LIN.id, [sha('dead')]),
      await tick(team, number, LIN.id, [], { problemWith: sha('dead'), reason: 'broken' }),
    ]
    expect(answers.map(refusedBy)).toEqual([
      ...['qa_incomplete', 'qa_incomplete', 'qa_incomplete', 'reason_too_short', 'qa_incomplete'],
      ...['stale_button', 'stale_button'],
    ])
    expect(await team.events(number)).toEqual(before)
    expect((await team.release(number)).tested).toBeUndefined()
  })

  it('only those who may confirm QA may tick; QA passed is stale there, and QA… elsewhere', async () => {
    const team = await aQaTeam()
    const number = await team.awaiting(PLAN)
    expect(refusedBy(await tick(team, number, OLA.id, [A]))).toBe('not_a_qa')
    expect(refusedBy(await tick(team, number, DANA.id, [A]))).toBe('not_a_qa')
    expect(refusedBy(await team.service.act('qa', { release: number, by: LIN.id }))).toBe('stale_button')
    const plain = await aTeam()
    const another = await plain.awaiting()
    expect(refusedBy(await tick(plain, another, LIN.id, [A]))).toBe('stale_button')
    made(await plain.service.act('qa', { release: another, by: LIN.id }))
  })

  it('approval stays as it is: the requester may test where the rules allow, and may not approve', async () => {
    const team = await aQaTeam({ qaBy: ['@qa', DANA.id], approvers: [TOM.id, DANA.id] })
    const number = await team.awaiting(PLAN)
    made(await tick(team, number, DANA.id, [A, B, C]))
    expect(refusedBy(await team.service.act('approval', { release: number, by: DANA.id }))).toBe('own_release')
    expect((await team.release(number)).state).toBe('awaiting sign-off')
    expect(made(await team.service.act('approval', { release: number, by: TOM.id })).state).toBe('approved')
  })

  it('a modal that was open while the release became outdated is refused', async () => {
    const team = await aQaTeam()
    const number = await team.awaiting(PLAN)
    await team.store.transaction(async (tx) => {
      const release = await tx.lockRelease(number)
      const moved = [{ what: 'master', from: 'a', to: 'b' }]
      if (release) await stop(tx, release, { because: { gate: 'plan_outdated', moved } }, { actor: 'worker' })
    })
    expect(refusedBy(await tick(team, number, LIN.id, [A]))).toBe('already_decided')
    expect(refusedBy(await tick(team, number, LIN.id, [], { problemWith: A, reason: 'broken' }))).toBe(
      'already_decided',
    )
    expect((await team.release(number)).tested).toBeUndefined()
  })

  it('after an emergency the untested ones stay owed, are given by others, and a problem rejects nothing', async () => {
    const team = await aQaTeam()
    const number = await team.awaiting(PLAN)
    made(await tick(team, number, TOM.id, [A]))
    made(await team.service.act('emergency', { release: number, by: TOM.id, note: 'everything is down' }))
    expect(await owing(team, number)).toEqual(['1 of 3 qa', '1 approval'])
    expect(refusedBy(await tick(team, number, TOM.id, [B]))).toBe('own_release')
    expect(refusedBy(await tick(team, number, LIN.id, [], { problemWith: B, reason: 'broken' }))).toBe(
      'already_decided',
    )
    made(await tick(team, number, LIN.id, [B, C]))
    expect(await owing(team, number)).toEqual(['1 approval'])
    expect((await team.events(number)).filter((type) => type === 'release_approved')).toHaveLength(1)
  })

  it('with a time the last tick schedules it', async () => {
    const team = await aQaTeam({ approvals: 0 })
    const { number } = made(await team.ask({ at: { picked: new Date(Date.now() + 3_600_000) } }))
    await team.plan(number, PLAN)
    await team.postCard(number)
    expect(made(await tick(team, number, LIN.id, [A, B, C], {})).state).toBe('scheduled')
  })

  it('a rollback asks for what `rollback` says, and a plan without changes is asked about as a whole', async () => {
    const team = await aQaTeam()
    const release = await team.release(await team.awaiting(PLAN))
    const rollback = { ...release, kind: 'rollback' as const, plan: aPlan() }
    expect(owed(team.environment, rollback).map(({ kind }) => kind)).toEqual(['approval'])
    const two = { ...team.environment, signOff: { ...RULES, rollback: { qa: 1, approvals: 0 } } }
    expect(owed(two, rollback)).toMatchObject([{ kind: 'qa', count: 1 }])
    expect(owed(team.environment, { ...release, plan: aPlan() })).toMatchObject([{ kind: 'qa', count: 1 }, {}])
  })

  it('Plan again asks for all of it again', async () => {
    const team = await aQaTeam()
    const number = await team.awaiting(PLAN)
    made(await tick(team, number, LIN.id, [B], { problemWith: A, reason: 'broken' }))
    const again = made((await team.service.act('plan again', { release: number, by: DANA.id, key: 'k' })) as never)
    await team.plan(again.number, PLAN)
    expect(await owing(team, again.number)).toEqual(['0 of 3 qa', '1 approval'])
  })

  it('four hours later those are asked whose changes are untested, once, also where some are tested', async () => {
    const team = await aQaTeam()
    const number = await team.awaiting(PLAN)
    made(await tick(team, number, TOM.id, [C]))
    await team.passes('4 hours')
    await team.service.tick()
    await team.service.tick()
    const reminders = (await team.lines(number)).filter(({ is }) => is === 'reminder')
    expect(reminders).toMatchObject([
      {
        since: 'card',
        owed: [{ kind: 'qa', changes: { untested: 2, of: 3, authors: [{ name: 'Chi', untested: 2 }] } }],
      },
    ])
    made(await tick(team, number, LIN.id, [A, B]))
    expect(await owing(team, number)).toEqual(['1 approval'])
  })

  it('200 changes are ticked in one go', async () => {
    const team = await aQaTeam({ qaBy: ['@qa'] })
    const many = Array.from({ length: 200 }, (_, index): PlannedChange => {
      const id = sha((index + 4096).toString(16))
      return { commits: [id], title: `Change ${index}`, authors: [MAREK] }
    })
    const number = await team.awaiting({ changes: many, bound: { changes: many.map(({ commits }) => commits) } })
    made(await tick(team, number, LIN.id, many.slice(1).map(changeId)))
    expect(await owing(team, number)).toEqual(['199 of 200 qa', '1 approval'])
    made(await tick(team, number, LIN.id, many.map(changeId)))
    expect((await team.release(number)).tested).toHaveLength(200)
  }, 20_000)
})

describe('receipts of QA of each change', () => {
  it('come each time that somebody has tested more, and That was not me makes all of their QA void', async () => {
    const team = await aQaTeam({ receipts: true })
    const number = await team.awaiting(PLAN)
    made(await tick(team, number, LIN.id, [A]))
    made(await tick(team, number, TOM.id, [B]))
    made(await tick(team, number, LIN.id, [C]))
    const [first, second] = await receiptsOf(team, LIN.id)
    expect(second).toEqual(first)
    expect(await receiptsOf(team, TOM.id)).toHaveLength(1)
    if (second === undefined) throw new Error('Lin got no receipt')
    const outcome = await team.service.receipts.dispute({ signOff: second, by: LIN.id, key: 'press:1' })
    expect(outcome).toMatchObject({ effect: 'rejected' })
    const release = await team.release(number)
    expect(release.tested?.map(({ change, person }) => [change, person.id])).toEqual([[B, TOM.id]])
    expect(release.disputed).toMatchObject([{ kind: 'qa', person: { id: LIN.id } }])
    expect(release.signOffs).toMatchObject([{ kind: 'qa', person: { id: TOM.id } }])
  })
})
