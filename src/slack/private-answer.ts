/** Answers one person: by the command's response URL while it is valid, else as a direct message. */
import type { KnownBlock } from '@slack/types'
import type { WebClient } from '@slack/web-api'
import { defined } from '../lib/defined.ts'
import type { DirectMessageKind } from '../release/direct-messages.ts'
import { figuresAsked } from '../release/figures.ts'
import type { OutboxMessage, PrivateMessage } from '../release/messages.ts'
import type { Store } from '../release/ports/store.ts'
import type { Release } from '../release/release.ts'
import { ask, type SlackError } from './clients.ts'
import { CONTROLS } from './controls.ts'
import { type DrawingPorts, environmentOf, peopleOf, tokenFor } from './drawing.ts'
import { withOlderBlocks } from './older-blocks.ts'
import { respond } from './response-url.ts'
import { type ControlOffer, type OfferedControl, offersOfMessage } from './views/control-buttons.ts'
import type { Drawn } from './views/parts/blocks.ts'
import { forEmergency } from './views/parts/decisions.ts'
import type { People } from './views/parts/people.ts'
import { HISTORY } from './views/private/history.ts'
import { privateMessage } from './views/private/index.ts'
import { withSwitch } from './views/private/switch-line.ts'

export interface Answering extends DrawingPorts {
  /** Retries off. */
  readonly client: WebClient
}

export type PrivateAnswer = Omit<Extract<OutboxMessage, { kind: 'private' }>, 'kind' | 'key'>

/** A response URL accepts five answers within 30 minutes (Slack's docs: handling user interaction). */
const RESPONSE_URL_VALID_MS = 29 * 60_000

/** `refused`: Slack rejects it. `notBeforeMs`: Slack asks to wait. `unknown`: Slack did not answer; it may later. */
export type Answered = 'answered' | { readonly refused: string } | { readonly notBeforeMs: number } | 'unknown'

/** Messages about one release that link to its card. */
const TOLD: readonly PrivateMessage['is'][] = ['reminder', 'needs attention', 'missed']

/** In place of the time: it was asked now, so the response URL is valid whatever the clocks say. */
export const JUST_NOW = 'now'

/** Sends it. Repeating after a lost answer may show it twice to the one person, never to others. */
export async function answer(ports: Answering, to: PrivateAnswer): Promise<Answered> {
  const drawn = await drawPrivate(ports, to.message)
  if (to.responseUrl !== undefined) {
    const isNow = to.asked === JUST_NOW
    const age = isNow ? 0 : (await ports.store.now()).getTime() - new Date(to.asked).getTime()
    if (age < RESPONSE_URL_VALID_MS && (await respond(to.responseUrl, drawn))) return 'answered'
  }
  const opened = await ask(() => ports.client.conversations.open({ users: to.to }))
  if (!opened.ok) return unanswered(opened)
  const channel = opened.value.channel?.id
  if (channel === undefined) return 'unknown'
  const post = ({ text, blocks = [] }: Drawn) =>
    ask(() =>
      ports.client.chat.postMessage({
        channel,
        text,
        blocks: [...blocks] as KnownBlock[],
        unfurl_links: false,
        unfurl_media: false,
      }),
    )
  const sent = await withOlderBlocks(drawn, post)
  return sent.ok ? 'answered' : unanswered(sent)
}

/** Slack did not take it, or did not answer. */
export function unanswered(error: SlackError): Answered {
  if (error.failure === 'rate limited') return { notBeforeMs: error.afterMs }
  return error.failure === 'refused' ? { refused: error.error } : 'unknown'
}

/** Draws what one person reads, by what is stored now. `kind`: of a direct message that nobody asked for. */
export async function drawPrivate(
  ports: Answering,
  message: PrivateAnswer['message'],
  kind?: DirectMessageKind,
): Promise<Drawn> {
  const { store } = ports
  const isAbout = ['ended', 'go', 'not taken', 'start', 'receipt', ...TOLD].includes(message.is)
  const release =
    isAbout && 'number' in message
      ? await store.release(message.number)
      : message.is === 'free'
        ? await store.current(message.app, message.environment)
        : undefined
  const goToken = release && message.is === 'go' ? await tokenFor(store, release, 'go', true) : undefined
  const startToken =
    release && message.is === 'start' ? await tokenFor(store, release, message.action, true) : undefined
  const [emergency] = release ? forEmergency(release) : []
  const emergencyToken = release && emergency && (await tokenFor(store, release, emergency, false))
  const offers = await offered(store, offersOfMessage(message))
  const place = release ?? (message.is === 'preview' ? message : undefined)
  const environment = place && environmentOf(ports.apps, place)
  const links = await linksTo(ports, message, release)
  const figures = message.is === 'report' ? await store.figures(figuresAsked(message)) : undefined
  const people: People = environment
    ? await peopleOf(ports, environment)
    : { services: ports.services, names: await namesIn(ports, message), ...defined({ botName: ports.botName }) }
  const drawn = privateMessage(message, {
    ...people,
    link: (number) => links.get(number),
    offers,
    ...defined({ release, environment, goToken, startToken, emergencyToken, figures }),
  })
  return kind === undefined ? drawn : withSwitch(drawn, kind, ports.botName)
}

function offered(store: Store, offers: readonly ControlOffer[]): Promise<readonly OfferedControl[]> {
  return Promise.all(
    offers.map(async (offer) => ({
      ...offer,
      token: await store.subjectToken(offer.subject, CONTROLS[offer.control].id),
    })),
  )
}

/** Addresses of the cards of the listed releases; unknown ones are left out. */
async function linksTo(
  { directory }: Answering,
  message: PrivateAnswer['message'],
  about: Release | undefined,
): Promise<ReadonlyMap<number, string>> {
  const listed =
    message.is === 'history'
      ? message.releases
      : message.is === 'status'
        ? message.environments.flatMap(({ under_way: underWay }) => (underWay === undefined ? [] : [underWay]))
        : (message.is === 'free' || message.is === 'receipt' || TOLD.includes(message.is)) && about !== undefined
          ? [about]
          : []
  const found = await Promise.all(
    listed
      .slice(0, HISTORY)
      .map(async ({ number, card }) => [number, card && (await directory.permalink(card))] as const),
  )
  return new Map(found.flatMap(([number, url]) => (url === undefined ? [] : [[number, url] as const])))
}

/** Names of the people whom a refusal lists by their ids. */
async function namesIn({ directory }: Answering, message: PrivateAnswer['message']): Promise<Record<string, string>> {
  if (message.is !== 'refusal' || !('who' in message.refusal)) return {}
  const ids = message.refusal.who.filter((entry) => /^[UW][A-Z0-9]{1,20}$/.test(entry)).slice(0, 10)
  const found = await Promise.all(ids.map((id) => directory.person(id)))
  return Object.fromEntries(found.flatMap((person) => (person.is === 'member' ? [[person.id, person.name]] : [])))
}
