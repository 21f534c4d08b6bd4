import type { UndoneRange } from '../../release/ports/git.ts'
import type { Mirror } from './mirror.ts'
import { changeIn } from './pick.ts'
import { objectId } from './values.ts'

/** How many commits are compared, the newest first: each costs some merges. */
const MOST_COMPARED = 50

/** As the port says. Compares only where the two results differ, so that an ordinary merge costs one diff. */
export async function undoneChanges(mirror: Mirror, { from, notFrom, tree }: UndoneRange): Promise<readonly string[]> {
  const ends = ['--end-of-options', objectId(from), objectId(tree), '--']
  const differing = (await mirror.read(['diff', '--name-only', '--no-renames', '-z', ...ends])).split('\0')
  // Paths are read a line each.
  const paths = differing.filter((path) => path !== '' && !path.includes('\n'))
  if (paths.length === 0) return []
  const own = (await mirror.read(['rev-parse', '--verify', '--end-of-options', `${from}^{tree}`])).trim()
  const range = [from, ...notFrom.map((commit) => `^${objectId(commit)}`)]
  const candidates = await mirror.read(
    ['--literal-pathspecs', 'rev-list', '--no-merges', '--full-history', `--max-count=${MOST_COMPARED}`, '--stdin'],
    { input: [...range, '--', ...paths, ''].join('\n') },
  )
  const undone: string[] = []
  for (const commit of candidates.split('\n').filter((line) => line !== '')) {
    const there = await changeIn(mirror, commit, own)
    // A change that its own branch has undone is no surprise.
    if (there === 'missing') continue
    const here = await changeIn(mirror, commit, tree)
    // Later commits may have rewritten the same lines: then both are unclear, unless one has nothing of it.
    if (here === 'missing' || (here === 'unclear' && there === 'applied')) undone.push(commit)
  }
  return undone
}
