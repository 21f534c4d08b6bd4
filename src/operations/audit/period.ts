const DAY = /^\d{4}-\d{2}-\d{2}$/
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/
const DAY_MS = 24 * 60 * 60_000

/**
 * Reads an edge of a period: a day in UTC, which belongs to the period as a whole, or a moment with its offset, at which
 * the period begins or before which it ends. Undefined if it is neither.
 */
export function momentOf(text: string, edge: 'since' | 'until'): Date | undefined {
  const ms = DAY.test(text) || MOMENT.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) return undefined
  // JavaScript reads 30 February as 2 March.
  const day = new Date(Date.parse(text.slice(0, 10)))
  if (!day.toISOString().startsWith(text.slice(0, 10))) return undefined
  return new Date(DAY.test(text) && edge === 'until' ? ms + DAY_MS : ms)
}
