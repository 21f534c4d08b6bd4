/** Rollbacks, bad and good, as the channel reads and types them. What they do outside is in `rollback-runs.test.ts`. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { View } from '../../src/sandbox/slack/workspace.ts'
import { announcements, cards, lines, privately } from '../support/channel.ts'
import { herokuEffects, nextNumber, somethingNew, startProduction } from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'

let team: Team
const runs: string[] = []
beforeAll(async () => {
  team = await startTeam()
  for (const number of [1, 2]) {
    await somethingNew(team, `note ${number}`)
    await startProduction(team, number)
    await team.until.succeeded(number)
    runs.push(team.heroku.runs(PRODUCTION) ?? '')
  }
})
afterAll(() => team?.close())

const titled = (title: string) => (view: View) => view.title === title

/** Opens Details of a release and presses one of its buttons; gives the modal above it. */
async function pressInDetails(user: string, number: number, label: string): Promise<View> {
  await team.click(user, 'details', number)
  const view = await team.modal(user, titled(`Release #${number}`))
  await team.slack.press({ user, view, label })
  return team.modal(user, (above) => above.id !== view.id)
}

async function closeAll(user: string): Promise<void> {
  while (team.slack.openView(user) !== undefined) await team.slack.closeView({ user })
}

it('is asked for in a modal that shows what the store knows; its requester can’t approve it, and then what ran before runs again', async () => {
  const { dana, tom } = team.people
  await team.command(dana, '/deploy rollback production because Checkout, “pay now”, fails')
  const view = await team.modal(dana, titled('Roll back'))
  const asked = team.slack.plainText(view)
  expect(asked).toContain(`Runs now: #2, ${runs[1]?.slice(0, 7)}`)
  expect(JSON.stringify(view.blocks)).toContain(`#1 · ${runs[0]?.slice(0, 7)}`)
  expect(JSON.stringify(view.blocks)).toContain('Checkout, “pay now”, fails')
  await team.submit(dana, { lock: false })
  await team.hears(dana, 'Rollback #3 of api production is being planned')
  await team.until.awaitingSignOff(3)
  const card = team.words(team.card(3))
  expect(card).toContain('Back to #1')
  expect(card).toContain('Takes back #2')
  expect(card).toContain('Checkout, “pay now”, fails')
  expect(card).not.toMatch(/Needs QA/)
  await team.click(dana, 'approval', 3)
  await team.told(dana, 'own_release')
  expect(await team.click(tom, 'approval', 3)).toContain('This takes api production back to #1')
  await team.until.succeeded(3)
  expect(team.heroku.runs(PRODUCTION)).toBe(runs[0])
  expect(team.words(announcements(team.slack, 3)[0])).toContain('#3')
  await team.until.told(3)
  const told = lines(team.slack, 3, 'outcome')
    .map((line) => team.words(line))
    .join()
  expect(told).toContain(`runs ${runs[0]?.slice(0, 7)} again, as after #1`)
  expect(told).toContain('#2 was marked as bad')
  await team.eventually(() => {
    expect(team.words(team.card(2))).toContain('Rolled back by #3')
    expect(
      lines(team.slack, 2, 'marked')
        .map((line) => team.words(line))
        .join(),
    ).toContain('Checkout, “pay now”, fails')
  })
})

it('stands in the status and in history, for everybody who looks', async () => {
  const { lin } = team.people
  await team.command(lin, '/deploy status')
  await team.hears(lin, 'rolled back to #1 by dana in #3')
  await team.command(lin, '/deploy history production')
  await team.hears(lin, 'Rollback #3', 'Back to #1', 'Bad, rolled back by #3: Checkout')
})

it('refuses before the modal opens: nothing is left, the release is bad, it runs already, or it is none of this environment', async () => {
  const { dana, gus } = team.people
  const releases = await nextNumber(team)
  await team.command(dana, '/deploy rollback production')
  await team.told(dana, 'nothing_to_roll_back', 'no earlier release')
  await team.command(dana, '/deploy rollback production to #2')
  await team.told(dana, 'target_is_bad', '#2', 'Checkout', '/deploy good 2')
  await team.command(dana, '/deploy rollback production to #1')
  await team.told(dana, 'nothing_to_roll_back', 'already runs')
  await team.command(dana, '/deploy rollback integration to #1')
  await team.told(dana, 'target_not_proven', '#1')
  await team.command(dana, '/deploy rollback production to #99')
  await team.told(dana, 'unknown_release', '#99')
  await team.command(gus, '/deploy rollback production')
  await team.told(gus, 'not_a_member')
  expect(team.slack.openView(dana)).toBeUndefined()
  expect(await nextNumber(team)).toBe(releases)
})

