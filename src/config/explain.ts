/** Explains zod's issues to the person who wrote the file: with the place, and without any value. */
import type { z } from 'zod'
import { isNear, nearestFirst } from '../lib/edit-distance.ts'
import type { Path } from './yaml-source.ts'

export interface PlacedProblem {
  readonly path: Path
  readonly text: string
}

type Issue = z.core.$ZodIssue
type Json = Readonly<Record<string, unknown>>

/** The problems of one value. `around` is its path in the file, `schema` the JSON Schema of the file. */
export function explainIssues(
  issues: readonly Issue[],
  value: unknown,
  around: Path,
  schema: Json,
): readonly PlacedProblem[] {
  return issues.flatMap((issue): readonly PlacedProblem[] => {
    const path = [...around, ...issue.path]
    const found = valueAt(value, issue.path)
    switch (issue.code) {
      case 'unrecognized_keys': {
        const known = knownKeys(schema, path)
        return issue.keys.map((key) => ({ path: [...path, key], text: unknownKey(key, known) }))
      }
      case 'invalid_key':
        return issue.issues.slice(0, 1).map((inner) => ({ path, text: inner.message }))
      case 'invalid_type':
        return [{ path, text: found === undefined ? 'is missing' : wrongType(issue.expected, found) }]
      case 'invalid_value': {
        if (found === undefined) return [{ path, text: 'is missing' }]
        return [{ path, text: `must be ${issue.values.map(String).join(' or ')}` }]
      }
      case 'invalid_union': {
        const meant = issue.errors.find((inner) => !inner.some(isOtherType))
        return meant !== undefined && typeof found === 'object'
          ? explainIssues(meant, found, path, schema)
          : [{ path, text: issue.message }]
      }
      case 'too_small':
        return [{ path, text: issue.origin === 'array' ? issue.message : `must be at least ${issue.minimum}` }]
      case 'too_big':
        return [{ path, text: `must be at most ${issue.maximum}` }]
      default:
        return [{ path, text: issue.message }]
    }
  })
}

/** Whether the value has another type than this member of a union, such as a list in place of a mapping. */
function isOtherType({ path, code }: Issue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value')
}

/** Formats a path for people. A key that may be a misplaced value, and so a secret, is not shown. */
export function formatPath(path: Path): string {
  return path.reduce<string>((shownPath, step) => {
    if (typeof step === 'number') return `${shownPath}[${step + 1}]`
    const shown = /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(String(step)) ? String(step) : '…'
    return shownPath === '' ? shown : `${shownPath}.${shown}`
  }, '')
}

function unknownKey(key: string, known: readonly string[]): string {
  const nearest = nearestFirst(key, known)
  const [first] = nearest
  if (first === undefined) return 'is not a known key'
  return isNear(key, first)
    ? `is not a known key; did you mean ${first}?`
    : `is not a known key; the nearest is ${first} (known here: ${nearest.join(', ')})`
}

function wrongType(expected: string, found: unknown): string {
  const wanted: Record<string, string> = {
    string: typeof found === 'number' || typeof found === 'boolean' ? 'text: put it in quotes' : 'text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'keys and their values',
    record: 'keys and their values',
  }
  const must = `must be ${wanted[expected] ?? expected}`
  return found === null ? `is empty, and ${must} (a text with # or @ in front needs quotes)` : must
}

/** The keys that the JSON Schema allows at a path. */
function knownKeys(schema: Json, path: Path): readonly string[] {
  let current: unknown = schema
  for (const step of path) {
    const form = formOf(current, typeof step === 'number' ? 'array' : 'object')
    const properties = isRecord(form?.properties) ? form.properties : {}
    current = typeof step === 'number' ? form?.items : (properties[String(step)] ?? form?.additionalProperties)
  }
  const properties = formOf(current, 'object')?.properties
  return isRecord(properties) ? Object.keys(properties) : []
}

function formOf(schema: unknown, type: 'object' | 'array'): Json | undefined {
  if (!isRecord(schema)) return undefined
  if (!Array.isArray(schema.anyOf)) return schema
  return schema.anyOf.find((option): option is Json => isRecord(option) && option.type === type)
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((found, step) => {
    if (Array.isArray(found)) return found[Number(step)]
    return isRecord(found) && Object.hasOwn(found, String(step)) ? found[String(step)] : undefined
  }, value)
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
