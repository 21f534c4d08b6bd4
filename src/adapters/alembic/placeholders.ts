/**
 * What a preview of SQL gets in place of the env file's values. A placeholder has the shape of its value, so that the
 * application's settings can be read, and is unique, so that what was built from it can be recognized.
 */
export interface Placeholders {
  /** By the variable's name. */
  readonly variables: Readonly<Record<string, string>>
  /** The text with the real values where it has placeholders; for connecting only. */
  restore(text: string): string
  /** The same for people: without secrets, and without values that would not stay one word in SQL. */
  shown(text: string): string
}

/** No resolver knows a name of this domain (RFC 6761). */
const INVALID = '.invalid'

/** Words that choose between settings, and are no secrets. Without them, code would take another branch. */
const PLAIN = new Set(
  (
    'true false yes no on off y n t f none null production prod staging stage integration development develop dev ' +
    'test testing qa demo local preview live debug info warning warn error critical notset utf8 utf-8 utf8mb4 utc ' +
    'disable allow prefer require verify-ca verify-full any read-write postgresql postgres mysql redis public'
  ).split(' '),
)

/** Settings of Python, its frameworks and the system, which name no service and no secret. */
const OF_THE_SYSTEM =
  /^(PYTHON\w*|PATH|LANG|LC_\w+|TZ|TMPDIR|FLASK_(APP|ENV|DEBUG)|DJANGO_SETTINGS_MODULE|PGSSLMODE|PGTZ|PGOPTIONS|PGCLIENTENCODING)$/

const SECRET = /PASS|PWD|SECRET|TOKEN|KEY|CREDENTIAL|DSN|AUTH|SALT|PIN$/i

/** A word is unique by its number: a name could be part of another name. */
class Words {
  readonly originals = new Map<string, { readonly value: string; readonly isSecret: boolean }>()

  for(value: string, isSecret: boolean): string {
    const word = `placeholder-${String(this.originals.size + 1).padStart(4, '0')}`
    this.originals.set(word, { value, isSecret })
    return word
  }
}

const WORD = /placeholder-\d{4}/g

/** The placeholders of an env file's variables. */
export function placeholdersOf(variables: Readonly<Record<string, string>>): Placeholders {
  const words = new Words()
  const placed = Object.entries(variables).map(([name, value]): [string, string] => [
    name,
    OF_THE_SYSTEM.test(name) ? value : placeholderOf(value, SECRET.test(name), words),
  ])
  return {
    variables: Object.fromEntries(placed),
    restore: (text) =>
      text.replaceAll(new RegExp(`${WORD.source}(${INVALID})?`, 'g'), (all) => {
        return words.originals.get(all.replace(INVALID, ''))?.value ?? all
      }),
    shown: (text) =>
      text.replaceAll(WORD, (word) => {
        const original = words.originals.get(word)
        if (original === undefined) return word
        if (original.isSecret) return '[secret]'
        return /['"\\\s;]/.test(original.value) ? '[value of the env file]' : original.value
      }),
  }
}

function placeholderOf(value: string, isSecret: boolean, words: Words): string {
  if (value.trim() === '') return value
  if (!isSecret && PLAIN.has(value.toLowerCase())) return value
  // Long numbers are account numbers and the like. Short ones are ports, limits and counts.
  if (/^-?\d+(\.\d+)?$/.test(value)) return isSecret || value.length > 8 ? value.replaceAll(/\d/g, '1') : value
  const document = documentOf(value)
  if (document !== undefined) return JSON.stringify(inDocument(document, isSecret, words))
  const url = /^([a-z][\w+.-]*):\/\/(.*)$/is.exec(value)
  if (url !== null) return `${url[1]}://${placeholderOfAddress(url[2] ?? '', isSecret, words)}`
  if (value.includes(',')) {
    return value
      .split(',')
      .map((part) => placeholderOf(part, isSecret, words))
      .join(',')
  }
  if (/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(value)) return `${words.for(value, isSecret)}@mail${INVALID}`
  if (/^\.?\.?\//.test(value)) return `/${words.for(value, isSecret)}`
  return words.for(value, isSecret)
}

// As SQLAlchemy reads a URL: a password may have anything but an `@`.
const ADDRESS = /^(?:([^:/@]*)(:[^@]*)?@)?(\[[^\]]*\]|[^:/?#]*)(:\d+)?(\/[^?#]*)?(\?[^#]*)?(#.*)?$/s

function placeholderOfAddress(address: string, isSecret: boolean, words: Words): string {
  const match = ADDRESS.exec(address)
  if (match === null) return `${words.for('', true)}${INVALID}/`
  const [, user, password, host = '', port = '', path = '', query = ''] = match
  const person = user === undefined ? '' : `${user && words.for(decoded(user), false)}${passwordOf(password, words)}@`
  const reached = host === '' ? '' : `${words.for(host.replace(/^\[(.*)\]$/, '$1'), false)}${INVALID}`
  return `${person}${reached}${port}${pathOf(path, isSecret, words)}${queryOf(query, isSecret, words)}`
}

const passwordOf = (password: string | undefined, words: Words) =>
  password === undefined ? '' : `:${words.for(decoded(password.slice(1)), true)}`

function pathOf(path: string, isSecret: boolean, words: Words): string {
  // A number is a database of Redis.
  return path
    .split('/')
    .map((part) => (part === '' || /^\d{1,3}$/.test(part) ? part : words.for(decoded(part), isSecret)))
    .join('/')
}

function queryOf(query: string, isSecret: boolean, words: Words): string {
  if (query === '') return ''
  const parts = query
    .slice(1)
    .split('&')
    .map((part) => {
      const [name = '', ...rest] = part.split('=')
      const value = decoded(rest.join('='))
      const isHost = /^(host|user|password)$/i.test(name)
      return rest.length === 0 || value === ''
        ? part
        : `${name}=${isHost ? words.for(value, isSecret) : placeholderOf(value, isSecret || SECRET.test(name), words)}`
    })
  return `?${parts.join('&')}`
}

function inDocument(value: unknown, isSecret: boolean, words: Words): unknown {
  if (Array.isArray(value)) return value.map((each) => inDocument(each, isSecret, words))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, inDocument(each, isSecret || SECRET.test(name), words)]),
    )
  }
  if (typeof value === 'string') return placeholderOf(value, isSecret, words)
  return typeof value === 'number' && (isSecret || Math.abs(value) > 99_999_999) ? 1 : value
}

function documentOf(value: string): object | undefined {
  if (!/^\s*[[{]/.test(value)) return undefined
  try {
    const parsed: unknown = JSON.parse(value)
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined
  } catch {
    return undefined
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