it('marks a release as bad for those who may approve, once, with a reason, and takes the mark back', async () => {
  const { lin, tom, dana } = team.people
  await team.command(lin, '/deploy bad 1 because it is slow')
  await team.told(lin, 'not_an_approver', 'mark it as bad')
  await team.command(tom, '/deploy bad 1')
  await team.modal(tom, titled('Mark as bad'))
  await team.submit(tom, { reason: 'Reports are empty' })
  await team.hears(tom, '#1 is marked as bad', '/deploy good 1')
  await team.eventually(() => expect(team.words(team.card(1))).toContain('Reports are empty'))
  await team.command(dana, '/deploy bad 1 because Me too')
  await team.told(dana, 'mark_refused', 'tom')
  await team.command(tom, '/deploy status')
  await team.hears(tom, 'rolled back to #1')
  await team.command(lin, '/deploy good 1')
  await team.told(lin, 'not_an_approver')
  await team.command(tom, '/deploy good #1')
  await team.hears(tom, '#1', 'not marked as bad any more')
  await team.eventually(() => expect(team.words(team.card(1))).not.toContain('Reports are empty'))
  await team.command(tom, '/deploy bad 3 because nobody should go back to a rollback')
  await team.hears(tom, '#3 is marked as bad')
  await team.command(tom, '/deploy good 3')
  await team.hears(tom, '#3', 'not marked as bad any more')
})

it('is asked for in Details, where a refusal is shown above them; who asked first has it', async () => {
  const { dana, lin, tom } = team.people
  expect(team.slack.plainText(await pressInDetails(lin, 1, 'Mark as bad…'))).toContain('not_an_approver')
  await closeAll(lin)
  const nothing = await pressInDetails(lin, 2, 'Roll back…')
  expect(team.slack.plainText(nothing)).toContain('nothing_to_roll_back')
  await closeAll(lin)
  await team.command(tom, '/deploy good 2')
  await team.hears(tom, '#2', 'not marked as bad any more')
  const mine = await pressInDetails(lin, 2, 'Roll back…')
  expect(JSON.stringify(mine.blocks)).toMatch(/"initial_option":\{[^}]*\{[^}]*\},"value":"2"/)
  const theirs = await pressInDetails(dana, 2, 'Roll back…')
  expect(theirs.title).toBe('Roll back')
  const number = await nextNumber(team)
  await team.submit(lin, { reason: 'Two was right', lock: false })
  await team.hears(lin, `Rollback #${number}`)
  expect(team.slack.openView(lin)).toBeUndefined()
  await team.submit(dana, { reason: 'Two was right', lock: false })
  await team.told(dana, 'environment_busy', `#${number}`)
  await closeAll(dana)
  await team.until.awaitingSignOff(number)
  await team.click(tom, 'rejection', number)
  await team.submit(tom, { reason: 'One is better' })
  await team.until.state(number, 'rejected')
  expect(
    lines(team.slack, number)
      .map((line) => team.words(line))
      .join('\n'),
  ).toContain('tom rejected the rollback')
})

it('ends what awaits sign-off, after its modal has said so, and then goes out as an emergency', async () => {
  const { dana, lin } = team.people
  const waiting = await nextNumber(team)
  await somethingNew(team, 'waits')
  await team.command(lin, '/deploy production')
  await team.until.awaitingSignOff(waiting)
  expect(team.words(team.card(waiting))).not.toContain('Contains what was rolled back')
  await team.command(dana, '/deploy rollback production to #2')
  const view = await team.modal(dana, titled('Roll back'))
  expect(team.slack.plainText(view)).toContain(`The rollback ends #${waiting}`)
  await team.submit(dana, { reason: 'One has an old bug', lock: false })
  await team.until.state(waiting, 'outdated')
  const number = waiting + 1
  await team.until.awaitingSignOff(number)
  const pushes = herokuEffects(team.heroku, PRODUCTION).pushes.length
  await team.click(dana, 'emergency', number)
  await team.submit(dana, { reason: 'Customers can’t pay' })
  await team.until.succeeded(number)
  expect(team.heroku.runs(PRODUCTION)).toBe(runs[1])
  expect(herokuEffects(team.heroku, PRODUCTION).pushes).toHaveLength(pushes)
  expect(team.words(team.card(waiting))).toContain('rollback_goes_first')
  expect(team.words(cards(team.slack, number).at(-1))).toContain('Still needs')
})

it('waits for Go where nobody signs, and tells only its requester', async () => {
  const { lin } = team.people
  const first = await nextNumber(team)
  for (const number of [first, first + 1]) {
    await somethingNew(team, `integration ${number}`)
    await team.command(lin, '/deploy integration')
    await team.until.succeeded(number)
  }
  const [before] = [team.heroku.runs(INTEGRATION)]
  await team.command(lin, '/deploy rollback integration')
  await team.modal(lin, titled('Roll back'))
  await team.submit(lin, { reason: 'The importer hangs', lock: false })
  const number = first + 2
  await team.hears(lin, `Rollback #${number}`, 'The rollback is planned', `Back to #${first}`)
  expect(team.heroku.runs(INTEGRATION)).toBe(before)
  await team.clickPrivately(lin, 'go')
  await team.hears(lin, `Rollback #${number} starts`)
  await team.until.succeeded(number)
  expect(team.heroku.runs(INTEGRATION)).not.toBe(before)
  expect(
    privately(team.slack, team.people.dana).filter((message) => team.words(message).includes('The importer hangs')),
  ).toEqual([])
})
