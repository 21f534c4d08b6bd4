/** `signoff doctor` itself, beside a service that runs: a right installation is green as a whole. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runDoctorCommand } from '../../src/cli/doctor.ts'
import { readConfiguration } from '../../src/config/configuration.ts'
import { scopesOf } from '../../src/operations/doctor/checks/slack.ts'
import { startTeam, type Team } from '../support/team.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam({ isolation: 'auto' })
})
afterAll(() => team?.close())

async function doctor(env: Readonly<Record<string, string>> = {}) {
  const read = readConfiguration({ env: { ...team.env, ...env }, cwd: team.directory, role: 'all' })
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

it('says how much room is left, as /readyz says that there is enough', async () => {
  expect((await doctor()).lines).toContainEqual(expect.stringMatching(/^✓ disk: \d+ MB free at \S+$/))
  const answer = await fetch(`http://127.0.0.1:${team.running[0]?.port}/readyz`)
  const { parts } = (await answer.json()) as { parts: object }
  expect(parts).toMatchObject({ disk: true })
})

it('O5: names the scope that the token lacks, wherever Slack gives no answer for it', async () => {
  const { slack } = team
  const scopes = scopesOf(await readFile(new URL('../../manifest.yml', import.meta.url), 'utf8'))
  slack.setScopes(scopes.filter((scope) => scope !== 'users:read'))
  const { lines, exitCode } = await doctor()
  slack.setScopes(scopes)
  const wrong = lines.filter((line) => !line.startsWith('✓'))
  expect(wrong.length).toBeGreaterThanOrEqual(2)
  for (const line of wrong) expect(line).toMatch(/users:read.* → update the app from manifest\.yml and reinstall it$/)
  expect(lines.join()).not.toContain('at least 0')
  expect(exitCode).toBe(1)
})

it('O5: tells in one line, with the reason, that Bitbucket is away', async () => {
  const { lines } = await doctor({ BITBUCKET_API_URL: 'http://localhost:1023/2.0' })
  expect(lines.filter((line) => !line.startsWith('✓'))).toEqual([
    '✗ Bitbucket api: does not answer: the connection failed (ECONNREFUSED) → check that this host can reach it',
  ])
})

it('O5: tells in one line that the store is away', async () => {
  const { lines } = await doctor({ STORE_URL: 'postgres://signoff:word@localhost:1023/signoff' })
  const wrong = lines.filter((line) => line.startsWith('✗'))
  expect(wrong).toEqual([expect.stringMatching(/^✗ store: The store does not answer \(ECONNREFUSED\)\. See STORE_URL/)])
})
