/** Slack's side of the store in memory: deliveries that came in, messages that are to go out. */
import { storable } from '../../../src/adapters/store/schema.ts'
import type { Inbox, Outbox, Posting } from '../../../src/release/ports/deliveries.ts'
import { answer, type Life, notice, read, write } from './memory-life.ts'
import type { SessionLocks } from './memory-locks.ts'
import type { InboxRow, OutboxRow, Tables } from './memory-rows.ts'
import type { OutboxRows, RunTransaction } from './memory-transaction.ts'

const CLAIMED_MS = 10_000
const LEFT_AT_ONCE = 100
/** In 1973: what is below was meant as a length of time. */
const EARLIEST_MOMENT = 1e11

export function createInbox(tables: Tables, now: () => number, life: Life): Inbox {
  const isLeft = (row: InboxRow, before: number) =>
    !row.isHandled && row.receivedAt.getTime() <= before && (row.claimedUntil ?? Number.NEGATIVE_INFINITY) < now()
  return {
    receive: ({ id, payload }) => {
      const kept: unknown = JSON.parse(JSON.stringify(payload ?? null))
      return write(life, () => {
        if (tables.inbox.has(id)) return false
        tables.inbox.set(id, { id, payload: kept, receivedAt: new Date(now()), isHandled: false })
        return true
      })
    },
    handled: (id) =>
      write(life, () => {
        const row = tables.inbox.get(id)
        if (row !== undefined) tables.inbox.set(id, { ...row, payload: null, isHandled: true })
      }),
    hold: (ids) =>
      write(life, () => {
        for (const id of ids) {
          const row = tables.inbox.get(id)
          if (row?.isHandled === false) tables.inbox.set(id, { ...row, claimedUntil: now() + CLAIMED_MS })
        }
      }),
    left: (olderThanMs) =>
      write(life, () => {
        const rows = [...tables.inbox.values()].filter((row) => isLeft(row, now() - olderThanMs))
        const taken = rows.sort((a, b) => a.receivedAt.getTime() - b.receivedAt.getTime()).slice(0, LEFT_AT_ONCE)
        for (const row of taken) tables.inbox.set(row.id, { ...row, claimedUntil: now() + CLAIMED_MS })
        return taken.map(({ id, payload, receivedAt }) => ({ id, payload, receivedAt }))
      }),
  }
}

interface Waiter {
  readonly until: number
  end(): void
}

export interface OutboxBell {
  /** Everyone who listens hears that something has come. */
  sign(): void
  wake(): void
  of(life: Life, transaction: RunTransaction, sessions: SessionLocks): Outbox
}

export function createOutboxBell(tables: Tables, now: () => number): OutboxBell {
  const listeners = new Set<{ readonly life: Life; signs: number; readonly waiters: Set<Waiter> }>()

  /** The postponed message that is due next. */
  function nextPostponed(): number {
    const moments = [...tables.waiting.values()].map(({ notBefore }) => notBefore).filter((moment) => moment > now())
    return Math.min(...moments, Number.POSITIVE_INFINITY)
  }

  return {
    sign: () => {
      for (const listener of listeners) {
        listener.signs += 1
        for (const waiter of listener.waiters) waiter.end()
      }
    },

    wake: () => {
      for (const listener of listeners) {
        if (listener.life.isDead) listeners.delete(listener)
        for (const waiter of listener.waiters) if (waiter.until <= now()) waiter.end()
      }
    },

    of: (life, transaction, sessions) => {
      const listener = { life, signs: 0, waiters: new Set<Waiter>() }
      /** How many signs had come when the outbox was last looked through; later ones are news. */
      let looked = 0

      const change = (id: number, to: (row: OutboxRow) => OutboxRow): Promise<boolean> =>
        lockedRow(life, transaction, id, async (row, rows) => {
          rows.put(to(row))
        })

      return {
        deliverAlone: async (work) => (await sessions.withLock(life, 'outbox', work)) !== 'held',

        due: (limit) => {
          looked = listener.signs
          return read(life, () => due(tables, now(), limit))
        },

        behind: (id, limit) => read(life, () => behind(tables, now(), id, limit)),

        trying: async (id) => {
          const isThere = await change(id, (row) => ({
            ...row,
            tries: row.tries + 1,
            firstTriedAt: row.firstTriedAt ?? new Date(now()),
          }))
          if (!isThere) throw new Error(`The outbox message ${id} is not waiting: it was sent or given up.`)
        },

        confirmed: async (id, posted, then) => {
          await transaction(life, async (tx, rows) => {
            const row = await rows.lock(id)
            if (row?.state !== 'waiting') return
            rows.put({ ...row, state: 'confirmed', ...(posted && { posted: { ...posted } }) })
            await then?.(tx)
          })
        },

        postpone: async (id, untilMs) => {
          if (untilMs < EARLIEST_MOMENT) throw new RangeError('postpone takes a moment, in milliseconds since 1970')
          await change(id, (row) => ({ ...row, notBefore: Math.round(untilMs) }))
        },

        giveUp: async (id, reason) => {
          await change(id, (row) => ({ ...row, state: 'given up', reason: storable(reason) }))
        },

        wait: (timeoutMs, signal) =>
          answer(life, async () => {
            const latest = now() + timeoutMs
            notice(life)
            if (!listeners.has(listener)) {
              listeners.add(listener)
              listener.signs += 1
            }
            await undefined
            if (signal.aborted || listener.signs !== looked) return
            const until = Math.min(latest, nextPostponed())
            if (until <= now()) return
            await new Promise<void>((resolve) => {
              const waiter: Waiter = {
                until,
                end: () => {
                  listener.waiters.delete(waiter)
                  signal.removeEventListener('abort', waiter.end)
                  resolve()
                },
              }
              listener.waiters.add(waiter)
              signal.addEventListener('abort', waiter.end)
            })
          }),
      }
    },
  }
}

