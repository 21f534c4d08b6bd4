/** How much room is left where Signoff writes. A full disk stops the store, and a run in its middle. */
import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Works } from './health.ts'

/** A folder that Signoff writes to, which may not be there yet. */
export interface Place {
  /** As an operator knows it, such as `DATA_DIR/mirrors`. */
  readonly name: string
  readonly path: string
}

/** What is left on a file system for this user. */
export interface Room {
  readonly bytes: number
  /** How many more files; undefined where that has no limit. */
  readonly files?: number
}

/** `low`: it works, and somebody should make room. `full`: the next release may stop in its middle. */
export interface DiskState {
  readonly level: 'ok' | 'low' | 'full'
  /** Of the place with the least room, such as `90 MB free at DATA_DIR/pg`. */
  readonly message: string
}

/**
 * Full: the next fetch and checkout of a large repository may not fit, nor the next files of Postgres's log, of 16 MB each.
 * Low: some days before that.
 */
const LIMITS = {
  bytes: { low: 1_000_000_000, full: 200_000_000 },
  files: { low: 50_000, full: 10_000 },
} as const

export const DISK_FIX = 'make room: “The disk is full” in docs/operations/runbook.md has what may be deleted'

/**
 * Where a process writes: a worker what it knows of repositories, and who runs the embedded store its tables. Empty for a
 * bot with a store elsewhere. Each may be a file system of its own.
 */
export function writtenPlaces({
  dataDir,
  storeUrl,
  worker,
}: {
  readonly dataDir: string
  readonly storeUrl?: string
  readonly worker?: object
}): readonly Place[] {
  const inDataDir = (name: string) => ({ name: `DATA_DIR/${name}`, path: join(dataDir, name) })
  return [
    ...(storeUrl === undefined ? [inDataDir('pg')] : []),
    ...(worker ? [...['mirrors', 'checkouts'].map(inDataDir), { name: tmpdir(), path: tmpdir() }] : []),
  ]
}

/**
 * Looks at the file system of each place and judges by the one with the least room. A place that is not there yet counts as
 * the folder in which it will be made. Changes nothing. Rejects where nothing on the way to a place can be looked at.
 */
export async function readDisk(places: readonly Place[], look = roomAt): Promise<DiskState> {
  const states = await Promise.all(places.map(async ({ name, path }) => stateOf(name, await look(path))))
  return states.reduce((worst, each) => (RANK[each.level] > RANK[worst.level] ? each : worst))
}

/** What `/readyz` says of it. */
export async function diskWorks(places: readonly Place[], look = roomAt): Promise<Works> {
  const { level, message } = await readDisk(places, look)
  return level === 'ok' || `The disk is ${level}: ${message}. See “The disk is full” in docs/operations/runbook.md.`
}

const RANK = { ok: 0, low: 1, full: 2 } as const

function stateOf(name: string, { bytes, files }: Room): DiskState {
  const level = (left: number, { low, full }: { low: number; full: number }) =>
    left < full ? 'full' : left < low ? 'low' : 'ok'
  const ofBytes = level(bytes, LIMITS.bytes)
  const ofFiles = files === undefined ? 'ok' : level(files, LIMITS.files)
  return RANK[ofFiles] > RANK[ofBytes]
    ? { level: ofFiles, message: `room for ${files} more files at ${name}` }
    : { level: ofBytes, message: `${megabytes(bytes)} free at ${name}` }
}

const megabytes = (bytes: number) => `${Math.floor(bytes / 1_000_000)} MB`

async function roomAt(path: string): Promise<Room> {
  try {
    const { bavail, bsize, files, ffree } = await statfs(path)
    // Some, such as btrfs, make room for files as they come, and say that they have none.
    return { bytes: bavail * bsize, ...(files > 0 && { files: ffree }) }
  } catch (error) {
    if (path === dirname(path)) throw error
    return roomAt(dirname(path))
  }
}
