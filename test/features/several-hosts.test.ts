/**
 * Two bots, two workers of different groups and one Postgres, all as processes. Each is killed in turn during releases, and the
 * promises are kept. Each worker's host has only the secrets of its own group.
 */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyAudit } from '../../src/cli/audit.ts'
import { ask, type MortalPostgres, startMortalPostgres } from '../support/postgres.ts'
import { type SignoffProcess, startProcess } from '../support/processes.ts'
import { INTEGRATION, PRODUCTION, QUICK, startTeam, type Team } from '../support/team.ts'
import { createTruth, LEDGER, type Truth } from '../support/truth.ts'
import { worldState } from '../support/world-state.ts'

/** What takes a job from a dead worker keeps its real times: a heartbeat and a lease of 10 s. */
const PACE = {
  ...QUICK,
  times: { ...QUICK.times, sweep: 500 },
  jobTiming: { pollSeconds: 0.5, superviseSeconds: 1, retrySeconds: 1 },
  tickEveryMs: 1_000,
  workersEveryMs: 1_000,
}
const NET = 'production-net'
const NO_SLACK = { SLACK_BOT_TOKEN: undefined, SLACK_APP_TOKEN: undefined }
const NO_WORKERS_SECRETS = { BITBUCKET_TOKEN: undefined, HEROKU_API_KEY: undefined }

let team: Team
let storeServer: MortalPostgres
let truth: Truth
const processes: SignoffProcess[] = []

type Host = 'bot-1' | 'bot-2' | 'integration' | 'production'
const running: Partial<Record<Host, SignoffProcess>> = {}

/** A worker's host has releases.yml and the env file of its own environment. */
async function filesOf(host: 'integration' | 'production'): Promise<string> {
  const folder = join(team.directory, `host-${host}`)
  await mkdir(folder, { recursive: true })
  await copyFile(team.env.RELEASES_FILE ?? '', join(folder, 'releases.yml'))
  await copyFile(join(team.directory, `.env_${host}`), join(folder, `.env_${host}`))
  return join(folder, 'releases.yml')
}

async function start(host: Host): Promise<void> {
  const dataDir = join(team.directory, `data-${host}`)
  if (host === 'bot-1' || host === 'bot-2') {
    running[host] = await startProcess(team, 'bot', { pace: PACE, dataDir, env: NO_WORKERS_SECRETS })
  } else {
    const env = { ...NO_SLACK, RELEASES_FILE: await filesOf(host) }
    const group = host === 'production' ? { group: NET } : {}
    running[host] = await startProcess(team, 'worker', { pace: PACE, dataDir, env, ...group })
  }
  processes.push(running[host])
}

/** SIGKILL, as a host that loses power. */
async function kill(host: Host): Promise<void> {
  await running[host]?.kill()
  delete running[host]
}

/** A migration that takes a while and writes down that it ran. */
async function slowMigration(name: string): Promise<void> {
  const upgrade = `op.execute("SELECT pg_sleep(1)")\nop.execute("INSERT INTO effects (migration) VALUES ('${name}')")`
  await team.repository.addRevision({ message: `Add ${name}`, upgrade })
}

const isRunning = (number: number, step: string) => async () =>
  (await team.query(`select 1 from step where release = ${number} and name = '${step}' and state = 'running'`)).length >
  0

const fences = () =>
  team.query<{ environment: string; fence: number }>('select environment, fence from environment_lease order by 1')

beforeAll(async () => {
  storeServer = await startMortalPostgres()
  team = await startTeam({
    unstarted: true,
    storeServer,
    production: (entry) => void Object.assign(entry.migrations as object, { talk_it_over: [] }),
    integration: (entry) => void Object.assign(entry.migrations as object, { talk_it_over: [] }),
  })
  const file = JSON.parse(await readFile(team.env.RELEASES_FILE ?? '', 'utf8'))
  await writeFile(
    team.env.RELEASES_FILE ?? '',
    JSON.stringify({ ...file, workers: { [NET]: { environments: ['api/production'] } } }),
  )
  truth = createTruth(team)
  for (const { url } of [team.databases.integration, team.databases.production]) await ask(url, LEDGER)
  await Promise.all((['bot-1', 'bot-2', 'integration', 'production'] as const).map(start))
})
afterAll(async () => {
  await Promise.all(processes.map((each) => each.kill().catch(() => undefined)))
  await team?.close()
  await storeServer?.stop()
})

const ONCE = {
  cards: 1,
  pushes: 1,
  platformReleases: 1,
  outcomes: 1,
  linesTwice: [],
  early: 0,
}

