/** W9: a branch that takes pull requests only. The same card, the same two people, the same proof. */
import { afterEach, expect, it } from 'vitest'
import { BUTTON, offers, privately } from '../support/channel.ts'
import { askForHotfix, hotfixRefused, inOrigin, pickedByHand, startHotfixTeam } from '../support/hotfix.ts'
import { herokuEffects, pressWithReason, reaches, sign } from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'

const BRANCH = 'signoff/1-hotfix'

let team: Team
afterEach(async () => {
  await team?.close()
})

async function stepsDone(): Promise<readonly (string | undefined)[]> {
  const events = await team.query<{ body: string }>("select body from event where type = 'step_done' order by id")
  return events.map(({ body }) => /"step":"(\w+)"/.exec(body)?.[1])
}

/** A team whose environment production has this key. */
function startTeamWith(hotfix: 'push' | 'pull_request'): Promise<Team> {
  return startTeam({
    production: (entry) => {
      entry.hotfix = hotfix
      entry.migrations = { ...(entry.migrations as object), talk_it_over: [] }
    },
  })
}

/** The commit of master that the stories pick. */
const theFix = () => inOrigin(team, 'rev-list', '-1', '--grep=^Migration:', 'master')

it('W9: where nobody may push, the picks go by a pull request of their own', async () => {
  team = await startHotfixTeam()
  await team.bitbucket.forbidMerge({ kind: 'push', pattern: 'production' })
  const { dana } = team.people
  const [master, before] = [await team.repository.head('master'), await team.repository.head('production')]
  const fix = await theFix()
  await askForHotfix(team, dana, `/hotfix ${fix.slice(0, 8)} production`)
  await team.until.awaitingSignOff(1)
  const [pullRequest, ...others] = team.bitbucket.pullRequests()
  expect(others).toEqual([])
  const picked = await team.repository.head(BRANCH)
  expect(pullRequest).toMatchObject({
    state: 'OPEN',
    source: { sha: picked, branch: BRANCH },
    destination: { branch: 'production' },
  })
  expect(pullRequest?.title).toMatch(/^Hot-fix #1: api → production/)
  expect(team.words(team.card(1))).toContain(`PR #${pullRequest?.id}`)
  expect(await team.repository.head('production')).toBe(before)
  await sign(team, 1)
  await team.until.succeeded(1)

  const merged = await team.repository.head('production')
  expect(await inOrigin(team, 'log', '-1', '--format=%P', merged)).toBe(`${before} ${picked}`)
  const tree = await pickedByHand(team, before, [fix])
  expect(await inOrigin(team, 'rev-parse', `${merged}^{tree}`)).toBe(tree)
  expect(await inOrigin(team, 'rev-parse', `${picked}^{tree}`)).toBe(tree)
  expect(await inOrigin(team, 'rev-parse', `${picked}^`)).toBe(before)
  expect(await inOrigin(team, 'log', '-1', '--format=%B', picked)).toContain(
    `(cherry picked from commit ${fix})\nSignoff-Release: api #1`,
  )
  expect(await team.heroku.holds(PRODUCTION)).toBe(merged)
  expect(team.heroku.runs(PRODUCTION)).toBe(merged)
  expect(await team.repository.head('master')).toBe(master)
  expect(team.bitbucket.comments(pullRequest?.id ?? 0)).toHaveLength(1)
  expect(await stepsDone()).toEqual(['record', 'merge', 'sync', 'verify', 'migrate', 'push', 'confirm', 'report'])
  await team.eventually(async () => expect(await inOrigin(team, 'branch', '--list', 'signoff/*')).toBe(''))
  expect(team.bitbucket.pullRequests().map(({ state }) => state)).toEqual(['MERGED'])
})

it('W9: where the branch takes fast-forwards only, it ends at exactly the picks that were signed', async () => {
  team = await startHotfixTeam()
  await team.bitbucket.forbidMerge({ kind: 'push', pattern: 'production' })
  team.bitbucket.allowStrategies('production', ['fast_forward'])
  const { dana } = team.people
  const before = await team.repository.head('production')
  await askForHotfix(team, dana, `/hotfix ${await theFix()} production`)
  await team.until.awaitingSignOff(1)
  const picked = await team.repository.head(BRANCH)
  await sign(team, 1)
  await team.until.succeeded(1)
  expect(await team.repository.head('production')).toBe(picked)
  expect(await inOrigin(team, 'rev-parse', `${picked}^`)).toBe(before)
  expect(team.heroku.runs(PRODUCTION)).toBe(picked)
  expect(await stepsDone()).toContain('merge')
})

it('W9: where the branch takes squashes only, it is refused before anybody signs, and leaves nothing', async () => {
  team = await startHotfixTeam()
  await team.bitbucket.forbidMerge({ kind: 'push', pattern: 'production' })
  team.bitbucket.allowStrategies('production', ['squash'])
  await hotfixRefused(team, `/hotfix ${await theFix()} production`, 'merge_not_allowed')
  expect(team.bitbucket.pullRequests()).toEqual([])
  expect(await inOrigin(team, 'branch', '--list', 'signoff/*')).toBe('')
})

it('W9: while the pull request waits for an approval at the forge, the hot-fix needs attention, and Retry goes on', async () => {
  team = await startTeamWith('pull_request')
  const approvals = await team.bitbucket.forbidMerge({
    kind: 'require_approvals_to_merge',
    pattern: 'production',
    value: 1,
  })
  const { dana, tom } = team.people
  await askForHotfix(team, dana, `/hotfix ${await theFix()} production`)
  await team.until.awaitingSignOff(1)
  expect(team.words(team.card(1))).toMatch(/1 approval/)
  await sign(team, 1)
  await team.until.needsAttention(1)
  expect(team.bitbucket.pullRequests()[0]?.state).toBe('OPEN')
  await team.bitbucket.allowMerge(approvals)
  await team.click(tom, 'retry')
  await team.until.succeeded(1)
  expect(team.heroku.runs(PRODUCTION)).toBe(await team.repository.head('production'))
})

it('W9: hotfix: pull_request, and a rejection: the pull request is declined, its branch is deleted', async () => {
  team = await startTeamWith('pull_request')
  const { dana, tom } = team.people
  const before = await team.repository.head('production')
  await askForHotfix(team, dana, `/hotfix ${await theFix()} production`)
  await team.until.awaitingSignOff(1)
  expect(await team.repository.head(BRANCH)).not.toBe(before)
  await pressWithReason(team, tom, 'rejection', 'It can wait until tomorrow')
  await team.until.state(1, 'rejected')
  await team.eventually(() => expect(team.bitbucket.pullRequests()[0]?.state).toBe('DECLINED'))
  await team.eventually(async () => expect(await inOrigin(team, 'branch', '--list', 'signoff/*')).toBe(''))
  expect(await team.repository.head('production')).toBe(before)
  expect(herokuEffects(team.heroku, PRODUCTION).pushes).toEqual([])
})

it('W9: what somebody adds to the branch of the pull request makes the hot-fix outdated, and is never merged', async () => {
  team = await startTeamWith('pull_request')
  const { dana, lin, tom } = team.people
  const before = await team.repository.head('production')
  await askForHotfix(team, dana, `/hotfix ${await theFix()} production`)
  await team.until.awaitingSignOff(1)
  await team.click(lin, 'qa')
  await team.until.signed(1, 'qa', lin)
  await team.repository.commit({ branch: BRANCH, files: { 'api/more.py': 'M = 1\n' }, message: 'One thing more' })
  await team.click(tom, 'approval')
  const ended = await reaches(team, 1, 'outdated')
  expect(ended.because).toMatchObject({ moved: [{ what: BRANCH }] })
  expect(await team.repository.head('production')).toBe(before)
  await team.eventually(() => expect(team.bitbucket.pullRequests()[0]?.state).toBe('DECLINED'))
})

it('W9: a commit that master lacks is backported, as after a push', async () => {
  team = await startTeamWith('pull_request')
  const { dana } = team.people
  await team.repository.branch('urgent', await team.repository.head('production'))
  const files = { 'api/urgent.py': 'FIXED = True\n' }
  const fix = await team.repository.commit({ branch: 'urgent', files, message: 'Urgent' })
  await askForHotfix(team, dana, `/hotfix ${fix} production`)
  await sign(team, 1)
  await team.until.succeeded(1)
  expect(await team.until.line(1, 'carried')).toContain('master')
  const backport = team.bitbucket.pullRequests().find(({ destination }) => destination.branch === 'master')
  expect(backport).toMatchObject({ state: 'OPEN', source: { branch: 'signoff/hotfix-1' } })
  const picked = await inOrigin(team, 'rev-parse', 'production^2')
  expect(await team.repository.head('signoff/hotfix-1')).toBe(picked)
})

it('W9: hotfix: push, where nobody may push, is refused with the way out', async () => {
  team = await startTeamWith('push')
  await team.bitbucket.forbidMerge({ kind: 'push', pattern: 'production' })
  const words = await hotfixRefused(team, `/hotfix ${await theFix()} production`, 'pick_not_allowed')
  expect(words).toContain('push on production')
  expect(words).toContain('hotfix: pull_request')
  expect(team.bitbucket.pullRequests()).toEqual([])
})

it('W9: where nobody signs, Go merges it; without Go, nothing of it is left', async () => {
  team = await startTeam({ integration: (entry) => void Object.assign(entry, { hotfix: 'pull_request' }) })
  const { dana } = team.people
  const master = await team.repository.head('master')
  await team.repository.branch('urgent', master)
  const first = await team.repository.commit({ branch: 'urgent', files: { 'api/a.py': 'A = 1\n' }, message: 'First' })
  await askForHotfix(team, dana, `/hotfix ${first} integration`)
  const goMessage = () => privately(team.slack, dana).findLast((message) => offers(message, 'go'))
  const message = await team.waitFor('the button Go', goMessage)
  expect(team.words(message)).toContain(`PR #${team.bitbucket.pullRequests()[0]?.id}`)
  await team.slack.click({ user: dana, channel: 'product', ts: message.ts, actionId: BUTTON.go })
  await team.until.succeeded(1)
  const merged = await team.repository.head('master')
  expect(await inOrigin(team, 'rev-parse', `${merged}^1`)).toBe(master)
  expect(team.heroku.runs(INTEGRATION)).toBe(merged)

  const second = await team.repository.commit({ branch: 'urgent', files: { 'api/a.py': 'A = 2\n' }, message: 'Second' })
  await askForHotfix(team, dana, `/hotfix ${second} integration`)
  await team.waitFor('the button Go of #2', () => goMessage()?.ts !== message.ts)
  await team.command(dana, '/deploy cancel 2')
  await reaches(team, 2, 'cancelled')
  await team.eventually(() => expect(team.bitbucket.pullRequests().at(-1)?.state).toBe('DECLINED'))
  await team.eventually(async () => expect(await inOrigin(team, 'branch', '--list', 'signoff/*')).toBe(''))
  expect(await team.repository.head('master')).toBe(merged)
})
