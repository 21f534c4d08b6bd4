/** What Bitbucket asks for before it merges: shown while people sign, waited for where it refuses. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { offers } from '../support/channel.ts'
import {
  bitbucketEffects,
  NOTHING_TO_TALK_OVER,
  nextNumber,
  pressWithReason,
  reaches,
  sign,
  somethingNew,
} from '../support/seen-release.ts'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'
import { askAndBeRefused } from '../support/world-state.ts'

let team: Team
let number = 0
const rules: number[] = []
beforeAll(async () => {
  team = await startTeam(NOTHING_TO_TALK_OVER)
})
afterAll(() => team?.close())
afterEach(async () => {
  for (const rule of rules.splice(0)) await team.bitbucket.allowMerge(rule)
})

type Rule = Parameters<Team['bitbucket']['forbidMerge']>[0]

async function asks(...kinds: readonly Rule[]): Promise<void> {
  for (const rule of [{ kind: 'enforce_merge_checks' as const }, ...kinds]) {
    rules.push(await team.bitbucket.forbidMerge({ pattern: 'production', ...rule }))
  }
}

/** Dana asks for what is new; gives the pull request. */
async function ask(): Promise<number> {
  number = await nextNumber(team)
  await somethingNew(team, `checked-${number}`)
  await team.command(team.people.dana, '/deploy production')
  await team.until.awaitingSignOff(number)
  return team.bitbucket.pullRequests().at(-1)?.id ?? 0
}

const card = () => team.words(team.card(number))
const stateOf = (id: number) => team.bitbucket.pullRequests().find((one) => one.id === id)?.state
const look = () => Promise.all(team.running.map((each) => each.look?.()))

it('W7: the card says what is missing, and is redrawn as it comes: at a look, and when somebody presses', async () => {
  await asks({ kind: 'require_approvals_to_merge', value: 2 }, { kind: 'require_tasks_to_be_completed' })
  const id = await ask()
  expect(card()).toContain(`PR #${id} also needs 2 approvals at Bitbucket`)
  team.bitbucket.reviews.addTask(id)
  team.bitbucket.reviews.approve(id, 'Ada')
  await look()
  await team.eventually(() =>
    expect(card()).toContain(`PR #${id} also needs 1 more approval and 1 task completed at Bitbucket`),
  )
  team.bitbucket.reviews.completeTasks(id)
  team.bitbucket.reviews.approve(id, 'Ben')
  await team.click(team.people.lin, 'qa', number)
  await team.eventually(() => expect(card()).not.toContain('also needs'))
  await team.click(team.people.tom, 'approval', number)
  await team.until.succeeded(number)
  expect(stateOf(id)).toBe('MERGED')
})

it('W7: a refused merge keeps the pull request open; Retry merges it once, with the same sign-offs', async () => {
  await asks({ kind: 'require_approvals_to_merge', value: 1 })
  const before = await bitbucketEffects(team)
  const id = await ask()
  await sign(team, number)
  expect(await reaches(team, number, 'needs attention')).toMatchObject({
    gate: 'merge_refused',
    steps: { merge: 'failed none' },
  })
  await team.until.needsAttention(number)
  expect(stateOf(id)).toBe('OPEN')
  expect(card()).toContain('at least 1 approvals')
  expect(card()).toContain(`PR #${id} still needs 1 approval at Bitbucket`)
  expect(offers(team.card(number), 'retry')).toBe(true)
  expect(offers(team.card(number), 'close')).toBe(true)

  team.bitbucket.reviews.approve(id, 'Ada')
  await look()
  await team.eventually(() => expect(team.thread(number).join('\n')).toContain('Press Retry to merge it'))
  expect(card()).not.toContain('still needs')
  await team.click(team.people.dana, 'retry', number)
  await team.until.succeeded(number)
  expect(team.heroku.runs(PRODUCTION)).toBe(await team.repository.head('production'))
  const after = await bitbucketEffects(team)
  // One merge and one record.
  expect([after.merges - before.merges, after.comments - before.comments]).toEqual([1, 1])
})

it('W7: Close declines it; Plan again was never needed', async () => {
  await asks({ kind: 'require_no_changes_requested' })
  const id = await ask()
  team.bitbucket.reviews.requestChanges(id, 'Ada')
  await sign(team, number)
  await team.until.needsAttention(number)
  await pressWithReason(team, team.people.tom, 'close', 'Ada is right')
  await team.until.state(number, 'closed')
  await team.eventually(() => expect(stateOf(id)).toBe('DECLINED'))
})

it('W7: a draft is told, and refused until it is none', async () => {
  const id = await ask()
  team.bitbucket.reviews.setDraft(id, true)
  await look()
  await team.eventually(() => expect(card()).toContain(`PR #${id} also needs its draft status removed at Bitbucket`))
  await sign(team, number)
  await team.until.needsAttention(number)
  team.bitbucket.reviews.setDraft(id, false)
  await team.click(team.people.tom, 'retry', number)
  await team.until.succeeded(number)
})

it('W7: what can never be given is refused before anybody signs, and its pull request is declined', async () => {
  await asks({ kind: 'require_default_reviewer_approvals_to_merge', value: 2 })
  team.bitbucket.reviews.setDefaultReviewers('Ada')
  await somethingNew(team, 'never')
  const words = await askAndBeRefused(team, team.people.dana, '/deploy production', 'merge_not_allowed')
  expect(words).toContain('only 1 of the default reviewers can approve')
  await team.eventually(() => expect(team.bitbucket.pullRequests().at(-1)?.state).toBe('DECLINED'))
})
