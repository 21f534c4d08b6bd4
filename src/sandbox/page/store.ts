/// <reference lib="dom" />
import type { PersonName } from '../people.ts'
import type { Screen, ShownMessage } from '../view.ts'
import { byId } from './dom.ts'

export type { Screen, ShownMessage } from '../view.ts'

/** What the page looks at. */
export const looking: { as: PersonName; channel: string; thread: string | undefined } = {
  as: (sessionStorage.getItem('as') as PersonName | null) ?? 'dana',
  channel: sessionStorage.getItem('channel') ?? 'product',
  thread: undefined,
}

let screen: Screen | undefined
let isLoading = false
let isStale = false
const listeners = new Set<(screen: Screen) => void>()

export const current = (): Screen | undefined => screen

export function onScreen(listener: (screen: Screen) => void): void {
  listeners.add(listener)
}

/** Draws again with what is known. */
export function redraw(): void {
  if (screen !== undefined) for (const listener of listeners) listener(screen)
}

/** Asks for the screen and draws it; calls that come meanwhile become one more. */
export async function load(): Promise<void> {
  if (isLoading) {
    isStale = true
    return
  }
  isLoading = true
  try {
    do {
      isStale = false
      const asked = looking.as
      const response = await fetch(`/api/screen?as=${asked}`)
      if (!response.ok) throw new Error(`${response.status}`)
      const got = (await response.json()) as Screen
      if (asked !== looking.as) {
        isStale = true
        continue
      }
      screen = got
      redraw()
    } while (isStale)
  } catch {
    toast('The sandbox does not answer. Is it still running?')
  } finally {
    isLoading = false
  }
}

export function become(person: PersonName): void {
  looking.as = person
  sessionStorage.setItem('as', person)
  byId('messages').ariaBusy = 'true'
  void load()
}

export function openChannel(name: string): void {
  looking.channel = name
  looking.thread = undefined
  sessionStorage.setItem('channel', name)
  redraw()
}

export function openThread(ts: string | undefined): void {
  looking.thread = ts
  redraw()
}

export type Outcome = { error?: string; seen?: string; errors?: Record<string, string>; copies?: number }

/** Does something as the person that one is. Failures are said by a toast, as Slack does. */
export async function act(name: string, body: Record<string, unknown>): Promise<Outcome> {
  const response = await fetch(`/api/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ as: looking.as, ...body }),
  }).catch(() => undefined)
  if (response === undefined) {
    toast('The sandbox does not answer. Is it still running?')
    return { error: 'no answer' }
  }
  const outcome = (await response.json()) as Outcome
  if (outcome.error !== undefined) toast(outcome.error)
  if (outcome.seen === 'operation_timeout')
    toast('The app did not answer in time. Nothing is lost: try again in a moment.')
  if (outcome.seen === 'dispatch_failed') toast('The app can not be reached now. Try again in a moment.')
  if (outcome.copies !== undefined) toast(`That press was handed over ${outcome.copies} times.`)
  return outcome
}

let hiding: ReturnType<typeof setTimeout> | undefined
/** Says something for a few seconds, over the channel's name: the newest message, and what it asks for, stands at the other end. */
export function toast(words: string): void {
  const place = byId('toast')
  const { left, width } = byId('messages').getBoundingClientRect()
  place.style.top = `${byId('channel-name').getBoundingClientRect().top + 4}px`
  place.style.left = `${left + width / 2}px`
  // Shown anew it lies above a modal that was opened meanwhile.
  if (place.matches(':popover-open')) place.hidePopover()
  place.showPopover()
  place.textContent = words
  place.classList.add('shown')
  clearTimeout(hiding)
  hiding = setTimeout(() => place.classList.remove('shown'), 6000)
}

export const channelOf = (from: Screen): Screen['channels'][number] | undefined =>
  from.channels.find((one) => one.name === looking.channel) ?? from.channels[0]

export const topLevel = (from: Screen, channel: string): ShownMessage[] =>
  from.messages.filter((one) => one.channel === channel && (one.thread === undefined || one.isBroadcast))

export const repliesTo = (from: Screen, channel: string, ts: string): ShownMessage[] =>
  from.messages.filter((one) => one.channel === channel && one.thread === ts)
