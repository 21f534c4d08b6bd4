import { afterAll, describe, expect, it } from 'vitest'
import { stopPostgres } from '../adapters/store-opened.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { aTeam, made, NIA, OLA, refusedBy } from './service-team.ts'

afterAll(stopPostgres)

describe('at the same moment', () => {
  it('the last QA and the last approval by two people, through two bots: one start, in twenty tries', async () => {
    const team = await aTeam({ announce: 'off' })
    const other = await team.anotherBot()
    for (let round = 1; round <= 20; round++) {
      const number = await team.awaiting()
      const answers = await Promise.all([
        team.service.act('qa', { release: number, by: LIN.id }),
        other.act('approval', { release: number, by: TOM.id }),
      ])
      expect(answers.map(refusedBy)).toEqual(['not refused', 'not refused'])
      expect(await team.release(number)).toMatchObject({ state: 'approved', attempt: 1 })
      expect(await team.jobs(number, 'preflight')).toHaveLength(1)
      expect((await team.events(number)).filter((type) => type === 'release_approved')).toHaveLength(1)
      made(await team.service.act('cancel', { release: number, by: DANA.id }))
    }
  })

  it('the same last sign-off by two people: one decides, the other reads who did', async () => {
    const team = await aTeam()
    const other = await team.anotherBot()
    for (let round = 1; round <= 20; round++) {
      const number = await team.awaiting()
      made(await team.service.act('qa', { release: number, by: LIN.id }))
      const answers = await Promise.all([
        team.service.act('approval', { release: number, by: TOM.id }),
        other.act('approval', { release: number, by: NIA.id }),
      ])
      expect(answers.map(refusedBy).toSorted()).toEqual(['already_decided', 'not refused'])
      const { signOffs } = await team.release(number)
      const winner = signOffs.at(-1)?.person
      expect(signOffs).toHaveLength(2)
      expect(answers.find((answer) => 'refused' in answer)).toMatchObject({ refused: { by: winner } })
      expect(await team.jobs(number, 'preflight')).toHaveLength(1)
      made(await team.service.act('cancel', { release: number, by: DANA.id }))
    }
  })

  it('one person clicks twice: it counts once', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const click = () => team.service.act('qa', { release: number, by: LIN.id })
    const answers = await Promise.all([click(), click(), click()])
    expect(answers.map(refusedBy).toSorted()).toEqual(['already_signed', 'already_signed', 'not refused'])
    expect((await team.release(number)).signOffs).toHaveLength(1)
    expect(await team.lines(number)).toHaveLength(1)
  })

  it('the last approval and a rejection: one of them wins', async () => {
    const team = await aTeam()
    const other = await team.anotherBot()
    for (let round = 1; round <= 10; round++) {
      const number = await team.awaiting()
      made(await team.service.act('qa', { release: number, by: LIN.id }))
      const answers = await Promise.all([
        team.service.act('approval', { release: number, by: TOM.id }),
        other.act('rejection', { release: number, by: NIA.id, note: 'wait' }),
      ])
      expect(answers.map(refusedBy).toSorted()).toEqual(['already_decided', 'not refused'])
      const { state } = await team.release(number)
      expect(await team.jobs(number, 'preflight')).toHaveLength(state === 'approved' ? 1 : 0)
      if (state !== 'rejected') made(await team.service.act('cancel', { release: number, by: DANA.id }))
    }
  })

  it('an approval and the expiry', async () => {
    const team = await aTeam()
    const other = await team.anotherBot()
    const number = await team.awaiting()
    await team.passes('24 hours')
    const [, answer] = await Promise.all([team.service.tick(), other.act('qa', { release: number, by: LIN.id })])
    expect(['expired', 'already_decided']).toContain(refusedBy(answer))
    expect(await team.release(number)).toMatchObject({ state: 'expired', signOffs: [] })
  })

  it('two people plan again: one new release', async () => {
    const team = await aTeam()
    const other = await team.anotherBot()
    const number = await team.awaiting()
    made(await team.service.act('cancel', { release: number, by: DANA.id }))
    const answers = await Promise.all([
      team.service.act('plan again', { release: number, by: DANA.id, key: 'hers' }),
      other.act('plan again', { release: number, by: OLA.id, key: 'his' }),
    ])
    expect(answers.map(refusedBy).toSorted()).toEqual(['environment_busy', 'not refused'])
    expect(await team.service.history({})).toHaveLength(2)
  })
})
