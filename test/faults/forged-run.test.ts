/** Promise 4, nothing before the announcement: not even where the job of the run is there before Slack has confirmed. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/store/open.ts'
import { NOTHING_TO_TALK_OVER, reaches, seenRelease, startProduction } from '../support/seen-release.ts'
import { startTeam, type Team } from '../support/team.ts'
import { worldState } from '../support/world-state.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam(NOTHING_TO_TALK_OVER)
})
afterAll(() => team?.close())

it('Promise 4, nothing before the announcement: a run that nobody was told of does not begin, and begins by itself once Slack has confirmed', async () => {
  const isAnnouncement = (args: object) => JSON.stringify(args).includes(':announcement')
  const refused = { kind: 'error', method: 'chat.postMessage', error: 'not_in_channel' } as const
  team.slack.fault({ ...refused, times: Number.POSITIVE_INFINITY, when: isAnnouncement })
  await startProduction(team, 1)
  const sent = "select 1 from event where release = 1 and body::json->>'type' = 'announcement_sent'"
  await team.waitFor('the announcement to be sent', async () => (await team.query(sent)).length === 1)
  const before = await worldState(team)

  const forger = await openStore({ pool: { connectionString: team.env.STORE_URL ?? '' }, role: 'bot' })
  try {
    await forger.store.transaction((tx) => tx.enqueue({ kind: 'run', release: 1, attempt: 1 }))
  } finally {
    await forger.close()
  }
  const tried = "select 1 from pgboss.job where name = 'run' and (retry_count > 0 or state in ('retry', 'completed'))"
  await team.waitFor('the forged job to be tried', async () => (await team.query(tried)).length === 1)
  expect(await seenRelease(team, 1)).toMatchObject({ state: 'approved', steps: {} })
  expect(await worldState(team)).toEqual(before)

  team.slack.clearFaults()
  await reaches(team, 1, 'succeeded')
  const types = await team.query<{ type: string }>("select body::json->>'type' as type from event where release = 1")
  const at = (type: string) => types.findIndex((event) => event.type === type)
  expect(at('announcement_confirmed')).toBeGreaterThan(-1)
  expect(at('announcement_confirmed')).toBeLessThan(at('run_started'))
})
