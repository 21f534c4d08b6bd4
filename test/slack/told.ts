/** A team whose outbox is delivered to a channel of its own: no worker, no socket, only messages. */
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { CLOCK } from '../../src/lib/clock.ts'
import type { OutboxMessage } from '../../src/release/messages.ts'
import { type SlackWorkspace, startSlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { createBudget } from '../../src/slack/budget.ts'
import { createSlackClients } from '../../src/slack/clients.ts'
import { createDirectory } from '../../src/slack/directory.ts'
import { startDelivery } from '../../src/slack/outbox/delivery.ts'
import type { DeliveryPorts } from '../../src/slack/outbox/sending.ts'
import { stopPostgres } from '../adapters/store-opened.ts'
import { aTeam, made, type Team } from '../release/service-team.ts'
import { DANA, LIN, SERVICES, TOM } from '../support/builders.ts'
import { keysIn } from '../support/channel.ts'
import { eventually as holds } from '../support/waiting.ts'

const PACE = { updateEveryMs: 20, postEveryMs: 20, updatesAMinute: 10_000 }

export let slack: SlackWorkspace

/** Starts the workspace that `told` uses. Each file calls it: what a module registers itself holds for the first of them only. */
export function startSlackForThisFile(): void {
  beforeAll(async () => {
    slack = await startSlackWorkspace()
    for (const { id, name } of [DANA, LIN, TOM]) slack.addUser({ id, name, realName: name })
    slack.addGroup({ handle: 'release-approvers', users: [TOM.id] })
  })
  afterAll(async () => {
    await slack?.close()
    await stopPostgres()
  })
}

let channels = 0

/** A team with a channel of its own, to which its outbox is delivered. */
export async function told(pace: Partial<typeof PACE> = {}) {
  const channel = `product-${++channels}`
  slack.addChannel({ name: channel })
  const team = await aTeam({ channel: `#${channel}` })
  const { updateEveryMs, ...limits } = { ...PACE, ...pace }
  const warned: object[] = []
  const informed: object[] = []
  const start = ({ clock = CLOCK, ...ports }: Partial<DeliveryPorts> = {}) => {
    const budget = createBudget({ now: clock.now, ...limits })
    const { background } = createSlackClients({ token: slack.botToken, apiUrl: slack.apiUrl, clock, budget })
    const delivery = startDelivery({
      store: team.store,
      outbox: team.outbox,
      directory: createDirectory(background, 'T0SANDBOX'),
      apps: team.apps,
      progress: 'lines',
      services: SERVICES,
      client: background,
      botUser: 'U0SIGNOFF',
      botId: 'B0SIGNOFF',
      clock,
      budget,
      updateEveryMs,
      log: {
        info: (fields) => void informed.push(fields),
        warn: (fields) => void warned.push(fields),
        error: (fields) => void warned.push(fields),
      },
      ...ports,
    })
    onTestFinished(() => delivery.stop())
    return delivery
  }
  /** The channel with its threads, in the order in which it came. */
  const posts = () => {
    const roots = slack.messages(channel)
    const all = [...roots, ...roots.flatMap(({ ts }) => slack.thread(channel, ts))]
    return [...new Map(all.map((message) => [message.ts, message])).values()].sort(
      (a, b) => Number(a.ts) - Number(b.ts),
    )
  }
  const read = (user: string) => slack.directMessages(user).map((message) => slack.plainText(message))
  return {
    team,
    channel,
    start,
    posts,
    /** What stands in the channel and its threads, by its keys. */
    keys: () => posts().flatMap(keysIn),
    /** What Dana has read of this channel, in all tests. */
    read: (user: string) => read(user).filter((words) => words.includes(`#${channel}`)),
    waiting: () =>
      team
        .sql(`select message from outbox where state = 'waiting' order by id`)
        .then((rows) => rows.map(({ message }) => (message as OutboxMessage).kind)),
    givenUp: () =>
      team
        .sql(`select message, reason from outbox where state = 'given up' order by id`)
        .then((rows) => rows.map(({ message, reason }) => `${(message as OutboxMessage).kind}: ${reason}`)),
    /** The fields of every warning and error in the log. */
    warned,
    /** The same of every line below a warning. */
    informed,
    /** What waits for its next try is due now. */
    hurry: async () => {
      await team.sql(`update outbox set not_before = now() where state = 'waiting' and not_before > now()`)
      await team.sql(`select pg_notify('signoff_outbox', '')`)
    },
    /** As if what waits had been tried for minutes. */
    wornOut: async () => {
      await team.sql(`update outbox set tries = 8, not_before = now() where state = 'waiting' and kind <> 'private'`)
      await team.sql(`select pg_notify('signoff_outbox', '')`)
    },
  }
}

/** Waits until it holds, for as long as Slack is asked for anything. */
export const eventually = (assertion: () => Promise<unknown>) => holds(assertion, { moves: () => slack.log.length })

export async function planned(team: Team): Promise<number> {
  const { number } = made(await team.ask())
  await team.plan(number)
  return number
}
