/** One release of an app to production, by the people of the stage, and when what happened. */
import type { ApiCall } from '../../../src/sandbox/slack/workspace.ts'
import { BUTTON, cards, keyOf } from '../../support/channel.ts'
import { waitUntil } from '../../support/waiting.ts'
import { channelOf, type Stage } from './stage.ts'

/** Moments in milliseconds since 1970: by Slack's clock, and the store's, which are this machine's. */
export interface Moments {
  readonly number: number
  /** The card's message. */
  readonly ts: string
  readonly asked: number
  /** Slack has the card. */
  readonly card: number
  /** The click that left nothing owed. */
  readonly click: number
  /** The platform was proven to run it. */
  readonly proven: number
  readonly ended: number
  /** The channel was told the outcome. */
  readonly told: number
}

/** Longer than any release of the bench takes. */
const GIVEN_UP_AFTER_MS = 300_000

type App = { readonly name: string }

/** The keys of the outbox, as messages carry them: `12:card`, `12:outcome`. */
const keyOfCall = ({ args }: ApiCall) => keyOf(args as Parameters<typeof keyOf>[0])

export async function releaseProduction(stage: Stage, app: App): Promise<Moments> {
  const planned = await askFor(stage, app)
  const click = await sign(stage, app, planned.number)
  return { ...planned, click, ...(await ends(stage, planned.number)) }
}

/** The same, but nobody waits until the channel is told: the next release may be asked for already. */
export async function proveProduction(stage: Stage, app: App): Promise<Omit<Moments, 'told'>> {
  const planned = await askFor(stage, app)
  const click = await sign(stage, app, planned.number)
  return { ...planned, click, ...(await succeeds(stage, planned.number)) }
}

/** Dana asks for it; resolves when Slack has the card. */
export async function askFor(stage: Stage, app: App): Promise<Pick<Moments, 'number' | 'ts' | 'asked' | 'card'>> {
  const { slack, people } = stage
  const channel = channelOf(app.name)
  const before = new Set(cards(slack, undefined, channel).map(({ ts }) => ts))
  const asked = Date.now()
  const seen = await slack.command({ user: people.dana, channel, command: '/deploy', text: `${app.name} production` })
  if (seen.seen !== 'acknowledged') throw new Error(`/deploy was not acknowledged: ${seen.seen}`)
  const message = await waited(stage, `a card of ${app.name}`, () =>
    cards(slack, undefined, channel).find(({ ts }) => !before.has(ts)),
  )
  const [number = ''] = keyOf(message).split(':')
  const posted = slack.log.find((call) => call.method === 'chat.postMessage' && call.ts === message.ts)
  return { number: Number(number), ts: message.ts, asked, card: posted?.at ?? Number.NaN }
}

/** Lin's QA, and Tom's approval once all that was to be said stands in Slack; gives the moment of the last click. */
export async function sign(stage: Stage, app: App, number: number): Promise<number> {
  const { lin, tom } = stage.people
  await press(stage, app, { number, user: lin, pressed: 'qa' })
  await quiet(stage, number)
  return press(stage, app, { number, user: tom, pressed: 'approval' })
}

/** How long a person waits before they press again: where Slack did not say who they are, their word was refused. */
const PRESSES_AGAIN_AFTER_MS = 4_000
const MOST_PRESSES = 20

/** Presses until it counts; gives the moment of the first click. */
export async function press(
  stage: Stage,
  app: App,
  act: { readonly number: number; readonly user: string; readonly pressed: 'qa' | 'approval' },
): Promise<number> {
  const { slack } = stage
  const { number, user, pressed } = act
  const channel = channelOf(app.name)
  const card = cards(slack, number, channel).at(-1)
  if (card === undefined) throw new Error(`#${number} has no card`)
  const isGiven = `select 1 from sign_off where release = ${number} and kind = '${pressed}'`
  const began = Date.now()
  for (let tries = 1; tries <= MOST_PRESSES; tries += 1) {
    await slack.click({ user, channel, ts: card.ts, actionId: BUTTON[pressed] })
    const counts = waitUntil(async () => (await stage.query(isGiven)).length > 0, {
      what: 'the click',
      everyMs: 10,
      atMostMs: PRESSES_AGAIN_AFTER_MS,
    })
    if (await counts.catch(() => false)) return began
  }
  throw new Error(`${pressed} of #${number} does not count\n${slack.transcript(channel)}`)
}

/** Resolves when it has succeeded and everything that was to be said of it stands in Slack. */
export async function ends(stage: Stage, number: number): Promise<Pick<Moments, 'proven' | 'ended' | 'told'>> {
  const succeeded = await succeeds(stage, number)
  const told = await waited(stage, `the outcome of #${number}`, () =>
    stage.slack.log.find((call) => call.isApplied && keyOfCall(call) === `${number}:outcome`),
  )
  await quiet(stage, number)
  return { ...succeeded, told: told.at }
}

async function succeeds(stage: Stage, number: number): Promise<Pick<Moments, 'proven' | 'ended'>> {
  const moments = `
    select state, ended_at, problem,
           (select at from event where release = ${number} and type = 'step_done'
               and body::json->'data'->>'step' = 'confirm') as proven
    from release where number = ${number}`
  const row = await waited(stage, `the end of #${number}`, async () => {
    const [seen] = await stage.query<{ state: string; ended_at: Date | null; proven: Date | null; problem: unknown }>(
      moments,
    )
    return seen !== undefined && (seen.ended_at !== null || seen.state === 'needs attention') && seen
  })
  if (row.state !== 'succeeded') throw new Error(`#${number} is ${row.state}: ${JSON.stringify(row.problem)}`)
  return { proven: Number(row.proven), ended: Number(row.ended_at) }
}

/** Nothing waits to be said of it. */
export async function quiet(stage: Stage, number: number): Promise<void> {
  const waiting = `select 1 from outbox where release = ${number} and state = 'waiting'`
  await waited(stage, `the messages of #${number}`, async () => (await stage.query(waiting)).length === 0)
}

/** Slack's calls about a release after the moment when it was asked for, oldest first. */
export function callsSince(stage: Stage, asked: number): readonly ApiCall[] {
  return stage.slack.log.filter(({ at }) => at >= asked)
}

function waited<T>(stage: Stage, what: string, look: () => T | undefined | false | Promise<T | undefined | false>) {
  const moves = async () => [stage.slack.log.length, await stage.query('select count(*) from event')]
  return waitUntil(look, { what, moves, everyMs: 10, stillMs: 120_000, atMostMs: GIVEN_UP_AFTER_MS })
}
