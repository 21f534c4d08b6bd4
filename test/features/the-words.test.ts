/**
 * The only story that is compared word for word: a release to production, a refusal and a hot-fix, as people read them. Every
 * other story waits by state and presses by action. After changing a message, review the new text here and keep it with
 * `npx vitest run test/features/the-words.test.ts -u`.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lines, privately } from '../support/channel.ts'
import { askForHotfix, startHotfixTeam } from '../support/hotfix.ts'
import type { Team } from '../support/team.ts'

let team: Team
beforeAll(async () => {
  team = await startHotfixTeam({ pace: { tickEveryMs: 500 } })
})
afterAll(() => team?.close())

/** Replaces what differs in each run: commits and revisions, moments and durations. */
function withoutVariables(words: string): string {
  return words
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?/g, '<moment>')
    .replaceAll(/\b[0-9a-f]{7,40}\b/g, '<id>')
    .replaceAll(/\b\d+(\.\d)? (s|min|h)\b/g, '<time>')
    .replaceAll(/[\u2060\u200b]/g, '')
    .replaceAll('\u00a0', ' ')
}

/** Lines of steps that wait together are sent as one message, which depends on how fast the machine is: each stands alone here. */
const stepsApart = (thread: string) => thread.replaceAll(/^([A-Z].*\([^()\n]+\)\.)\n+/gm, '$1\n\n')

it('is what people read: a release to production with a refusal on its way, and a hot-fix', async () => {
  const { dana, lin, tom } = team.people
  const story: string[] = []
  const note = (where: string, words: string | undefined) => story.push(`── ${where}\n${words}`)

  await team.command(dana, '/deploy production')
  await team.until.awaitingSignOff(1)
  note('the card of #1, awaiting sign-off', team.words(team.card(1)))
  await team.query(`update release set card_posted_at = card_posted_at - interval '4 hours' where number = 1`)
  note('the direct message to Tom four hours later', await team.hears(tom, '#1', 'has waited'))
  await team.until.line(1, 'reminder')
  await team.command(lin, '/deploy production')
  note('the private answer to Lin, who requests the same', await team.told(lin, 'environment_busy'))
  await team.click(lin, 'qa')
  await team.until.signed(1, 'qa')
  note('the dialog before the last sign-off', await team.click(tom, 'approval'))
  await team.until.succeeded(1)
  await team.until.told(1)

  await team.repository.branch('urgent', await team.repository.head('production'))
  const fix = await team.repository.commit({
    branch: 'urgent',
    files: { 'api/urgent.py': 'FIXED = True\n' },
    message: 'Search for nothing without failing',
  })
  await team.command(dana, `/hotfix ${fix} production`)
  note('the hot-fix modal', team.slack.plainText(await team.modal(dana)))
  await team.slack.closeView({ user: dana })
  await askForHotfix(team, dana, `/hotfix ${fix} production`)
  await team.until.awaitingSignOff(2)
  note('the card of #2, awaiting sign-off', team.words(team.card(2)))
  await team.click(lin, 'qa')
  await team.until.signed(2, 'qa')
  await team.click(tom, 'approval')
  await team.until.succeeded(2)
  await team.until.line(2, 'carried')
  await team.until.told(2)

  note(
    '#product',
    team.slack
      .messages('product')
      .map((message) => team.words(message))
      .join('\n\n'),
  )
  for (const number of [1, 2]) {
    note(
      `the thread of #${number}`,
      stepsApart(
        lines(team.slack, number)
          .map((message) => team.words(message))
          .join('\n\n'),
      ),
    )
  }
  note(
    'the private answers to Dana',
    privately(team.slack, dana)
      .map((message) => team.words(message))
      .join('\n\n'),
  )
  await expect(`${withoutVariables(story.join('\n\n'))}\n`).toMatchFileSnapshot('the-words.txt')
})
