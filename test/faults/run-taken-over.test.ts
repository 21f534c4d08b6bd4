/** Promises 5 and 7: workers that are paused, stopped, or die as often as a job is taken up. */
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type SignoffProcess, startProcess } from '../support/processes.ts'
import {
  bitbucketEffects,
  cardShows,
  herokuEffects,
  NOTHING_TO_TALK_OVER,
  reaches,
  seenRelease,
  somethingNew,
  startProduction,
  timePasses,
} from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, QUICK, startTeam, type Team } from '../support/team.ts'

describe('Promises 5 and 7: a run', { timeout: 120_000 }, () => {
  let team: Team
  let workers: SignoffProcess[] = []
  beforeAll(async () => {
    team = await startTeam({ ...NOTHING_TO_TALK_OVER, unstarted: true })
    await team.start('bot')
  })
  afterEach(async () => {
    for (const worker of workers) worker.signal('SIGCONT')
    await Promise.all(workers.map((worker) => worker.kill()))
    workers = []
    team.bitbucket.clearFaults()
  })
  afterAll(() => team?.close())

  const quick = { ...QUICK, times: { ...QUICK.times, sweep: 300 } }
  async function startWorker(options: Parameters<typeof startProcess>[2] = { pace: quick }) {
    const worker = await startProcess(team, 'worker', options)
    workers.push(worker)
    return worker
  }

  it('whose worker is paused beyond its time is taken over on another host, and the paused one does nothing more', async () => {
    const paused = await startWorker()
    team.bitbucket.fault({ route: 'merge', kind: 'hang' })
    const merging = team.bitbucket.arrived('merge')
    await startProduction(team, 1)
    await merging
    paused.signal('SIGSTOP')
    await startWorker({ pace: quick, dataDir: join(team.directory, 'another-host') })
    await timePasses(team)
    expect(await seenRelease(team, 1)).toMatchObject({ state: 'running', steps: { merge: 'running unknown' } })
    paused.signal('SIGCONT')
    await reaches(team, 1, 'succeeded')

    const merged = await team.repository.head('production')
    expect(await bitbucketEffects(team)).toEqual({ merges: 1, comments: 1 })
    expect(herokuEffects(team.heroku, PRODUCTION)).toEqual({ pushes: [merged], releases: [`${merged} by push`] })
  })

  it('whose worker is told to stop is left where it was within 30 s, with exit code 0, and goes on at the next start', async () => {
    await somethingNew(team, 'stopped')
    const worker = await startWorker({})
    team.bitbucket.fault({ route: 'merge', kind: 'hang' })
    const merging = team.bitbucket.arrived('merge')
    await startProduction(team, 2)
    await merging
    const { code, ms } = await worker.stop()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(30_000)
    expect(await seenRelease(team, 2)).toMatchObject({ state: 'running' })
    await startWorker()
    await timePasses(team)
    await reaches(team, 2, 'succeeded')
    expect((await bitbucketEffects(team)).merges).toBe(2)
  })

  it('that was interrupted as often as it may be is not left running: a person is told, and Retry goes on', async () => {
    const commit = await somethingNew(team, 'interrupted')
    const worker = await startWorker()
    team.heroku.hangNextPush('before')
    const pushing = team.heroku.pushArrived()
    await team.command(team.people.dana, '/deploy integration')
    await pushing
    await team.query(`update pgboss.job set retry_limit = retry_count where state = 'active' and name = 'run'`)
    await worker.kill()
    await team.query(`update pgboss.job set heartbeat_on = now() - interval '1 minute' where state = 'active'`)
    await startWorker()
    const stopped = await reaches(team, 3, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'internal_error', steps: { push: 'running unknown' } })
    await cardShows(team, 3, /Signoff itself failed[\s\S]*Retry/)
    await team.click(team.people.dana, 'Retry')
    await reaches(team, 3, 'succeeded')
    expect(herokuEffects(team.heroku, INTEGRATION).pushes).toEqual([commit])
  })

  it('that is cancelled while its worker is dead begins nothing again; what is not seen is told as not known', async () => {
    const commit = await somethingNew(team, 'cancelled')
    const worker = await startWorker()
    team.heroku.hangNextPush('before')
    const pushing = team.heroku.pushArrived()
    await team.command(team.people.dana, '/deploy integration')
    await pushing
    await worker.kill()
    await team.click(team.people.dana, 'Cancel')
    await startWorker()
    await timePasses(team)
    const stopped = await reaches(team, 4, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'push_unknown', steps: { push: 'unknown unknown' } })
    await cardShows(team, 4, /did the push arrive\?[\s\S]*heroku-integration does not show it/)
    expect(herokuEffects(team.heroku, INTEGRATION).pushes).not.toContain(commit)
    await team.click(team.people.tom, 'Close')
    await team.submit(team.people.tom, { Reason: 'nothing was pushed' })
    await reaches(team, 4, 'closed')
  })

  it('that could never be planned ends as refused', async () => {
    await somethingNew(team, 'never planned')
    await team.command(team.people.dana, '/deploy integration')
    await team.told(team.people.dana, 'Release #5')
    await team.query(`update pgboss.job set state = 'failed' where state = 'created' and name = 'plan'`)
    await startWorker()
    expect(await reaches(team, 5, 'refused')).toMatchObject({ gate: 'internal_error' })
    await team.told(team.people.dana, /#5[\s\S]*given up/)
  })
})
