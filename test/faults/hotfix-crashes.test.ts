/** Promise 1, at most one effect, for a hot-fix: a worker that dies around its pick, and around the pull request after it. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lines } from '../support/channel.ts'
import { askForHotfix, atBitbucket, inOrigin, pushesTo, startHotfixTeam } from '../support/hotfix.ts'
import { type SignoffProcess, startProcess } from '../support/processes.ts'
import { herokuEffects, nextTakesUp, reaches, sign } from '../support/seen-release.ts'
import { PRODUCTION, QUICK, type Team } from '../support/team.ts'

let team: Team
let worker: SignoffProcess
let kills = 0
beforeAll(async () => {
  team = await startHotfixTeam({ unstarted: true })
  worker = await startWorker('data')
  await team.start('bot')
})
afterAll(async () => {
  await worker?.kill()
  await team?.close()
})

/** It looks after hot-fixes all the time, and has a mirror of its own. */
function startWorker(dataDir: string): Promise<SignoffProcess> {
  const pace = { ...QUICK, times: { ...QUICK.times, look: 500 } }
  return startProcess(team, 'worker', { pace, dataDir: `${team.directory}/${dataDir}` })
}

/** Kills the worker at a moment, then starts another one, which takes its job up. */
async function killAt(moment: Promise<unknown> | (() => Promise<boolean>), dataDir: string, before = () => {}) {
  if (typeof moment === 'function') await team.waitFor('the moment', moment, { everyMs: 10 })
  else await moment
  await worker.kill()
  kills += 1
  before()
  await nextTakesUp(team, async () => {
    worker = await startWorker(dataDir)
  })
}

/** Resolves as soon as a step's intent is committed, before anything of its effect is on its way. */
async function intentOf(step: string): Promise<{ written: Promise<void>; close: () => Promise<void> }> {
  const client = new pg.Client({ connectionString: team.databases.store.url })
  await client.connect()
  await client.query(`
    create function told() returns trigger language plpgsql as 'begin perform pg_notify(''intent'', new.name); return new; end';
    create trigger told after insert or update on step for each row when (new.state = 'running') execute function told();
    listen intent`)
  const written = new Promise<void>((resolve) => {
    client.on('notification', ({ payload }) => {
      if (payload === step) resolve()
    })
  })
  return { written, close: () => client.end() }
}

it('Promise 1, at most one effect: a hot-fix is picked once and carried on once, whenever the worker is killed', async () => {
  const { bitbucket, repository } = team
  const before = await repository.head('production')
  await repository.branch('urgent', before)
  const fix = await repository.commit({ branch: 'urgent', files: { 'urgent.py': 'FIXED = 1\n' }, message: 'Fix it' })
  await askForHotfix(team, team.people.dana, `/hotfix ${fix} production`)
  const intent = await intentOf('pick')
  await sign(team, 1)

  // Before the push arrives: the intent is written, and nothing has been sent.
  await killAt(intent.written, 'data', () => {
    bitbucket.hangNextPush('before')
  })
  await intent.close()
  await team.query('drop trigger told on step')
  // While it is held, by a worker that goes on with the same mirror; the next one's mirror is new, and makes the same commits.
  await killAt(bitbucket.pushArrived(), 'other', () => bitbucket.hangNextPush('after'))
  // After it was applied, and before anybody was told.
  await killAt(
    async () => (await repository.head('production')) !== before,
    'data',
    () => bitbucket.fault({ route: 'create', kind: 'hang_after' }),
  )
  // After the pull request was made that carries it on, and before its number was stored.
  await killAt(async () => bitbucket.pullRequests().length === 1, 'other')

  await reaches(team, 1, 'succeeded')
  const picked = await repository.head('production')
  expect(await inOrigin(team, 'rev-parse', `${picked}^`)).toBe(before)
  expect(await pushesTo(team, 'production')).toBe(1)
  expect(herokuEffects(team.heroku, PRODUCTION)).toEqual({ pushes: [picked], releases: [`${picked} by push`] })
  expect(bitbucket.commitComments(picked)).toHaveLength(1)
  expect(await team.until.line(1, 'carried')).toMatch(/#1.*master/)
  await team.until.told(1)
  expect(lines(team.slack, 1, 'done:pick')).toHaveLength(1)
  expect(lines(team.slack, 1, 'carried')).toHaveLength(1)
  expect(bitbucket.pullRequests()).toHaveLength(1)
  expect(await pushesTo(team, 'signoff/hotfix-1')).toBe(1)
  const picks = await pushesTo(team, 'production')
  const pushes = herokuEffects(team.heroku, PRODUCTION).pushes.length
  const carried = bitbucket.pullRequests().length
  console.log(`hot-fix, worker killed ${kills} times: picks ${picks}, pushes ${pushes}, pull requests ${carried}`)

  // Somebody works on our branch, and then declines: what is theirs is left.
  const theirs = await repository.commit({ branch: 'signoff/hotfix-1', files: { 'more.py': '' }, message: 'More' })
  await atBitbucket(team, 'pullrequests/1/decline', {})
  const became = "select body::json->'data'->>'became' as became from event where type = 'hotfix_branch_settled'"
  await team.eventually(async () => expect(await team.query(became)).toEqual([{ became: 'left: it has moved' }]))
  expect(await repository.head('signoff/hotfix-1')).toBe(theirs)
})
