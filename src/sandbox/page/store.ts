/// <reference lib="dom" />
import type { PersonName } from '../people.ts'
import type { Screen, ShownMessage } from '../view.ts'
import { byId } from './dom.ts'

export type { Screen, ShownMessage } from '../view.ts'

/** The person, channel and thread that the page shows. */
export const looking: {
  as: PersonName
  channel: string
  thread: string | undefined
  home: boolean
  isGone: boolean
} = {
  as: (sessionStorage.getItem('as') as PersonName | null) ?? 'dana',
  channel: sessionStorage.getItem('channel') ?? 'product',
  thread: undefined,
  /** Signoff's Home is open in place of the channel. */
  home: false,
  /** The sandbox does not answer: what the page shows may no longer be so. */
  isGone: false,
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
      looking.isGone = false
      redraw()
    } while (isStale)
  } catch {
    lost()
  } finally {
    isLoading = false
  }
}

const LOOK_AGAIN_MS = 2_000

/** Says that the sandbox does not answer, and looks until it does. */
function lost(): void {
  if (looking.isGone) return
  looking.isGone = true
  redraw()
  const looks = setInterval(() => {
    if (looking.isGone) void load()
    else clearInterval(looks)
  }, LOOK_AGAIN_MS)
}

/** Follows what happens in the sandbox. */
export function follow(): void {
  const events = new EventSource('/events')
  for (const each of ['message', 'open']) events.addEventListener(each, () => void load())
  events.addEventListener('error', lost)
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
  looking.home = false
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
    lost()
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
