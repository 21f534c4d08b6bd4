import { lstat, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

export interface EnvFile {
  readonly bytes: Buffer
  readonly variables: Readonly<Record<string, string>>
}

/** Reads an env file of the worker host. */
export async function readEnvFile(path: string): Promise<EnvFile | { problem: string }> {
  try {
    const bytes = await readFile(path)
    const variables: Record<string, string> = {}
    for (const [name, value] of Object.entries(parseEnv(bytes.toString()))) {
      if (value !== undefined) variables[name] = value
    }
    return { bytes, variables }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    return { problem: `the env file can't be read on the worker (${code})` }
  }
}

const SAVED = '.env.before-signoff'

/**
 * Calls `work` while an env file is the checkout's `.env`, readable by this user only. An existing file or link of that
 * name is moved aside and restored. A checkout allows one such call at a time.
 */
export async function withEnvFile<T>(checkout: string, file: EnvFile | undefined, work: () => Promise<T>): Promise<T> {
  if (file === undefined) return work()
  const place = join(checkout, '.env')
  const saved = join(checkout, SAVED)
  const moved = await moveAside(place, saved)
  try {
    await writeFile(place, file.bytes, { mode: 0o600, flag: 'wx' })
    return await work()
  } finally {
    await rm(place, { force: true })
    if (moved) await rename(saved, place)
  }
}

async function moveAside(place: string, saved: string): Promise<boolean> {
  // Left by a process that died during such a call: the current `.env` is an env file.
  if (await exists(saved)) {
    await rm(place, { force: true })
    return true
  }
  if (!(await exists(place))) return false
  await rename(place, saved)
  return true
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
