import { afterEach, expect, it } from 'vitest'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'

let team: Team | undefined
afterEach(async () => {
  await team?.close()
  team = undefined
})

it('/deploy production: QA by one, approval by another, and the whole document is carried out', async () => {
  team = await startTeam()
  const { dana, lin, tom } = team.people
  const [master, before] = [await team.repository.head('master'), await team.repository.head('production')]
  await team.command(dana, '/deploy production')
  await team.until('Awaiting sign-off')
  await team.click(lin, 'QA passed')
  await team.until(/Given: QA by/)
  await team.click(tom, 'Approve')
  await team.until('Succeeded')

  const [pullRequest] = team.bitbucket.pullRequests()
  expect(pullRequest?.state).toBe('MERGED')
  const merged = await team.repository.head('production')
  expect(await team.heroku.holds(PRODUCTION)).toBe(merged)
  expect(team.heroku.runs(PRODUCTION)).toBe(merged)
  expect(merged).not.toBe(before)
  expect(await team.repository.head('master')).toBe(master)
  expect(await team.revisions('production')).toEqual([await team.repository.headRevision('master')])
  expect(team.bitbucket.comments(pullRequest?.id ?? 0).length).toBe(1)
  await team.slack.waitFor(() => team?.thread().some((line) => line.includes('Record:')), {
    what: 'the outcome in the thread',
  })
  console.log(team.transcript())
  console.log(JSON.stringify(team.bitbucket.comments(pullRequest?.id ?? 0), null, 1), pullRequest)
})
