import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startTeam, type Team } from '../support/team.ts'
import { expectUnchanged, nothingToTalkOver, worldState } from '../support/world-state.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam({ production: nothingToTalkOver })
})
afterAll(() => team?.close())

/** Slack takes everything but the announcement; gives how often it was tried. */
function failAnnouncement(): () => number {
  let tries = 0
  const when = (args: object) => {
    const isIt = JSON.stringify(args).includes(':announcement')
    if (isIt) tries++
    return isIt
  }
  team.slack.fault({ kind: 'error', method: 'chat.postMessage', error: 'not_in_channel', times: Infinity, when })
  return () => tries
}

async function signOff(number: number): Promise<void> {
  const { dana, lin, tom } = team.people
  await team.command(dana, '/deploy production')
  await team.until(new RegExp(`Release #${number}: [\\s\\S]*Awaiting sign-off`))
  await team.click(lin, 'QA passed')
  await team.until(new RegExp(`Release #${number}: [\\s\\S]*Given: QA by`))
  await team.click(tom, 'Approve')
}

it('changes nothing before Slack has the announcement, and goes on by itself when it has', async () => {
  const tries = failAnnouncement()
  await signOff(1)
  await vi.waitFor(() => expect(tries()).toBeGreaterThan(1), { timeout: 20_000 })
  const waiting = await worldState(team)
  expect(waiting.pullRequests).toEqual(['#1 OPEN'])
  expect(waiting.comments).toBe(0)
  expect(await team.query('select * from step where release = 1')).toEqual([])
  expect(await worldState(team)).toEqual(waiting)
  const { dana, tom } = team.people
  for (const person of [dana, tom]) {
    const told = await team.told(person, 'Gate: `announcement_unconfirmed`')
    expect(told.replaceAll('\u00a0', ' ')).toMatch(
      /announcement of release #1[\s\S]*goes on by itself[\s\S]*expires: [\s\S]*\/invite/,
    )
  }
  team.slack.clearFaults()
  await team.succeeded(1)
  const [announcement, ...more] = team.slack.messages('product').filter(({ text }) => text.includes('is changing'))
  expect(more).toEqual([])
  expect(team.words(announcement)).toMatch(
    /Release #1 is changing api production now[\s\S]*QA: lin[\s\S]*Approved: tom/,
  )
})

it('does not start by surprise: after an hour without the announcement it expires', async () => {
  await team.repository.commit({ files: { 'api/next.py': '1\n' }, message: 'Begin the next one' })
  const before = await worldState(team)
  const tries = failAnnouncement()
  await signOff(2)
  await vi.waitFor(() => expect(tries()).toBeGreaterThan(0), { timeout: 20_000 })
  await team.query(`update release set approved_at = approved_at - interval '61 minutes' where number = 2`)
  await team.running.find(({ tick }) => tick)?.tick?.()
  team.slack.clearFaults()
  await team.until(/Release #2 expired: Slack did not confirm the announcement/)
  await team.until(/Expired\*?: Slack did not confirm the announcement[\s\S]*Gate: `announcement_unconfirmed`/)
  await expectUnchanged(team, before)
  expect(team.slack.messages('product').filter(({ text }) => text.includes('#2 is changing'))).toEqual([])
  await team.click(team.people.dana, 'Plan again')
  await team.until(/Release #3: [\s\S]*Awaiting sign-off/)
})

it('says nothing in the channel of a release that was cancelled while Slack was away', async () => {
  const tries = failAnnouncement()
  const { dana, lin, tom } = team.people
  await team.click(lin, 'QA passed')
  await team.until(/Release #3: [\s\S]*Given: QA by/)
  await team.click(tom, 'Approve')
  await vi.waitFor(() => expect(tries()).toBeGreaterThan(0), { timeout: 20_000 })
  await team.command(dana, '/deploy cancel 3')
  await team.told(dana, 'Release #3 of api to production is cancelled.')
  team.slack.clearFaults()
  await team.until(/Release #3 was cancelled by dana/)
  expect(team.slack.messages('product').filter(({ text }) => text.includes('#3 is changing'))).toEqual([])
  await vi.waitFor(() => expect(team.bitbucket.pullRequests().map(({ state }) => state)).not.toContain('OPEN'))
})
