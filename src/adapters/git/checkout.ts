import { randomUUID } from 'node:crypto'
import { readdir, readlink, realpath, rm } from 'node:fs/promises'
import { isAbsolute, join, sep } from 'node:path'
import type { Mirror } from './mirror.ts'
import { objectId } from './values.ts'

/**
 * Writes the files of a commit, byte for byte, into an empty directory. Attributes such as export-ignore and eol have no effect;
 * submodules stay empty directories. A symbolic link is kept only if its target exists inside the directory. Returns the
 * paths of the omitted links.
 */
export async function checkOut(mirror: Mirror, commit: string, directory: string): Promise<readonly string[]> {
  objectId(commit)
  if (!isAbsolute(directory)) throw new TypeError('a checkout needs an absolute path')
  if ((await readdir(directory)).length > 0) throw new Error('a checkout needs an empty directory')
  const index = join(mirror.directory, `index-${randomUUID()}`)
  const local = { environment: { GIT_INDEX_FILE: index, GIT_WORK_TREE: directory }, directory }
  try {
    await mirror.read(['read-tree', '--end-of-options', commit], local)
    const links = (await mirror.read(['ls-files', '--stage', '-z'], local))
      .split('\0')
      .filter((entry) => entry.startsWith('120000 '))
      .map((entry) => entry.slice(entry.indexOf('\t') + 1))
    await mirror.read(['checkout-index', '--all', '--quiet'], local)
    return await removeForeignLinks(directory, links)
  } finally {
    await rm(index, { force: true })
    await rm(`${index}.lock`, { force: true })
  }
}

async function removeForeignLinks(directory: string, links: readonly string[]): Promise<readonly string[]> {
  const root = await realpath(directory)
  const foreign: string[] = []
  // All are checked before any is removed, because a link may lead through another.
  for (const link of links) if (!(await staysInside(root, join(root, link)))) foreign.push(link)
  for (const link of foreign) await rm(join(root, link), { force: true })
  return foreign
}

async function staysInside(root: string, link: string): Promise<boolean> {
  if (isAbsolute(await readlink(link))) return false
  try {
    return `${await realpath(link)}${sep}`.startsWith(`${root}${sep}`)
  } catch {
    return false
  }
}
