import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTeam, type Team } from '../support/team.ts'
import {
  askAndBeRefused,
  expectUnchanged,
  leavesNothing,
  nothingToTalkOver,
  worldState,
} from '../support/world-state.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam({
    production: (entry) => {
      nothingToTalkOver(entry)
      entry.sign_off = { qa: 1, approvals: 1, approvers: ['@release-approvers'], require_checks: true }
    },
  })
})
afterAll(() => team?.close())

async function build(state: 'SUCCESSFUL' | 'FAILED' | 'INPROGRESS' | 'STOPPED'): Promise<void> {
  const url = 'https://ci.example.test/7'
  team.bitbucket.setStatus(await team.repository.head('master'), { state, key: 'build', name: 'Unit tests', url })
}

async function refuses(words: readonly string[]): Promise<void> {
  const { dana } = team.people
  const told = await leavesNothing(team, () => askAndBeRefused(team, dana, '/deploy production', 'checks_failed'))
  for (const each of [...words, 'Must go out now…', '@release-approvers']) expect(told).toContain(each)
  expect(told).toContain('[Plan for an emergency]')
  const shown = JSON.stringify(team.slack.ephemerals(dana).at(-1)?.blocks)
  if (team.bitbucket.pullRequests().length > 0) expect(shown).toContain('https://ci.example.test/7')
}

it('says that no check has reported', () => refuses(['no check has reported', 'This environment asks for checks']))

it.each([
  ['INPROGRESS', 'running'],
  ['FAILED', 'failed'],
  ['STOPPED', 'stopped'],
] as const)('names the check that is %s', async (state, word) => {
  await build(state)
  await refuses(['1 check did not pass', `Unit tests ${word}`])
})

it('looks again when everybody has signed, and says which check has failed since', async () => {
  const { dana, lin, tom } = team.people
  await build('SUCCESSFUL')
  const before = await worldState(team)
  await team.command(dana, '/deploy production')
  await team.until('Awaiting sign-off')
  await build('FAILED')
  await team.click(lin, 'QA passed')
  await team.until(/Given: QA by/)
  await team.click(tom, 'Approve')
  await team.until(/Failed[\s\S]*1 check did not pass[\s\S]*Nothing was merged[\s\S]*Unit tests failed/)
  expect(team.words(team.card())).toContain('Gate: `checks_failed`')
  await team.until(/Release #5 failed: 1 check did not pass/)
  await expectUnchanged(team, before)
})

it('plans again when they have passed; an emergency waives what fails after that, and the sign-offs', async () => {
  const { dana, tom } = team.people
  await build('SUCCESSFUL')
  await team.click(dana, 'Plan again')
  await team.until('Replaced by #6')
  await team.until(/Release #6: [\s\S]*Awaiting sign-off/)
  await build('FAILED')
  await team.click(tom, 'Must go out now…')
  await team.submit(tom, { Reason: 'Customers cannot log in' })
  await team.until('Emergency #6 succeeded')
})

/** The newest private message that has the button. */
async function pressPrivately(user: string, label: string): Promise<void> {
  const message = team.slack.ephemerals(user).findLast(({ blocks }) => JSON.stringify(blocks).includes(label))
  const seen = await team.slack.click({ user, channel: 'product', ts: message?.ts ?? '', label })
  expect(seen.seen).toBe('acknowledged')
}

it('plans for an emergency what is red already: the card says what holds it, and QA and approval do not let it go', async () => {
  const { dana, lin, tom } = team.people
  await team.repository.commit({ files: { 'NOTES.md': 'urgent\n' }, message: 'Mend the login' })
  await build('FAILED')
  const before = await worldState(team)
  await refuses(['1 check did not pass'])
  await pressPrivately(dana, 'Plan for an emergency')
  await team.told(dana, /#8 of api to production is being planned/)
  await team.until(/#8: [\s\S]*Awaiting sign-off[\s\S]*Held: 1 check did not pass[\s\S]*Unit tests failed/)
  // Slack may bring the same click twice, and people press twice.
  await pressPrivately(dana, 'Plan for an emergency')
  await team.click(lin, 'QA passed')
  await team.until(/Given: QA by/)
  await team.click(tom, 'Approve')
  await team.until(/Release #8 failed: 1 check did not pass/)
  await expectUnchanged(team, before)
  expect(await team.query('select number from release where number > 8')).toEqual([])
})

it('sends it out by Must go out now…, and tells channel and record that its checks had not passed', async () => {
  const { dana } = team.people
  await team.click(dana, 'Plan for an emergency')
  await team.until(/#9: [\s\S]*Awaiting sign-off/)
  await team.click(dana, 'Must go out now…')
  const view = await team.slack.waitFor(() => team.slack.openView(dana), { what: 'the modal' })
  expect(team.slack.plainText(view)).toContain('1 check did not pass: Unit tests failed')
  await team.submit(dana, { Reason: 'Customers cannot log in' })
  await team.until(/#9 is changing api production now, without QA, approval and passed checks/)
  await team.until('Emergency #9 succeeded')
  const merged = team.bitbucket.pullRequests().find(({ title }) => title.includes('#9'))
  expect(team.bitbucket.comments(merged?.id ?? 0)[0]?.raw).toContain('Unit tests: failed')
  const [asked] = await team.query<{ data: unknown }>(
    "select body::json->'data' as data from event where release = 9 and type = 'release_requested'",
  )
  expect(asked?.data).toMatchObject({ replaces: 8, forEmergency: true })
})
