/** Whether workers are alive, by when the store last saw them. */
import type { Store } from './ports/store.ts'

/** A worker not seen for this long counts as gone. */
export const WORKER_GONE_MS = 30_000

/** Returns when a worker was last seen if none is alive; undefined if one is. */
export async function findMissingWorker(store: Store): Promise<{ lastSeen?: string } | undefined> {
  const [last] = await store.workers()
  if (last === undefined) return {}
  const sinceSeen = (await store.now()).getTime() - last.at.getTime()
  return sinceSeen > WORKER_GONE_MS ? { lastSeen: last.at.toISOString() } : undefined
}
