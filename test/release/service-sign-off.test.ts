import { afterAll, describe, expect, it } from 'vitest'
import { stopPostgres } from '../adapters/store-opened.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { aTeam, made, NIA, OLA, refusedBy } from './service-team.ts'

afterAll(stopPostgres)

describe('signing off', () => {
  it('QA, then the approval: the last one starts a preflight, and nothing more', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const first = made(await team.service.act('qa', { release: number, by: LIN.id }))
    expect(first).toMatchObject({ state: 'awaiting sign-off', signOffs: [{ kind: 'qa', person: LIN, right: '@qa' }] })
    expect(await team.jobs(number, 'preflight')).toEqual([])

    const last = made(await team.service.act('approval', { release: number, by: TOM.id }))
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

  it('each sign-off redraws the card', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    await team.delivered()
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    expect(await team.redrawn()).toEqual([number])
  })

  it('in the other order, and by one person for both', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('approval', { release: number, by: TOM.id }))
    expect(made(await team.service.act('qa', { release: number, by: TOM.id })).state).toBe('approved')
    expect((await team.release(number)).signOffs.map(({ right }) => right)).toEqual([
      '@release-approvers',
      'named by id',
    ])
  })

  it('a refused click stores nothing', async () => {
    const team = await aTeam()
    team.directory.group('@release-approvers', [TOM.id, DANA.id])
    const number = await team.awaiting()
    await team.delivered()
    const before = await team.store.chainHead()
    const press = (kind: 'qa' | 'approval', by: string) => team.service.act(kind, { release: number, by })
    expect(refusedBy(await press('qa', OLA.id))).toBe('not_a_qa')
    expect(refusedBy(await press('approval', OLA.id))).toBe('not_an_approver')
    expect(refusedBy(await press('approval', DANA.id))).toBe('own_release')
    expect(refusedBy(await press('approval', 'U99'))).toBe('not_a_member')
    expect(refusedBy(await team.service.act('qa', { release: 999, by: LIN.id }))).toBe('unknown_release')
    expect((await team.release(number)).signOffs).toEqual([])
    expect(await team.store.chainHead()).toEqual(before)
    expect(await team.redrawn()).toEqual([])
  })

  it('permissions are looked up at the click: who has left the group has none', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    team.directory.group('@release-approvers', [NIA.id])
    expect(refusedBy(await team.service.act('approval', { release: number, by: TOM.id }))).toBe('not_an_approver')
    team.directory.notAMember(NIA.id, 'deactivated')
    expect(refusedBy(await team.service.act('approval', { release: number, by: NIA.id }))).toBe('not_a_member')
  })

  it('the only author may not approve, but may confirm QA', async () => {
    const team = await aTeam()
    team.directory.member(TOM.id, TOM.name, 'TOM@corp.example')
    const number = await team.awaiting({ authors: [{ name: 'tom', email: 'tom@Corp.example' }] })
    expect(await team.service.act('approval', { release: number, by: TOM.id })).toEqual({
      refused: { gate: 'own_commits', who: ['@release-approvers'] },
    })
    expect(made(await team.service.act('qa', { release: number, by: TOM.id })).signOffs).toHaveLength(1)
  })

  it('the same sign-off again changes nothing, and the refusal says when it was given', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const given = made(await team.service.act('qa', { release: number, by: LIN.id })).signOffs[0]
    const head = await team.store.chainHead()
    expect(await team.service.act('qa', { release: number, by: LIN.id })).toEqual({
      refused: { gate: 'already_signed', kind: 'qa', at: given?.at.toISOString() },
    })
    expect(await team.store.chainHead()).toEqual(head)
  })

  it('a late sign-off is refused with who decided and when', async () => {
    const team = await aTeam()
    const number = await team.approved()
    const { signOffs } = await team.release(number)
    expect(await team.service.act('approval', { release: number, by: NIA.id })).toEqual({
      refused: {
        gate: 'already_decided',
        number,
        state: 'approved',
        by: TOM,
        at: signOffs.at(-1)?.at.toISOString(),
      },
    })
  })

  it('n approvals need n people', async () => {
    const rules = { qa: 0, approvals: 2, requireChecks: false, expiresAfterMs: 3_600_000 }
    const team = await aTeam({ signOff: rules })
    const number = await team.awaiting()
    expect(made(await team.service.act('approval', { release: number, by: TOM.id })).state).toBe('awaiting sign-off')
    expect(refusedBy(await team.service.act('approval', { release: number, by: TOM.id }))).toBe('already_signed')
    expect(made(await team.service.act('approval', { release: number, by: OLA.id })).state).toBe('approved')
  })
})

describe('rejecting', () => {
  it('needs a reason, which is stored with the end', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    for (const note of [undefined, '', '  \n ']) {
      const press = { release: number, by: LIN.id, ...(note !== undefined && { note }) }
      expect(await team.service.act('rejection', press)).toEqual({
        refused: { gate: 'reason_too_short', least: 1 },
      })
    }
    const rejected = made(await team.service.act('rejection', { release: number, by: LIN.id, note: ' wrong copy ' }))
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

  it('is for those who may approve or confirm QA', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    expect(
      refusedBy(await team.service.act('rejection', { release: number, by: DANA.id, note: 'I changed my mind' })),
    ).toBe('not_an_approver')
  })
})

describe('an emergency', () => {
  it('needs a reason of ten characters', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const say = (note: string) => team.service.act('emergency', { release: number, by: TOM.id, note })
    expect(await say('too short')).toEqual({ refused: { gate: 'reason_too_short', least: 10 } })
    expect(refusedBy(await say(`  short   ${' '.repeat(20)}`))).toBe('reason_too_short')
    expect(made(await say('0123456789'))).toMatchObject({ state: 'approved', attempt: 1 })
    expect(await team.jobs(number, 'preflight')).toHaveLength(1)
    expect(await team.lines(number)).toMatchObject([{ is: 'signed', kind: 'emergency', note: '0123456789' }])
  })

  it('may be declared by the requester; others give what it waived, during the run and after it', async () => {
    const team = await aTeam()
    team.directory.group('@release-approvers', [TOM.id, DANA.id])
    const number = await team.awaiting()
    made(await team.service.act('emergency', { release: number, by: DANA.id, note: 'logins are broken' }))
    expect(refusedBy(await team.service.act('approval', { release: number, by: DANA.id }))).toBe('own_release')
    await team.run(number)
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    await team.store.transaction((tx) => tx.changeRelease(number, { state: 'succeeded', endedAt: tx.now }))
    made(await team.service.act('approval', { release: number, by: TOM.id }))
    const release = await team.release(number)
    expect(release.signOffs.map(({ kind }) => kind)).toEqual(['emergency', 'qa', 'approval'])
    expect(release).toMatchObject({ state: 'succeeded', attempt: 1 })
    expect(await team.jobs(number, 'preflight')).toHaveLength(1)
  })
})
