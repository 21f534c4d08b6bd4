import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTeam, type Team } from '../support/team.ts'
import { askAndBeRefused, leavesNothing } from '../support/world-state.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam()
})
afterAll(() => team?.close())

it('says that the repository does not answer', async () => {
  const { dana } = team.people
  await team.bitbucket.down()
  const words = await leavesNothing(team, () =>
    askAndBeRefused(team, dana, '/deploy production', 'repository_unreachable'),
  )
  await team.bitbucket.up()
  console.log(words)
})
