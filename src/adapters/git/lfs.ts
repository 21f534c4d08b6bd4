/** Files that Git LFS keeps outside of git: their pointers, and their content by git-lfs where the host has it. */
import { createHash } from 'node:crypto'
import { copyFile, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { lfsAddress } from './environment.ts'
import type { Mirror } from './mirror.ts'
import type { Remote } from './remote-access.ts'

/** The first line of a pointer, and its longest length in bytes: git-lfs.com, specification of pointers. */
export const POINTER = 'version https://git-lfs.github.com/spec/v1\n'
export const LONGEST_POINTER = 1024

/** More than this is no data of migrations: it is left where it is. */
const MOST_BYTES = 1024 ** 3

export interface LfsFile {
  /** As git has it: any bytes but 0. */
  readonly path: Buffer
  /** SHA-256 of the content, in hex. */
  readonly id: string
  readonly bytes: number
}

/** What a pointer says; undefined for text that is not a whole pointer. */
export function readPointer(path: Buffer, text: string): LfsFile | undefined {
  if (!text.startsWith(POINTER)) return undefined
  const id = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1]
  const bytes = /^size (0|[1-9][0-9]{0,15})$/m.exec(text)?.[1]
  return id === undefined || bytes === undefined ? undefined : { path, id, bytes: Number(bytes) }
}

export interface LfsFetch {
  readonly mirror: Mirror
  readonly remote: Remote
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/**
 * Fetches the content of a commit's files into the mirror and returns the ids that are there and are what they say. Fetches
 * nothing without git-lfs, from a local path, or above a limit; what can't be fetched is missing, and is no error. The
 * repository's `.lfsconfig` can't send the credentials to another server. Safe to repeat: what is there is not fetched again.
 */
export async function fetchLfs(
  { mirror, remote, timeoutMs, signal }: LfsFetch,
  commit: string,
  files: readonly LfsFile[],
): Promise<ReadonlySet<string>> {
  const wanted = new Map(files.map((file) => [file.id, file]))
  const total = [...wanted.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  if (wanted.size === 0 || total > MOST_BYTES || remote.address.web === undefined) return new Set()
  await removeOthers(mirror, wanted)
  const missing = async () => {
    const there = await Promise.all(
      [...wanted.values()].map(async (file) => ((await isThere(mirror, file)) ? [] : [file])),
    )
    return there.flat()
  }
  if ((await missing()).length > 0) {
    const settings = {
      'remote.origin.url': remote.address.address,
      'lfs.url': lfsAddress(remote.address),
      'lfs.fetchinclude': '',
      'lfs.fetchexclude': '',
      'lfs.activitytimeout': '60',
      'lfs.transfer.maxretries': '3',
    }
    const options = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])
    await remote.lfs([...options, 'lfs', 'fetch', 'origin', commit], {
      directory: mirror.directory,
      timeoutMs,
      signal,
    })
  }
  const left = new Set((await missing()).map(({ id }) => id))
  return new Set([...wanted.keys()].filter((id) => !left.has(id)))
}

/** Writes the content of a fetched file to `target`. */
export function copyLfs(mirror: Mirror, { id }: LfsFile, target: Buffer): Promise<void> {
  return copyFile(objectAt(mirror, id), target)
}

const storage = (mirror: Mirror) => join(mirror.directory, 'lfs', 'objects')
const objectAt = (mirror: Mirror, id: string) => join(storage(mirror), id.slice(0, 2), id.slice(2, 4), id)

async function isThere(mirror: Mirror, { id, bytes }: LfsFile): Promise<boolean> {
  try {
    const content = await readFile(objectAt(mirror, id))
    return content.length === bytes && createHash('sha256').update(content).digest('hex') === id
  } catch {
    return false
  }
}

/** The mirror keeps the files of one commit: those of older ones are fetched again when they are needed. */
async function removeOthers(mirror: Mirror, wanted: ReadonlyMap<string, unknown>): Promise<void> {
  const entries = await readdir(storage(mirror), { recursive: true, withFileTypes: true }).catch(() => [])
  for (const { name, parentPath } of entries.filter((entry) => entry.isFile())) {
    if (!wanted.has(name)) await rm(join(parentPath, name), { force: true })
  }
}
