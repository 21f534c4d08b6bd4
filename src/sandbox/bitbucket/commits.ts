import { git } from '../bare-git.ts'

export type CommitFacts = {
  sha: string
  parents: string[]
  author: string
  /** ISO 8601 with an offset. */
  date: string
  message: string
}

/** The commits of a revision range, newest first, at most `limit`. Throws if a revision doesn't exist. */
export async function commitsOf(bare: string, range: readonly string[], limit = 100): Promise<CommitFacts[]> {
  const format = '--format=%H%x00%P%x00%an <%ae>%x00%cI%x00%B%x01'
  const { stdout } = await git(bare, ['log', `--max-count=${limit}`, format, '--end-of-options', ...range, '--'])
  return stdout
    .split('\x01')
    .map((entry) => entry.replace(/^\n/, ''))
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [sha = '', parents = '', author = '', date = '', message = ''] = entry.split('\0')
      return { sha, parents: parents.split(' ').filter((parent) => parent !== ''), author, date, message }
    })
}
