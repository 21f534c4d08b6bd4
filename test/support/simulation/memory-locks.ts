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
  /** Resolves when the owner has the lock; several owners may have it `shared`. Throws Deadlock. */
  take(owner: LockOwner, key: string, mode?: Mode): Promise<void>
  /** Takes part in nothing any more: who waits behind it goes on, and its own wait fails. */
  leave(owner: LockOwner): void
}

type Mode = 'exclusive' | 'shared'

interface Waiter {
  readonly owner: LockOwner
  readonly mode: Mode
  resolve(): void
  reject(error: Error): void
}

interface RowLock {
  mode: Mode
  readonly holders: Set<LockOwner>
  readonly queue: Waiter[]
}

export function createRowLocks(): RowLocks {
  const locks = new Map<string, RowLock>()

  function isFree({ mode, holders }: RowLock, wanted: Mode): boolean {
    return holders.size === 0 || (mode === 'shared' && wanted === 'shared')
  }

  function grant(key: string, lock: RowLock, owner: LockOwner, mode: Mode): void {
    lock.mode = mode
    lock.holders.add(owner)
    owner.held.add(key)
  }

  /** Whether its holder waits, by however many others, for this owner. */
  function waitsForItself(owner: LockOwner, key: string): boolean {
    return [...(locks.get(key)?.holders ?? [])].some(
      (holder) => holder === owner || (holder.waitsFor !== undefined && waitsForItself(owner, holder.waitsFor)),
    )
  }

  return {
    take: async (owner, key, mode = 'exclusive') => {
      const lock = locks.get(key) ?? { mode, holders: new Set(), queue: [] }
      locks.set(key, lock)
      if (lock.holders.has(owner)) {
        if (lock.mode === 'shared' && mode === 'exclusive') throw new Error(`${key} is shared already`)
        return
      }
      if (isFree(lock, mode)) return grant(key, lock, owner, mode)
      if (waitsForItself(owner, key)) throw new Deadlock(`deadlock at ${key}`)
      owner.waitsFor = key
      await new Promise<void>((resolve, reject) => lock.queue.push({ owner, mode, resolve, reject }))
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
        if (lock === undefined) continue
        lock.holders.delete(owner)
        for (let next = lock.queue[0]; next !== undefined && isFree(lock, next.mode); next = lock.queue[0]) {
          lock.queue.shift()
          delete next.owner.waitsFor
          grant(key, lock, next.owner, next.mode)
          next.resolve()
        }
        if (lock.holders.size === 0) locks.delete(key)
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
