import type { Mirror } from './mirror.ts'
import { objectId, pathInRepository } from './values.ts'

/** The name of the last author of a file in the history of these commits, without merges. */
export async function lastAuthorOf(
  mirror: Mirror,
  commits: readonly string[],
  path: string,
): Promise<string | undefined> {
  const ends = ['--end-of-options', ...commits.map(objectId), '--', pathInRepository(path)]
  const name = await mirror.read(['--literal-pathspecs', 'log', '-1', '--no-merges', '--format=%an', ...ends])
  return name.replaceAll(/\p{Cc}+/gu, ' ').trim() || undefined
}
