/** The connection to Slack: renewed without a gap, with a clock that is off, and modals that Slack does not open. */
import { afterEach, describe, expect, it } from 'vitest'
import { startTeam, type Team } from '../support/team.ts'

let team: Team
afterEach(() => team?.close())

const logged = (message: string | RegExp) =>
  team.logs
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => new RegExp(message).test(String(msg)))

describe('S19: sockets that Slack renews', () => {
  it('S19: what people press while one is renewed arrives at the other, each in turn', async () => {
    team = await startTeam({ pace: { secondSocketAfterMs: 20, pingTimeoutMs: 1_000 } })
    const { slack, people } = team
    await team.waitFor('two sockets', () => slack.sockets === 2)
    for (const nth of [0, 1, 0]) {
      slack.refreshSockets('refresh_requested', nth)
      for (let press = 0; press < 3; press++) {
        const status = { user: people.dana, channel: 'product', command: '/deploy', text: 'status' }
        expect(await slack.command(status)).toMatchObject({ seen: 'acknowledged' })
      }
      await team.waitFor('two sockets again', () => slack.sockets === 2)
    }
  })

  it('S19: one that breaks leaves the bot connected', async () => {
    team = await startTeam({ pace: { secondSocketAfterMs: 20, pingTimeoutMs: 1_000 } })
    const { slack, people } = team
    await team.waitFor('two sockets', () => slack.sockets === 2)
    slack.refreshSockets('link_disabled', 1)
    const answer = await fetch(`http://127.0.0.1:${team.running[0]?.port}/readyz`)
    expect(answer.status).toBe(200)
    await team.command(people.dana, '/deploy status')
  })
})

it.each([400, -400])('S14: a clock that is %i s off is warned of, with the seconds', async (off) => {
  team = await startTeam({ mode: 'http' })
  const { slack, people } = team
  const command = slack.captureCommand({ user: people.dana, channel: 'product', command: '/deploy', text: 'status' })
  const timestamp = Math.floor(Date.now() / 1_000) - off
  for (let nth = 0; nth < 3; nth++) await slack.deliver(command, { timestamp })
  const warnings = logged('clock')
  expect(warnings).toHaveLength(1)
  expect(Math.abs(Number(warnings[0]?.seconds) - off)).toBeLessThan(5)
  expect(String(warnings[0]?.msg)).toContain(off > 0 ? 'behind' : 'ahead of')
})

describe('S18: a modal that Slack does not open', () => {
  it.each([
    ['expired_trigger_id', 'Slack did not open the dialog in time. Nothing was changed. Try again.'],
    ['invalid_arguments', 'Slack refused to open the dialog (invalid_arguments). Nothing was changed.'],
    ['view_too_large', 'Slack refused to open the dialog (view_too_large). Nothing was changed.'],
  ])('S18: %s is named to its person and in the log', async (error, words) => {
    team = await startTeam()
    team.slack.fault({ kind: 'error', method: 'views.open', error })
    await team.command(team.people.dana, '/deploy')
    expect(await team.hears(team.people.dana, words)).toContain(words)
    expect(logged('did not open a modal')).toEqual([
      expect.objectContaining({ error, method: 'views.open', modal: 'deploy_modal' }),
    ])
  })

  it('S18: so is a limit', async () => {
    team = await startTeam()
    team.slack.fault({ kind: 'rate_limited', method: 'views.open', retryAfter: 7 })
    await team.command(team.people.dana, '/deploy')
    expect(await team.hears(team.people.dana, 'Slack limits')).toContain('Try again in 7 s.')
  })
})

it('O13: with HEALTH_PORT, Slack’s requests arrive at PORT, and health is asked of its own', async () => {
  team = await startTeam({ mode: 'http', unstarted: true })
  Object.assign(team.env, { HEALTH_PORT: '0' })
  const { port, healthPort } = await team.start('all')
  expect(port).not.toBe(healthPort)
  await team.command(team.people.dana, '/deploy status')
  await team.hears(team.people.dana, 'integration')
  expect((await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status).toBe(200)
  expect((await fetch(`http://127.0.0.1:${healthPort}/slack/events`, { method: 'POST' })).status).toBe(404)
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(404)
})
