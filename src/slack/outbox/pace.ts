/** Slack's rate limits: when the next call of a kind is allowed. Depends only on the given clock. */

/** Slack allows about 50 updates a minute; 40 leave room for modals and a second bot that starts. */
const UPDATES_A_MINUTE = 40
const MINUTE_MS = 60_000
/** One post a second for each channel (docs: rate limits of chat.postMessage). */
const POST_EVERY_MS = 1_000
const SHORT_BURST = 3

export interface Pace {
  /** 0: now; else the time, by the given clock, from which it is allowed. A `0` counts as a call. */
  post(channel: string): number
  update(message: string): number
  /** Slack asked to wait: no call of the kind before then. */
  pause(kind: 'post' | 'update', untilMs: number): void
}

export function createPace({
  now,
  updateEveryMs = 1_500,
  postEveryMs = POST_EVERY_MS,
  updatesAMinute = UPDATES_A_MINUTE,
}: {
  /** Milliseconds that only grow. */
  now: () => number
  updateEveryMs?: number
  postEveryMs?: number
  updatesAMinute?: number
}): Pace {
  const updates: number[] = []
  const lastUpdate = new Map<string, number>()
  const posts = new Map<string, number[]>()
  const paused = { post: 0, update: 0 }

  return {
    post(channel) {
      const at = now()
      if (paused.post > at) return paused.post
      const recent = (posts.get(channel) ?? []).filter((time) => time > at - SHORT_BURST * postEveryMs)
      const oldest = recent[0]
      if (recent.length >= SHORT_BURST && oldest !== undefined) return oldest + SHORT_BURST * postEveryMs + 1
      posts.set(channel, [...recent, at])
      return 0
    },
    update(message) {
      const at = now()
      if (paused.update > at) return paused.update
      while (updates[0] !== undefined && updates[0] <= at - MINUTE_MS) updates.shift()
      const oldest = updates[0]
      if (updates.length >= updatesAMinute && oldest !== undefined) return oldest + MINUTE_MS + 1
      const last = lastUpdate.get(message)
      if (last !== undefined && last + updateEveryMs > at) return last + updateEveryMs
      updates.push(at)
      lastUpdate.set(message, at)
      if (lastUpdate.size > 1_000) lastUpdate.clear()
      return 0
    },
    pause(kind, untilMs) {
      paused[kind] = Math.max(paused[kind], untilMs)
    },
  }
}
