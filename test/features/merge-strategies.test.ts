/** Branches that take no merge commits: by fast-forward where that is possible, else refused before anybody signs. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { branchHead } from '../../src/sandbox/bare-git.ts'
import { NOTHING_TO_TALK_OVER, nextNumber, sign, somethingNew } from '../support/seen-release.ts'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'
import { askAndBeRefused } from '../support/world-state.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam(NOTHING_TO_TALK_OVER)
})
afterAll(() => team?.close())
afterEach(() => {
  team.bitbucket.allowStrategies('production', ['merge_commit'])
  team.bitbucket.clearFaults()
})

async function goesForward(): Promise<void> {
  const number = await nextNumber(team)
  const source = await somethingNew(team, `forward-${number}`)
  await team.command(team.people.dana, '/deploy production')
  await team.until.awaitingSignOff(number)
  expect(team.words(team.card(number))).toContain('Merge: fast-forward')
  await sign(team, number)
  await team.until.succeeded(number)
  expect(await branchHead(team.bitbucket.bare, 'production')).toBe(source)
  expect(team.heroku.runs(PRODUCTION)).toBe(source)
  expect(team.bitbucket.pullRequests().at(-1)).toMatchObject({ state: 'MERGED', mergeCommit: source })
}

it('W8: a fast-forward that is not possible is refused, with what to merge first', async () => {
  team.bitbucket.allowStrategies('production', ['fast_forward'])
  const opened = team.bitbucket.pullRequests().length
  const words = await askAndBeRefused(team, team.people.dana, '/deploy production', 'merge_not_allowed')
  expect(words).toContain('Merge production into master')
  expect(team.bitbucket.pullRequests()).toHaveLength(opened)
})

it('W8: squash only is refused, with what to allow', async () => {
  team.bitbucket.allowStrategies('production', ['squash', 'rebase_fast_forward'])
  const words = await askAndBeRefused(team, team.people.dana, '/deploy production', 'merge_not_allowed')
  expect(words).toContain('squash, rebase_fast_forward')
  expect(words).toContain('Merge strategies')
})

it('W8: a fast-forward deploys exactly the source commit', async () => {
  await team.repository.merge({ from: 'production', into: 'master' })
  team.bitbucket.allowStrategies('production', ['squash', 'fast_forward'])
  await goesForward()
})

it.each([
  ['whose answer is lost', 'reset_after'],
  ['that is done later', 'merge_202'],
] as const)('W8: a fast-forward %s is seen, and made once', async (_what, kind) => {
  team.bitbucket.allowStrategies('production', ['fast_forward'])
  team.bitbucket.fault({ route: 'merge', kind })
  await goesForward()
})

it('W8: the answer about the pull request counts where the branch does not tell', async () => {
  team.bitbucket.allowStrategies('production', ['fast_forward'])
  // The restrictions and the branch: the first reads of planning.
  team.bitbucket.fault({ route: 'read', kind: 'forbidden', times: 2 })
  await goesForward()
})

it('W8: squash only is refused also where only the pull request tells, which is declined', async () => {
  team.bitbucket.allowStrategies('production', ['squash'])
  team.bitbucket.fault({ route: 'read', kind: 'forbidden', times: 2 })
  await somethingNew(team, 'squashed')
  await askAndBeRefused(team, team.people.dana, '/deploy production', 'merge_not_allowed')
  await team.eventually(() => expect(team.bitbucket.pullRequests().at(-1)?.state).toBe('DECLINED'))
})

it('W8: a merge commit is preferred where both are allowed', async () => {
  team.bitbucket.allowStrategies('production', ['fast_forward', 'merge_commit'])
  const number = await nextNumber(team)
  await somethingNew(team, 'both')
  await team.command(team.people.dana, '/deploy production')
  await team.until.awaitingSignOff(number)
  expect(team.words(team.card(number))).toContain('Merge: clean')
})
