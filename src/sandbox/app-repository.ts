import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { branchHead, commitOf, commitTree, deleteBranch, git, mergeTree, moveBranch, type Person } from './bare-git.ts'
import { firstRevisions, type MigrationName, SCRIPTS, sampleFiles, searchRevisions } from './sample-app.ts'

/** Text by path; null deletes the file. */
export type FileChanges = Record<string, string | null>

export const authors = {
  ada: { name: 'Ada Nowak', email: 'ada@example.test' },
  ben: { name: 'Ben Ortiz', email: 'ben@example.test' },
  chi: { name: 'Chi Tanaka', email: 'chi@example.test' },
} as const satisfies Record<string, Person>

export type AppRepository = {
  bare: string
  /**
   * The head revision of alembic on a branch (default master) for one of the two migrations (default users); undefined
   * without revisions. Throws if there are several heads.
   */
  headRevision(branch?: string, of?: MigrationName): Promise<string | undefined>
  /** Commits to a branch (default master) and returns the SHA. A new branch starts without history. */
  commit(change: { branch?: string; files: FileChanges; message: string; author?: Person }): Promise<string>
  /** The SHA of a branch. Throws if the branch doesn't exist. */
  head(branch: string): Promise<string>
  /** Sets a branch to a commit; creates or overwrites it. */
  branch(name: string, sha: string): Promise<void>
  delete(branch: string): Promise<void>
  /**
   * Commits a migration of `users` that follows `downRevision` (default: the branch's head revision). Give `sql`, or the Python lines of
   * `upgrade()`; `down` are the Python lines of `downgrade()`.
   */
  addRevision(
    migration: {
      branch?: string
      revision?: string
      downRevision?: string
      message: string
      author?: Person
      down?: string
    } & ({ sql: string } | { upgrade: string }),
  ): Promise<{ sha: string; revision: string; path: string }>
  /** Merges one branch into another with a merge commit and returns its SHA. Throws with the paths on conflicts. */
  merge(merge: { from: string; into: string; message?: string; author?: Person }): Promise<string>
  /** Cherry-picks a commit to a branch and returns the new SHA. Throws if it doesn't apply. */
  cherryPick(pick: { sha: string; onto: string }): Promise<string>
  /** Copies a commit into another bare repository as a branch, without running hooks. */
  push(sha: string, to: { bare: string; branch: string }): Promise<void>
}

const versionsOf = (name: MigrationName) => `${SCRIPTS[name]}/versions`

// 2 November 2026, 09:00 UTC. Each commit is one hour after the previous one, so SHAs are the same in every run.
const FIRST_COMMIT = Date.UTC(2026, 10, 2, 9) / 1000

/**
 * Creates the sample application in a bare repository, or opens it if it has a master: an API with a dozen commits by three
 * people and real alembic migrations (`alembic -c alembic_users.ini`, and `alembic_search.ini`). `production` is at the last
 * merge; `master` is a few commits ahead, one of which has a revision of both. `sqlBeside` adds an SQL file beside each.
 */
