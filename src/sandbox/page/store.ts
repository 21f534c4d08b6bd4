/// <reference lib="dom" />
import type { PersonName } from '../people.ts'
import type { Screen, ShownMessage } from '../view.ts'
import { byId } from './dom.ts'

export type { Screen, ShownMessage } from '../view.ts'

/** The person, channel and thread that the page shows. */
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

/** Draws the last loaded screen again. */
export function redraw(): void {
  if (screen !== undefined) for (const listener of listeners) listener(screen)
}

/** Loads the screen and draws it. Calls made while it loads are combined into one more load. */
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
    toast('The sandbox isn’t responding. Is it still running?')
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

export type Outcome = {
  error?: string
  seen?: string
  errors?: Record<string, string>
  copies?: number
  armed?: Record<string, number>
}

/** Calls the API as the current person. Shows failures in a toast, as Slack does. */
export async function act(name: string, body: Record<string, unknown>): Promise<Outcome> {
  const response = await fetch(`/api/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ as: looking.as, ...body }),
  }).catch(() => undefined)
  if (response === undefined) {
    toast('The sandbox isn’t responding. Is it still running?')
    return { error: 'no answer' }
  }
  const outcome = (await response.json()) as Outcome
  if (outcome.error !== undefined) toast(outcome.error)
  if (outcome.seen === 'operation_timeout') toast('Signoff didn’t respond in time. Try again in a moment.')
  if (outcome.seen === 'dispatch_failed') toast('Signoff can’t be reached right now. Try again in a moment.')
  if (outcome.copies !== undefined) toast(`Slack delivered that click ${outcome.copies} times.`)
  return outcome
}

let hiding: ReturnType<typeof setTimeout> | undefined
/** Shows a text for a few seconds over the channel name, where it doesn't cover the newest message. */
export function toast(words: string): void {
  const place = byId('toast')
  const { left, width } = byId('messages').getBoundingClientRect()
  place.style.top = `${byId('channel-name').getBoundingClientRect().top + 4}px`
  place.style.left = `${left + width / 2}px`
  // Showing it again puts it above a modal that has opened since.
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
