/** Locks that are waited for (rows, until the end of a transaction) and that are not (a session's, by name). */
import { answer, ConnectionLost, type Life, notice } from './memory-life.ts'

/** The transaction waits for one that waits for it: it is rolled back, and run again. */
export class Deadlock extends Error {
  override readonly name = 'Deadlock'
}

export interface LockOwner {
  waitsFor?: string
  readonly held: Set<string>
}

export interface RowLocks {
  /** Resolves when the owner has the lock. Throws Deadlock. */
  take(owner: LockOwner, key: string): Promise<void>
  /** Takes part in nothing any more: who waits behind it goes on, and its own wait fails. */
  leave(owner: LockOwner): void
}

interface Waiter {
  readonly owner: LockOwner
  resolve(): void
  reject(error: Error): void
}

export function createRowLocks(): RowLocks {
  const locks = new Map<string, { owner: LockOwner; readonly queue: Waiter[] }>()

  function waitsForItself(owner: LockOwner, key: string): boolean {
    for (let wanted: string | undefined = key; wanted !== undefined; ) {
      const holder: LockOwner | undefined = locks.get(wanted)?.owner
      if (holder === owner) return true
      wanted = holder?.waitsFor
    }
    return false
  }

  return {
    take: async (owner, key) => {
      const lock = locks.get(key)
      if (lock === undefined) {
        locks.set(key, { owner, queue: [] })
        owner.held.add(key)
        return
      }
      if (lock.owner === owner) return
      if (waitsForItself(owner, key)) throw new Deadlock(`deadlock at ${key}`)
      owner.waitsFor = key
      await new Promise<void>((resolve, reject) => lock.queue.push({ owner, resolve, reject }))
    },

    leave: (owner) => {
      if (owner.waitsFor !== undefined) {
        const queue = locks.get(owner.waitsFor)?.queue ?? []
        const at = queue.findIndex((waiter) => waiter.owner === owner)
        queue.splice(at, 1)[0]?.reject(new ConnectionLost())
        delete owner.waitsFor
      }
      for (const key of owner.held) {
        const lock = locks.get(key)
        const next = lock?.queue.shift()
        if (lock === undefined || next === undefined) {
          locks.delete(key)
          continue
        }
        lock.owner = next.owner
        delete next.owner.waitsFor
        next.owner.held.add(key)
        next.resolve()
      }
      owner.held.clear()
    },
  }
}

export interface SessionLocks {
  withLock<T>(life: Life, name: string, work: (lost: AbortSignal) => Promise<T>): Promise<{ done: T } | 'held'>
  /** The server frees what this process holds; it notices later, if ever. */
  free(life: Life): void
}

export function createSessionLocks(): SessionLocks {
  const holders = new Map<string, { readonly life: Life; readonly lost: AbortController }>()
  return {
    withLock: (life, name, work) =>
      answer(life, async () => {
        notice(life)
        await undefined
        if (life.isDead) throw new ConnectionLost()
        if (holders.has(name)) return 'held'
        const mine = { life, lost: new AbortController() }
        holders.set(name, mine)
        try {
          return { done: await work(mine.lost.signal) }
        } finally {
          if (holders.get(name) === mine) holders.delete(name)
        }
      }),

    free: (life) => {
      for (const [name, holder] of holders) {
        if (holder.life !== life) continue
        holders.delete(name)
        life.unnoticed.push(() => holder.lost.abort(new ConnectionLost()))
      }
    },
  }
}