export async function createAppRepository(options: { bare: string; sqlBeside?: boolean }): Promise<AppRepository> {
  const { bare, sqlBeside = false } = options
  await mkdir(bare, { recursive: true })
  await git(bare, ['init', '--quiet', '--bare', '.'])
  await git(bare, ['symbolic-ref', 'HEAD', 'refs/heads/master'])

  const exists = (await branchHead(bare, 'master')) !== undefined
  let made = exists ? Number((await git(bare, ['rev-list', '--count', '--all'])).stdout) : 0
  const nextDate = () => `${FIRST_COMMIT + 3600 * made++} +0000`

  async function commit({
    branch = 'master',
    files,
    message,
    author = authors.ada,
  }: Parameters<AppRepository['commit']>[0]) {
    const before = await branchHead(bare, branch)
    const stream = commitStream({ branch, from: before, files, message, author, date: nextDate(), mark: 1 })
    const imported = await git(bare, ['fast-import', '--quiet', '--done', '--date-format=raw'], {
      input: `${stream}get-mark :1\ndone\n`,
    })
    return imported.stdout.trim()
  }

  async function head(branch: string): Promise<string> {
    const sha = await branchHead(bare, branch)
    if (sha === undefined) throw new Error(`branch ${branch} does not exist`)
    return sha
  }

  async function headRevision(branch = 'master', of: MigrationName = 'users'): Promise<string | undefined> {
    const found = await git(bare, ['grep', '-hE', '^(down_)?revision = ', await head(branch), '--', versionsOf(of)], {
      accept: [0, 1],
    })
    const named = (name: string) =>
      [...found.stdout.matchAll(new RegExp(`^${name} = '(\\w+)'`, 'gm'))].flatMap((match) => match[1] ?? [])
    const followed = new Set(named('down_revision'))
    const heads = named('revision').filter((revision) => !followed.has(revision))
    if (heads.length > 1) throw new Error(`${branch} has several head revisions: ${heads.join(', ')}`)
    return heads[0]
  }

  const repository: AppRepository = {
    bare,
    headRevision,
    commit,
    head,
    async branch(name, sha) {
      await git(bare, ['update-ref', `refs/heads/${name}`, sha])
    },
    delete: (branch) => deleteBranch(bare, branch),

    async addRevision({ branch = 'master', message, author, down, ...migration }) {
      const revision = migration.revision ?? revisionId(made + 1)
      const downRevision = migration.downRevision ?? (await headRevision(branch))
      const drawn = drawRevision({
        ...migration,
        revision,
        downRevision,
        message,
        ...(down === undefined ? {} : { down }),
        sqlBeside,
        of: 'users',
      })
      const sha = await commit({ branch, ...drawn, ...(author === undefined ? {} : { author }) })
      return { sha, revision, path: drawn.path }
    },

    async merge({ from, into, message, author = authors.ada }) {
      const [source, target] = [await head(from), await head(into)]
      const merged = await mergeTree(bare, target, source)
      if (merged.kind === 'conflicts') throw new Error(`conflicts in ${merged.paths.join(', ')}`)
      const sha = await commitTree(bare, {
        tree: merged.tree,
        parents: [target, source],
        message: message ?? `Merged ${from} into ${into}\n`,
        author,
        date: nextDate(),
      })
      if (!(await moveBranch(bare, into, sha, target))) throw new Error(`${into} moved during the merge`)
      return sha
    },

    async cherryPick({ sha, onto }) {
      const target = await head(onto)
      // merge-tree of git 2.39 takes no merge base, so this uses a commit with the target's tree on the pick's parent.
      const base = { tree: `${target}^{tree}`, parents: [`${sha}^`], message: 'base', author: authors.ada }
      const standIn = await commitTree(bare, { ...base, date: `${FIRST_COMMIT} +0000` })
      const merged = await mergeTree(bare, standIn, sha)
      if (merged.kind === 'conflicts') throw new Error(`conflicts in ${merged.paths.join(', ')}`)
      const message = (await git(bare, ['log', '-1', '--format=%B', sha])).stdout.trimEnd()
      const picked = await commitTree(bare, {
        tree: merged.tree,
        parents: [target],
        message: `${message}\n\n(cherry picked from commit ${sha})\n`,
        author: authors.ada,
        date: nextDate(),
      })
      if (!(await moveBranch(bare, onto, picked, target))) throw new Error(`${onto} moved during the pick`)
      return picked
    },

    async push(sha, to) {
      if ((await commitOf(to.bare, sha)) === undefined) {
        await git(to.bare, ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', bare, sha])
      }
      await git(to.bare, ['update-ref', `refs/heads/${to.branch}`, sha])
    },
  }

  if (!exists) await writeHistory(bare, nextDate, sqlBeside)
  return repository
}

type StreamedCommit = {
  branch: string
  mark: number
  from?: string | undefined
  merge?: string
  files: FileChanges
  message: string
  author: Person
  date: string
}

// One commit in the format of git-fast-import(1).
function commitStream(commit: StreamedCommit): string {
  const who = `${commit.author.name} <${commit.author.email}> ${commit.date}`
  const changes = Object.entries(commit.files).map(([path, text]) =>
    text === null ? `D ${path}\n` : `M 100644 inline ${path}\n${data(text)}`,
  )
  return [
    `commit refs/heads/${commit.branch}\nmark :${commit.mark}\nauthor ${who}\ncommitter ${who}\n${data(commit.message)}`,
    commit.from === undefined ? '' : `from ${commit.from}\n`,
    commit.merge === undefined ? '' : `merge ${commit.merge}\n`,
    ...changes,
    '\n',
  ].join('')
}

// Writes the whole history in one stream, since a process per commit would slow down every test.
async function writeHistory(bare: string, nextDate: () => string, sqlBeside: boolean): Promise<void> {
  const { ada, ben, chi } = authors
  const last: Partial<Record<MigrationName, string>> = {}
  function drawn(of: MigrationName, revision: string, written: Written) {
    const downRevision = last[of]
    last[of] = revision
    return drawRevision({ ...written, of, revision, downRevision, sqlBeside })
  }
  const migration = (index: 0 | 1 | 2 | 3, author: Person) => {
    const { files, message } = drawn('users', revisionId(index + 1), firstRevisions[index])
    if (index !== 1 && index !== 3) return { files, message, author }
    const search = drawn('search', revisionId(SEARCH_REVISIONS + index), searchRevisions[index])
    return { files: { ...files, ...search.files }, message, author }
  }
  const commits: { files: FileChanges; message: string; author: Person }[] = [
    { files: sampleFiles.start, message: 'Begin the API', author: ada },
    { files: sampleFiles.migrations, message: 'Keep the schema with alembic', author: ben },
    migration(0, ben),
    { files: sampleFiles.users, message: 'List users', author: ada },
    migration(1, chi),
    { files: sampleFiles.documents, message: 'Serve documents', author: chi },
    { files: sampleFiles.health, message: 'Answer health checks', author: ada },
    migration(2, ben),
  ]
  const released = commits.length
  // Merged when master had eight commits, from a production that had the first six.
  const merge: StreamedCommit = {
    branch: 'production',
    mark: 100,
    from: ':6',
    merge: `:${released}`,
    files: { ...commits[6]?.files, ...commits[7]?.files },
    message: 'Merged in master (pull request #1)\n\nRelease of the week\n',
    author: ben,
    date: '',
  }
  const later = [
    { files: sampleFiles.search, message: 'Search documents by title', author: chi },
    migration(3, ben),
    { files: sampleFiles.limits, message: 'Limit the length of a search', author: ada },
    { files: sampleFiles.readme, message: 'Say how to run it', author: chi },
  ]
  const onMaster = (commit: (typeof commits)[number], index: number) =>
    commitStream({ ...commit, branch: 'master', mark: index + 1, date: nextDate() })
  const stream = [
    ...commits.map(onMaster),
    commitStream({ ...merge, date: nextDate() }),
    ...later.map((commit, index) => onMaster(commit, released + index)),
    'done\n',
  ]
  await git(bare, ['fast-import', '--quiet', '--done', '--date-format=raw'], { input: stream.join('') })
}

const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`

// SQLAlchemy reads `:name` in SQL text as a parameter unless it follows a backslash.
const pythonSql = (sql: string) => JSON.stringify(sql.replaceAll(/(?<![:\w\\]):(?=\w)/g, '\\:'))

// The same in every run, and different in the first digits, which people read.
const revisionId = (number: number) => createHash('sha256').update(`revision ${number}`).digest('hex').slice(0, 12)

// Beyond the revisions that tests and people add, so that no number is used twice.
const SEARCH_REVISIONS = 1_000_000

type Written = { message: string; down?: string } & ({ sql: string } | { upgrade: string; sql?: string })

function drawRevision(
  migration: Written & { of: MigrationName; revision: string; downRevision: string | undefined; sqlBeside?: boolean },
): { path: string; files: FileChanges; message: string } {
  const { revision, message } = migration
  const path = `${versionsOf(migration.of)}/${revision}_${message.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}.py`
  const upgrade = 'upgrade' in migration ? migration.upgrade : `op.execute(${pythonSql(migration.sql)})`
  const indented = (lines: string) =>
    lines
      .split('\n')
      .map((line) => (line === '' ? '' : `    ${line}`))
      .join('\n')
  const text = `"""${message}"""
import sqlalchemy as sa
from alembic import op

revision = '${revision}'
down_revision = ${migration.downRevision === undefined ? 'None' : `'${migration.downRevision}'`}
branch_labels = None
depends_on = None


def upgrade():
${indented(upgrade)}


def downgrade():
${indented(migration.down ?? 'pass')}
`
  const beside =
    migration.sqlBeside && migration.sql !== undefined ? { [path.replace(/py$/, 'sql')]: `${migration.sql};\n` } : {}
  return { path, files: { [path]: text, ...beside }, message: `Migration: ${message}` }
}
