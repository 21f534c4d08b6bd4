/** What can go wrong at Heroku: builds, release phases, cut connections. It is told as it is, and Retry fixes it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyOf, lines, namesGate } from '../support/channel.ts'
import {
  herokuEffects,
  NOTHING_TO_TALK_OVER,
  nextNumber,
  pressWithReason,
  reaches,
  seenRelease,
  somethingNew,
  startProduction,
} from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'

describe('a push to Heroku', () => {
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

  it('whose build fails after a migration needs attention; Retry pushes once the build is fixed', async () => {
    const commit = await somethingNew(team, 'one')
    const lines = Array.from({ length: 30 }, (_, line) => `       line ${line} of the build`)
    team.heroku.failNextBuild([...lines, `       HEROKU_API_KEY=${team.heroku.apiKey}`].join('\n'))
    await deploy()
    const stopped = await reaches(team, 1, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'build_failed', steps: { migrate: 'done some', push: 'failed none' } })
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 0, releases: [], runs: false })

    const said = await team.until.line(1, 'failed:push')
    expect(said).toContain('line 29 of the build')
    expect(said).not.toContain('line 9 of the build')
    expect(team.transcript()).not.toContain(team.heroku.apiKey)
    await team.until.needsAttention(1)
    expect(namesGate(team.card(1) ?? { blocks: [] }, 'build_failed')).toBe(true)

    await team.click(team.people.lin, 'retry')
    await team.until.succeeded(1)
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 1, releases: ['by push'], runs: true })
  })

  it('whose build fails with nothing else done ends as failed; Plan again goes on', async () => {
    const commit = await somethingNew(team, 'two')
    team.heroku.failNextBuild()
    await deploy()
    expect(await reaches(team, 2, 'failed')).toMatchObject({ gate: 'build_failed', steps: { push: 'failed none' } })
    await team.click(team.people.dana, 'plan again', 2)
    await team.until.succeeded(3)
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 1, releases: ['by push'], runs: true })
  })

  it('whose release phase fails is no success, though git was content; Retry makes a new release and never a second push', async () => {
    const commit = await somethingNew(team, 'three')
    team.heroku.failNextReleasePhase()
    await deploy()
    const stopped = await reaches(team, 4, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'release_phase_failed', steps: { push: 'failed some' } })
    await team.until.needsAttention(4)
    expect(team.words(team.card(4))).toContain(commit.slice(0, 7))
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 1, releases: ['by push'], runs: false })

    // It fails once more, which is told once more, and is not made again in silence.
    team.heroku.failNextReleasePhase()
    await team.click(team.people.dana, 'retry')
    await team.until.needsAttention(4, 2)
    await team.until.told(4)
    expect(lines(team.slack, 4, 'failed:confirm').map(keyOf)).toEqual(['4:failed:confirm:1', '4:failed:confirm:2'])

    await team.click(team.people.dana, 'retry')
    await team.until.succeeded(4)
    const made = new RegExp(`v\\d+.*${commit.slice(0, 7)}|${commit.slice(0, 7)}.*v\\d+`)
    expect(await team.until.line(4, 'done:push')).toMatch(made)
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
    await team.until.needsAttention(5)
    team.heroku.fault({ route: 'release', kind: 'reset_after' })
    await team.click(team.people.dana, 'retry')
    await team.until.succeeded(5)
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 1, releases: ['by push', 'by api'], runs: true })
  })

  it('that was cut after it had arrived is looked up, and succeeds', async () => {
    const commit = await somethingNew(team, 'five')
    team.heroku.cutNextPush('after')
    await deploy()
    await team.until.succeeded(6)
    expect(await team.until.line(6, 'push-cut')).toContain('heroku-integration')
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 1, releases: ['by push'], runs: true })
  })

  it('that was cut before it arrived is called unknown, never a failure; Retry pushes once', async () => {
    const commit = await somethingNew(team, 'six')
    team.heroku.cutNextPush('before')
    await deploy()
    const stopped = await reaches(team, 7, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'push_unknown', steps: { push: 'unknown unknown' } })
    await team.until.needsAttention(7)
    expect(team.words(team.card(7))).toMatch(/heroku-integration[\s\S]*`push_unknown`/)
    await team.click(team.people.dana, 'retry')
    await team.until.succeeded(7)
    expect(await fate(INTEGRATION, commit)).toEqual({ pushes: 1, releases: ['by push'], runs: true })
  })

  it('that is still being released: it waits for it', async () => {
    const commit = await somethingNew(team, 'seven')
    const gate = Promise.withResolvers<void>()
    team.heroku.slowRelease(gate.promise)
    await deploy()
    await team.until.line(8, 'done:push')
    await team.heroku.arrived('releases')
    expect((await seenRelease(team, 8)).state).toBe('running')
    gate.resolve()
    await team.until.succeeded(8)
    expect((await fate(INTEGRATION, commit)).runs).toBe(true)
  })

  it('of production that fails after the merge needs attention, and Close frees the environment with a reason', async () => {
    const number = await nextNumber(team)
    team.heroku.failNextBuild()
    await startProduction(team, number)
    const stopped = await reaches(team, number, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'build_failed', steps: { merge: 'done some', push: 'failed none' } })
    await team.until.needsAttention(number)
    await pressWithReason(team, team.people.tom, 'close', 'we deploy by hand tonight')
    expect(await team.until.state(number, 'closed')).toMatchObject({ endedBy: 'tom' })
    expect(team.words(team.card(number))).toMatch(/tom[\s\S]*we deploy by hand tonight/)
    expect(herokuEffects(team.heroku, PRODUCTION)).toEqual({ pushes: [], releases: [] })
  })
})
