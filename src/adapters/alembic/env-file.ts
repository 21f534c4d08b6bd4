import { randomUUID } from 'node:crypto'
import { lstat, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

export interface EnvFile {
  readonly bytes: Buffer
  readonly variables: Readonly<Record<string, string>>
}

/** Reads an env file of the worker host. `around`: variables that the app's code has beside those of the file. */
export async function readEnvFile(
  path: string,
  around: Readonly<Record<string, string>> = {},
): Promise<EnvFile | { problem: string }> {
  try {
    const bytes = await readFile(path)
    const text = bytes.toString()
    const variables: Record<string, string> = {}
    for (const [name, value] of inOrder(parseEnv(text), text)) {
      variables[name] = expanded(value, { ...variables, ...around })
    }
    return { bytes, variables }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    return { problem: `the env file can't be read on the worker (${code})` }
  }
}

/** The variables as they follow each other in the file; parseEnv sorts them by name. */
function inOrder(parsed: Readonly<Record<string, string | undefined>>, text: string): [string, string][] {
  const names = [...text.matchAll(/^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=/gm)].map(([, name]) => name)
  return Object.entries(parsed)
    .flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]))
    .sort(([one], [other]) => names.lastIndexOf(one) - names.lastIndexOf(other))
}

/** `${NAME}` and `${NAME:-default}` by what is known so far, in any quotes, as python-dotenv does it. */
function expanded(value: string, known: Readonly<Record<string, string>>): string {
  const reference = /\$\{([^}:]*)(?::-([^}]*))?\}/g
  return value.replaceAll(reference, (_whole, name: string, fallback?: string) => known[name] ?? fallback ?? '')
}

/** An env file with these variables. */
export function envFileOf(variables: Readonly<Record<string, string>>): EnvFile {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${quoted(value)}\n`)
  return { bytes: Buffer.from(lines.join('')), variables }
}

function quoted(value: string): string {
  const mark = ["'", '"'].find((each) => !value.includes(each)) ?? '`'
  return `${mark}${value}${mark}`
}

/**
 * Calls `work` while an env file is the directory's `.env`, readable by the directory's owner only. What else has that name is moved
 * aside and restored. A directory allows one such call at a time.
 */
export async function withEnvFile<T>(directory: string, file: EnvFile | undefined, work: () => Promise<T>): Promise<T> {
  if (file === undefined) return work()
  const place = join(directory, '.env')
  // A name that no commit has. A checkout is used once, so that nothing is left aside for a later call.
  const aside = join(directory, `.env.${randomUUID()}`)
  const moved = await exists(place)
  if (moved) await rename(place, aside)
  try {
    await writeFor(await stat(directory), place, file.bytes)
    return await work()
  } finally {
    await rm(place, { force: true, recursive: true })
    if (moved) await rename(aside, place)
  }
}

/** A checkout may have been given to another user already. The new file itself is given, wherever its name leads by now. */
async function writeFor({ uid, gid }: { uid: number; gid: number }, path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    if (uid !== (await file.stat()).uid) await file.chown(uid, gid)
  } finally {
    await file.close()
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}

/** Every repetition is bounded, so that the time is linear in a line's length. */
const PASSWORD_IN_URL = /((?<![\w+.-])[\w+.-]{1,64}:\/\/[^\s:/@]{0,256}:)[^\s@]{1,1024}@/g

/**
 * Removes an env file's secrets from a line: passwords in URLs, and variables with names of secrets. Only the reader of
 * the file knows them, so that no later scrubber can.
 */
export function withoutSecretsOf(variables: Readonly<Record<string, string>>): (line: string) => string {
  const secrets = new Set<string>()
  for (const [name, value] of Object.entries(variables)) {
    // Malformed URLs too: errors print those in full.
    const password = /^[\w+.-]+:\/\/[^:/@]*:(.+)@/.exec(value)?.[1] ?? /:([^:@]+)@[^@]*$/.exec(value)?.[1]
    if (password !== undefined) secrets.add(value).add(password).add(decoded(password))
    else if (/PASS|PWD|SECRET|TOKEN|KEY|CREDENTIAL|DSN|AUTH/i.test(name)) secrets.add(value)
  }
  // The longest first, so that no part of a secret remains. Very short ones are skipped: they would match in other words.
  const known = [...secrets].filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length)
  return (line) => {
    let clean = line
    for (const secret of known) clean = clean.replaceAll(secret, '[secret]')
    return clean.replaceAll(PASSWORD_IN_URL, '$1[secret]@')
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
