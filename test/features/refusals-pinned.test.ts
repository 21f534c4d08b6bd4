import { afterAll, beforeAll, expect, it } from 'vitest'
import { offers } from '../support/channel.ts'
import { pressWithReason, reaches, sign } from '../support/seen-release.ts'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'
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
      entry.pull_request = 'pinned'
    },
  })
})
afterAll(() => team?.close())

const look = () => Promise.all(team.running.map((each) => each.look?.()))
const ours = async () => (await worldState(team)).branches.filter((each) => each.startsWith('signoff/'))

async function ask(number: number): Promise<void> {
  await team.command(team.people.dana, '/deploy production')
  await team.until.awaitingSignOff(number)
}

async function reject(number: number, reason: string): Promise<void> {
  await pressWithReason(team, team.people.lin, 'rejection', reason)
  await team.until.state(number, 'rejected')
}

/** The card says how far master has moved on, and offers to plan again. */
async function isBehind(number: number, commits: number): Promise<void> {
  const newer = `select newer_commits as count from release where number = ${number}`
  await team.eventually(async () => expect(await team.query(newer)).toEqual([{ count: commits }]))
  await team.until.awaitingSignOff(number)
  expect(team.words(team.card(number))).toMatch(new RegExp(`master.*\\b${commits}\\b`))
  expect(offers(team.card(number), 'plan again')).toBe(true)
}

it('goes as it was signed while master moves on, says what is not in it, and leaves no branch', async () => {
  const [source, target] = [await team.repository.head('master'), await team.repository.head('production')]
  await ask(1)
  expect(await ours()).toEqual([`signoff/1-production ${source}`])
  await team.repository.commit({ files: { 'api/a.py': '1\n' }, message: 'Come late' })
  await team.repository.commit({ files: { 'api/b.py': '1\n' }, message: 'Come later' })
  await look()
  await isBehind(1, 2)
  await sign(team, 1)
  await team.until.succeeded(1)
  const log = await team.bitbucket.log()
  expect(log).toContainEqual(expect.objectContaining({ kind: 'pull request merged', parents: [target, source] }))
  expect(await team.heroku.holds(PRODUCTION)).toBe(await team.repository.head('production'))
  await team.eventually(async () => expect(await ours()).toEqual([]))
})

it('takes its pull request and its branch back when it is rejected', async () => {
  const before = await worldState(team)
  await ask(2)
  expect((await ours()).length).toBe(1)
  await reject(2, 'The export is still wrong')
  await expectUnchanged(team, before)
})

it('plans again with what is newer, and takes back what it had opened before', async () => {
  const { dana } = team.people
  await ask(3)
  await team.repository.commit({ files: { 'api/c.py': '1\n' }, message: 'Come late again' })
  await look()
  await isBehind(3, 1)
  await team.click(dana, 'plan again')
  await team.until.replaced(3, 4)
  await team.until.awaitingSignOff(4)
  const source = await team.repository.head('master')
  await team.eventually(async () => expect(await ours()).toEqual([`signoff/4-production ${source}`]))
  expect(team.bitbucket.pullRequests().filter(({ state }) => state === 'OPEN').length).toBe(1)
  await reject(4, 'Not now')
  await team.eventually(async () => expect(await ours()).toEqual([]))
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
  await team.command(dana, '/deploy cancel 6')
  await reaches(team, 6, 'cancelled')
  await team.eventually(() => expect(team.bitbucket.pullRequests().at(-1)?.state).toMatch(/OPEN|DECLINED/))
  go(undefined)
  await expectUnchanged(team, before)
  expect(team.bitbucket.pullRequests().at(-1)).toMatchObject({ state: 'DECLINED' })
})

it('does not merge a branch of its own that somebody has moved', async () => {
  const [production, number] = [await team.repository.head('production'), 7]
  await ask(number)
  await team.repository.commit({
    branch: `signoff/${number}-production`,
    files: { 'api/x.py': '1\n' },
    message: 'Slip in',
  })
  await sign(team, number)
  await team.until.outdated(number)
  expect(await team.repository.head('production')).toBe(production)
  await team.eventually(async () => expect(await ours()).toEqual([]))
})
