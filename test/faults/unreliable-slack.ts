/** Slack as it is on its worst days: answers that are lost before or after what was asked, or say something else. */
import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api'
import type { PlannedFault } from '../support/simulation/faults.ts'
import type { Simulation } from '../support/simulation/simulation.ts'

/** As web-api 8.2.0 throws them, seen by running it against each of these answers. */
const ANSWERS: Readonly<Record<string, () => Error>> = {
  '5xx': () => new WebAPIHTTPError(503, 'Service Unavailable', {}),
  reset: () => new WebAPIRequestError(new Error('read ECONNRESET')),
  'HTML 200': () => new WebAPIPlatformError({ ok: false, error: '<html><body>Down for maintenance</body></html>' }),
  'cut body': () => new WebAPIPlatformError({ ok: false, error: '{"ok":true,"chan' }),
}
const LIMITED: Readonly<Record<string, () => Error>> = {
  '429': () => new WebAPIRateLimitedError(3),
  '429 without Retry-After': () => new Error('Retry header did not contain a valid timeout'),
}
const ENTRIES = [
  ...Object.entries(ANSWERS).flatMap(([name, error]) => [
    { name: `${name} before`, isDone: false, error },
    { name: `${name} after`, isDone: true, error },
  ]),
  ...Object.entries(LIMITED).map(([name, error]) => ({ name, isDone: false, error })),
]

/** Late, and within the ten seconds that a call has. */
const DELAY_MS = 9_000

type Method = (page: unknown) => Promise<unknown>
const METHODS = ['postMessage', 'update', 'history', 'replies', 'open'] as const
/** The same as the plan of faults knows them. */
export const CALLS: readonly string[] = METHODS.map((name) => `slack.${name}`)

/** What went wrong with the calls of Slack. */
export interface Unreliable {
  readonly failed: ReadonlyMap<string, number>
  /** How many were answered late. */
  readonly delayed: () => number
  /** From now everything is answered. */
  end(): void
}

/** From now every call of these methods fails, with this share, in one of all ways but a time-out. */
export function makeUnreliable(
  { world }: Simulation,
  options: {
    share: number
    random: () => number
    /** The share of calls that are answered late. */
    delays?: number
    methods?: readonly (typeof METHODS)[number][]
    ways?: readonly string[]
  },
): Unreliable {
  const { share, random, methods = METHODS, ways, delays = 0 } = options
  const entries = ENTRIES.filter(({ name }) => ways?.includes(name) ?? true)
  const failed = new Map<string, number>()
  let isOver = false
  let delayed = 0
  for (const group of [world.slack.client.chat, world.slack.client.conversations]) {
    for (const name of methods) {
      const method: unknown = Reflect.get(group, name)
      if (typeof method !== 'function') continue
      const whole = method.bind(group) as Method
      Reflect.set(group, name, async (page: unknown) => {
        const drawn = random()
        if (isOver || drawn >= share + delays) return whole(page)
        if (drawn >= share) {
          delayed += 1
          await world.time.sleep(DELAY_MS)
          return whole(page)
        }
        const way = entries[Math.floor(random() * entries.length)]
        if (way === undefined) return whole(page)
        if (way.isDone) await whole(page)
        failed.set(way.name, (failed.get(way.name) ?? 0) + 1)
        throw way.error()
      })
    }
  }
  return {
    failed,
    delayed: () => delayed,
    end() {
      isOver = true
    },
  }
}

/** Time-outs of ten seconds, of this share of the first calls. */
export function timeouts(share: number, random: () => number): readonly PlannedFault[] {
  return METHODS.flatMap((name) =>
    Array.from({ length: 200 }, (_, index) => index + 1)
      .filter(() => random() < share)
      .map(
        (nth): PlannedFault => ({
          role: 'bot',
          call: `slack.${name}`,
          nth,
          fault: random() < 0.5 ? 'timeout applied' : 'timeout not applied',
        }),
      ),
  )
}

/** The same numbers between 0 and 1 for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
