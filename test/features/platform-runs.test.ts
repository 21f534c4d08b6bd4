/** A plan compares with what the remote holds and with what the platform runs: what would go away is named. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NOTHING_TO_TALK_OVER, nextNumber, sign, somethingNew, startProduction } from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'
import { askAndBeRefused, leavesNothing } from '../support/world-state.ts'

const git = async (team: Team, ...args: string[]) => {
  const { execFile } = await import('node:child_process')
  const { promisify } = await import('node:util')
  return (await promisify(execFile)('git', ['--git-dir', team.bitbucket.bare, ...args])).stdout.trim()
}

/** A commit with what the container stack builds by. */
function buildContainers(team: Team): Promise<string> {
  const files = { 'heroku.yml': 'build:\n  docker:\n    web: Dockerfile\n' }
  return team.repository.commit({ files, message: 'Build containers' })
}

/** A commit on a branch of its own, made of what production runs. */
async function aside(team: Team, branch: string): Promise<string> {
  await team.repository.branch(branch, team.heroku.runs(PRODUCTION) ?? '')
  return team.repository.commit({ branch, files: { [`api/${branch}.py`]: 'X = 1\n' }, message: `Fix ${branch}` })
}

/** What integration runs is promoted to production, as `heroku pipelines:promote` does. */
async function promotes(team: Team, commit: string): Promise<void> {
  const before = team.heroku.runs(INTEGRATION) ?? ''
  await team.heroku.pushBehind(INTEGRATION, commit, team.bitbucket.bare)
  team.heroku.promote(INTEGRATION, PRODUCTION)
  await team.heroku.pushBehind(INTEGRATION, before, team.bitbucket.bare)
}

describe('W1: what production runs', () => {
  let team: Team
  let production: number
  beforeAll(async () => {
    team = await startTeam(NOTHING_TO_TALK_OVER)
    production = team.heroku.releases(PRODUCTION)[0]?.version ?? 0
  })
  afterAll(() => team?.close())
  const back = () => team.heroku.rollback(PRODUCTION, production)

  it('by a promotion, and no branch that is released has it: refused, and named with its author', async () => {
    const promoted = await aside(team, 'promoted')
    await promotes(team, promoted)
    const told = await leavesNothing(team, () =>
      askAndBeRefused(team, team.people.dana, '/deploy production', 'remote_diverged'),
    )
    expect(told).toContain('Fix promoted')
    expect(told).toContain(promoted.slice(0, 7))
    expect(told).toMatch(/complianceai-api-production runs 1.commit that production lacks/)
    back()
  })

  it('by its description only, or on a branch that is gone: refused, with its digits', async () => {
    const promoted = await aside(team, 'forgotten')
    await promotes(team, promoted)
    await team.repository.delete('forgotten')
    const told = await askAndBeRefused(team, team.people.dana, '/deploy production', 'remote_diverged')
    expect(told).toContain(promoted.slice(0, 7))
    back()
  })

  it('in a preview, too', async () => {
    await promotes(team, await aside(team, 'previewed'))
    await team.command(team.people.dana, '/deploy preview production')
    await team.told(team.people.dana, 'remote_diverged', 'Fix previewed')
    back()
  })

  it('for a hot-fix, too', async () => {
    await promotes(team, await aside(team, 'urgent'))
    const fix = await team.repository.commit({ files: { 'api/hot.py': 'HOT = 1\n' }, message: 'Fix hot' })
    const number = await nextNumber(team)
    await team.command(team.people.dana, `/hotfix ${fix} production`)
    await team.submit(team.people.dana, { reason: 'Exports are broken for every customer', sure: true })
    expect(await team.told(team.people.dana, 'remote_diverged', `#${number}`)).toContain('Fix urgent')
    back()
  })

  it('goes once the branch has it: the promoted commit is merged, and is not lost', async () => {
    const promoted = await aside(team, 'merged')
    await promotes(team, promoted)
    const merged = await git(
      team,
      ...['commit-tree', `${promoted}^{tree}`, '-p', await team.repository.head('production'), '-p', promoted],
      ...['-m', 'Merge what was promoted'],
    )
    await team.repository.branch('production', merged)
    const number = await nextNumber(team)
    await startProduction(team, number)
    await team.until.succeeded(number)
    const runs = team.heroku.runs(PRODUCTION) ?? ''
    expect(await git(team, 'merge-base', runs, promoted)).toBe(promoted)
  })
})

