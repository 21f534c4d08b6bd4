import { type AppRepository, authors } from './app-repository.ts'
import { git } from './bare-git.ts'
import type { Bitbucket } from './bitbucket/bitbucket.ts'

export type WorkName = 'commit' | 'migration' | 'destroying-migration'

export const WORK: readonly { name: WorkName; title: string; detail: string }[] = [
  { name: 'commit', title: 'Push a commit', detail: 'Chi pushes a small report to master.' },
  { name: 'migration', title: 'Push a migration that adds a column', detail: 'Ben pushes a revision to master.' },
  {
    name: 'destroying-migration',
    title: 'Push a migration that drops a column',
    detail: 'Ben pushes a revision that deletes data for good.',
  },
]

/** Pushes a colleague's commit to master, with a passed build. Returns its SHA. */
export async function pushWork(repository: AppRepository, bitbucket: Bitbucket, name: WorkName): Promise<string> {
  const number = (await countOf(repository)) + 1
  const sha = await make(repository, name, number)
  bitbucket.setStatus(sha, { state: 'SUCCESSFUL', key: 'pipeline', name: 'Pipeline' })
  return sha
}

async function make(repository: AppRepository, name: WorkName, number: number): Promise<string> {
  if (name === 'commit') {
    // Each commit has its own file, so it can be picked alone and a hot-fix of it doesn't conflict with the next release.
    return repository.commit({
      files: { [`api/reports/report_${number}.py`]: reportOf(number) },
      message: `Report the ${number} documents that were read most`,
      author: authors.chi,
    })
  }
  const column = `note_${number}`
  if (name === 'migration') {
    const { sha } = await repository.addRevision({
      message: `add documents ${column}`,
      sql: `ALTER TABLE documents ADD COLUMN ${column} text`,
      down: `op.drop_column('documents', '${column}')`,
      author: authors.ben,
    })
    return sha
  }
  // `if exists`, since this can be pushed more than once.
  const { sha } = await repository.addRevision({
    message: `drop documents body (${number})`,
    sql: 'ALTER TABLE documents DROP COLUMN IF EXISTS body',
    down: "op.add_column('documents', sa.Column('body', sa.Text))",
    author: authors.ben,
  })
  return sha
}

/** The number of commits on master, which makes names unique. */
async function countOf(repository: AppRepository): Promise<number> {
  return Number((await git(repository.bare, ['rev-list', '--count', 'master'])).stdout)
}

const reportOf = (number: number) => `def report(connection):
    return connection.execute('SELECT id, title FROM documents ORDER BY reads DESC LIMIT %s', ${number}).fetchall()
`

/** Opens two pull requests of colleagues to master. Does nothing if there are pull requests already. */
export async function openPullRequests(repository: AppRepository, bitbucket: Bitbucket, slug: string): Promise<void> {
  if (bitbucket.pullRequests().length > 0) return
  const master = await repository.head('master')
  const proposals = [
    {
      branch: 'search-by-language',
      author: authors.chi,
      title: 'Search in one language',
      files: { 'api/languages.py': "LANGUAGES = ('de', 'en', 'fr')\n" },
    },
    {
      branch: 'count-users',
      author: authors.ben,
      title: 'Count users on the health page',
      files: {
        'api/counts.py':
          "def count_users(connection):\n    return connection.execute('SELECT count(*) FROM users').scalar()\n",
      },
    },
  ]
  for (const { branch, author, title, files } of proposals) {
    await repository.branch(branch, master)
    await repository.commit({ branch, files, message: title, author })
    const answer = await fetch(`${bitbucket.apiUrl}/repositories/${slug}/pullrequests`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${bitbucket.email}:${bitbucket.apiToken}`).toString('base64')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({
        title,
        source: { branch: { name: branch } },
        destination: { branch: { name: 'master' } },
      }),
    })
    if (!answer.ok) throw new Error(`the pull request of ${branch} was not created: HTTP ${answer.status}`)
  }
}
