/** The merge, with every answer that Bitbucket can give: merged or not known, and never deployed when it is not the signed one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { offers } from '../support/channel.ts'
import {
  bitbucketEffects,
  herokuEffects,
  NOTHING_TO_TALK_OVER,
  nextNumber,
  reaches,
  somethingNew,
  startProduction,
} from '../support/seen-release.ts'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'

describe('the merge of a pull request', () => {
  let team: Team
  let number = 0
  let merges = 0
  beforeAll(async () => {
    team = await startTeam(NOTHING_TO_TALK_OVER)
  })
  afterAll(() => team?.close())

  async function begin(fault: Parameters<Team['bitbucket']['fault']>[0]): Promise<void> {
    number = await nextNumber(team)
    await somethingNew(team, `merge-${number}`)
    team.bitbucket.fault(fault)
    await startProduction(team, number)
  }
  async function succeedsOnce(): Promise<void> {
    await reaches(team, number, 'succeeded')
    merges += 1
    expect((await bitbucketEffects(team)).merges).toBe(merges)
    expect(team.heroku.runs(PRODUCTION)).toBe(await team.repository.head('production'))
  }

  it('that is taken on and done later (202): it waits for it', async () => {
    await begin({ route: 'merge', kind: 'merge_202', looks: 2 })
    await succeedsOnce()
  })

  it('that took too long (555), and happened all the same, is seen', async () => {
    await begin({ route: 'merge', kind: 'too_slow_555_after' })
    await succeedsOnce()
  })

  it('whose answer is lost is seen', async () => {
    await begin({ route: 'merge', kind: 'reset_after' })
    await succeedsOnce()
  })

  it('that took too long, and did not happen, is called unknown; Retry merges once', async () => {
    await begin({ route: 'merge', kind: 'too_slow_555' })
    const stopped = await reaches(team, number, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'merge_unknown', steps: { merge: 'unknown unknown' } })
    await team.click(team.people.tom, 'retry', number)
    await succeedsOnce()
  })

  it('that met a branch in motion (409) merged nothing: the release is outdated', async () => {
    await begin({ route: 'merge', kind: 'conflict_409' })
    expect(await reaches(team, number, 'outdated')).toMatchObject({
      gate: 'plan_outdated',
      steps: { merge: 'failed none' },
    })
    expect((await bitbucketEffects(team)).merges).toBe(merges)
    await team.until.outdated(number)
    expect(offers(team.card(number), 'plan again')).toBe(true)
  })

  it('that Bitbucket refuses (400) merged nothing: its words are told, and Retry goes on once the rule is met', async () => {
    number = await nextNumber(team)
    await somethingNew(team, `merge-${number}`)
    const rule = await team.bitbucket.forbidMerge({
      kind: 'require_passing_builds_to_merge',
      pattern: 'production',
      value: 1,
    })
    await startProduction(team, number)
    expect(await reaches(team, number, 'needs attention')).toMatchObject({
      gate: 'merge_refused',
      steps: { merge: 'failed none' },
    })
    await team.until.needsAttention(number)
    expect(team.words(team.card(number))).toContain('Merge checks have failed')
    expect((await bitbucketEffects(team)).merges).toBe(merges)
    await team.bitbucket.allowMerge(rule)
    await team.click(team.people.dana, 'retry', number)
    await succeedsOnce()
  })

  it('into a branch that somebody has pushed to meanwhile is not the signed one: both are told, and nothing is deployed', async () => {
    const held = await team.heroku.holds(PRODUCTION)
    const open = Promise.withResolvers<void>()
    const merging = team.bitbucket.arrived('merge')
    await begin({ route: 'merge', kind: 'delay', until: open.promise })
    await merging
    const theirs = await team.repository.commit({
      branch: 'production',
      files: { 'notes/by-hand.md': 'by hand\n' },
      message: 'By hand',
    })
    open.resolve()
    const stopped = await reaches(team, number, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'merge_unexpected', steps: { merge: 'failed some' } })
    await team.until.needsAttention(number)
    expect(team.words(team.card(number))).toContain(theirs.slice(0, 7))
    expect(await team.heroku.holds(PRODUCTION)).toBe(held)
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).not.toContain(await team.repository.head('production'))
  })
})
