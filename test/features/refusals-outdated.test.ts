import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { offers } from '../support/channel.ts'
import { pressWithReason, sign } from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'
import { askAndBeRefused, byHand, expectUnchanged, nothingToTalkOver, worldState } from '../support/world-state.ts'

let team: Team
let number = 0
beforeAll(async () => {
  // Ten releases a minute: their cards would be drawn oftener than Slack lets them.
  team = await startTeam({ production: nothingToTalkOver, pace: { updateEveryMs: 1_000 } })
  await team.command(team.people.dana, '/deploy production')
  await awaits()
})
afterAll(() => team?.close())

async function awaits(): Promise<void> {
  number++
  await team.until.awaitingSignOff(number)
}

const signOff = () => sign(team, number)

/** What a plan has bound, as it was and as it is. */
interface Moved {
  readonly from?: string
  readonly to?: string
}

/** Something moves, the release ends outdated with nothing changed by it, and Plan again makes one that holds. */
async function isOutdatedBy(move: () => Promise<unknown>, moved: () => Moved, notice: () => Promise<unknown> = look) {
  await move()
  const before = await worldState(team)
  const open = `#${team.bitbucket.pullRequests().at(-1)?.id} OPEN`
  await notice()
  const wanted = moved()
  expect((await team.until.outdated(number)).because).toMatchObject({
    gate: 'plan_outdated',
    moved: expect.arrayContaining([expect.objectContaining(wanted)]),
  })
  const shown = team.words(team.card(number)) + (await team.until.line(number, 'outcome'))
  for (const each of Object.values(wanted))
    expect(shown).toContain(/^[0-9a-f]{40}$/.test(each) ? each.slice(0, 7) : each)
  await expectUnchanged(team, { ...before, pullRequests: before.pullRequests.filter((each) => each !== open) })
  await team.click(team.people.dana, 'plan again')
  await team.until.replaced(number, number + 1)
  await awaits()
}

const look = () => Promise.all(team.running.map((each) => each.look?.()))

describe('what a plan binds moves', () => {
  it('master, after the sign-off of one', async () => {
    await team.click(team.people.lin, 'qa')
    await team.until.signed(number, 'qa', team.people.lin)
    const from = await team.repository.head('master')
    let to = ''
    const commit = async () => {
      to = await team.repository.commit({ files: { 'api/late.py': '1\n' }, message: 'Come late' })
    }
    await isOutdatedBy(commit, () => ({ from, to }))
    expect(team.words(team.card(number - 1))).toContain('lin')
  })

  it('production, and only the last sign-off looks', async () => {
    const from = await team.repository.head('production')
    let to = ''
    const move = async () => {
      to = await team.repository.commit({ branch: 'production', files: { 'api/x.py': '1\n' }, message: 'By hand' })
    }
    await isOutdatedBy(move, () => ({ from, to }), signOff)
  })

  it('the remote, between plan and last sign-off', async () => {
    const from = await team.heroku.holds(PRODUCTION)
    const to = await team.repository.head('master')
    const move = () => team.heroku.pushBehind(PRODUCTION, to, team.repository.bare)
    await isOutdatedBy(move, () => ({ ...(from !== undefined && { from }), to }), signOff)
  })

  it('what Heroku runs', async () => {
    const version = team.heroku.releases(PRODUCTION).find(({ current }) => !current)?.version ?? 0
    const runs = () => team.heroku.runs(PRODUCTION) ?? ''
    const from = runs()
    await isOutdatedBy(
      async () => team.heroku.rollback(PRODUCTION, version),
      () => ({ from, to: runs() }),
    )
  })

  it('the database', async () => {
    const { url } = team.databases.production
    const at = (await team.revisions('production'))[0] ?? ''
    const sql = 'delete from alembic_version'
    await isOutdatedBy(
      () => byHand(url, sql),
      () => ({ from: at, to: 'empty' }),
    )
    await byHand(url, `insert into alembic_version values ('${at}')`)
    await isOutdatedBy(
      async () => undefined,
      () => ({ from: 'empty', to: at }),
    )
  })

  it('the remote, while the run has merged nothing yet', async () => {
    let go = (_: unknown) => {}
    team.bitbucket.fault({ route: 'comment', kind: 'delay_after', until: new Promise((resolve) => (go = resolve)) })
    const recording = team.bitbucket.arrived('comment')
    const version = team.heroku.releases(PRODUCTION).find(({ current }) => !current)?.version ?? 0
    await signOff()
    await recording
    const { id } = team.bitbucket.pullRequests().at(-1) ?? { id: 0 }
    await team.waitFor('the record', () => team.bitbucket.comments(id).length === 1)
    const from = team.heroku.runs(PRODUCTION) ?? ''
    await isOutdatedBy(
      async () => team.heroku.rollback(PRODUCTION, version),
      () => ({ from }),
      async () => go(undefined),
    )
  })

  it('the remote, when the pull request is merged already: stops, tells what is done, and keeps the rest', async () => {
    let go = (_: unknown) => {}
    team.bitbucket.fault({ route: 'merge', kind: 'delay_after', until: new Promise((resolve) => (go = resolve)) })
    const merging = team.bitbucket.arrived('merge')
    await signOff()
    await merging
    const aside = await team.repository.commit({ branch: 'aside', files: { 'y.py': '1\n' }, message: 'Quick repair' })
    await team.heroku.pushBehind(PRODUCTION, aside, team.repository.bare)
    const releases = team.heroku.releases(PRODUCTION).length
    go(undefined)
    await team.until.needsAttention(number)
    expect(team.words(team.card(number))).toContain('heroku-production')
    for (const pressed of ['retry', 'close'] as const) expect(offers(team.card(number), pressed)).toBe(true)
    expect(team.heroku.releases(PRODUCTION).length).toBe(releases)
    expect(await team.heroku.holds(PRODUCTION)).toBe(aside)
    await pressWithReason(team, team.people.tom, 'close', 'Ada merges her repair first')
    expect(await team.until.state(number, 'closed')).toMatchObject({ endedBy: 'tom' })
    number++
    await askAndBeRefused(team, team.people.dana, '/deploy production', 'remote_diverged')
    expect(await team.heroku.holds(INTEGRATION)).toBeDefined()
  })
})
