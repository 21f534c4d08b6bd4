/** Promise 1, at most one effect: a worker that dies at any moment of a run, and one that goes on where it was. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type SignoffProcess, startProcess } from '../support/processes.ts'
import {
  bitbucketEffects,
  herokuEffects,
  NOTHING_TO_TALK_OVER,
  reaches,
  startProduction,
  threadSays,
  timePasses,
} from '../support/seen-release.ts'
import { PRODUCTION, QUICK, startTeam, type Team } from '../support/team.ts'
import { byHand } from '../support/world-state.ts'

describe('Promise 1, at most one effect: a production release whose worker is killed again and again', {
  timeout: 120_000,
}, () => {
  let team: Team
  let worker: SignoffProcess
  beforeAll(async () => {
    team = await startTeam({ ...NOTHING_TO_TALK_OVER, unstarted: true })
    await team.repository.addRevision({
      message: 'a slow one that may run once',
      upgrade: [
        `op.execute("INSERT INTO documents (id, title) SELECT count(*) + 1, 'once' FROM documents")`,
        `op.execute("SELECT pg_sleep(3)")`,
      ].join('\n'),
    })
    worker = await startProcess(team, 'worker', { pace: QUICK })
    await team.start('bot')
  })
  afterAll(async () => {
    await worker?.kill()
    await team?.close()
  })

  /** Kills the worker at a moment, then starts another one, which takes the run up. */
  async function killAt(moment: Promise<unknown> | (() => Promise<void>), before: () => void = () => undefined) {
    if (typeof moment === 'function') await vi.waitFor(moment, { timeout: 30_000, interval: 20 })
    else await moment
    await worker.kill()
    team.bitbucket.clearFaults()
    before()
    worker = await startProcess(team, 'worker', { pace: QUICK })
    await timePasses(team)
  }

  const isMigrating = async () => {
    const at = await team.query(
      "select 1 from pg_stat_activity where query like '%pg_sleep(3)%' and state = 'active' and application_name = 'signoff'",
    )
    expect(at).not.toEqual([])
  }

  it('ends, and each effect happened exactly once', { timeout: 150_000 }, async () => {
    const { bitbucket, heroku } = team
    bitbucket.fault({ route: 'comment', kind: 'hang' })
    const recording = bitbucket.arrived('comment')
    await startProduction(team, 1)

    await killAt(recording, () => bitbucket.fault({ route: 'comment', kind: 'hang_after' }))
    const merging = bitbucket.arrived('merge')
    await killAt(
      async () => expect((await bitbucketEffects(team)).comments).toBe(1),
      () => bitbucket.fault({ route: 'merge', kind: 'hang' }),
    )
    await killAt(merging, () => bitbucket.fault({ route: 'merge', kind: 'hang_after' }))
    await killAt(async () => expect((await bitbucketEffects(team)).merges).toBe(1))
    const pushing = heroku.pushArrived()
    heroku.hangNextPush('before')
    await killAt(isMigrating)
    await killAt(pushing, () => heroku.hangNextPush('after'))
    const merged = await team.repository.head('production')
    await killAt(async () => expect(await heroku.holds(PRODUCTION)).toBe(merged))
    await reaches(team, 1, 'succeeded')

    expect(await bitbucketEffects(team)).toEqual({ merges: 1, comments: 1 })
    expect(bitbucket.pullRequests()).toHaveLength(1)
    expect(herokuEffects(heroku, PRODUCTION)).toEqual({ pushes: [merged], releases: [`${merged} by push`] })
    expect(heroku.runs(PRODUCTION)).toBe(merged)
    await byHand(team.databases.production.url, 'alter table documents add constraint one_row check (id = 1)')
    expect(await team.revisions('production')).toEqual([await team.repository.headRevision('master')])

    const thread = await threadSays(team, 1, /Record: \d+ events/)
    for (const line of [
      /Recorded the sign-offs/g,
      /Merged PR/g,
      /Migrated the database/g,
      /Pushed \w+ to/g,
      /Confirmed:/g,
    ]) {
      expect(thread.match(line)).toHaveLength(1)
    }
  })
})
