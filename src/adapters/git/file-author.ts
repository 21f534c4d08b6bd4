import type { Mirror } from './mirror.ts'
import { objectId, pathInRepository } from './values.ts'

/** The name of who wrote the last change of a file on the way to any of these commits, merges aside. */
export async function lastAuthorOf(
  mirror: Mirror,
  commits: readonly string[],
  path: string,
): Promise<string | undefined> {
  const ends = ['--end-of-options', ...commits.map(objectId), '--', pathInRepository(path)]
  const name = await mirror.read(['--literal-pathspecs', 'log', '-1', '--no-merges', '--format=%an', ...ends])
  return name.replaceAll(/\p{Cc}+/gu, ' ').trim() || undefined
}
