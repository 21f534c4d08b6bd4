/** The log: one line of JSON per event, without secrets. */
import { type LevelWithSilent, pino } from 'pino'
import { SECRET_MARK } from './scrub.ts'

/** Receives whole lines. */
export interface LogDestination {
  write(line: string): void
}

/** Messages are constant. Values that vary go into the fields. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** A log that adds these fields to every line. */
  child(fields: object): Log
}

const MAX_DEPTH = 6
const MAX_ITEMS = 100
const SECRET_NAME =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookie|.*(?:password|passwd|secret|token|credentials?|api[_-]?key|apikey))$/i

/**
 * Writes lines `{ level, time, …fields, msg }` to standard output, or to `destination`, one `write` a line.
 *
 * Of an error anywhere in the fields, only name, message, code and stack are written, because clients attach requests,
 * responses and credentials to errors. Fields with names of secrets (`password`, `token`, `authorization`, …) are masked.
 * Every text, including field names, goes through `scrub`. Logging never throws because of the fields: cycles, getters
 * that throw and values that are no data are replaced by a note.
 */
export function createLog(options: {
  readonly level: LevelWithSilent
  readonly scrub: (text: string) => string
  readonly destination?: LogDestination
}): Log {
  const { level, scrub } = options
  const settings = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const lines = options.destination === undefined ? pino(settings) : pino(settings, options.destination)

  const logWith = (common: object): Log => {
    const at = (name: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) => {
      if (!lines.isLevelEnabled(name)) return
      const own = fields instanceof Error ? { error: fields } : fields
      lines[name](renameOwnFields(entriesOf({ ...common, ...own }, scrub, [])), scrub(message))
    }
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => logWith({ ...common, ...fields }),
    }
  }
  return logWith({})
}

const OWN_FIELDS = ['level', 'time', 'msg']

/** Renames fields that would overwrite the line's own. */
function renameOwnFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [OWN_FIELDS.includes(name) ? `${name}_` : name, value]),
  )
}

type Scrub = (text: string) => string

/** A value as plain JSON with scrubbed texts. `above` are the objects that contain it. */
function toJson(value: unknown, scrub: Scrub, above: readonly object[]): unknown {
  if (typeof value === 'string') return scrub(value)
  if (typeof value === 'bigint') return scrub(String(value))
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined) return value
  if (typeof value !== 'object') return `[${typeof value}]`
  if (above.includes(value)) return '[seen above]'
  if (above.length >= MAX_DEPTH) return '[too deep]'
  if (value instanceof Error) return errorFields(value, scrub)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '[no time]' : value.toISOString()
  if (value instanceof URL) return scrub(value.href)
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => toJson(item, scrub, [...above, value]))
    return value.length > MAX_ITEMS ? [...items, `[${value.length - MAX_ITEMS} more]`] : items
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  // Clients, sockets and the like contain secrets.
  if (prototype !== Object.prototype && prototype !== null) return `[${scrub(value.constructor?.name ?? 'object')}]`
  return entriesOf(value, scrub, [...above, value])
}

function entriesOf(value: object, scrub: Scrub, above: readonly object[]): Record<string, unknown> {
  const names = Object.keys(value)
  const entries = names.slice(0, MAX_ITEMS).map((name): [string, unknown] => {
    const own = read(value, name)
    const isSecret = SECRET_NAME.test(name) && own !== undefined && own !== null && typeof own !== 'boolean'
    return [scrub(name), isSecret ? SECRET_MARK : toJson(own, scrub, above)]
  })
  return Object.fromEntries(
    names.length > MAX_ITEMS ? [...entries, ['…', `[${names.length - MAX_ITEMS} more]`]] : entries,
  )
}

function read(value: object, name: string): unknown {
  try {
    return Reflect.get(value, name)
  } catch {
    return '[unreadable]'
  }
}

function errorFields(error: Error, scrub: Scrub): Record<string, unknown> {
  const text = (name: string) => {
    const value = read(error, name)
    return typeof value === 'string' || typeof value === 'number' ? scrub(String(value)) : undefined
  }
  return { name: text('name'), message: text('message'), code: text('code'), stack: text('stack') }
}
