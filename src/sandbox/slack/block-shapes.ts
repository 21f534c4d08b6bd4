import { isRecord, type Json } from './state.ts'

/** Reports the problems of `value`; `at` is its JSON pointer. */
export type Check = (value: unknown, at: string, say: (problem: string, at: string) => void) => void

/** Slack counts characters as code points: an emoji outside the basic plane is one. */
export const lengthOf = (text: string): number => [...text].length

export const text =
  (max: number, min = 1): Check =>
  (value, at, say) => {
    if (typeof value !== 'string') return say('must provide a string', at)
    if (lengthOf(value) > max) say(`must be less than ${max + 1} characters`, at)
    if (lengthOf(value) < min) say(`must be more than ${min - 1} characters`, at)
  }

export const flag: Check = (value, at, say) => {
  if (typeof value !== 'boolean') say('must provide a boolean', at)
}

export const integer =
  (min: number, max: number): Check =>
  (value, at, say) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) return say('must provide an integer', at)
    if (value < min || value > max) say(`must be between ${min} and ${max}`, at)
  }

export const word =
  (...allowed: string[]): Check =>
  (value, at, say) => {
    if (typeof value !== 'string' || !allowed.includes(value))
      say(`must be a valid enum value: ${allowed.join(', ')}`, at)
  }

export const list =
  (item: Check, { min = 1, max = Number.POSITIVE_INFINITY }: { min?: number; max?: number } = {}): Check =>
  (value, at, say) => {
    if (!Array.isArray(value)) return say('must provide an array', at)
    if (value.length > max) say(`no more than ${max} items allowed`, at)
    if (value.length < min) say(`no fewer than ${min} items allowed`, at)
    for (const [index, entry] of value.entries()) item(entry, `${at}/${index}`, say)
  }

/** An object with exactly these properties: missing and unknown ones are problems, as at Slack. */
export const shape =
  (required: Record<string, Check>, optional: Record<string, Check> = {}): Check =>
  (value, at, say) => {
    if (!isRecord(value)) return say('must provide an object', at)
    for (const key of Object.keys(required)) if (value[key] === undefined) say(`missing required field: ${key}`, at)
    for (const [key, entry] of Object.entries(value)) {
      const check = required[key] ?? optional[key]
      if (key === 'type' || entry === undefined) continue
      if (check) check(entry, `${at}/${key}`, say)
      else say(`invalid additional property: ${key}`, at)
    }
  }

/** An object whose `type` determines its shape. */
export const typed =
  (kinds: Record<string, Check>): Check =>
  (value, at, say) => {
    if (!isRecord(value)) return say('must provide an object', at)
    const type = value.type
    const check = typeof type === 'string' && Object.hasOwn(kinds, type) ? kinds[type] : undefined
    if (check) check(value, at, say)
    else say(`unsupported type: ${String(type)}`, `${at}/type`)
  }

export const both =
  (...checks: Check[]): Check =>
  (value, at, say) => {
    for (const check of checks) check(value, at, say)
  }

export const rule =
  (holds: (value: Json) => boolean, problem: string): Check =>
  (value, at, say) => {
    if (isRecord(value) && !holds(value)) say(problem, at)
  }
