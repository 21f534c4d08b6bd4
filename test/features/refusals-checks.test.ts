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
  for (const each of words) expect(told).toContain(each)
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
