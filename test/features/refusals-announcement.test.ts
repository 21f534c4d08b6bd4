import { afterAll, beforeAll, expect, it } from 'vitest'
import { announcements, namesGate } from '../support/channel.ts'
import { reaches, sign, startProduction } from '../support/seen-release.ts'
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

it('changes nothing before Slack has the announcement, and continues automatically when it has', async () => {
  const tries = failAnnouncement()
  await startProduction(team, 1)
  await team.waitFor('the second try', () => tries() > 1)
  const waiting = await worldState(team)
  expect(waiting.pullRequests).toEqual(['#1 OPEN'])
  expect(waiting.comments).toBe(0)
  expect(await team.query('select * from step where release = 1')).toEqual([])
  expect(await worldState(team)).toEqual(waiting)
  const { dana, tom } = team.people
  for (const person of [dana, tom]) {
    await team.told(person, 'announcement_unconfirmed', '#1', '/invite')
  }
  team.slack.clearFaults()
  await team.until.succeeded(1)
  const [announcement, ...more] = announcements(team.slack)
  expect(more).toEqual([])
  expect(team.words(announcement)).toMatch(/#1[\s\S]*api production[\s\S]*lin[\s\S]*tom/)
})

it('does not start by surprise: after an hour without the announcement it expires', async () => {
  await team.repository.commit({ files: { 'api/next.py': '1\n' }, message: 'Begin the next one' })
  const before = await worldState(team)
  const tries = failAnnouncement()
  await startProduction(team, 2)
  await team.waitFor('the first try', () => tries() > 0)
  await team.query(`update release set approved_at = approved_at - interval '61 minutes' where number = 2`)
  await team.running.find(({ tick }) => tick)?.tick?.()
  team.slack.clearFaults()
  expect(await team.until.state(2, 'expired')).toMatchObject({ gate: 'announcement_unconfirmed' })
  expect(namesGate(team.card(2) ?? { blocks: [] }, 'announcement_unconfirmed')).toBe(true)
  await expectUnchanged(team, before)
  expect(announcements(team.slack, 2)).toEqual([])
  await team.click(team.people.dana, 'plan again')
  await team.until.awaitingSignOff(3)
})

it('says nothing in the channel of a release that was cancelled while Slack was away', async () => {
  const tries = failAnnouncement()
  const { dana } = team.people
  await sign(team, 3)
  await team.waitFor('the first try', () => tries() > 0)
  await team.command(dana, '/deploy cancel 3')
  await reaches(team, 3, 'cancelled')
  team.slack.clearFaults()
  expect(await team.until.ended(3)).toMatchObject({ state: 'cancelled', endedBy: 'dana' })
  await team.until.told(3)
  expect(announcements(team.slack, 3)).toEqual([])
  await team.eventually(() => expect(team.bitbucket.pullRequests().map(({ state }) => state)).not.toContain('OPEN'))
})
