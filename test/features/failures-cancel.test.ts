/** Promise 5, stop means stop: after a cancel no new step starts, and the one in flight is settled and told as it ended. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  bitbucketEffects,
  cardShows,
  herokuEffects,
  NOTHING_TO_TALK_OVER,
  reaches,
  somethingNew,
  startProduction,
  threadSays,
} from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'

describe('Cancel', { timeout: 120_000 }, () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam(NOTHING_TO_TALK_OVER)
  })
  afterAll(() => team?.close())

  it('while sign-offs are awaited ends the release, and its pull request is declined', async () => {
    await team.command(team.people.dana, '/deploy production')
    await cardShows(team, 1, /Awaiting sign-off/)
    await team.click(team.people.dana, 'Cancel')
    await reaches(team, 1, 'cancelled')
    await team.slack.waitFor(() => team.bitbucket.pullRequests()[0]?.state === 'DECLINED', { what: 'the decline' })
  })

  it('while the record is being written lets that end, and merges nothing', async () => {
    const open = Promise.withResolvers<void>()
    team.bitbucket.fault({ route: 'comment', kind: 'delay', until: open.promise })
    const recording = team.bitbucket.arrived('comment')
    await startProduction(team, 2)
    await recording
    await team.click(team.people.dana, 'Cancel')
    await threadSays(team, 2, /cancel/i)
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
    await team.click(team.people.dana, 'Cancel')
    await threadSays(team, 3, /cancel/i)
    open.resolve()
    const ended = await reaches(team, 3, 'cancelled')
    expect(ended.steps).toMatchObject({ merge: 'done some' })
    expect(ended.steps.sync).toBeUndefined()
    await threadSays(team, 3, /Merged PR #\d+/)
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).toEqual([])
  })

  it('while pushing tells what became of the push: here it arrived, and is not confirmed any more', async () => {
    const commit = await somethingNew(team, 'cancelled while pushing')
    const open = Promise.withResolvers<void>()
    team.heroku.slowRelease(open.promise, { pushWaits: true })
    const pushing = team.heroku.pushArrived()
    await team.command(team.people.dana, '/deploy integration')
    await pushing
    await team.click(team.people.dana, 'Cancel')
    await threadSays(team, 4, /cancel/i)
    open.resolve()
    const ended = await reaches(team, 4, 'cancelled')
    expect(ended.steps).toMatchObject({ push: 'done some' })
    expect(ended.steps.confirm).toBeUndefined()
    expect(herokuEffects(team.heroku, INTEGRATION).pushes).toEqual([commit])
  })

  it('while a push is cut off and not seen is told as not known, and not as cancelled', async () => {
    await somethingNew(team, 'cancelled while cut off')
    team.heroku.hangNextPush('before')
    const pushing = team.heroku.pushArrived()
    await team.command(team.people.dana, '/deploy integration')
    await pushing
    await team.click(team.people.dana, 'Cancel')
    await threadSays(team, 5, /cancel/i)
    await team.heroku.down()
    await team.heroku.up()
    expect(await reaches(team, 5, 'needs attention')).toMatchObject({ gate: 'push_unknown' })
    expect(herokuEffects(team.heroku, INTEGRATION).pushes).toHaveLength(1)
  })
})