describe('one of anything dies', () => {
  it('a worker in its migration: another one of its group continues, and nothing happens twice', async () => {
    await slowMigration('first')
    await truth.begin('integration')
    await team.command(team.people.dana, '/deploy integration')
    await team.waitFor('the migration to run', isRunning(1, 'migrate'))
    await kill('integration')
    await start('integration')
    await team.until.succeeded(1)
    expect(await truth.effects(1)).toMatchObject({ ...ONCE, migrations: { first: 1 } })
    expect(team.heroku.runs(INTEGRATION)).toBe(await team.repository.head('master'))
    expect(await fences()).toEqual([{ environment: 'integration', fence: 2 }])
  })

  it('a worker while it plans: another one of its group plans, and looking has changed nothing', async () => {
    await truth.begin('production')
    const before = await worldState(team)
    await team.command(team.people.dana, '/deploy production')
    await team.waitFor(
      'the plan to be under way',
      async () =>
        (await team.query(`select 1 from pgboss.job where name = 'plan.${NET}' and state = 'active'`)).length > 0,
    )
    await kill('production')
    await start('production')
    await team.until.awaitingSignOff(2)
    const { pullRequests, ...after } = await worldState(team)
    expect({ ...after, pullRequests: [] }).toEqual({ ...before, pullRequests: [] })
    // The plan's one effect, made once.
    expect(pullRequests.filter((each) => !before.pullRequests.includes(each))).toHaveLength(1)
  })

  it('a bot while two people press: one signature counts, and the requester is no second person', async () => {
    const { dana, lin } = team.people
    await Promise.all([team.click(lin, 'qa', 2), team.click(dana, 'approval', 2)])
    await kill('bot-1')
    await team.until.signed(2, 'qa', lin)
    await team.told(dana, 'own_release')
    expect(await team.query('select kind, person_id from sign_off where release = 2')).toEqual([
      { kind: 'qa', person_id: lin },
    ])
  })

  it('the only worker of a group in a run: the card says who last could within 30 s, and it continues when one comes', async () => {
    await team.click(team.people.tom, 'approval', 2)
    await team.waitFor('the migration to run', isRunning(2, 'migrate'))
    await kill('production')
    const died = performance.now()
    const says = () => team.words(team.card(2))
    await team.waitFor(
      () => `the card to say that no worker responds:\n${says()}`,
      () => says().includes(`No worker of group ${NET} responds`),
      { atMostMs: 60_000 },
    )
    expect(performance.now() - died).toBeLessThan(30_000)
    expect(says()).toContain(`Last seen: ${hostname()}`)
    await Promise.all([start('production'), start('bot-1')])
    await team.waitFor('the lease to be taken over', async () =>
      (await fences()).some(({ environment, fence }) => environment === 'production' && fence === 2),
    )
    await kill('bot-2')
    await team.until.succeeded(2)
    expect(says()).not.toContain('No worker')
    expect(await truth.effects(2)).toMatchObject({
      ...ONCE,
      merges: 1,
      comments: 1,
      announcements: 1,
      migrations: { first: 1 },
    })
    expect(team.heroku.runs(PRODUCTION)).toBe(await team.repository.head('production'))
  })

  it('the store in a run, as when its machine loses power: the release continues when it is back', async () => {
    await slowMigration('second')
    await truth.begin('integration')
    await team.command(team.people.dana, '/deploy integration')
    await team.waitFor('the migration to run', isRunning(3, 'migrate'))
    await storeServer.kill()
    await storeServer.startAgain()
    await team.until.succeeded(3)
    expect(await truth.effects(3)).toMatchObject({ ...ONCE, migrations: { second: 1 } })
  })

  it('workers and bots are started again one after the other, as in an upgrade: nothing waits and nothing happens twice', async () => {
    await truth.begin('production')
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(4)
    await start('bot-2')
    expect((await running['bot-1']?.stop())?.code).toBe(0)
    await team.click(team.people.lin, 'qa', 4)
    await team.until.signed(4, 'qa', team.people.lin)
    await team.click(team.people.tom, 'approval', 4)
    await team.waitFor('the migration to run', isRunning(4, 'migrate'))
    const ended = running.production?.stop()
    await start('production')
    expect((await ended)?.code).toBe(0)
    await Promise.all([start('bot-1'), running['bot-2']?.stop()])
    await team.until.succeeded(4)
    expect(await truth.effects(4)).toMatchObject({ ...ONCE, merges: 1, announcements: 1, migrations: { second: 1 } })
  })

  it('a worker while somebody cancels: no step begins, and the next release goes', async () => {
    await kill('integration')
    await truth.begin('integration')
    await team.repository.commit({ files: { 'stop.md': 'stop\n' }, message: 'Note stop' })
    await team.command(team.people.dana, '/deploy integration')
    await team.waitFor(
      'the request',
      async () => (await team.query('select 1 from release where number = 5')).length > 0,
    )
    await team.command(team.people.dana, '/deploy cancel 5')
    await team.waitFor(
      'the cancel',
      async () => (await team.query(`select 1 from release where number = 5 and state = 'cancelled'`)).length > 0,
    )
    await start('integration')
    await team.command(team.people.dana, '/deploy integration')
    await team.until.succeeded(6)
    expect(await team.query('select name from step where release = 5')).toEqual([])
    expect(await truth.effects(5)).toMatchObject({ merges: 0, picks: 0, announcements: 0 })
    expect(await truth.effects(6)).toMatchObject({ ...ONCE, migrations: {} })
  })

  it('leaves a record that holds, and jobs of each group with its own workers alone', async () => {
    const verified = await verifyAudit({ storeUrl: team.databases.store.url, dataDir: team.directory }, [])
    expect(verified).toMatchObject({ exitCode: 0 })
    const queues = await team.query<{ name: string }>(
      `select distinct job.name from pgboss.job join release on number = (data ->> 'release')::integer
       where (release.environment = 'production') <> (job.name in ('plan.${NET}', 'run.${NET}'))`,
    )
    expect(queues).toEqual([])
    const lines = processes.map((each) => each.output()).join('\n')
    expect(lines).toContain(`"group":"${NET}"`)
    for (const secret of team.secrets) expect(lines).not.toContain(secret)
  })
})
