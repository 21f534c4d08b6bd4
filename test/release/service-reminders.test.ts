/** The reminder after four hours: one line in the thread, and a direct message to each who can sign. */
import { afterAll, describe, expect, it } from 'vitest'
import { stopPostgres } from '../adapters/store-opened.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { aTeam, made, NIA, type Team } from './service-team.ts'

afterAll(stopPostgres)

const reminded = async (team: Team) =>
  (await team.messages()).flatMap((message) =>
    message.kind === 'private' && message.message.is === 'reminder' ? [[message.to, message.message.kinds]] : [],
  )
const tick = async (team: Team, times = 1) => {
  for (let round = 0; round < times; round++) await team.service.tick()
}
const mentionedIn = async (team: Team, number: number) =>
  (await team.lines(number)).flatMap((line) => (line.is === 'reminder' ? [line.mentioned] : []))

describe('the reminder', () => {
  it('goes to each who can give what is owed, once, with what they can give; the thread mentions none of them', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    await team.passes('3 hours 59 minutes')
    await tick(team)
    expect(await reminded(team)).toEqual([])
    await team.passes('1 minute')
    const other = await team.anotherBot()
    await Promise.all([team.service.tick(), other.tick()])
    await tick(team, 2)
    expect(await reminded(team)).toEqual([
      [LIN.id, ['qa']],
      [TOM.id, ['qa', 'approval']],
      [NIA.id, ['approval']],
    ])
    expect(await mentionedIn(team, number)).toEqual([[]])
    const told = (await team.store.events(number)).filter(({ type }) => type === 'people_told')
    expect(told).toMatchObject([{ data: { kind: 'reminders', people: [LIN, TOM, NIA], mentioned: [] } }])
  })

  it('asks neither the requester to approve, nor who wrote every commit', async () => {
    const team = await aTeam()
    team.directory.group('@release-approvers', [DANA.id, TOM.id, NIA.id])
    const email = `${NIA.id.toLowerCase()}@example.com`
    await team.awaiting({ authors: [{ name: 'Nia', email }] })
    await team.passes('4 hours')
    await tick(team)
    expect(await reminded(team)).toEqual([
      [LIN.id, ['qa']],
      [TOM.id, ['qa', 'approval']],
    ])
  })

  it('is not looked up again while it waits, and mentions everybody where Slack is silent', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    await team.passes('4 hours')
    team.directory.answers(false)
    await tick(team)
    const asked = team.directory.asked.length
    team.directory.answers(true)
    await tick(team, 3)
    expect(team.directory.asked).toHaveLength(asked)
    expect(await reminded(team)).toEqual([])
    expect(await mentionedIn(team, number)).toEqual([['@qa', TOM.id, '@release-approvers']])
  })

  it('is one fact for a release that the version before has reminded of', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    const line = { is: 'reminder', since: 'card', owed: [] } as const
    await team.store.transaction((tx) => tx.send({ kind: 'line', release: number, key: `${number}:reminder`, line }))
    await team.passes('5 hours')
    await tick(team, 2)
    expect(await reminded(team)).toEqual([])
  })

  it('is about the new release after Plan again, and not about the old one any more', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    await team.passes('4 hours')
    await tick(team)
    made(await team.service.act('rejection', { release: number, by: TOM.id, note: 'the search is wrong' }))
    const again = await team.service.act('plan again', { release: number, by: DANA.id, key: 'again' })
    expect(made(again).number).toBe(number + 1)
    await tick(team)
    await team.plan(number + 1)
    await team.postCard(number + 1)
    await tick(team)
    expect(await reminded(team)).toHaveLength(3)
    await team.passes('4 hours')
    await tick(team)
    expect(await reminded(team)).toHaveLength(6)
  })
})
