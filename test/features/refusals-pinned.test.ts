import { afterAll, beforeAll, expect, it } from 'vitest'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'
import {
  askAndBeRefused,
  expectUnchanged,
  leavesNothing,
  nothingToTalkOver,
  toldNext,
  worldState,
} from '../support/world-state.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam({
    production: (entry) => {
      nothingToTalkOver(entry)
      entry.pull_request = 'pinned'
    },
  })
})
afterAll(() => team?.close())

const look = () => Promise.all(team.running.map((each) => each.look?.()))
const ours = async () => (await worldState(team)).branches.filter((each) => each.startsWith('signoff/'))

async function ask(number: number): Promise<void> {
  await team.command(team.people.dana, '/deploy production')
  await team.until(new RegExp(`Release #${number}: [\\s\\S]*Awaiting sign-off`))
}

it('goes as it was signed while master moves on, says what is not in it, and leaves no branch', async () => {
  const { lin, tom } = team.people
  const [source, target] = [await team.repository.head('master'), await team.repository.head('production')]
  await ask(1)
  expect(await ours()).toEqual([`signoff/1-production ${source}`])
  await team.repository.commit({ files: { 'api/a.py': '1\n' }, message: 'Come late' })
  await team.repository.commit({ files: { 'api/b.py': '1\n' }, message: 'Come later' })
  await look()
  await team.until('master has 2 newer commits, not in this release')
  expect(team.words(team.card())).toContain('[Plan again]')
  await team.click(lin, 'QA passed')
  await team.until(/Given: QA by/)
  await team.click(tom, 'Approve')
  await team.succeeded(1)
  const log = await team.bitbucket.log()
  expect(log).toContainEqual(expect.objectContaining({ kind: 'pull request merged', parents: [target, source] }))
  expect(await team.heroku.holds(PRODUCTION)).toBe(await team.repository.head('production'))
  await expect.poll(ours, { timeout: 10_000 }).toEqual([])
})

it('takes its pull request and its branch back when it is rejected', async () => {
  const before = await worldState(team)
  await ask(2)
  expect((await ours()).length).toBe(1)
  await team.click(team.people.lin, 'Reject')
  await team.submit(team.people.lin, { Reason: 'The export is still wrong' })
  await team.until('Release #2 was rejected')
  await expectUnchanged(team, before)
})

it('plans again with what is newer, and takes back what it had opened before', async () => {
  const { dana, lin } = team.people
  await ask(3)
  await team.repository.commit({ files: { 'api/c.py': '1\n' }, message: 'Come late again' })
  await look()
  await team.until('master has 1 newer commit, not in this release')
  await team.click(dana, 'Plan again')
  await team.until('Replaced by #4')
  await team.until(/Release #4: [\s\S]*Awaiting sign-off/)
  const source = await team.repository.head('master')
  await expect.poll(ours, { timeout: 10_000 }).toEqual([`signoff/4-production ${source}`])
  expect(team.bitbucket.pullRequests().filter(({ state }) => state === 'OPEN').length).toBe(1)
  await team.click(lin, 'Reject')
  await team.submit(lin, { Reason: 'Not now' })
  await team.until('Release #4 was rejected')
  await expect.poll(ours, { timeout: 10_000 }).toEqual([])
})

it('takes its branch back when the pull request could not be opened', async () => {
  team.bitbucket.fault({ route: 'create', kind: 'http_500_before' })
  const { dana } = team.people
  await leavesNothing(team, () => askAndBeRefused(team, dana, '/deploy production', 'bitbucket_unreachable'))
  const pushed = (await team.bitbucket.log()).filter((each) => each.kind === 'ref pushed')
  expect(pushed).toContainEqual(expect.objectContaining({ ref: 'refs/heads/signoff/5-production' }))
})

it('takes both back when it is cancelled while they are being made', async () => {
  const { dana } = team.people
  const before = await worldState(team)
  let go = (_: unknown) => {}
  const until = new Promise((resolve) => {
    go = resolve
  })
  team.bitbucket.fault({ route: 'create', kind: 'delay_after', until })
  const creating = team.bitbucket.arrived('create')
  await team.command(dana, '/deploy production')
  await creating
  expect(await toldNext(team, dana, () => team.command(dana, '/deploy cancel 6'))).toBeDefined()
  await team.told(dana, 'Release #6 of api to production is cancelled.')
  await expect.poll(() => team.bitbucket.pullRequests().at(-1)?.state).toMatch(/OPEN|DECLINED/)
  go(undefined)
  await expectUnchanged(team, before)
  expect(team.bitbucket.pullRequests().at(-1)).toMatchObject({ state: 'DECLINED' })
})

it('does not merge a branch of its own that somebody has moved', async () => {
  const { lin, tom } = team.people
  const [production, number] = [await team.repository.head('production'), 7]
  await ask(number)
  await team.repository.commit({
    branch: `signoff/${number}-production`,
    files: { 'api/x.py': '1\n' },
    message: 'Slip in',
  })
  await team.click(lin, 'QA passed')
  await team.until(/Given: QA by/)
  await team.click(tom, 'Approve')
  await team.until(new RegExp(`Release #${number}: [\\s\\S]*Outdated`))
  expect(await team.repository.head('production')).toBe(production)
  await expect.poll(ours, { timeout: 10_000 }).toEqual([])
})
