/** A disk that fills is told before it stops the store, or a run in its middle. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { diskWorks, type Place, type Room, readDisk, writtenPlaces } from '../../src/operations/disk.ts'
import { diskChecks } from '../../src/operations/doctor/checks/host.ts'
import { runDoctor } from '../../src/operations/doctor/doctor.ts'

const MB = 1_000_000
const STORE = { name: 'DATA_DIR/pg', path: '/data/pg' }
const MIRRORS = { name: 'DATA_DIR/mirrors', path: '/data/mirrors' }

/** File systems by the path that is looked at. */
const rooms = (of: Readonly<Record<string, Room>>) => async (path: string) => {
  const room = of[path]
  if (room === undefined) throw new Error(`Nobody asked for ${path}`)
  return room
}
const plenty: Room = { bytes: 90_000 * MB, files: 1_000_000 }

describe('the room where Signoff writes', () => {
  it.each<[what: string, Room, level: string, message: string]>([
    ['plenty', plenty, 'ok', '90000 MB free'],
    ['no limit for files', { bytes: 90_000 * MB }, 'ok', '90000 MB free'],
    ['just enough', { bytes: 1_000 * MB, files: 50_000 }, 'ok', '1000 MB free'],
    ['low', { bytes: 1_000 * MB - 1, files: 50_000 }, 'low', '999 MB free'],
    ['just not full', { bytes: 200 * MB }, 'low', '200 MB free'],
    ['full', { bytes: 200 * MB - 1 }, 'full', '199 MB free'],
    ['nothing left', { bytes: 0 }, 'full', '0 MB free'],
    ['low in files', { bytes: 90_000 * MB, files: 49_999 }, 'low', 'room for 49999 more files'],
    ['out of files', { bytes: 90_000 * MB, files: 0 }, 'full', 'room for 0 more files'],
    ['low in both', { bytes: 900 * MB, files: 20_000 }, 'low', '900 MB free'],
    ['low, and out of files', { bytes: 900 * MB, files: 9_999 }, 'full', 'room for 9999 more files'],
  ])('%s', async (_what, room, level, message) => {
    expect(await readDisk([STORE], async () => room)).toEqual({ level, message: `${message} at DATA_DIR/pg` })
  })

  it('is that of the file system with the least of it', async () => {
    const look = rooms({ '/data/pg': plenty, '/data/mirrors': { bytes: 90 * MB } })
    const worst = { level: 'full', message: '90 MB free at DATA_DIR/mirrors' }
    expect(await readDisk([STORE, MIRRORS], look)).toEqual(worst)
    expect(await readDisk([MIRRORS, STORE], look)).toEqual(worst)
  })

  it('is read of this machine, also for folders that are not made yet', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'signoff-disk-'))
    const inside = { name: 'DATA_DIR', path: join(directory, 'not', 'made', 'yet') }
    expect((await readDisk([inside])).message).toMatch(/^(\d+ MB free|room for \d+ more files) at DATA_DIR$/)
    await rm(directory, { recursive: true })
  })
})

describe('what is looked at', () => {
  const names = (of: Parameters<typeof writtenPlaces>[0]) => writtenPlaces(of).map(({ name }) => name)
  const ofWorker = ['DATA_DIR/mirrors', 'DATA_DIR/checkouts', tmpdir()]

  it('is what each role writes', () => {
    const [dataDir, storeUrl, worker] = ['/data', 'postgres://db', {}]
    expect(names({ dataDir, worker })).toEqual(['DATA_DIR/pg', ...ofWorker])
    expect(names({ dataDir, worker, storeUrl })).toEqual(ofWorker)
    expect(names({ dataDir, storeUrl })).toEqual([])
    expect(writtenPlaces({ dataDir }).map(({ path }) => path)).toEqual(['/data/pg'])
  })
})

describe('who is told', () => {
  const read = (room: Room) => (places: readonly Place[]) => readDisk(places, async () => room)
  const doctor = (room: Room, places: readonly Place[] = [STORE]) =>
    runDoctor({ checks: diskChecks(places, read(room)), scrub: (text) => text })
  const fix = '→ make room: “The disk is full” in docs/operations/runbook.md has what may be deleted'

  it('doctor warns of a disk that is low, and fails for one that is full', async () => {
    expect(await doctor(plenty)).toEqual({ lines: ['✓ disk: 90000 MB free at DATA_DIR/pg'], exitCode: 0 })
    const low = { lines: [`! disk: 900 MB free at DATA_DIR/pg ${fix}`], exitCode: 0 }
    expect(await doctor({ bytes: 900 * MB })).toEqual(low)
    const full = { lines: [`✗ disk: 90 MB free at DATA_DIR/pg ${fix}`], exitCode: 1 }
    expect(await doctor({ bytes: 90 * MB })).toEqual(full)
    expect(await doctor({ bytes: 0 }, [])).toEqual({ lines: [], exitCode: 0 })
  })

  it('/readyz says it in words', async () => {
    const told = (room: Room) => diskWorks([STORE], async () => room)
    const where = 'See “The disk is full” in docs/operations/runbook.md.'
    expect(await told(plenty)).toBe(true)
    expect(await told({ bytes: 900 * MB })).toBe(`The disk is low: 900 MB free at DATA_DIR/pg. ${where}`)
    expect(await told({ bytes: 9 * MB })).toBe(`The disk is full: 9 MB free at DATA_DIR/pg. ${where}`)
  })
})
