import { randomUUID } from 'node:crypto'
import { lstat, readdir, readFile, readlink, realpath, rm, unlink } from 'node:fs/promises'
import { isAbsolute, join, sep } from 'node:path'
import { copyLfs, type LfsFile, LONGEST_POINTER, POINTER, readPointer } from './lfs.ts'
import type { Mirror } from './mirror.ts'
import { objectId } from './values.ts'

/** What a checkout lacks of a commit. Paths are for people: bytes that are no UTF-8 are replaced. */
export interface LeftOut {
  /** Symbolic links that lead outside or nowhere. */
  readonly links: readonly string[]
  /** Files that Git LFS keeps elsewhere. A pointer in their place could be taken for their content. */
  readonly lfs: readonly string[]
  /** Submodules, which are empty directories. */
  readonly submodules: readonly string[]
}

/** Fetches what these pointers stand for; returns the ids of what the mirror has. */
export type FetchLfs = (files: readonly LfsFile[]) => Promise<ReadonlySet<string>>

interface Entry {
  readonly mode: string
  /** As git has it: any bytes but 0. */
  readonly path: Buffer
}

const LINK = '120000'
const SUBMODULE = '160000'

/**
 * Writes the files of a commit, byte for byte, into an empty directory. Attributes such as export-ignore and eol have no
 * effect. A symbolic link is kept only if its target exists inside the directory. `fetchLfs` fetches files that Git LFS
 * keeps, and returns the ids of those that the mirror then has. Returns what was left out.
 */
export async function checkOut(
  mirror: Mirror,
  commit: string,
  directory: string,
  fetchLfs: FetchLfs,
): Promise<LeftOut> {
  objectId(commit)
  if (!isAbsolute(directory)) throw new TypeError('a checkout needs an absolute path')
  if ((await readdir(directory)).length > 0) throw new Error('a checkout needs an empty directory')
  const index = join(mirror.directory, `index-${randomUUID()}`)
  const local = { environment: { GIT_INDEX_FILE: index, GIT_WORK_TREE: directory }, directory }
  try {
    await mirror.read(['read-tree', '--end-of-options', commit], local)
    const entries = entriesOf(await mirror.read(['ls-files', '--stage', '-z'], { ...local, encoding: 'latin1' }))
    await mirror.read(['checkout-index', '--all', '--quiet'], local)
    const root = await realpath(directory)
    return {
      links: await removeForeignLinks(root, entries),
      lfs: await replacePointers(mirror, root, entries, fetchLfs),
      submodules: entries.filter(({ mode }) => mode === SUBMODULE).map(({ path }) => path.toString()),
    }
  } finally {
    await rm(index, { force: true })
    await rm(`${index}.lock`, { force: true })
  }
}

/** `stages`: the output of `ls-files --stage -z`, each character a byte. */
function entriesOf(stages: string): readonly Entry[] {
  return stages
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => ({
      mode: entry.slice(0, 6),
      path: Buffer.from(entry.slice(entry.indexOf('\t') + 1), 'latin1'),
    }))
}

const within = (root: string, path: Buffer) => Buffer.concat([Buffer.from(`${root}${sep}`), path])

async function removeForeignLinks(root: string, entries: readonly Entry[]): Promise<readonly string[]> {
  const links = entries.filter(({ mode }) => mode === LINK).map(({ path }) => path)
  const foreign: Buffer[] = []
  // All are checked before any is removed, because a link may lead through another.
  for (const link of links) if (!(await staysInside(root, within(root, link)))) foreign.push(link)
  for (const link of foreign) await unlink(within(root, link))
  return foreign.map((link) => link.toString())
}

async function staysInside(root: string, link: Buffer): Promise<boolean> {
  if (isAbsolute((await readlink(link, 'buffer')).toString('latin1'))) return false
  try {
    const target = await realpath(link, 'buffer')
    return Buffer.concat([target, Buffer.from(sep)]).indexOf(`${root}${sep}`) === 0
  } catch {
    return false
  }
}

/**
 * Puts fetched content in the place of pointers, and removes those that have none. Looks only where an attributes file
 * names Git LFS: no other commit has pointers.
 */
async function replacePointers(
  mirror: Mirror,
  root: string,
  entries: readonly Entry[],
  fetchLfs: FetchLfs,
): Promise<readonly string[]> {
  const files = entries.filter(({ mode }) => mode !== LINK && mode !== SUBMODULE).map(({ path }) => path)
  const attributes = files.filter((path) => /(^|\/)\.gitattributes$/.test(path.toString('latin1')))
  const texts = await Promise.all(attributes.map((path) => readFile(within(root, path), 'utf8')))
  if (!texts.some((text) => /\bfilter=lfs\b/.test(text))) return []
  const pointers: Buffer[] = []
  const wanted: LfsFile[] = []
  for (const path of files) {
    const { size } = await lstat(within(root, path))
    if (size < POINTER.length || size > LONGEST_POINTER) continue
    const text = await readFile(within(root, path), 'latin1')
    if (!text.startsWith(POINTER)) continue
    const file = readPointer(path, text)
    if (file === undefined) pointers.push(path)
    else wanted.push(file)
  }
  const fetched = wanted.length === 0 ? new Set() : await fetchLfs(wanted)
  for (const file of wanted) {
    if (fetched.has(file.id)) await copyLfs(mirror, file, within(root, file.path))
    else pointers.push(file.path)
  }
  for (const path of pointers) await unlink(within(root, path))
  return pointers.map((path) => path.toString())
}
