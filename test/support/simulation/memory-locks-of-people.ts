/** The locks of people in memory, as src/adapters/store/locks.ts keeps them. */
import { storable } from '../../../src/adapters/store/schema.ts'
import type { Lock } from '../../../src/release/lock.ts'
import { isSamePlace } from '../../../src/release/lock.ts'
import type { LockFilter, LockRows, Watch } from '../../../src/release/ports/locks.ts'

/** Never changed, only replaced. */
export interface PeoplesLocks {
  readonly lastId: number
  readonly locks: readonly Lock[]
  /** A delivery's key to the lock that it has changed. */
  readonly deliveries: ReadonlyMap<string, number>
  readonly watches: readonly Watch[]
}

export const noLocks: PeoplesLocks = { lastId: 0, locks: [], deliveries: new Map(), watches: [] }

/** What a transaction does to them: done again on what is committed when it commits. */
export type LockEdit = (kept: PeoplesLocks) => PeoplesLocks

export interface LockRowParts {
  readonly now: Date
  /** As this transaction sees them. */
  see(): PeoplesLocks
  edit(edit: LockEdit): void
  /** A fresh id, also for a transaction that is rolled back. */
  nextId(): number
}

export function createLockRows({ now, see, edit, nextId }: LockRowParts): LockRows {
  return {
    open: async () => see().locks.filter(({ ended }) => ended === undefined),
    lock: async (id) => see().locks.find((one) => one.id === id),
    add: async ({ on, holder, reason, until }) => {
      if (see().locks.some((one) => one.ended === undefined && isSamePlace(one.on, on))) {
        throw new Error('This place has an open lock.')
      }
      const lock: Lock = Object.freeze({
        id: nextId(),
        on,
        holder: { id: holder.id, name: storable(holder.name) },
        reason: storable(reason),
        since: now,
        ...(until && { until }),
      })
      edit((kept) => ({ ...kept, locks: [...kept.locks, lock] }))
      return lock
    },
    change: async (id, change) => {
      const open = see().locks.find((one) => one.id === id && one.ended === undefined)
      if (open === undefined) throw new Error(`There is no open lock ${id} to change.`)
      const changed = (lock: Lock): Lock => {
        if ('ended' in change) return Object.freeze({ ...lock, ended: { at: now, ...change.ended } })
        const { until, ...rest } = lock
        const end = 'until' in change ? change.until : until
        return Object.freeze({
          ...rest,
          ...(change.reason !== undefined && { reason: storable(change.reason) }),
          ...(end && { until: end }),
        })
      }
      edit((kept) => ({ ...kept, locks: kept.locks.map((lock) => (lock.id === id ? changed(lock) : lock)) }))
      return changed(open)
    },
    delivered: async (key, lock) => {
      if (see().deliveries.has(key)) throw new Error(`The delivery ${key} is stored already.`)
      edit((kept) => ({ ...kept, deliveries: new Map([...kept.deliveries, [key, lock]]) }))
    },
    deliveredTo: async (key) => {
      const { deliveries, locks } = see()
      return locks.find(({ id }) => id === deliveries.get(key))
    },
    watch: async ({ app, environment, person }) => {
      const isSame = (one: Watch) => one.app === app && one.environment === environment && one.person === person
      if (see().watches.some(isSame)) return
      const watch = { id: nextId(), app, environment, person }
      edit((kept) => (kept.watches.some(isSame) ? kept : { ...kept, watches: [...kept.watches, watch] }))
    },
    watches: async () => see().watches,
    endWatch: async (id) => edit((kept) => ({ ...kept, watches: kept.watches.filter((one) => one.id !== id) })),
  }
}

/** As Store.locks. */
export function selectLocks({ locks }: PeoplesLocks, { open, app, environment, limit = 500 }: LockFilter) {
  const found = locks.filter(
    ({ on, ended }) =>
      (open === undefined || ended === undefined) &&
      (on.is === 'all' ||
        ((app === undefined || on.app === app) && (environment === undefined || on.environment === environment))),
  )
  return (open ? found : found.toReversed()).slice(0, limit)
}
