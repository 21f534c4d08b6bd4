// Bitbucket's query language for `q` and its pages (developer.atlassian.com: "Filter and sort API objects", "Pagination").

type Row = Record<string, unknown>
type Test = (row: Row) => boolean
type Value = string | number | boolean | null

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|(!=|>=|<=|!~|[=~<>()])|([\w.+:-]+))/y

/** Parses a `q`. Returns Bitbucket's error message if it is invalid. */
export function parseFilter(query: string): Test | { error: string } {
  const tokens = tokensOf(query)
  if (tokens === undefined) return { error: 'Invalid query' }
  let at = 0
  const wrong = new Error('Invalid query')
  const next = () => {
    const token = tokens[at]
    if (token === undefined) throw wrong
    at += 1
    return token
  }
  const isWord = (word: string) => tokens[at]?.toUpperCase() === word

  function either(): Test {
    const tests = [both()]
    while (isWord('OR')) {
      at += 1
      tests.push(both())
    }
    return (row) => tests.some((test) => test(row))
  }
  function both(): Test {
    const tests = [one()]
    while (isWord('AND')) {
      at += 1
      tests.push(one())
    }
    return (row) => tests.every((test) => test(row))
  }
  function one(): Test {
    const field = next()
    if (field === '(') {
      const inner = either()
      if (next() !== ')') throw wrong
      return inner
    }
    if (!/^[a-z_][\w.]*$/i.test(field)) throw wrong
    const operator = next()
    const value = literalOf(next())
    if (value === undefined) throw wrong
    return comparison(field, operator, value)
  }
  function comparison(field: string, operator: string, value: Value): Test {
    const text = (row: Row) => String(fieldOf(row, field) ?? '').toLowerCase()
    const part = String(value).toLowerCase()
    switch (operator) {
      case '=':
        return (row) => (fieldOf(row, field) ?? null) === value
      case '!=':
        return (row) => (fieldOf(row, field) ?? null) !== value
      case '~':
        return (row) => text(row).includes(part)
      case '!~':
        return (row) => !text(row).includes(part)
      case '>':
        return (row) => compare(fieldOf(row, field), value) > 0
      case '>=':
        return (row) => compare(fieldOf(row, field), value) >= 0
      case '<':
        return (row) => compare(fieldOf(row, field), value) < 0
      case '<=':
        return (row) => compare(fieldOf(row, field), value) <= 0
      default:
        throw wrong
    }
  }

  try {
    const test = either()
    return at === tokens.length ? test : { error: 'Invalid query' }
  } catch (error) {
    if (error === wrong) return { error: 'Invalid query' }
    throw error
  }
}

function tokensOf(query: string): string[] | undefined {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (query.slice(TOKEN.lastIndex).trim() !== '') {
    const match = TOKEN.exec(query)
    if (match === null) return undefined
    tokens.push(match[1] ?? match[2] ?? match[3] ?? '')
  }
  return tokens
}

function literalOf(token: string): Value | undefined {
  if (token.startsWith('"')) return token.slice(1, -1).replaceAll(/\\(.)/g, '$1')
  if (/^-?\d+(\.\d+)?$/.test(token)) return Number(token)
  if (/^\d{4}-\d\d-\d\dT/.test(token)) return token
  const words = new Map<string, Value>([
    ['true', true],
    ['false', false],
    ['null', null],
  ])
  return words.get(token.toLowerCase())
}

function fieldOf(row: Row, field: string): unknown {
  let value: unknown = row
  for (const name of field.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Row)[name] : undefined
  return value
}

const compare = (a: unknown, b: unknown): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : `${a}` < `${b}` ? -1 : `${a}` > `${b}` ? 1 : 0

/** One page of rows by the request's `q`, `sort`, `page` and `pagelen`, or an error message. */
export function pageOf(
  url: URL,
  rows: readonly Row[],
  limits: { pagelen: number; max: number },
): Row | { error: string } {
  const { searchParams } = url
  const query = searchParams.get('q')
  const test = query === null || query === '' ? () => true : parseFilter(query)
  if (typeof test !== 'function') return test
  const pagelen = Number(searchParams.get('pagelen') ?? limits.pagelen)
  const page = Number(searchParams.get('page') ?? 1)
  if (!Number.isInteger(pagelen) || pagelen < 1 || pagelen > limits.max) return { error: 'Invalid pagelen' }
  if (!Number.isInteger(page) || page < 1) return { error: 'Invalid page' }

  const found = rows.filter(test)
  const sort = searchParams.get('sort')
  if (sort !== null) {
    const [field, direction] = sort.startsWith('-') ? [sort.slice(1), -1] : [sort, 1]
    found.sort((a, b) => compare(fieldOf(a, field), fieldOf(b, field)) * direction)
  }
  const link = (number: number) => {
    const to = new URL(url)
    to.searchParams.set('page', String(number))
    return to.href
  }
  return {
    values: found.slice((page - 1) * pagelen, page * pagelen),
    pagelen,
    size: found.length,
    page,
    ...(found.length > page * pagelen ? { next: link(page + 1) } : {}),
    ...(page > 1 ? { previous: link(page - 1) } : {}),
  }
}
