/** W9: a branch that takes pull requests only. The same card, the same two people, the same proof. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUTTON, offers, privately } from '../support/channel.ts'
import { askForHotfix, hotfixRefused, inOrigin, pickedByHand, startHotfixTeam } from '../support/hotfix.ts'
import { herokuEffects, nextNumber, pressWithReason, reaches, sign } from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'

let team: Team
afterAll(() => team?.close())

/** The branch of a hot-fix's pull request. */
const branchOf = (number: number) => `signoff/${number}-hotfix`
const pullRequestOf = (number: number) =>
  team.bitbucket.pullRequests().find(({ source }) => source.branch === branchOf(number))
const noBranchIsLeft = () =>
  team.eventually(async () => expect(await inOrigin(team, 'branch', '--list', 'signoff/*')).toBe(''))

/** The stories of a describe share a team. */
function shareTeam(start: () => Promise<Team>): void {
  beforeAll(async () => {
    await team?.close()
    team = await start()
  })
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

describe('W9: where nobody may push', () => {
  shareTeam(async () => {
    const started = await startHotfixTeam()
    await started.bitbucket.forbidMerge({ kind: 'push', pattern: 'production' })
    return started
  })

  it('the picks go by a pull request of their own', async () => {
    const { dana } = team.people
    const [master, before] = [await team.repository.head('master'), await team.repository.head('production')]
    const fix = await theFix()
    await askForHotfix(team, dana, `/hotfix ${fix.slice(0, 8)} production`)
    await team.until.awaitingSignOff(1)
    const [pullRequest, ...others] = team.bitbucket.pullRequests()
    expect(others).toEqual([])
    const picked = await team.repository.head(branchOf(1))
    expect(pullRequest).toMatchObject({
      state: 'OPEN',
      source: { sha: picked, branch: branchOf(1) },
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
    expect(await team.stepsDone(1)).toEqual([
      'record',
      'merge',
      'sync',
      'verify',
      'migrate',
      'push',
      'confirm',
      'report',
    ])
    await noBranchIsLeft()
    expect(team.bitbucket.pullRequests().map(({ state }) => state)).toEqual(['MERGED'])
  })

  it('and the branch takes fast-forwards only, it ends at exactly the picks that were signed', async () => {
    team.bitbucket.allowStrategies('production', ['fast_forward'])
    const { dana } = team.people
    const number = await nextNumber(team)
    const before = await team.repository.head('production')
    const { sha } = await team.repository.addRevision({
      message: 'index the titles',
      sql: 'create index titles on documents (title);',
    })
    await askForHotfix(team, dana, `/hotfix ${sha} production`)
    await team.until.awaitingSignOff(number)
    const picked = await team.repository.head(branchOf(number))
    await sign(team, number)
    await team.until.succeeded(number)
    expect(await team.repository.head('production')).toBe(picked)
    expect(await inOrigin(team, 'rev-parse', `${picked}^`)).toBe(before)
    expect(team.heroku.runs(PRODUCTION)).toBe(picked)
    expect(await team.stepsDone(number)).toEqual(expect.arrayContaining(['merge', 'migrate']))
    await noBranchIsLeft()
  })

  it('and the branch takes squashes only, it is refused before anybody signs, and leaves nothing', async () => {
    team.bitbucket.allowStrategies('production', ['squash'])
    const before = structuredClone(team.bitbucket.pullRequests())
    const fix = await team.repository.commit({ files: { 'api/fix.py': 'FIXED = 1\n' }, message: 'Fix it' })
    await hotfixRefused(team, `/hotfix ${fix} production`, 'merge_not_allowed')
    expect(team.bitbucket.pullRequests()).toEqual(before)
    expect(await inOrigin(team, 'branch', '--list', 'signoff/*')).toBe('')
  })
})

describe('W9: hotfix: pull_request', () => {
  shareTeam(() => startTeamWith('pull_request'))

  it('after a rejection the pull request is declined, its branch is deleted', async () => {
    const { dana, tom } = team.people
    const before = await team.repository.head('production')
    await askForHotfix(team, dana, `/hotfix ${await theFix()} production`)
    await team.until.awaitingSignOff(1)
    expect(await team.repository.head(branchOf(1))).not.toBe(before)
    await pressWithReason(team, tom, 'rejection', 'It can wait until tomorrow')
    await team.until.state(1, 'rejected')
    await team.eventually(() => expect(pullRequestOf(1)?.state).toBe('DECLINED'))
    await noBranchIsLeft()
    expect(await team.repository.head('production')).toBe(before)
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).toEqual([])
  })

  it('what somebody adds to the branch of the pull request makes the hot-fix outdated, and is never merged', async () => {
    const number = await nextNumber(team)
    const { dana, lin, tom } = team.people
    const before = await team.repository.head('production')
    await askForHotfix(team, dana, `/hotfix ${await theFix()} production`)
    await team.until.awaitingSignOff(number)
    await team.click(lin, 'qa', number)
    await team.until.signed(number, 'qa', lin)
    await team.repository.commit({
      branch: branchOf(number),
      files: { 'api/more.py': 'M = 1\n' },
      message: 'One thing more',
    })
    await team.click(tom, 'approval', number)
    const ended = await reaches(team, number, 'outdated')
    expect(ended.because).toMatchObject({ moved: [{ what: branchOf(number) }] })
    expect(await team.repository.head('production')).toBe(before)
    await team.eventually(() => expect(pullRequestOf(number)?.state).toBe('DECLINED'))
  })

  it('while the pull request waits for an approval at the forge, the hot-fix needs attention, and Retry goes on', async () => {
    const number = await nextNumber(team)
    const approvals = await team.bitbucket.forbidMerge({
      kind: 'require_approvals_to_merge',
      pattern: 'production',
      value: 1,
    })
    const { dana, tom } = team.people
    await askForHotfix(team, dana, `/hotfix ${await theFix()} production`)
    await team.until.awaitingSignOff(number)
    expect(team.words(team.card(number))).toMatch(/1 approval/)
    await sign(team, number)
    await team.until.needsAttention(number)
    expect(pullRequestOf(number)?.state).toBe('OPEN')
    await team.bitbucket.allowMerge(approvals)
    await team.click(tom, 'retry', number)
    await team.until.succeeded(number)
    expect(team.heroku.runs(PRODUCTION)).toBe(await team.repository.head('production'))
  })

  it('a commit that master lacks is backported, as after a push', async () => {
    const number = await nextNumber(team)
    const { dana } = team.people
    await team.repository.branch('urgent', await team.repository.head('production'))
    const files = { 'api/urgent.py': 'FIXED = True\n' }
    const fix = await team.repository.commit({ branch: 'urgent', files, message: 'Urgent' })
    await askForHotfix(team, dana, `/hotfix ${fix} production`)
    await sign(team, number)
    await team.until.succeeded(number)
    expect(await team.until.line(number, 'carried')).toContain('master')
    const backport = team.bitbucket.pullRequests().find(({ destination }) => destination.branch === 'master')
    expect(backport).toMatchObject({ state: 'OPEN', source: { branch: `signoff/hotfix-${number}` } })
    const picked = await inOrigin(team, 'rev-parse', 'production^2')
    expect(await team.repository.head(`signoff/hotfix-${number}`)).toBe(picked)
  })
})

describe('W9: hotfix: push', () => {
  shareTeam(() => startTeamWith('push'))

  it('where nobody may push, is refused with the way out', async () => {
    await team.bitbucket.forbidMerge({ kind: 'push', pattern: 'production' })
    const words = await hotfixRefused(team, `/hotfix ${await theFix()} production`, 'pick_not_allowed')
    expect(words).toContain('push on production')
    expect(words).toContain('hotfix: pull_request')
    expect(team.bitbucket.pullRequests()).toEqual([])
  })
})

describe('W9: where nobody signs', () => {
  shareTeam(() => startTeam({ integration: (entry) => void Object.assign(entry, { hotfix: 'pull_request' }) }))

  it('Go merges it; without Go, nothing of it is left', async () => {
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

    const second = await team.repository.commit({
      branch: 'urgent',
      files: { 'api/a.py': 'A = 2\n' },
      message: 'Second',
    })
    await askForHotfix(team, dana, `/hotfix ${second} integration`)
    await team.waitFor('the button Go of #2', () => goMessage()?.ts !== message.ts)
    await team.command(dana, '/deploy cancel 2')
    await reaches(team, 2, 'cancelled')
    await team.eventually(() => expect(team.bitbucket.pullRequests().at(-1)?.state).toBe('DECLINED'))
    await noBranchIsLeft()
    expect(await team.repository.head('master')).toBe(merged)
  })
})
