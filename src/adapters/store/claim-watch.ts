/** Notices that a claim is lost, also while the store can't be reached. */

/** The least that pg-boss accepts. A job without a heartbeat for that long goes to another worker. */
export const heartbeatSeconds = 10
export const beatEverySeconds = 2

/**
 * Calls `lose` when the claim is lost. While the store can't be reached, pg-boss reports nothing: then it calls `lose`
 * before another worker can take the job over, which is `heartbeatSeconds` after its last heartbeat. Returns a function
 * that tells whether that time has come, for callers that can't wait for a timer.
 */
export function watchClaim(
  readHeld: () => Promise<{ readonly beatAge: number } | undefined>,
  lose: () => void,
  over: AbortSignal,
): () => boolean {
  const safeMs = (heartbeatSeconds - 2) * 1000
  let safeUntil = performance.now() + safeMs
  let deadline = setTimeout(lose, safeMs)
  const look = async () => {
    const asked = performance.now()
    const held = await readHeld()
    if (over.aborted) return
    if (held === undefined) return lose()
    clearTimeout(deadline)
    safeUntil = asked - held.beatAge + safeMs
    deadline = setTimeout(lose, Math.max(0, safeUntil - performance.now()))
  }
  const timer = setInterval(() => look().catch(() => undefined), beatEverySeconds * 1000)
  over.addEventListener(
    'abort',
    () => {
      clearInterval(timer)
      clearTimeout(deadline)
    },
    { once: true },
  )
  return () => performance.now() >= safeUntil
}
