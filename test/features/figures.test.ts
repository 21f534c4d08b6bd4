/** `/deploy report`, Share, and what a running card says of the time that it takes, as people read them. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Message } from '../../src/sandbox/slack/workspace.ts'
import { keyOf, offers, privately } from '../support/channel.ts'
import { somethingNew, startProduction } from '../support/seen-release.ts'
import { startTeam, type Team } from '../support/team.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam()
  team.slack.addChannel({ name: 'delivery' })
  for (const number of [1, 2, 3]) {
    await somethingNew(team, `note ${number}`)
    await startProduction(team, number)
    await team.until.succeeded(number)
  }
})
afterAll(() => team?.close())

/** Types the command where it is not the app's channel, as the pane of a team does. */
async function typedIn(channel: string, user: string, text: string): Promise<void> {
  await team.slack.deliver(team.slack.captureCommand({ user, channel, command: '/deploy', text }))
}

const types = ({ blocks }: Pick<Message, 'blocks'>) => blocks.map(({ type }) => type)
const reports = (channel = 'product') => team.slack.messages(channel).filter((one) => keyOf(one).startsWith('report:'))

async function answered(user: string, ask: () => Promise<unknown>): Promise<Message> {
  const before = privately(team.slack, user).length
  await ask()
  return team.waitFor('an answer', () => privately(team.slack, user)[before]) as Promise<Message>
}

it('says the figures in words where the workspace does not take tables and charts, and with them where it does', async () => {
  const { dana } = team.people
  const first = await answered(dana, () => team.command(dana, '/deploy report production 7d'))
  expect(types(first)).not.toContain('data_table')
  expect(team.slack.log.filter(({ error }) => error === 'invalid_blocks')).toHaveLength(1)
  const words = team.words(first)
  expect(words).toContain('the last 7 days')
  expect(words).toContain('Releases: 3 (3 a week): 3 succeeded.'.replace('Releases:', '*Releases:*'))
  expect(words).toMatch(/Lead time:\* median .* \(\d+ of \d+ commits\)/)
  expect(words).toMatch(/Change failures:\* 0 of 3 changes \(0 %\)/)
  expect(words).toMatch(/Waiting for sign-off:\* median .* \(3 releases\)/)
  expect(words).toContain('How it is counted')
  const second = await answered(dana, () => team.command(dana, '/deploy report production 7d'))
  expect(types(second)).toEqual(expect.arrayContaining(['data_table', 'data_visualization']))
  expect(team.slack.log.filter(({ error }) => error === 'invalid_blocks')).toHaveLength(1)
})

it('shares the report once where it was asked, also when Share is pressed twice and the answer is lost', async () => {
  const { dana } = team.people
  await answered(dana, () => team.command(dana, '/deploy report 30d'))
  team.slack.refuseBlocks(['data_visualization'])
  team.slack.fault({
    kind: 'http_500_after',
    method: 'chat.postMessage',
    when: ({ blocks }) => !JSON.stringify(blocks).includes('data_'),
  })
  await team.clickPrivately(dana, 'share report')
  await team.clickPrivately(dana, 'share report')
  await team.hears(dana, 'posted here')
  await team.eventually(() => expect(reports()).toHaveLength(1))
  const [shared] = reports()
  expect(team.words(shared)).toContain('Shared by dana')
  expect(shared && types(shared)).not.toContain('data_visualization')
  expect(shared && offers(shared, 'share report')).toBe(false)
  await settled()
  expect(reports()).toHaveLength(1)
})

it('shares it in the app’s channel where Signoff is not in the channel, or where nobody else would see it', async () => {
  const { dana } = team.people
  const before = reports().length
  team.slack.addChannel({ name: 'elsewhere', botIsMember: false })
  await answered(dana, () => typedIn('elsewhere', dana, 'report api production 90d'))
  await team.clickPrivately(dana, 'share report')
  await team.eventually(() => expect(reports()).toHaveLength(before + 1))
  await settled()
  expect([reports().length, reports('elsewhere').length]).toEqual([before + 1, 0])
  await answered(dana, () => typedIn('delivery', dana, 'report'))
  await team.clickPrivately(dana, 'share report')
  await team.eventually(() => expect(reports('delivery')).toHaveLength(1))
  expect(reports()).toHaveLength(before + 1)
})

it('refuses a guest, an unknown name and another period, and says when nothing was released', async () => {
  const { dana, gus } = team.people
  await team.command(gus, '/deploy report')
  await team.told(gus, 'not_a_member')
  await team.command(dana, '/deploy report prodution')
  await team.told(dana, 'unknown_environment')
  await team.command(dana, '/deploy report production 60d')
  await team.hears(dana, 'A report is over 7d, 30d or 90d; “60d” isn’t one of them. Nothing was changed.')
  await team.command(dana, '/deploy report integration')
  await team.hears(dana, 'api integration: no releases in the last 30 days.')
})

it('says on a running card how long it usually takes, once three like it have succeeded', async () => {
  const said = () =>
    team.slack.log.filter(({ method, args }) => method === 'chat.update' && /usually/.test(JSON.stringify(args.blocks)))
      .length
  // The first had a migration to apply, which the others had not.
  for (const number of [4, 5]) {
    expect(said()).toBe(0)
    await somethingNew(team, `note ${number}`)
    await startProduction(team, number)
    await team.until.succeeded(number)
  }
  expect(said()).toBeGreaterThan(0)
  expect(team.words(team.card(5))).not.toContain('usually')
})

/** Nothing waits in the outbox any more. */
async function settled(): Promise<void> {
  await team.waitFor('an empty outbox', async () => {
    const waiting = await team.query("select 1 from outbox where state = 'waiting'")
    return waiting.length === 0
  })
}
