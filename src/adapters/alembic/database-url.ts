/** The parts of a Postgres URL. */
export interface DatabaseAddress {
  /** A host's name or address, or the directory of a unix socket. */
  readonly host: string
  readonly port: number
  readonly name: string
  readonly user: string | undefined
  readonly password: string | undefined
  readonly query: Readonly<Record<string, string>>
}

// Parsed as by SQLAlchemy, which gets it from env.py: a password may contain anything but `@`.
const URL_SHAPE =
  /^postgres(?:ql)?(?:\+\w+)?:\/\/(?:([^:/@]*)(?::([^@]*))?@)?(?:\[([^\]/?]+)\]|([^:/?]*))(?::(\d+))?\/([^?]+)(?:\?(.*))?$/

/**
 * Reads a URL such as postgresql+psycopg2://user:password@host:5432/name. Returns undefined for other databases, for
 * several hosts, and for a URL without a host or name.
 */
export function readDatabaseUrl(url: string | undefined): DatabaseAddress | undefined {
  const match = URL_SHAPE.exec(url ?? '')
  if (match === null) return undefined
  const [, user, password, ipv6, plainHost = '', portText, name = '', queryText = ''] = match
  const query = Object.fromEntries(new URLSearchParams(queryText))
  const host = ipv6 ?? (plainHost || query.host || '')
  const port = Number(portText ?? query.port ?? 5432)
  if (host === '' || host.includes(',') || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined
  return {
    host,
    port,
    name,
    user: user === undefined || user === '' ? undefined : decoded(user),
    password: password === undefined ? undefined : decoded(password),
    query,
  }
}

/** Host, port and name, without user or password, in the same form as status.py's. */
export function databaseIdentity(address: DatabaseAddress): string {
  const host = address.host.toLowerCase()
  return `${host.includes(':') ? `[${host}]` : host}:${address.port}/${address.name}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
