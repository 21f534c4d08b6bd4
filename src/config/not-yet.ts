/**
 * The keys of `releases.yml` whose feature is not built yet. They are checked, and refused when set to anything but their
 * default. Remove a feature's rows from NOT_YET when you build it.
 */
import { isRecord, type PlacedProblem } from './explain.ts'
import type { Path } from './yaml-source.ts'

interface UnsupportedKey {
  /** The feature, in a few words. */
  readonly what: string
  /** Whether a value is the same as a missing key. The value may be anything. */
  readonly isDefault: (value: unknown) => boolean
}

const is = (standard: unknown) => (value: unknown) => value === standard
const isEmpty = (value: unknown) => Array.isArray(value) && value.length === 0

const ENVIRONMENT = 'apps.*.environments.*'

/** `*` is any name. A key below a list applies to each of its entries. */
export const NOT_YET: Readonly<Record<string, UnsupportedKey>> = {
  'slack.direct_messages': { what: 'direct messages', isDefault: is(true) },
  webhooks: { what: 'webhooks', isDefault: isEmpty },
  workers: { what: 'groups of workers', isDefault: (value) => isRecord(value) && Object.keys(value).length === 0 },
  [`${ENVIRONMENT}.sign_off.qa`]: { what: 'QA for each change', isDefault: (value) => value !== 'each change' },
  [`${ENVIRONMENT}.sign_off.receipts`]: { what: 'receipts', isDefault: is(false) },
}

/** One problem for each unsupported key that is set, without those nested in it. */
export function notYetProblems(value: unknown): readonly PlacedProblem[] {
  const set = Object.entries(NOT_YET).flatMap(([key, { what, isDefault }]) =>
    placesOf(value, key.split('.'))
      .filter(({ found }) => !isDefault(found))
      .map(({ path }) => ({ path, text: `(${what}) is not supported by this version yet. Remove it.` })),
  )
  return set.filter(({ path }) => !set.some((other) => isWithin(path, other.path)))
}

function placesOf(value: unknown, key: readonly string[], path: Path = []): readonly { path: Path; found: unknown }[] {
  const [step, ...rest] = key
  if (Array.isArray(value) && step !== undefined) {
    return value.flatMap((item, index) => (isRecord(item) ? placesOf(item, key, [...path, index]) : []))
  }
  if (step === undefined) return [{ path, found: value }]
  if (!isRecord(value)) return []
  const names = step === '*' ? Object.keys(value) : [step].filter((name) => Object.hasOwn(value, name))
  return names.flatMap((name) => placesOf(value[name], rest, [...path, name]))
}

function isWithin(path: Path, outer: Path): boolean {
  return path.length > outer.length && outer.every((step, index) => path[index] === step)
}
