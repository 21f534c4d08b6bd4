/** What can go wrong at Heroku: builds, release phases, cut connections. It is told as it is, and Retry mends it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  cardShows,
  herokuEffects,
  NOTHING_TO_TALK_OVER,
  nextNumber,
  reaches,
  seenRelease,
  somethingNew,
  startProduction,
  threadSays,
} from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'

describe('a push to Heroku', { timeout: 120_000 }, () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam(NOTHING_TO_TALK_OVER)
  })
  afterAll(() => team?.close())

  const deploy = () => team.command(team.people.dana, '/deploy integration')

  /** What became of a commit at Heroku: how often it was pushed, how each release of it was made, and whether it runs. */
  async function fate(app: string, commit: string) {
    const { pushes, releases } = herokuEffects(team.heroku, app)
    return {
      pushes: pushes.filter((each) => each === commit).length,
      releases: releases.filter((each) => each.startsWith(commit)).map((each) => each.slice(commit.length + 1)),
      runs: team.heroku.runs(app) === commit,
    }
  }

  it('whose build fails after a migration needs attention; Retry pushes once the build is mended', async () => {
    const commit = await somethingNew(team, 'one')
    const lines = Array.from({ length: 30 }, (_, line) => `       line ${line} of the build`)
    team.heroku.failNextBuild([...lines, `       HEROKU_API_KEY=${team.heroku.apiKey}`].join('\n'))
    await deploy()
    const stopped = await reaches(team, 1, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'build_failed', steps: { migrate: 'done some', push: 'failed none' } })
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 0, releases: [], runs: false })

    const thread = await threadSays(team, 1, /the build on heroku-integration failed/)
    expect(thread).toContain('line 29 of the build')
    expect(thread).not.toContain('line 9 of the build')
    expect(team.transcript()).not.toContain(team.heroku.apiKey)
    const card = await cardShows(team, 1, /Needs attention/)
    expect(card).toMatch(/Database: 1 of 1 migration is in/)
    expect(card).toContain('Not pushed')

    await team.click(team.people.lin, 'Retry')
    await team.succeeded(1)
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 1, releases: ['by push'], runs: true })
  })

  it('whose build fails with nothing else done ends as failed; Plan again goes on', async () => {
    const commit = await somethingNew(team, 'two')
    team.heroku.failNextBuild()
    await deploy()
    expect(await reaches(team, 2, 'failed')).toMatchObject({ gate: 'build_failed', steps: { push: 'failed none' } })
    await cardShows(team, 2, /Failed at push[\s\S]*Nothing was pushed/)
    await team.click(team.people.dana, 'Plan again')
    await team.succeeded(3)
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 1, releases: ['by push'], runs: true })
  })

  it('whose release phase fails is no success, though git was content; Retry makes a new release and never a second push', async () => {
    const commit = await somethingNew(team, 'three')
    team.heroku.failNextReleasePhase()
    await deploy()
    const stopped = await reaches(team, 4, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'release_phase_failed', steps: { push: 'failed some' } })
    const card = await cardShows(team, 4, /release phase failed/)
    expect(card).toMatch(/holds \w+, and does not run it/)
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 1, releases: ['by push'], runs: false })

    // It fails once more, which is told once more, and is not made again in silence.
    team.heroku.failNextReleasePhase()
    await team.click(team.people.dana, 'Retry')
    await reaches(team, 4, 'needs attention', 2)
    await threadSays(team, 4, /(Confirm failed[\s\S]*){2}/)

    await team.click(team.people.dana, 'Retry')
    await team.succeeded(4)
    await threadSays(team, 4, /Made Heroku release v\d+ of \w+, which heroku-integration held already/)
    expect(await fate(INTEGRATION, commit)).toEqual({
      pushes: 1,
      releases: ['by push', 'by api', 'by api'],
      runs: true,
    })
  })

  it('whose new release is made and not answered is looked for, and made once', async () => {
    const commit = await somethingNew(team, 'four')
    team.heroku.failNextReleasePhase()
    await deploy()
    await reaches(team, 5, 'needs attention')
    team.heroku.fault({ route: 'release', kind: 'reset_after' })
    await team.click(team.people.dana, 'Retry')
    await team.succeeded(5)
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 1, releases: ['by push', 'by api'], runs: true })
  })

  it('that was cut after it had arrived is looked up, and succeeds', async () => {
    const commit = await somethingNew(team, 'five')
    team.heroku.cutNextPush('after')
    await deploy()
    await team.succeeded(6)
    await threadSays(team, 6, /The push to heroku-integration was cut off\. Looking whether it arrived\./)
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 1, releases: ['by push'], runs: true })
  })

  it('that was cut before it arrived is called unknown, never a failure; Retry pushes once', async () => {
    const commit = await somethingNew(team, 'six')
    team.heroku.cutNextPush('before')
    await deploy()
    const stopped = await reaches(team, 7, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'push_unknown', steps: { push: 'unknown unknown' } })
    const card = await cardShows(team, 7, /did the push arrive\?/)
    expect(card).toMatch(/Not known: whether heroku-integration holds/)
    await team.click(team.people.dana, 'Retry')
    await team.succeeded(7)
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 1, releases: ['by push'], runs: true })
  })

  it('that is still being released is waited for', async () => {
    const commit = await somethingNew(team, 'seven')
    const gate = Promise.withResolvers<void>()
    team.heroku.slowRelease(gate.promise)
    await deploy()
    await threadSays(team, 8, /Pushed \w+ to heroku-integration/)
    await team.heroku.arrived('releases')
    expect((await seenRelease(team, 8)).state).toBe('running')
    gate.resolve()
    await team.succeeded(8)
    expect((await fate(INTEGRATION, commit)).runs).toBe(true)
  })

  it('of production that fails after the merge needs attention, and Close frees the environment with a reason', async () => {
    const number = await nextNumber(team)
    team.heroku.failNextBuild()
    await startProduction(team, number)
    const stopped = await reaches(team, number, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'build_failed', steps: { merge: 'done some', push: 'failed none' } })
    await cardShows(team, number, /Needs attention/)
    await team.click(team.people.tom, 'Close')
    await team.submit(team.people.tom, { Reason: 'we deploy by hand tonight' })
    await reaches(team, number, 'closed')
    await cardShows(team, number, /Closed\*? by tom/)
    expect(herokuEffects(team.heroku, PRODUCTION)).toEqual({ pushes: [], releases: [] })
  })
})
