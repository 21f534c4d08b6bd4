/** `signoff doctor` itself, beside a service that runs: a right installation is green as a whole. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runDoctorCommand } from '../../src/cli/doctor.ts'
import { readConfiguration } from '../../src/config/configuration.ts'
import { startTeam, type Team } from '../support/team.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam()
})
afterAll(() => team?.close())

async function doctor() {
  const read = readConfiguration({ env: team.env, cwd: team.directory, role: 'all' })
  if (!read.ok) throw new Error(read.problems.join('\n'))
  return runDoctorCommand(read.configuration, process.env.PATH ?? '')
}

it('O1: is green where the workspace has a name that is not its id', async () => {
  const { lines, exitCode } = await doctor()
  expect(lines).toContain('✓ Slack: @signoff in Sandbox')
  expect(team.slack.teamId).not.toBe('Sandbox')
  expect(lines.filter((line) => !line.startsWith('✓'))).toEqual([])
  expect(exitCode).toBe(0)
})
