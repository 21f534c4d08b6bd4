/**
 * Waits that end by what happens and not by the clock: one gives up once nothing has moved for a while. A busy machine
 * makes a wait longer, and fails no test. Periodic jobs move for ever, so each wait has a last limit too: counted by its
 * looks, of which a busy machine makes fewer.
 */
import { setTimeout as delay } from 'node:timers/promises'

/** A wait gives up after this long without a movement, of which each look accounts for `LONGEST_TURN_MS` at most. */
const STILL_MS = 30_000
const LOOK_EVERY_MS = 50
const COMPARE_EVERY_MS = 500
/** What is kept from running for longer than this has not been waiting meanwhile. */
const LONGEST_TURN_MS = 250
/** However much moves, a wait gives up after this long, of which each look accounts for `LAST_TURN_MS` at most. */
const LAST_MS = 120_000
const LAST_TURN_MS = 50
const SHOWN_OF_MOVES = 1_000

type Found<T> = T | undefined | null | false

export interface Waiting {
  /** What it waits for, for the message of a timeout. */
  readonly what: string | (() => string)
  /** All that may move meanwhile, as one value; left out: nothing does, and the wait is bounded by `stillMs` alone. */
  readonly moves?: (() => unknown) | undefined
  readonly stillMs?: number | undefined
  readonly everyMs?: number | undefined
  /** The last limit, however much moves, counted as `LAST_MS` says. */
  readonly lastMs?: number | undefined
  /** By the clock, and instead of the last limit: for what a person would wait for only so long, and for benches. */
  readonly atMostMs?: number | undefined
}

/**
 * Looks again and again, and returns the first thing that is found: anything but undefined, null and false. A look that throws
 * has found nothing. Throws once nothing has moved for `stillMs`, and at the last limit though something still moves: with what
 * was waited for, what moved last, and what the last look threw.
 */
export async function waitUntil<T>(look: () => Found<T> | Promise<Found<T>>, waiting: Waiting): Promise<T> {
  const { what, moves, stillMs = STILL_MS, everyMs = LOOK_EVERY_MS, lastMs = LAST_MS, atMostMs } = waiting
  const began = performance.now()
  const read = async () => JSON.stringify(await moves?.())
  // Most waits are over before the first comparison.
  let before: string | undefined
  let [still, compared, counted] = [0, 0, 0]
  for (let turn = performance.now(); ; ) {
    let why: unknown
    try {
      const found = await look()
      if (found !== undefined && found !== null && found !== false) return found
    } catch (error) {
      why = error
    }
    await delay(everyMs)
    const passed = Math.min(performance.now() - turn, LONGEST_TURN_MS)
    turn = performance.now()
    still += passed
    compared += passed
    counted += Math.min(passed, LAST_TURN_MS)
    if (moves !== undefined && compared >= COMPARE_EVERY_MS) {
      compared = 0
      const now = await read()
      if (before !== undefined && now !== before) still = 0
      before = now
    }
    const reason = whyNoLonger()
    if (reason === undefined) continue
    throw new Error(`timed out waiting for ${typeof what === 'string' ? what : what()} (${reason})`, { cause: why })
  }

  function whyNoLonger(): string | undefined {
    if (still >= stillMs) return `nothing has moved for ${stillMs / 1_000} s`
    if (atMostMs === undefined)
      return counted < lastMs
        ? undefined
        : `it was not there after ${lastMs / 1_000} s of looks, and something still moves: ${before?.slice(0, SHOWN_OF_MOVES)}`
    return performance.now() - began > atMostMs ? `it was not there within ${atMostMs / 1_000} s` : undefined
  }
}

/** Waits until this does not throw any more, as an `expect` does that holds; gives what it gives. */
export async function eventually<T>(assertion: () => T | Promise<T>, waiting: Partial<Waiting> = {}): Promise<T> {
  let last: unknown
  const look = async () => {
    try {
      return { value: await assertion() }
    } catch (error) {
      last = error
      throw error
    }
  }
  try {
    return (await waitUntil(look, { what: 'an expectation to hold', ...waiting })).value
  } catch (error) {
    // What does not hold says more than that it was waited for.
    if (last instanceof Error && error instanceof Error) last.message = `${last.message}\n(${error.message})`
    throw last ?? error
  }
}