/** False: the row is not waiting. */
async function lockedRow(
  life: Life,
  transaction: RunTransaction,
  id: number,
  work: (row: OutboxRow, rows: OutboxRows) => Promise<void>,
): Promise<boolean> {
  return transaction(life, async (_tx, rows) => {
    const row = await rows.lock(id)
    if (row?.state !== 'waiting') return false
    await work(row, rows)
    return true
  })
}

/**
 * The messages of one kind of a release are a stream, of which only the first is due; all but cards wait for the release's
 * first card. Private messages wait for nothing but their time.
 */
function due(tables: Tables, now: number, limit: number): readonly Posting[] {
  const waiting = [...tables.waiting.values()].sort((a, b) => a.id - b.id)
  const firsts = new Map<string, number>()
  for (const { id, message } of waiting) {
    if (!('release' in message)) continue
    const stream = `${message.kind} ${message.release}`
    if (!firsts.has(stream)) firsts.set(stream, id)
  }
  const mayGo = ({ id, message, notBefore }: OutboxRow): boolean => {
    if (notBefore > now) return false
    if (!('release' in message)) return true
    const { kind, release } = message
    const waitsForCard =
      kind !== 'card' && firsts.has(`card ${release}`) && tables.releases.get(release)?.columns.card === undefined
    return firsts.get(`${kind} ${release}`) === id && !waitsForCard
  }
  return waiting
    .filter(mayGo)
    .slice(0, limit)
    .map((row) => postingOf(tables, row))
}

function behind(tables: Tables, now: number, id: number, limit: number): readonly Posting[] {
  const of = tables.waiting.get(id)?.message
  if (of?.kind !== 'line') return []
  const later = [...tables.waiting.values()]
    .filter((row) => row.id > id && row.message.kind === 'line' && row.message.release === of.release)
    .sort((a, b) => a.id - b.id)
  const tried = later.findIndex(({ tries }) => tries > 0)
  return (tried < 0 ? later : later.slice(0, tried))
    .filter(({ notBefore }) => notBefore <= now)
    .slice(0, limit)
    .map((row) => postingOf(tables, row))
}

/** Whether an outcome that was put in after this line is posted. */
function isOvertaken(tables: Tables, { id, message }: OutboxRow): boolean {
  if (message.kind !== 'line') return false
  return [...tables.outbox.values()].some(({ id: later, message: other, state }) => {
    return other.kind === 'outcome' && other.release === message.release && state === 'confirmed' && later > id
  })
}

function postingOf(tables: Tables, row: OutboxRow): Posting {
  const { id, message, tries, putInAt, firstTriedAt } = row
  const release = 'release' in message ? tables.releases.get(message.release)?.columns : undefined
  return {
    id,
    message,
    tries,
    putInAt,
    ...(firstTriedAt !== undefined && { firstTriedAt }),
    ...(isOvertaken(tables, row) && { isOvertaken: true }),
    ...(release && {
      of: {
        app: release.app,
        environment: release.environment,
        state: release.state,
        ...(release.card !== undefined && { card: release.card }),
      },
    }),
  }
}
