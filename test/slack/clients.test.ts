/** Our clients against a Slack on a socket: what is counted, who waits, and what a limit of Slack's holds back. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CLOCK } from '../../src/lib/clock.ts'
import { createMetrics } from '../../src/operations/metrics.ts'
import { type SlackWorkspace, startSlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { createBudget } from '../../src/slack/budget.ts'
import { ask, createSlackClients } from '../../src/slack/clients.ts'

let slack: SlackWorkspace
beforeAll(async () => {
  slack = await startSlackWorkspace()
  slack.addUser({ id: 'U1', name: 'dana', realName: 'Dana' })
})
afterEach(() => slack.clearFaults())
afterAll(() => slack?.close())

function clients(given: Partial<Parameters<typeof createSlackClients>[0]> = {}) {
  return createSlackClients({ token: slack.botToken, apiUrl: slack.apiUrl, ...given })
}
const calls = (method: string) => slack.log.filter((call) => call.method === method).length

describe('S8: the metric of calls to Slack', () => {
  it.each(['interactive', 'background', 'drawing'] as const)('counts the calls of a real client: %s', async (which) => {
    const metrics = createMetrics()
    const client = clients({ called: metrics.slackCall })[which]
    await client.auth.test()
    await client.users.info({ user: 'U1' })
    await ask(() => client.users.info({ user: 'U404' }))
    await client.apiCall('users.info', { user: 'U1' })
    const { body } = await metrics.read()
    expect(body).toContain('signoff_slack_calls_total{method="auth.test",outcome="ok"} 1')
    expect(body).toContain('signoff_slack_calls_total{method="users.info",outcome="ok"} 2')
    expect(body).toContain('signoff_slack_calls_total{method="users.info",outcome="refused"} 1')
  })

  it('counts a call that Slack limits, and not one that was never made', async () => {
    const seen: string[] = []
    const { interactive } = clients({ called: (method, outcome) => seen.push(`${method} ${outcome}`) })
    slack.fault({ kind: 'rate_limited', method: 'users.info', retryAfter: 30 })
    expect(await ask(() => interactive.users.info({ user: 'U1' }))).toMatchObject({ failure: 'rate limited' })
    const before = calls('users.info')
    const held = await ask(() => interactive.users.info({ user: 'U1' }))
    expect(held).toMatchObject({ ok: false, failure: 'rate limited' })
    expect(calls('users.info')).toBe(before)
    expect(seen).toEqual(['users.info rate limited'])
  })
})

describe('S2: every call goes through one budget', () => {
  it('what Slack limits holds back that method for all clients, and no other method', async () => {
    const { interactive, background, drawing } = clients()
    slack.fault({ kind: 'rate_limited', method: 'users.info', retryAfter: 1 })
    await ask(() => drawing.users.info({ user: 'U1' }))
    const began = performance.now()
    await background.auth.test()
    await interactive.conversations.open({ users: 'U1' })
    expect(performance.now() - began).toBeLessThan(800)
    await interactive.users.info({ user: 'U1' })
    expect(performance.now() - began).toBeGreaterThan(700)
  })

  it('looking people up for drawing leaves room for their rights', async () => {
    // A clock that stands: nobody waits for a turn, and no turn comes by itself.
    const clock = { ...CLOCK, now: () => 1_000 }
    const budget = createBudget({ now: () => 1_000 })
    const { interactive, drawing } = clients({ budget, clock })
    const before = calls('users.info')
    const drawn = await Promise.all(Array.from({ length: 120 }, () => ask(() => drawing.users.info({ user: 'U1' }))))
    expect(drawn.filter(({ ok }) => ok).length).toBe(calls('users.info') - before)
    expect(calls('users.info') - before).toBeLessThan(50)
    for (let press = 0; press < 10; press++) {
      expect((await ask(() => interactive.users.info({ user: 'U1' }))).ok).toBe(true)
    }
  })
})