describe('W1: a remote that lacks the branch while the app runs', () => {
  let team: Team
  beforeAll(async () => {
    // Production was always pushed as `main`.
    team = await startTeam({
      ...NOTHING_TO_TALK_OVER,
      production(entry) {
        NOTHING_TO_TALK_OVER.production(entry)
        Object.assign(entry.remote as object, { branch: 'main' })
      },
    })
  })
  afterAll(() => team?.close())

  it('is no first release: it compares with what runs', async () => {
    const number = await nextNumber(team)
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(number)
    const card = team.words(team.card(number))
    expect(card).not.toContain('First release')
    expect(card).toContain(`Live now: ${team.heroku.runs(PRODUCTION)?.slice(0, 7)}`)
    await sign(team, number)
    await team.until.succeeded(number)
  })
})

describe('W1: a remote without any branch while the app runs, as after repo:reset', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({ ...NOTHING_TO_TALK_OVER, firstRelease: true })
  })
  afterAll(() => team?.close())

  it('refuses what would take away a promotion; with what it runs merged, it goes', async () => {
    await team.repository.branch('promoted', await team.repository.head('production'))
    const files = { 'api/promoted.py': 'X = 1\n' }
    const promoted = await team.repository.commit({ branch: 'promoted', files, message: 'Fix promoted' })
    await promotes(team, promoted)
    const told = await askAndBeRefused(team, team.people.dana, '/deploy production', 'remote_diverged')
    expect(told).toContain('Fix promoted')
    await team.repository.branch('production', promoted)
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(2)
    expect(team.words(team.card(2))).not.toContain('First release')
  })
})

describe('W18: a live commit', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam(NOTHING_TO_TALK_OVER)
  })
  afterAll(() => team?.close())

  it('has a release’s number only where that release made it', async () => {
    await team.releaseProduction(1)
    const made = team.heroku.runs(PRODUCTION)?.slice(0, 7)
    await somethingNew(team, 'one')
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(2)
    expect(team.words(team.card(2))).toContain(`Live now: ${made}, #1`)
    await team.click(team.people.dana, 'cancel', 2)
    await team.until.state(2, 'cancelled')

    // Rolled back by hand to what somebody else had pushed.
    team.heroku.rollback(PRODUCTION, 2)
    const older = team.heroku.runs(PRODUCTION)?.slice(0, 7)
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(3)
    const card = team.words(team.card(3))
    expect(card).toContain(`Live now: ${older}`)
    expect(card).not.toContain(`${older}, #1`)
    await team.click(team.people.dana, 'cancel', 3)
    await team.until.state(3, 'cancelled')
  })

  it('that the platform does not tell is not known, and not nothing', async () => {
    team.heroku.releaseUnnamed(PRODUCTION)
    await buildContainers(team)
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(4)
    const card = team.words(team.card(4))
    expect(card).toContain('Live now: not known')
    expect(card).toContain(`Heroku does not tell which commit ${PRODUCTION} runs`)
    await team.click(team.people.dana, 'cancel', 4)
    await team.until.state(4, 'cancelled')
    await team.command(team.people.dana, '/deploy status')
    expect(await team.hears(team.people.dana, 'Live: not known')).not.toContain('nothing')
  })
})

