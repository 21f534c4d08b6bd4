/** The sockets of databases that an env file names, which a step must reach although /run and /tmp are hidden. */
import { readdir } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'

/** Where libpq looks if a URL names no host: Debian's, and Postgres's own. */
const STANDARD_FOLDERS = ['/run/postgresql', '/var/run/postgresql', '/tmp']

const DATABASE_URL = /^[a-z][a-z0-9]{0,30}(?:\+\w{1,30})?:\/\/([^/?#]{0,2000})[^?#]{0,2000}(?:\?([^#]{0,4000}))?/i

/**
 * The socket files of Postgres in each folder that a URL or PGHOST names, and those in libpq's standard folders if a URL of
 * Postgres names no host; for other databases the file of `unix_socket`. Nothing else in those folders.
 */
export async function databaseSockets(variables: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const folders = new Set<string>()
  const files = new Set<string>()
  for (const value of Object.values(variables)) {
    const [, authority, query = ''] = DATABASE_URL.exec(value) ?? []
    if (authority === undefined) continue
    const parameters = new URLSearchParams(query)
    const host = parameters.get('host') ?? decoded(authority.slice(authority.lastIndexOf('@') + 1))
    const socket = parameters.get('unix_socket')
    if (isAbsolute(host)) folders.add(host.replace(/:\d+$/, ''))
    else if (/^postgres/i.test(value) && (host === '' || host.startsWith(':'))) {
      for (const folder of STANDARD_FOLDERS) folders.add(folder)
    }
    if (socket !== null && isAbsolute(socket)) files.add(socket)
  }
  if (isAbsolute(variables.PGHOST ?? '')) folders.add(variables.PGHOST ?? '')
  const found = await Promise.all([...folders].map(socketsIn))
  return [...files, ...found.flat()]
}

async function socketsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((): string[] => [])
  return names.filter((name) => /^\.s\.PGSQL\.\d+$/.test(name)).map((name) => join(folder, name))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
