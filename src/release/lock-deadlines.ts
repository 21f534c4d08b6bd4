/**
 * What time alone does to locks, by the store's clock: ends those whose time is over, and asks the holder of a forgotten one.
 * Safe to repeat and to run from several bots: each lock is looked at under its row, and each message has a key.
 */
import { factsOfLock, holds, type Lock } from './lock.ts'
import { expire, lockRows, tellHolder } from './locks.ts'
import type { Store, Transaction } from './ports/store.ts'

const HOUR_MS = 60 * 60_000
/** A lock without an end: its holder is asked after this, and then daily. */
const ASK_AFTER_MS = 3 * HOUR_MS
const ASK_AGAIN_EVERY_MS = 24 * HOUR_MS
/** How long before its end the holder of a lock is told. */
const TELL_BEFORE_END_MS = 15 * 60_000

/** Looks at every open lock once. An error at one doesn't stop the others; the first is thrown at the end. */
export async function applyLockDeadlines(store: Store): Promise<void> {
  const now = await store.now()
  const errors: unknown[] = []
  for (const lock of (await store.locks({ open: true })).filter((one) => isDue(one, now))) {
    await store.transaction((tx) => applyDeadline(tx, lock)).catch((error: unknown) => errors.push(error))
  }
  if (errors.length > 0) throw errors[0]
}

function isDue(lock: Lock, now: Date): boolean {
  return !holds(lock, now) || messageDue(lock, now) !== undefined
}

async function applyDeadline(tx: Transaction, { id, on }: Lock): Promise<void> {
  await lockRows(tx, on)
  const lock = (await tx.locks.open()).find((one) => one.id === id)
  if (lock === undefined) return
  if (!holds(lock, tx.now)) return expire(tx, lock)
  const key = messageDue(lock, tx.now)
  if (key !== undefined) await tellHolder(tx, lock, key, { is: 'lock held', lock: factsOfLock(lock) })
}

/**
 * The key of the message that its holder should have had by now. After a pause of the bot only the last one is sent. A lock
 * that was set for less than a quarter of an hour needs none.
 */
export function messageDue({ since, until }: Lock, now: Date): string | undefined {
  if (until !== undefined) {
    const isShort = until.getTime() - since.getTime() <= TELL_BEFORE_END_MS
    const isSoon = until.getTime() - now.getTime() <= TELL_BEFORE_END_MS
    return isSoon && !isShort ? `ends:${until.toISOString()}` : undefined
  }
  const overdue = now.getTime() - since.getTime() - ASK_AFTER_MS
  return overdue < 0 ? undefined : `held:${Math.floor(overdue / ASK_AGAIN_EVERY_MS)}`
}
