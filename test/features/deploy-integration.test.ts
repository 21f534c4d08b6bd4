import { afterEach, expect, it } from 'vitest'
import { INTEGRATION, startTeam, type Team } from '../support/team.ts'

let team: Team | undefined
afterEach(async () => {
  await team?.close()
  team = undefined
})

it('/deploy integration brings master to the integration remote, migrates first, and asks nobody', async () => {
  team = await startTeam()
  const master = await team.repository.head('master')
  await team.command(team.people.dana, '/deploy integration')
  await team.told(team.people.dana, 'Release #1')
  await team.until(/#1 succeeded|Release #1.*Succeeded/s)
  expect(await team.heroku.holds(INTEGRATION)).toBe(master)
  expect(team.heroku.runs(INTEGRATION)).toBe(master)
  expect(await team.revisions('integration')).toEqual([await team.repository.headRevision('master')])
  const events = await team.query<{ type: string; body: string }>('select type, body from event order by id')
  const done = events.filter(({ type }) => type === 'step_done').map(({ body }) => /"step":"(\w+)"/.exec(body)?.[1])
  expect(done).toEqual(['sync', 'verify', 'migrate', 'push', 'confirm', 'report'])
  expect(team.bitbucket.pullRequests()).toEqual([])
  console.log(team.transcript())
})
