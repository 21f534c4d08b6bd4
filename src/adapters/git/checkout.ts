import { lstat, mkdir, readdir, readFile, readlink, realpath, rm, stat, unlink } from 'node:fs/promises'
import { isAbsolute, sep } from 'node:path'
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
 * Writes the files of a commit, byte for byte, into a directory that is empty or as `prepareCheckout` left it; then only what
 * differs is written, and the result is checked. Attributes such as export-ignore and eol have no effect. A symbolic link is
 * kept only if its target exists inside the directory. `fetchLfs` fetches files that Git LFS keeps, and returns the ids of
 * those that the mirror then has. Returns what was left out.
 */
export async function checkOut(
  mirror: Mirror,
  commit: string,
  directory: string,
  fetchLfs: FetchLfs,
): Promise<LeftOut> {
  try {
    const entries = await writeFiles(mirror, commit, directory)
    const root = await realpath(directory)
    return {
      links: await removeForeignLinks(root, entries),
      lfs: await replacePointers(mirror, root, entries, fetchLfs),
      submodules: entries.filter(({ mode }) => mode === SUBMODULE).map(({ path }) => path.toString()),
    }
  } finally {
    await removeIndex(directory)
  }
}

/**
 * Writes the files of a commit as git has them, with links and pointers, and leaves an index of them beside the directory:
 * a later checkout there, of any commit, writes only what differs. Nothing else may write there meanwhile.
 */
export async function prepareCheckout(mirror: Mirror, commit: string, directory: string): Promise<void> {
  try {
    await writeFiles(mirror, commit, directory)
  } catch (error) {
    await removeIndex(directory)
    throw error
  }
}

/** Beside the directory, where the app's code doesn't see it. */
const indexOf = (directory: string) => `${directory}.index`

async function removeIndex(directory: string): Promise<void> {
  await rm(indexOf(directory), { force: true })
  await rm(`${indexOf(directory)}.lock`, { force: true })
}

async function writeFiles(mirror: Mirror, commit: string, directory: string): Promise<readonly Entry[]> {
  objectId(commit)
  if (!isAbsolute(directory)) throw new TypeError('a checkout needs an absolute path')
  const index = indexOf(directory)
  const local = { environment: { GIT_INDEX_FILE: index, GIT_WORK_TREE: directory }, directory }
  const write = () => mirror.read(['read-tree', '--reset', '-u', '--end-of-options', commit], local)
  const list = (...what: readonly string[]) =>
    mirror.read(['ls-files', '-t', '--stage', '-z', ...what], { ...local, encoding: 'latin1' })

  if (await isThere(index)) {
    const updated = await write()
      .then(() => list('--cached', '--modified', '--deleted', '--others'))
      .then(entriesOf)
      .catch(() => undefined)
    if (updated !== undefined) return updated
    // Something else wrote there, or the index is damaged.
    await removeIndex(directory)
    await rm(directory, { recursive: true, force: true })
    await mkdir(directory, { mode: 0o700 })
  } else if ((await readdir(directory)).length > 0) {
    throw new Error('a checkout needs an empty directory')
  }
  await write()
  const entries = entriesOf(await list())
  if (entries === undefined) throw new Error('git lists files that its index does not have')
  return entries
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/**
 * `listed`: the output of `ls-files -t --stage -z`, each character a byte. Undefined if it lists a file that is modified,
 * deleted or not in the index: git compares size, times and inode, and the content where these leave it open.
 */
function entriesOf(listed: string): readonly Entry[] | undefined {
  const lines = listed.split('\0').filter((line) => line !== '')
  if (!lines.every((line) => line.startsWith('H '))) return undefined
  return lines.map((line) => ({
    mode: line.slice(2, 8),
    path: Buffer.from(line.slice(line.indexOf('\t') + 1), 'latin1'),
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
