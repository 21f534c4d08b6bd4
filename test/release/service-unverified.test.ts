/** What goes through while Slack gives no answer about a person: the requester's Cancel alone, because stopping is safe. */
import { describe, expect, it } from 'vitest'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { aTeam, made, refusedBy } from './service-team.ts'

const rightOf = (team: Awaited<ReturnType<typeof aTeam>>, number: number) =>
  team.store
    .events(number)
    .then((events) =>
      events.flatMap(({ type, data }) => (type === 'cancel_asked' ? [(data as { right?: string }).right] : [])),
    )

describe('S2: while Slack does not answer', () => {
  it('S2: the requester’s Cancel goes through, recorded as unverified', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    team.directory.answers(false)
    expect(made(await team.service.act('cancel', { release: number, by: DANA.id }))).toMatchObject({
      state: 'cancelled',
      cancelRequestedBy: DANA,
    })
    expect(await rightOf(team, number)).toEqual(['unverified'])
  })

  it('S2: the same during the run: no further step starts', async () => {
    const team = await aTeam()
    const number = await team.approved()
    await team.run(number)
    team.directory.answers(false)
    expect(made(await team.service.act('cancel', { release: number, by: DANA.id, key: 'press' }))).toMatchObject({
      state: 'running',
      cancelRequestedBy: DANA,
    })
    expect(await rightOf(team, number)).toEqual(['unverified'])
  })

  it('S2: nobody else cancels, and nobody does anything else', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    team.directory.answers(false)
    const asked = { release: number, note: 'because it must stop' }
    for (const by of [TOM.id, LIN.id]) {
      expect(await team.service.act('cancel', { ...asked, by })).toEqual({
        refused: { gate: 'not_a_member', why: 'Slack did not answer' },
      })
    }
    for (const action of ['qa', 'approval', 'rejection', 'emergency', 'plan again', 'close', 'retry'] as const) {
      expect(refusedBy(await team.service.act(action, { ...asked, by: DANA.id }))).toBe('not_a_member')
    }
    expect((await team.release(number)).signOffs).toEqual([])
  })

  it('S2: a requester whom Slack calls a guest or deactivated does not cancel', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    for (const why of ['guest', 'deactivated'] as const) {
      team.directory.notAMember(DANA.id, why)
      expect(await team.service.act('cancel', { release: number, by: DANA.id })).toEqual({
        refused: { gate: 'not_a_member', why },
      })
    }
  })

  it('S2: with an answer the requester’s Cancel is recorded as theirs', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    made(await team.service.act('cancel', { release: number, by: DANA.id }))
    expect(await rightOf(team, number)).toEqual(['the requester'])
  })
})
