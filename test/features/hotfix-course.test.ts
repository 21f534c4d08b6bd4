import { afterEach, expect, it, vi } from 'vitest'
import { askForHotfix, inOrigin, REASON, signHotfix, startHotfixTeam } from '../support/hotfix.ts'
import { startProcess } from '../support/processes.ts'
import { PRODUCTION, type Team } from '../support/team.ts'
import { leavesNothing, toldNext } from '../support/world-state.ts'

vi.setConfig({ testTimeout: 180_000 })

let team: Team
afterEach(async () => {
  await team?.close()
})

/** One commit of master's that applies to production. */
const aFix = () => inOrigin(team, 'rev-list', '-1', '--grep=^Say how to run it', 'master')

async function pushesToProduction(): Promise<number> {
  const log = await team.bitbucket.log()
  return log.filter((event) => event.kind === 'ref pushed' && event.ref === 'refs/heads/production').length
}

function cardOf(number: number): string {
  const card = team.slack.messages('product').findLast((each) => JSON.stringify(each.blocks[0]).includes(`#${number}:`))
  return card === undefined ? '' : team.slack.plainText(card).replaceAll('\u00a0', ' ')
}
const untilCard = (number: number, text: string) =>
  team.slack.waitFor(() => cardOf(number).includes(text), {
    what: `${text} on the card of #${number}`,
    timeoutMs: 30_000,
    channel: 'product',
  })

it('ends what waits for sign-off, after saying so, and waits behind what runs', async () => {
  team = await startHotfixTeam()
  const { dana, lin } = team.people
  await team.command(lin, '/deploy production')
  await untilCard(1, 'Awaiting sign-off')
  await team.command(dana, `/hotfix ${await aFix()} production`)
  const view = await team.slack.waitFor(() => team.slack.openView(dana), { what: 'the modal' })
  expect(team.slack.plainText(view)).toContain(
    'Submitting for api production ends #1; it can be planned again afterwards.',
  )
  await team.submit(dana, { Reason: REASON, 'Are you sure?': true })
  await untilCard(1, 'a hot-fix that dana asked for goes first')
  await untilCard(2, 'Awaiting sign-off')
  const rows = await team.query<{ type: string; release: number }>(
    "select type, release from event where type in ('release_ended', 'release_requested') and release > 0 order by id",
  )
  expect(rows.map(({ type, release }) => `${type} ${release}`)).toEqual([
    'release_requested 1',
    'release_ended 1',
    'release_requested 2',
  ])

  // Somebody asked after the modal was opened: nobody said that their release would end.
  await team.command(dana, '/deploy cancel 2')
  await untilCard(2, 'Cancelled')
  await team.command(dana, `/hotfix ${await aFix()} production`)
  await team.slack.waitFor(() => team.slack.openView(dana), { what: 'the modal' })
  await team.command(lin, '/deploy production')
  await untilCard(3, 'Awaiting sign-off')
  const words = await toldNext(team, dana, () => team.submit(dana, { Reason: REASON, 'Are you sure?': true }))
  expect(words).toContain('Gate: `environment_busy`')
  expect(cardOf(3)).toContain('Awaiting sign-off')
})

it('is outdated when the branch moves between plan and pick, and pushes nothing', async () => {
  team = await startHotfixTeam()
  const { dana, lin, tom } = team.people
  await askForHotfix(team, dana, `/hotfix ${await aFix()} production`)
  await untilCard(1, 'Awaiting sign-off')
  await team.click(lin, 'QA passed')
  await team.until(/Given: QA by/)
  const moved = await team.repository.commit({ branch: 'production', files: { 'm.py': 'm\n' }, message: 'Moved' })
  await leavesNothing(team, async () => {
    await team.click(tom, 'Approve')
    await untilCard(1, 'Outdated')
  })
  expect(cardOf(1)).toContain('production moved since the plan was made')
  expect(await team.repository.head('production')).toBe(moved)
  expect(await pushesToProduction()).toBe(0)
})

it('looks before it acts when the push’s answer is lost: one commit on origin, never two', async () => {
  team = await startHotfixTeam()
  const before = await team.repository.head('production')
  await askForHotfix(team, team.people.dana, `/hotfix ${await aFix()} production`)
  team.bitbucket.cutNextPush('after')
  await signHotfix(team)
  await untilCard(1, 'Succeeded')
  const picked = await team.repository.head('production')
  expect(await inOrigin(team, 'rev-list', '--count', `${before}..${picked}`)).toBe('1')
  expect(await pushesToProduction()).toBe(1)
  expect(team.heroku.runs(PRODUCTION)).toBe(picked)
})

it('fails with the branch rule’s own words when the push is refused, and nothing is changed', async () => {
  team = await startHotfixTeam()
  await askForHotfix(team, team.people.dana, `/hotfix ${await aFix()} production`)
  await untilCard(1, 'Awaiting sign-off')
  await team.bitbucket.forbidMerge({ kind: 'push', pattern: 'production' })
  await leavesNothing(team, async () => {
    await signHotfix(team)
    await untilCard(1, 'Failed at pick')
  })
  expect(cardOf(1)).toContain("You can't push to production: it is restricted by branch permissions.")
  expect(cardOf(1)).toContain('Gate: `pick_refused`')
})

it('is taken up by another worker when the first is killed around the push: one commit, never two', async () => {
  for (const when of ['before', 'after'] as const) {
    team = await startHotfixTeam({ unstarted: true })
    await team.start('bot')
    const first = await startProcess(team, 'worker', { pace: QUICK_WORKER })
    const before = await team.repository.head('production')
    await askForHotfix(team, team.people.dana, `/hotfix ${await aFix()} production`)
    await untilCard(1, 'Awaiting sign-off')
    team.bitbucket.hangNextPush(when)
    await signHotfix(team)
    await team.bitbucket.pushArrived()
    await first.kill()
    // Its mirror is not the first one's: the commits are made again, the same.
    const second = await startProcess(team, 'worker', { pace: QUICK_WORKER, dataDir: `${team.directory}/other` })
    await untilCard(1, 'Succeeded')
    const picked = await team.repository.head('production')
    expect(await inOrigin(team, 'rev-list', '--count', `${before}..${picked}`)).toBe('1')
    expect(team.heroku.runs(PRODUCTION)).toBe(picked)
    expect(await pushesToProduction()).toBe(1)
    await second.stop()
    await team.close()
  }
}, 240_000)

const QUICK_WORKER = {
  times: { pause: 50, poll: 50, settleMerge: 1_500, settlePush: { heroku: 1_500, git: 1_500 }, confirm: 5_000 },
  jobTiming: { pollSeconds: 0.5, superviseSeconds: 1, retrySeconds: 1 },
}
