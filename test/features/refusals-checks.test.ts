import { afterAll, beforeAll, expect, it } from 'vitest'
import { offers, privately } from '../support/channel.ts'
import { pressWithReason, sign } from '../support/seen-release.ts'
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

async function refuses(...words: readonly string[]): Promise<void> {
  const { dana } = team.people
  const told = await leavesNothing(team, () => askAndBeRefused(team, dana, '/deploy production', 'checks_failed'))
  for (const each of [...words, '@release-approvers']) expect(told).toContain(each)
  expect(offers(privately(team.slack, dana).at(-1), 'plan for an emergency')).toBe(true)
  const shown = JSON.stringify(team.slack.ephemerals(dana).at(-1)?.blocks)
  if (team.bitbucket.pullRequests().length > 0) expect(shown).toContain('https://ci.example.test/7')
}

it('says that no check has reported', () => refuses())

it.each([
  ['INPROGRESS', 'running'],
  ['FAILED', 'failed'],
  ['STOPPED', 'stopped'],
] as const)('names the check that is %s', async (state, word) => {
  await build(state)
  await refuses('Unit tests', word)
})

/** Why a release stopped: the check that has failed. */
const FAILED = { gate: 'checks_failed', checks: [{ name: 'Unit tests', state: 'failed' }] }

it('looks again when everybody has signed, and says which check has failed since', async () => {
  await build('SUCCESSFUL')
  const before = await worldState(team)
  await team.command(team.people.dana, '/deploy production')
  await team.until.awaitingSignOff(5)
  await build('FAILED')
  await sign(team, 5)
  expect((await team.until.state(5, 'failed')).because).toMatchObject(FAILED)
  expect(team.words(team.card(5))).toMatch(/Unit tests[\s\S]*`checks_failed`/)
  await expectUnchanged(team, before)
})

it('plans again when they have passed; an emergency waives what fails after that, and the sign-offs', async () => {
  const { dana, tom } = team.people
  await build('SUCCESSFUL')
  await team.click(dana, 'plan again')
  await team.until.replaced(5, 6)
  await team.until.awaitingSignOff(6)
  await build('FAILED')
  await pressWithReason(team, tom, 'emergency', 'Customers cannot log in')
  await team.until.succeeded(6)
})

it('plans for an emergency what is red already: the card says what holds it, and QA and approval do not let it go', async () => {
  const { dana } = team.people
  await team.repository.commit({ files: { 'NOTES.md': 'urgent\n' }, message: 'Fix the login' })
  await build('FAILED')
  const before = await worldState(team)
  await refuses('Unit tests')
  await team.clickPrivately(dana, 'plan for an emergency')
  await team.hears(dana, '#8', 'api', 'production')
  await team.until.awaitingSignOff(8)
  expect(team.words(team.card(8))).toContain('Unit tests')
  // Slack may bring the same click twice, and people press twice.
  await team.clickPrivately(dana, 'plan for an emergency')
  await sign(team, 8)
  expect((await team.until.state(8, 'failed')).because).toMatchObject(FAILED)
  await expectUnchanged(team, before)
  expect(await team.query('select number from release where number > 8')).toEqual([])
})

it('sends it out by Must go out now…, and tells channel and record that its checks had not passed', async () => {
  const { dana } = team.people
  await team.click(dana, 'plan for an emergency')
  await team.until.awaitingSignOff(9)
  await team.click(dana, 'emergency')
  expect(team.slack.plainText(await team.modal(dana))).toContain('Unit tests')
  await team.submit(dana, { reason: 'Customers cannot log in' })
  expect(await team.until.announced(9)).toMatch(/#9.*QA.*approval.*checks/s)
  await team.until.succeeded(9)
  const merged = team.bitbucket.pullRequests().find(({ title }) => title.includes('#9'))
  expect(team.bitbucket.comments(merged?.id ?? 0)[0]?.raw).toMatch(/Unit tests.*failed/)
  const [asked] = await team.query<{ data: unknown }>(
    "select body::json->'data' as data from event where release = 9 and type = 'release_requested'",
  )
  expect(asked?.data).toMatchObject({ replaces: 8, forEmergency: true })
})
