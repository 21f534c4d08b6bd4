/** The leases of environments in memory, with the times and the fencing of the real ones. */
import { type CommitAs, type Lease, LeaseLost } from '../../../src/release/ports/jobs.ts'
import { answer, type Life, notice } from './memory-life.ts'
import type { SessionLocks } from './memory-locks.ts'
import { environmentKey } from './memory-rows.ts'

const LEASE_MS = 10_000
const SAFE_MS = LEASE_MS - 2_000

interface LeaseRow {
  readonly fence: number
  readonly life: Life
  /** Undefined while the holder lives and reaches the store: it renews. */
  endsAt?: number
  /** Transactions under way that count on it. */
  counting: number
}

type Place = Pick<Lease, 'app' | 'environment'>

export interface Leases {
  /** As EnvironmentLock.withLease. */
  withLease<T>(life: Life, place: Place, work: (lease: Lease) => Promise<T>): Promise<{ done: T } | 'held'>
  /** As TransactionParts.holdLease. */
  hold(lease: NonNullable<CommitAs['lease']>): () => void
  /** The process renews nothing any more: its leases end `in their time`, or have ended by `now`. */
  leave(life: Life, when: 'in their time' | 'now'): void
}

export function createLeases(now: () => number, sessions: SessionLocks): Leases {
  const rows = new Map<string, LeaseRow>()
  const hasEnded = ({ endsAt }: LeaseRow, earlierMs = 0) => endsAt !== undefined && endsAt - earlierMs <= now()

  function heldRow({ fence, ...place }: Place & { fence: number }): LeaseRow {
    const row = rows.get(environmentKey(place))
    if (row?.fence !== fence || hasEnded(row)) throw new LeaseLost(place)
    return row
  }

  return {
    withLease: async (life, place, work) => {
      const key = environmentKey(place)
      const outcome = await sessions.withLock(life, `environment ${key}`, async (lost) => {
        const before = rows.get(key)
        if (before !== undefined && (!hasEnded(before) || before.counting > 0)) return 'held' as const
        const row: LeaseRow = { fence: (before?.fence ?? 0) + 1, life, counting: 0 }
        rows.set(key, row)
        const ended = new AbortController()
        const lose = () => ended.abort(new LeaseLost(place))
        lost.addEventListener('abort', lose, { once: true })
        const lease: Lease = {
          ...place,
          fence: row.fence,
          get signal() {
            // As with the real one: a look looks at the time.
            if (rows.get(key) !== row || hasEnded(row, LEASE_MS - SAFE_MS)) lose()
            return ended.signal
          },
          assertHeld: () =>
            answer(life, async () => {
              notice(life)
              await undefined
              heldRow(lease)
            }).then(
              () => lease.signal.throwIfAborted(),
              () => {
                lose()
                throw new LeaseLost(place)
              },
            ),
        }
        try {
          return { done: await work(lease) }
        } finally {
          // Only over the connection that it was taken on.
          if (!ended.signal.aborted) row.endsAt = Number.NEGATIVE_INFINITY
        }
      })
      return outcome === 'held' ? outcome : outcome.done
    },

    hold: (lease) => {
      const row = heldRow(lease)
      row.counting += 1
      return () => {
        row.counting -= 1
      }
    },

    leave: (life, when) => {
      for (const row of rows.values()) {
        if (row.life !== life) continue
        row.endsAt = Math.min(row.endsAt ?? Number.POSITIVE_INFINITY, now() + (when === 'now' ? 0 : LEASE_MS))
      }
    },
  }
}
