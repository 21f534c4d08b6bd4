/** The tries that are under way: several at once, and one for each release, person and channel. */
import type { Posting } from '../../release/ports/deliveries.ts'
import type { SlackCall } from '../budget.ts'
import { environmentOf } from '../drawing.ts'
import { nextTurn } from './order.ts'
import { releaseThatDecides } from './private-messages.ts'
import { send } from './send.ts'
import { backOff, postpone, type Sending, subjectOf } from './sending.ts'

/** The thread tells of each step at once: the card follows a few times a minute, and at once with its last state. */
const UPDATE_EVERY_MS = 20_000
/** More than 20 releases can have waiting at once; the rest is looked at when these are sent or postponed. */
const LOOKED_AT = 200
/** A slow answer holds up its own release alone. Few, so that what is urgent need not wait for many that are under way. */
const MOST_AT_ONCE = 4

export interface Tries {
  /**
   * Begins the try whose turn it is, once there is room for it. Returns 0 then; else how long until one may begin, if any
   * waits. Throws what kept an earlier try from being postponed.
   */
  begin(): Promise<number | undefined>
  /** Aborts when one of those has ended that were under way at the last look for a turn. */
  ended(): AbortSignal
  /** Resolves to true when one of those has ended; to false at once where there was none. */
  oneEnds(): Promise<boolean>
  allEnd(): Promise<void>
}

interface UnderWay {
  readonly subjects: readonly string[]
  readonly call: SlackCall
  readonly end: Promise<void>
}

export function createTries(sending: Sending): Tries {
  const { ports, updated, lookup } = sending
  const { outbox, clock, budget, apps } = ports
  const seen = new Map<number, number>()
  const underWay = new Map<number, UnderWay>()
  let oneEnded = new AbortController()
  let sinceLook = oneEnded.signal
  let failure: { readonly cause: unknown } | undefined

  function channelOf({ of, message }: Posting): string {
    if (of?.card !== undefined) return of.card.channel
    const place = message.kind === 'channel' ? message.message : of
    const environment = place && environmentOf(apps, place)
    return environment === undefined ? '' : lookup.knownId(environment.channel)
  }

  function beginTry(posting: Posting, call: SlackCall): void {
    const end = makeTry(sending, posting)
      .catch((cause: unknown) => {
        failure = { cause }
      })
      .finally(() => {
        underWay.delete(posting.id)
        oneEnded.abort()
        oneEnded = new AbortController()
      })
    underWay.set(posting.id, { subjects: subjectsOf(posting), call, end })
  }

  const firstEnd = () => Promise.race([...underWay.values()].map(({ end }) => end))

  return {
    async begin() {
      if (underWay.size >= MOST_AT_ONCE) await firstEnd()
      if (failure !== undefined) {
        const { cause } = failure
        failure = undefined
        throw cause
      }
      // Noted before the store is read: what ends meanwhile may be read as it was before its try.
      const busy = new Set([...underWay.values()].flatMap(({ subjects }) => subjects))
      sinceLook = oneEnded.signal
      const due = await outbox.due(LOOKED_AT)
      const now = clock.now()
      const waiting = new Set(due.map(({ id }) => id))
      for (const id of seen.keys()) if (!waiting.has(id)) seen.delete(id)
      for (const id of waiting) if (!seen.has(id)) seen.set(id, now)
      const pace = {
        progressEveryMs: ports.updateEveryMs ?? UPDATE_EVERY_MS,
        updated: (release: number) => updated.get(release),
        seenAt: (id: number) => seen.get(id) ?? now,
      }
      const free = due.filter((posting) => !subjectsOf(posting).some((subject) => busy.has(subject)))
      const calls = [...underWay.values()].map(({ call }) => call)
      const next = nextTurn(free, { now, budget, underWay: calls, pace, channelOf })
      if (!('posting' in next)) return next.from === undefined ? undefined : Math.max(1, next.from - now)
      beginTry(next.posting, next.call)
      return 0
    },
    ended: () => sinceLook,
    async oneEnds() {
      if (sinceLook.aborted) return true
      if (underWay.size === 0) return false
      await firstEnd()
      return true
    },
    async allEnd() {
      while (underWay.size > 0) await firstEnd()
    },
  }
}

/**
 * Messages with a common subject are sent one after the other: a thread and a conversation keep their order, and nobody is
 * told what the message before makes untrue.
 */
function subjectsOf({ message }: Posting): readonly string[] {
  if (message.kind === 'channel') return ['no release']
  if (message.kind !== 'private') return [`#${message.release}`]
  const release = releaseThatDecides(message)
  return [`to ${message.to}`, ...(release === undefined ? [] : [`#${release}`])]
}

async function makeTry(sending: Sending, posting: Posting): Promise<void> {
  const { ports } = sending
  try {
    await send(sending, posting)
  } catch (err) {
    ports.log.error({ err, ...subjectOf(posting) }, 'a message could not be sent')
    await postpone(ports, posting, backOff(posting.tries + 1))
  }
}
