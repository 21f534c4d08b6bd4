/** Durations as people write them, in Postgres's units: `10s`, `5min`, `24h`, `0`. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** Parses a duration into milliseconds. Undefined when it is invalid. Only 0 needs no unit. */
export function milliseconds(written: string): number | undefined {
  const [, count, unit] = /^([0-9]{1,10})(ms|s|min|h|d)?$/.exec(written) ?? []
  if (count === undefined) return undefined
  const factor = unit === undefined ? undefined : UNITS[unit]
  if (factor !== undefined) return Number(count) * factor
  return Number(count) === 0 ? 0 : undefined
}