describe('W5: the container stack', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({ ...NOTHING_TO_TALK_OVER, unstarted: true })
    for (const app of [INTEGRATION, PRODUCTION]) team.heroku.setStack(app, 'container')
    await team.start('all')
  })
  afterAll(() => team?.close())

  it('without a build manifest is refused at planning, before anybody signs, and in a preview', async () => {
    const told = await leavesNothing(team, () =>
      askAndBeRefused(team, team.people.dana, '/deploy production', 'build_file_missing'),
    )
    expect(told).toContain('needs heroku.yml')
    expect(told).toContain(`heroku stack:set heroku-24 --app ${PRODUCTION}`)
    await team.command(team.people.dana, '/deploy preview integration')
    await team.hears(team.people.dana, 'needs heroku.yml')
    await buildContainers(team)
  })

  it('is released and confirmed by its build', async () => {
    await team.releaseProduction(2)
    expect(await team.until.line(2, 'done:confirm')).toMatch(/Confirmed: complianceai-api-production runs \w{7} as v\d/)
  })

  it('whose release phase failed is refused at planning, with a way out: no slug can be run again', async () => {
    await somethingNew(team, 'two')
    team.heroku.failNextReleasePhase()
    await team.command(team.people.dana, '/deploy integration')
    await team.until.needsAttention(3)
    await team.click(team.people.dana, 'retry', 3)
    await team.until.needsAttention(3, 2)
    expect(team.words(team.card(3))).toMatch(/no slug of it to run again[\s\S]*`slug_missing`/)
    await team.click(team.people.tom, 'close', 3)
    await team.submit(team.people.tom, { reason: 'another commit follows' })
    await team.until.state(3, 'closed')
    const told = await askAndBeRefused(team, team.people.dana, '/deploy integration', 'slug_missing')
    expect(told).toContain('git commit --allow-empty')
    await somethingNew(team, 'three')
    await team.command(team.people.dana, '/deploy integration')
    await team.until.succeeded(5)
  })

  it('whose manifest a commit deletes is refused, though the commit before has it', async () => {
    await team.repository.commit({ files: { 'heroku.yml': null }, message: 'Tidy up' })
    await askAndBeRefused(team, team.people.dana, '/deploy integration', 'build_file_missing')
    await buildContainers(team)
  })

  it('that gives no proof is refused before anybody signs', async () => {
    team.heroku.fault({ route: 'builds', kind: 'forbidden', times: 200 })
    for (let each = 0; each < 12; each += 1) team.heroku.releaseUnnamed(PRODUCTION)
    const told = await leavesNothing(team, () =>
      askAndBeRefused(team, team.people.dana, '/deploy production', 'not_provable'),
    )
    expect(told).toContain('can’t prove which commit')
    team.heroku.clearFaults()
  })
})

describe('W11: eleven config vars after a rollback by hand', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam(NOTHING_TO_TALK_OVER)
  })
  afterAll(() => team?.close())

  it('what the remote holds is run again from its slug, without a push', async () => {
    const held = await somethingNew(team, 'held')
    await team.command(team.people.dana, '/deploy integration')
    await team.until.succeeded(1)
    team.heroku.rollback(INTEGRATION, 2)
    for (let each = 0; each < 11; each += 1) team.heroku.setConfigVar(INTEGRATION, `KEY_${each}`)
    await team.command(team.people.dana, '/deploy integration')
    await team.until.succeeded(2)
    expect(team.heroku.runs(INTEGRATION)).toBe(held)
    expect(
      team.heroku.log.filter(({ kind, app }) => kind === 'release made' && app === INTEGRATION).at(-1),
    ).toMatchObject({
      by: 'api',
    })
  })
})

describe('W23 and W25: Heroku says no', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam()
  })
  afterAll(() => team?.close())

  it('W23: its git refuses the key that its API takes: the status page is named, before the key', async () => {
    team.heroku.refuseReferences(401, 'Invalid credentials', 20)
    const told = await askAndBeRefused(team, team.people.dana, '/deploy production', 'credentials_refused')
    expect(told).toContain('https://status.heroku.com')
    expect(told.indexOf('status.heroku.com')).toBeLessThan(told.indexOf('HEROKU_API_KEY'))
  })

  it('W25: an app that the key may not see is named first', async () => {
    team.heroku.forbid(PRODUCTION)
    const told = await askAndBeRefused(team, team.people.dana, '/deploy production', 'credentials_refused')
    expect(told).toContain(`no access to the app ${PRODUCTION}`)
    expect(told.indexOf('remote.url')).toBeLessThan(told.indexOf('HEROKU_API_KEY'))
  })
})
