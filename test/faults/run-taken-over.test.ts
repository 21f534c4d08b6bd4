/** Promises 5, 7 and 10: workers that are paused, stopped, or die as often as a job is taken up. */
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { holdCommitOf } from '../support/held-step.ts'
import { type SignoffProcess, startProcess } from '../support/processes.ts'
import {
  bitbucketEffects,
  endHolds,
  herokuEffects,
  NOTHING_TO_TALK_OVER,
  nextTakesUp,
  pressWithReason,
  reaches,
  seenRelease,
  somethingNew,
  startProduction,
} from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, QUICK, startTeam, type Team } from '../support/team.ts'
import { worldState } from '../support/world-state.ts'

const CHANGING = ['create', 'update', 'merge', 'decline', 'comment', 'branch'] as const

describe('Promises 5, 7 and 10: a run', () => {
  let team: Team
  let workers: SignoffProcess[] = []
  beforeAll(async () => {
    team = await startTeam({ ...NOTHING_TO_TALK_OVER, unstarted: true, isolation: 'auto' })
    await team.start('bot')
  })
  afterEach(async () => {
    for (const worker of workers) worker.signal('SIGCONT')
    await Promise.all(workers.map((worker) => worker.kill()))
    workers = []
    team.bitbucket.clearFaults()
  })
  afterAll(async () => {
    const { merges, comments } = await bitbucketEffects(team)
    const [integration, production] = [INTEGRATION, PRODUCTION].map(
      (app) => herokuEffects(team.heroku, app).pushes.length,
    )
    const pushes = `pushes ${integration} to integration, ${production} to production`
    console.log(`workers paused, stopped and dead: merges ${merges}, comments ${comments}, ${pushes}`)
    await team.close()
  })

  const quick = { ...QUICK, times: { ...QUICK.times, sweep: 300 } }
  async function startWorker(options: Parameters<typeof startProcess>[2] = { pace: quick }) {
    const worker = await startProcess(team, 'worker', options)
    workers.push(worker)
    return worker
  }

  /** What the thread says of interruptions, once it has all lines. */
  async function interruptions(number: number): Promise<readonly string[]> {
    await team.until.told(number)
    return team.thread(number).filter((line) => line.includes('interrupted;'))
  }

  /** Whatever would change something outside, from now on. */
  function arrivals(): readonly string[] {
    const seen: string[] = []
    const note = (what: string) => () => void seen.push(what)
    for (const route of CHANGING) void team.bitbucket.arrived(route).then(note(route))
    void team.bitbucket.pushArrived().then(note('a push to Bitbucket'))
    void team.heroku.pushArrived().then(note('a push to Heroku'))
    return seen
  }

  /**
   * Another host takes over the job and the lease of the paused worker, and ends the release. When the paused one goes on, it
   * finds out by the time that has passed and by the store, and changes nothing any more.
   */
  async function takenOver(paused: SignoffProcess, number: number, step: 'merge' | 'push') {
    const lease = async () => {
      const [row] = await team.query<{ fence: number; holder: string; is_over: boolean }>(
        `select fence, holder, lease.expires_at <= clock_timestamp() as is_over from environment_lease lease
         join release using (app, environment) where number = ${number}`,
      )
      return row
    }
    const first = await lease()
    expect(first).toMatchObject({ holder: expect.stringContaining(`process ${paused.pid} `) })
    // For the merge the time really passes.
    if (step === 'push') await endHolds(team)
    const other = await startWorker({ pace: quick, dataDir: join(team.directory, `another-host-${step}`) })
    await reaches(team, number, 'succeeded')
    const fences = await team.query<{ name: string; fence: number }>(
      `select name, fence from step where release = ${number} and name in ('${step}', 'confirm')`,
    )
    expect(new Set(fences.map(({ fence }) => fence))).toEqual(new Set([(first?.fence ?? 0) + 1]))
    // It is given back just after the end is stored.
    await team.eventually(async () =>
      expect(await lease()).toMatchObject({ holder: expect.stringContaining(`process ${other.pid} `), is_over: true }),
    )

    const before = await worldState(team)
    const arrived = arrivals()
    const printed = paused.output().length
    paused.signal('SIGCONT')
    await team.waitFor('the paused worker to find out', () =>
      paused.output().slice(printed).includes('a job was interrupted and is retried'),
    )
    expect(arrived).toEqual([])
    expect(await worldState(team)).toEqual(before)
  }

  it('whose worker is paused in a merge beyond its time is taken over, and the paused one does nothing more', async () => {
    const paused = await startWorker()
    team.bitbucket.fault({ route: 'merge', kind: 'hang' })
    const merging = team.bitbucket.arrived('merge')
    await startProduction(team, 1)
    await merging
    paused.signal('SIGSTOP')
    await takenOver(paused, 1, 'merge')

    const merged = await team.repository.head('production')
    expect(await bitbucketEffects(team)).toEqual({ merges: 1, comments: 1 })
    expect(herokuEffects(team.heroku, PRODUCTION)).toEqual({ pushes: [merged], releases: [`${merged} by push`] })
  })

  it('whose worker is paused before its push, the intent written, is pushed by the other host alone', async () => {
    const commit = await somethingNew(team, 'paused')
    const paused = await startWorker()
    const hold = await holdCommitOf(team, 'push')
    await team.command(team.people.dana, '/deploy integration')
    await hold.held()
    paused.signal('SIGSTOP')
    await hold.letGo()
    await takenOver(paused, 2, 'push')
    expect(herokuEffects(team.heroku, INTEGRATION)).toEqual({ pushes: [commit], releases: [`${commit} by push`] })
  })

  it('whose worker is told to stop is left where it was within 30 s, with exit code 0, and goes on at the next start', async () => {
    await somethingNew(team, 'stopped')
    const worker = await startWorker({})
    team.bitbucket.fault({ route: 'merge', kind: 'hang' })
    const merging = team.bitbucket.arrived('merge')
    await startProduction(team, 3)
    await merging
    const { code, ms } = await worker.stop()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(30_000)
    expect(await seenRelease(team, 3)).toMatchObject({ state: 'running' })
    await nextTakesUp(team, startWorker)
    await reaches(team, 3, 'succeeded')
    expect(await interruptions(3)).toEqual([
      'The worker was interrupted; the pull request was not merged yet, so the merge is requested again.',
    ])
    expect((await bitbucketEffects(team)).merges).toBe(2)
  })

  it('that was interrupted as often as it may be is not left running: a person is told, and Retry goes on', async () => {
    const commit = await somethingNew(team, 'interrupted')
    const before = herokuEffects(team.heroku, INTEGRATION).pushes.length
    const worker = await startWorker()
    team.heroku.hangNextPush('before')
    const pushing = team.heroku.pushArrived()
    await team.command(team.people.dana, '/deploy integration')
    await pushing
    await team.query(`update pgboss.job set retry_limit = retry_count where state = 'active' and name = 'run'`)
    await worker.kill()
    await endHolds(team)
    await startWorker()
    const stopped = await reaches(team, 4, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'internal_error', steps: { push: 'running unknown' } })
    await team.click(team.people.dana, 'retry', 4)
    await reaches(team, 4, 'succeeded')
    expect(await interruptions(4)).toEqual([
      'The worker was interrupted; the push had not arrived, so it is made again.',
    ])
    expect(herokuEffects(team.heroku, INTEGRATION).pushes.slice(before)).toEqual([commit])
  })

  it('that is cancelled while its worker is dead begins nothing again; what is not seen is told as not known', async () => {
    const commit = await somethingNew(team, 'cancelled')
    const worker = await startWorker()
    team.heroku.hangNextPush('before')
    const pushing = team.heroku.pushArrived()
    await team.command(team.people.dana, '/deploy integration')
    await pushing
    await worker.kill()
    await team.click(team.people.dana, 'cancel', 5)
    await nextTakesUp(team, startWorker)
    const stopped = await reaches(team, 5, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'push_unknown', steps: { push: 'unknown unknown' } })
    await team.until.needsAttention(5)
    expect(team.words(team.card(5))).toMatch(/heroku-integration[\s\S]*`push_unknown`/)
    expect(herokuEffects(team.heroku, INTEGRATION).pushes).not.toContain(commit)
    await pressWithReason(team, team.people.tom, 'close', 'nothing was pushed')
    await reaches(team, 5, 'closed')
  })

  it('O10: whose worker is killed in a push that had arrived says so, in one line', async () => {
    const commit = await somethingNew(team, 'arrived')
    const worker = await startWorker()
    team.heroku.hangNextPush('after')
    await team.command(team.people.dana, '/deploy integration')
    await team.waitFor('the push to arrive', () => herokuEffects(team.heroku, INTEGRATION).pushes.includes(commit))
    await worker.kill()
    await nextTakesUp(team, startWorker)
    await reaches(team, 6, 'succeeded')
    expect(await interruptions(6)).toEqual(['The worker was interrupted; the push had arrived.'])
    expect(herokuEffects(team.heroku, INTEGRATION).pushes.filter((pushed) => pushed === commit)).toHaveLength(1)
  })

  it('that could never be planned ends as refused', async () => {
    await somethingNew(team, 'never planned')
    await team.command(team.people.dana, '/deploy integration')
    await team.hears(team.people.dana, '#7')
    await team.query(`update pgboss.job set state = 'failed' where state = 'created' and name = 'plan'`)
    await startWorker()
    expect(await reaches(team, 7, 'refused')).toMatchObject({ gate: 'internal_error' })
    await team.told(team.people.dana, 'internal_error', '#7')
  })
})
