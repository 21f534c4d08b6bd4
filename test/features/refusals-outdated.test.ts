import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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

const card = () => team.words(team.slack.messages('product').findLast((one) => isCardOf(team.words(one), number)))
const isCardOf = (words: string, release: number) => words.startsWith(`Release #${release}:`)

async function awaits(): Promise<void> {
  number++
  await team.until(new RegExp(`Release #${number}: [\\s\\S]*Awaiting sign-off`))
}

async function signOff(): Promise<void> {
  await team.click(team.people.lin, 'QA passed')
  await team.until(new RegExp(`Release #${number}: [\\s\\S]*Given: QA by`))
  await team.click(team.people.tom, 'Approve')
}

async function endsAs(state: string, gate: string, words: readonly string[]): Promise<void> {
  await team.until(new RegExp(`Release #${number}: [\\s\\S]*${state}[\\s\\S]*Gate: \`${gate}\``))
  for (const each of words) expect(card()).toContain(each)
  await team.slack.waitFor(() => team.thread().some((line) => line.includes(`Release #${number} `)), {
    what: 'the end',
  })
}

/** Something moves, the release ends outdated with nothing changed by it, and Plan again makes one that holds. */
async function isOutdatedBy(
  move: () => Promise<unknown>,
  words: readonly string[],
  notice: () => Promise<unknown> = look,
) {
  await move()
  const before = await worldState(team)
  const open = `#${team.bitbucket.pullRequests().at(-1)?.id} OPEN`
  await notice()
  await endsAs('Outdated', 'plan_outdated', words)
  await expectUnchanged(team, { ...before, pullRequests: before.pullRequests.filter((each) => each !== open) })
  await team.click(team.people.dana, 'Plan again')
  await team.until(`Replaced by #${number + 1}`)
  await awaits()
}

const look = () => Promise.all(team.running.map((each) => each.look?.()))
const seven = (sha: string | undefined) => (sha ?? '').slice(0, 7)

describe('what a plan binds moves', () => {
  it('master, after the sign-off of one', async () => {
    await team.click(team.people.lin, 'QA passed')
    await team.until(/Given: QA by lin/)
    const from = seven(await team.repository.head('master'))
    let to = ''
    const commit = async () => {
      to = seven(await team.repository.commit({ files: { 'api/late.py': '1\n' }, message: 'Come late' }))
    }
    await isOutdatedBy(commit, [`master moved since the plan was made`, 'Void: QA by lin'])
    expect(team.transcript()).toContain(`master: ${from} → ${to}`)
  })

  it('production, and only the last sign-off looks', async () => {
    const from = await team.repository.head('production')
    const move = () =>
      team.repository.commit({ branch: 'production', files: { 'api/x.py': '1\n' }, message: 'By hand' })
    await isOutdatedBy(move, ['production moved', `production: ${seven(from)} → `], signOff)
  })

  it('the remote, between plan and last sign-off', async () => {
    const from = await team.heroku.holds(PRODUCTION)
    const to = await team.repository.head('master')
    const move = () => team.heroku.pushBehind(PRODUCTION, to, team.repository.bare)
    await isOutdatedBy(move, [`the remote: ${seven(from)} → ${seven(to)}`, 'what runs'], signOff)
  })

  it('what Heroku runs', async () => {
    const version = team.heroku.releases(PRODUCTION).find(({ current }) => !current)?.version ?? 0
    const from = team.heroku.runs(PRODUCTION)
    await isOutdatedBy(
      async () => team.heroku.rollback(PRODUCTION, version),
      [`what runs: ${seven(from)} → `, `production now runs`],
    )
  })

  it('the database', async () => {
    const { url } = team.databases.production
    const at = (await team.revisions('production'))[0] ?? ''
    const sql = 'delete from alembic_version'
    await isOutdatedBy(() => byHand(url, sql), [`the database's revision: ${at} → empty`])
    await byHand(url, `insert into alembic_version values ('${at}')`)
    await isOutdatedBy(async () => undefined, [`the database's revision: empty → ${at}`])
  })

  it('the remote, while the run has merged nothing yet', async () => {
    let go = (_: unknown) => {}
    team.bitbucket.fault({ route: 'comment', kind: 'delay_after', until: new Promise((resolve) => (go = resolve)) })
    const recording = team.bitbucket.arrived('comment')
    const version = team.heroku.releases(PRODUCTION).find(({ current }) => !current)?.version ?? 0
    await signOff()
    await recording
    const { id } = team.bitbucket.pullRequests().at(-1) ?? { id: 0 }
    await expect.poll(() => team.bitbucket.comments(id).length).toBe(1)
    await isOutdatedBy(
      async () => team.heroku.rollback(PRODUCTION, version),
      ['what runs moved', 'Nothing was merged'],
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
    await team.until(new RegExp(`Release #${number}: [\\s\\S]*Needs attention`))
    expect(card()).toMatch(/heroku-production[\s\S]*Retry[\s\S]*Close/)
    expect(team.heroku.releases(PRODUCTION).length).toBe(releases)
    expect(await team.heroku.holds(PRODUCTION)).toBe(aside)
    await team.click(team.people.tom, 'Close')
    await team.submit(team.people.tom, { Reason: 'Ada merges her repair first' })
    await team.until(/Closed\*? by tom/)
    number++
    await askAndBeRefused(team, team.people.dana, '/deploy production', 'remote_diverged')
    expect(await team.heroku.holds(INTEGRATION)).toBeDefined()
  })
})
