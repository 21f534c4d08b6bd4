/** Time that only the simulation moves: everything that waits, waits here. */

export interface VirtualTime {
  /** Milliseconds since the epoch. */
  now(): number
  /** Resolves when the time has come, or early when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `work` again and again, first after `everyMs`; gives how to end it. */
  every(everyMs: number, work: () => void): () => void
  /** When the next of these is due. */
  next(): number | undefined
  /** Moves on, and lets go whatever is due by then, in order. */
  moveTo(at: number): void
}

interface Waiting {
  readonly at: number
  readonly go: () => void
}

export function createVirtualTime(start: number): VirtualTime {
  let now = start
  let ids = 0
  const waiting = new Map<number, Waiting>()

  function wait(at: number, go: () => void): () => void {
    ids += 1
    const id = ids
    waiting.set(id, { at, go })
    return () => void waiting.delete(id)
  }

  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const forget = wait(now + Math.max(0, ms), () => {
          signal?.removeEventListener('abort', early)
          resolve()
        })
        function early() {
          forget()
          resolve()
        }
        signal?.addEventListener('abort', early, { once: true })
      }),
    every(everyMs, work) {
      let forget: () => void
      const again = () => {
        forget = wait(now + everyMs, () => {
          again()
          work()
        })
      }
      again()
      return () => forget()
    },
    next() {
      let first: number | undefined
      for (const { at } of waiting.values()) if (first === undefined || at < first) first = at
      return first
    },
    moveTo(at) {
      now = Math.max(now, at)
      for (const [id, each] of waiting) {
        if (each.at > now) continue
        waiting.delete(id)
        each.go()
      }
    },
  }
}

/**
 * Lets everything run that can run without time: promises, and the few real directories that a step makes. Afterwards
 * all that is left waits for the clock.
 */
export async function drain(): Promise<void> {
  do {
    await new Promise(setImmediate)
  } while (process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq')))
}
