/**
 * Handles a few stored deliveries at a time, so that a burst takes neither the loop nor the memory from what has to be
 * acknowledged. What waits too long, or is too much to keep here, stays in the store for the sweep.
 */

export interface HandlingQueue {
  /**
   * Calls `work` when it is its turn, and resolves when that has ended. False: it was left to the sweep, and `work` is never
   * called. `isFirst`: before all that waits, for what Slack shows a person only now. Rejects if `work` does.
   */
  add(work: () => Promise<void>, isFirst?: boolean): Promise<boolean>
}

interface Waiting {
  readonly since: number
  readonly work: () => Promise<void>
  settle(outcome: boolean | Promise<boolean>): void
}

export interface QueueLimits {
  readonly atOnce: number
  /** More than these are left to the sweep. */
  readonly mostWaiting: number
  /** What has waited longer is left to the sweep. */
  readonly leaveAfterMs: number
}

/** `left` is called with the first of those that are left, until none waits any more. */
export function createHandlingQueue(
  { atOnce, mostWaiting, leaveAfterMs }: QueueLimits,
  { now, left }: { readonly now: () => number; readonly left: () => void },
): HandlingQueue {
  const waiting: Waiting[] = []
  let running = 0
  let hasLeft = false

  function leave({ settle }: Waiting): void {
    if (!hasLeft) left()
    hasLeft = true
    settle(false)
  }

  async function perform({ work, settle }: Waiting): Promise<void> {
    running += 1
    try {
      await work()
      settle(true)
    } catch (error) {
      settle(Promise.reject(error))
    } finally {
      running -= 1
      startNext()
    }
  }

  function startNext(): void {
    while (running < atOnce) {
      const next = waiting.shift()
      if (next === undefined) {
        hasLeft = false
        return
      }
      if (now() - next.since > leaveAfterMs) leave(next)
      else void perform(next)
    }
  }

  return {
    add(work, isFirst = false) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const entry: Waiting = { since: now(), work, settle: resolve }
      if (isFirst) waiting.unshift(entry)
      else if (waiting.length < mostWaiting) waiting.push(entry)
      else leave(entry)
      startNext()
      return promise
    },
  }
}
