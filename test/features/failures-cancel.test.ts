/** Promise 5, stop means stop: after a cancel no new step starts, and the one in flight is settled and told as it ended. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { announcements } from '../support/channel.ts'
import {
  bitbucketEffects,
  herokuEffects,
  NOTHING_TO_TALK_OVER,
  nextNumber,
  reaches,
  seenRelease,
  somethingNew,
  startProduction,
} from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'

describe('Cancel', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam(NOTHING_TO_TALK_OVER)
  })
  afterAll(() => team?.close())

  /** Waits until no job waits or is in hand: what a release that has ended could still do is done. */
  async function endsWithoutJobs(): Promise<void> {
    const jobs = "select 1 from pgboss.job where state in ('created', 'retry', 'active') and name in ('plan', 'run')"
    await team.eventually(async () => expect(await team.query(jobs)).toEqual([]))
  }

  /** Dana cancels while a step is in flight, and the thread says so. */
  async function cancelInFlight(number: number): Promise<void> {
    await team.click(team.people.dana, 'cancel', number)
    await team.until.line(number, 'cancel')
  }

  it('while sign-offs are awaited ends the release, and its pull request is declined', async () => {
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(1)
    await team.click(team.people.dana, 'cancel')
    await team.until.state(1, 'cancelled')
    await team.eventually(() => expect(team.bitbucket.pullRequests()[0]?.state).toBe('DECLINED'))
  })

  it('while the record is being written lets that end, and merges nothing', async () => {
    const open = Promise.withResolvers<void>()
    team.bitbucket.fault({ route: 'comment', kind: 'delay', until: open.promise })
    const recording = team.bitbucket.arrived('comment')
    await startProduction(team, 2)
    await recording
    await cancelInFlight(2)
    open.resolve()
    expect(await reaches(team, 2, 'cancelled')).toMatchObject({ steps: { record: 'done some' } })
    expect((await bitbucketEffects(team)).merges).toBe(0)
  })

  it('while merging tells that it is merged, and nothing is deployed', async () => {
    const open = Promise.withResolvers<void>()
    team.bitbucket.fault({ route: 'merge', kind: 'delay', until: open.promise })
    const merging = team.bitbucket.arrived('merge')
    await startProduction(team, 3)
    await merging
    await cancelInFlight(3)
    open.resolve()
    const ended = await reaches(team, 3, 'cancelled')
    expect(ended.steps).toMatchObject({ merge: 'done some' })
    expect(ended.steps.sync).toBeUndefined()
    expect(await team.until.line(3, 'done:merge')).toContain(`#${team.bitbucket.pullRequests().at(-1)?.id}`)
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).toEqual([])
  })

  it('while pushing tells what became of the push: here it arrived, and is not confirmed any more', async () => {
    const commit = await somethingNew(team, 'cancelled while pushing')
    const open = Promise.withResolvers<void>()
    team.heroku.slowRelease(open.promise, { pushWaits: true })
    const pushing = team.heroku.pushArrived()
    await team.command(team.people.dana, '/deploy integration')
    await pushing
    await cancelInFlight(4)
    open.resolve()
    const ended = await reaches(team, 4, 'cancelled')
    expect(ended.steps).toMatchObject({ push: 'done some' })
    expect(ended.steps.confirm).toBeUndefined()
    expect(herokuEffects(team.heroku, INTEGRATION).pushes).toEqual([commit])
  })

  it('while approved ends at once: neither the channel is told nor anything merged, whatever the preflight finds', async () => {
    const before = await bitbucketEffects(team)
    const open = Promise.withResolvers<void>()
    const number = await nextNumber(team)
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(number)
    await team.click(team.people.lin, 'qa')
    await team.until.signed(number, 'qa')
    team.heroku.fault({ route: 'releases', kind: 'delay', until: open.promise })
    const looking = team.heroku.arrived('releases')
    await team.click(team.people.tom, 'approval')
    await looking
    await team.until.state(number, 'approved')
    await team.click(team.people.dana, 'cancel')
    expect((await reaches(team, number, 'cancelled')).steps).toEqual({})
    open.resolve()
    await team.until.state(number, 'cancelled')
    // The preflight, if it went on, would put the announcement out: the next release has to come after it.
    await endsWithoutJobs()
    expect(announcements(team.slack, number)).toEqual([])
    expect(await bitbucketEffects(team)).toEqual(before)
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).toEqual([])
  })

  it('while migrating lets the migration end, tells it, and pushes nothing', async () => {
    const number = await nextNumber(team)
    const { revision } = await team.repository.addRevision({
      message: 'wait for a lock',
      sql: 'SELECT pg_advisory_xact_lock(77)',
    })
    const pushed = herokuEffects(team.heroku, INTEGRATION).pushes
    const holder = new pg.Client({ connectionString: team.databases.integration.url })
    await holder.connect()
    try {
      await holder.query('select pg_advisory_lock(77)')
      await team.command(team.people.dana, '/deploy integration')
      const waiting = "select 1 from pg_locks where locktype = 'advisory' and not granted"
      await team.waitFor('the migration to wait', async () => (await holder.query(waiting)).rowCount === 1)
      await cancelInFlight(number)
    } finally {
      await holder.end()
    }
    const ended = await reaches(team, number, 'cancelled')
    expect(ended.steps).toMatchObject({ migrate: 'done some' })
    expect(ended.steps.push).toBeUndefined()
    expect(await team.until.line(number, 'done:migrate')).toContain(revision)
    await team.until.state(number, 'cancelled')
    expect(team.words(team.card(number))).toContain('migration')
    expect(await team.revisions('integration')).toEqual([revision])
    expect(herokuEffects(team.heroku, INTEGRATION).pushes).toEqual(pushed)
  })

  it('W10: while the release phase hangs ends the release: pushed, not confirmed, and the environment is free', async () => {
    const number = await nextNumber(team)
    const open = Promise.withResolvers<void>()
    team.heroku.slowRelease(open.promise)
    await team.command(team.people.dana, '/deploy integration')
    await team.eventually(async () => expect((await seenRelease(team, number)).steps.confirm).toBe('running none'))
    await cancelInFlight(number)
    const ended = await team.until.state(number, 'cancelled')
    expect(ended.steps).toMatchObject({ push: 'done some', confirm: 'failed none' })
    expect(team.words(team.card(number))).toContain('Pushed, not confirmed')
    expect(await team.until.line(number, 'not-taken:confirm')).toContain('Pushed, not confirmed')
    await team.command(team.people.dana, '/deploy integration')
    await reaches(team, number + 1, 'running')
    open.resolve()
    expect((await reaches(team, number + 1, 'succeeded')).steps).toMatchObject({ confirm: 'done none' })
    expect(team.heroku.runs(INTEGRATION)).toBe(await team.repository.head('master'))
  })

  it('while a push is cut off and not seen is told as not known, and not as cancelled', async () => {
    const number = await nextNumber(team)
    const { pushes: pushed } = herokuEffects(team.heroku, INTEGRATION)
    await somethingNew(team, 'cancelled while cut off')
    team.heroku.hangNextPush('before')
    const pushing = team.heroku.pushArrived()
    await team.command(team.people.dana, '/deploy integration')
    await pushing
    await cancelInFlight(number)
    // Git asks once more over a new connection: Heroku comes back only when it has given up.
    await team.heroku.down()
    await team.until.line(number, 'push-cut')
    await team.heroku.up()
    expect(await reaches(team, number, 'needs attention')).toMatchObject({ gate: 'push_unknown' })
    expect(herokuEffects(team.heroku, INTEGRATION).pushes).toEqual(pushed)
  })
})
