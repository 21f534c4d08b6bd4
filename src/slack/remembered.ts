/** Answers of Slack that are kept for a while, so that drawing a message does not use up what Slack allows. */

/** A monotonic clock: one that is set back must not prolong permissions. */
const now = () => performance.now()

/** A value that is fetched again when it is older than `keptMs`. If that fails, it may be up to `staleMs` old. */
export function remembered<T>(
  keptMs: number,
  fetch: () => Promise<T | undefined>,
  staleMs = 0,
): (options?: { refresh?: boolean }) => Promise<T | undefined> {
  let last: { value: T; at: number } | undefined
  const isYounger = (ms: number) => last !== undefined && last.at + ms > now()
  return async ({ refresh = false } = {}) => {
    if (!refresh && isYounger(keptMs)) return last?.value
    const value = await fetch()
    if (value !== undefined) last = { value, at: now() }
    else if (!isYounger(Math.max(keptMs, staleMs))) last = undefined
    return last?.value
  }
}

export interface KeyedMemory<T> {
  /** Slack's answer: a definite one is kept for `keptMs`. */
  readonly fetch: (key: string) => Promise<T>
  /** Whether the answer says something; another is replaced by the last that did, where there is one. */
  readonly isDefinite: (answer: T) => boolean
  readonly keptMs: number
  /** How long an answer that says nothing keeps Slack from being asked again. */
  readonly unknownKeptMs: number
  /** The most keys that are kept; the one used longest ago goes first. */
  readonly most: number
}

/** Answers by key. One key is asked once at a time. */
export function rememberedByKey<T>(memory: KeyedMemory<T>): (key: string) => Promise<T> {
  const { fetch, isDefinite, keptMs, unknownKeptMs, most } = memory
  const kept = new Map<string, { answer: T; until: number }>()
  const asking = new Map<string, Promise<T>>()

  async function ask(key: string): Promise<T> {
    const before = kept.get(key)
    const found = await fetch(key)
    const answer = !isDefinite(found) && before !== undefined && isDefinite(before.answer) ? before.answer : found
    kept.delete(key)
    kept.set(key, { answer, until: now() + (isDefinite(found) ? keptMs : unknownKeptMs) })
    const [oldest] = kept.keys()
    if (kept.size > most && oldest !== undefined) kept.delete(oldest)
    return answer
  }

  return (key) => {
    const before = kept.get(key)
    if (before !== undefined && before.until > now()) return Promise.resolve(before.answer)
    const running = asking.get(key) ?? ask(key).finally(() => asking.delete(key))
    asking.set(key, running)
    return running
  }
}
