/** What the bench has started, so that nothing is left when it is interrupted. */
const open = new Set<() => Promise<unknown>>()
let isEnding = false

/**
 * Registers how something ends. The function that it gives ends it, once, however often it is called. Throws, and ends it, where
 * everything is ending already: what goes on meanwhile can't start anything any more.
 */
export function closedAtTheEnd(close: () => Promise<unknown>): () => Promise<void> {
  let closing: Promise<unknown> | undefined
  const once = async () => {
    closing ??= close().finally(() => open.delete(once))
    await closing
  }
  open.add(once)
  if (isEnding) {
    void once().catch(() => undefined)
    throw new Error('the bench is ending')
  }
  return once
}

/** Ends everything that is still there, the newest first. One that fails does not keep the others. */
export async function closeAll(): Promise<void> {
  isEnding = true
  for (const close of [...open].reverse()) await close().catch(() => undefined)
}
