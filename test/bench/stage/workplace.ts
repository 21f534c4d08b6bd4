/** What one app's releases meet outside: its repository at Bitbucket, its two Heroku apps, its production database. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type AppRepository, createAppRepository } from '../../../src/sandbox/app-repository.ts'
import { git } from '../../../src/sandbox/bare-git.ts'
import { type Bitbucket, startBitbucket } from '../../../src/sandbox/bitbucket/bitbucket.ts'
import { type Heroku, startHeroku } from '../../../src/sandbox/heroku/heroku.ts'
import { ask, type TestDatabase, type TestPostgres } from '../../support/postgres.ts'
import { closedAtTheEnd } from './closing.ts'

const run = promisify(execFile)

export interface Sizes {
  /** Of the repository: files beside the sample application's own, other branches, and revisions that do nothing. */
  readonly files?: number
  readonly refs?: number
  readonly migrationFiles?: number
}

/** What goes onto master. */
export interface Change {
  readonly commits: number
  readonly migration: boolean
  /** Files that change in all; as many as commits where it is left out. */
  readonly changed?: number
}

export interface Workplace {
  readonly name: string
  readonly directory: string
  readonly bitbucket: Bitbucket
  readonly heroku: Heroku
  readonly repository: AppRepository
  readonly database: TestDatabase
  readonly herokuApps: { readonly integration: string; readonly production: string }
  grow(change: Change): Promise<void>
  close(): Promise<void>
}

/** Everything deployed and migrated: nothing waits to be released. The same sizes and changes give the same commits. */
export async function startWorkplace(options: {
  readonly root: string
  readonly name: string
  readonly postgres: TestPostgres
  readonly sizes?: Sizes
}): Promise<Workplace> {
  const { root, name, postgres, sizes = {} } = options
  const directory = join(root, name)
  await mkdir(directory, { mode: 0o711 })
  const bitbucket = await startBitbucket({ repository: `team/${name}`, directory: join(directory, 'bitbucket') })
  const herokuApps = { integration: `${name}-integration`, production: `${name}-production` }
  const heroku = await startHeroku({ directory: join(directory, 'heroku'), apps: Object.values(herokuApps) })
  const repository = await createAppRepository({ bare: bitbucket.bare })
  const sample = (await repository.headRevision()) ?? ''
  await fill(repository, sizes)
  await repository.merge({ from: 'master', into: 'production' })
  const production = await repository.head('production')
  await heroku.pushBehind(herokuApps.integration, await repository.head('master'), repository.bare)
  await heroku.pushBehind(herokuApps.production, production, repository.bare)
  const database = await migratedDatabase(postgres, repository, sample, sizes.migrationFiles ?? 0)
  await writeFile(join(directory, '.env_production'), `DATABASE_URL="${database.url}"\nPGSSLMODE=disable\n`, {
    mode: 0o600,
  })
  let grown = 0
  const close = closedAtTheEnd(async () => {
    await Promise.all([bitbucket.close(), heroku.close()])
    await database.drop()
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  })
  return {
    name,
    directory,
    bitbucket,
    heroku,
    repository,
    database,
    herokuApps,
    async grow({ commits, migration, changed = commits }) {
      const files = Math.max(1, Math.round(changed / commits))
      await commitOnto(
        repository,
        Array.from({ length: commits }, () => {
          grown += 1
          return Object.fromEntries(
            Array.from({ length: files }, (_, at) => [pathOf(grown * files + at), `changed in ${grown}\n`]),
          )
        }),
      )
      if (!migration) return
      const sql = `create table note_${(await repository.head('master')).slice(0, 12)} (id int)`
      await repository.addRevision({ message: `add a table of notes ${grown}`, sql })
    },
    close,
  }
}

/** A hundred folders of them. */
const pathOf = (number: number) => `files/${number % 100}/${number}.txt`

async function fill(repository: AppRepository, { files = 0, refs = 0, migrationFiles = 0 }: Sizes): Promise<void> {
  if (files > 0) {
    // As long as a small source file: 40 lines of 40 characters.
    const text = (at: number) => `${`line of the file number ${at} `.padEnd(39, '.')}\n`.repeat(40)
    const all = Array.from({ length: files }, (_, at) => [pathOf(at), text(at)] as const)
    await repository.commit({ message: 'Add files', files: Object.fromEntries(all) })
  }
  if (migrationFiles > 0) {
    const head = (await repository.headRevision()) ?? ''
    const all = Array.from({ length: migrationFiles }, (_, at) => [
      `migrations/versions/${idOf(at)}_nothing.py`,
      revisionText(idOf(at), at === 0 ? head : idOf(at - 1)),
    ])
    await repository.commit({ message: 'Add revisions', files: Object.fromEntries(all) })
  }
  if (refs > 0) {
    const head = await repository.head('master')
    const input = Array.from({ length: refs }, (_, at) => `create refs/heads/topic/${at} ${head}\n`).join('')
    await git(repository.bare, ['update-ref', '--stdin'], { input })
    await git(repository.bare, ['pack-refs', '--all'])
  }
}

const idOf = (at: number) => `e${at.toString(16).padStart(11, '0')}`

const revisionText = (id: string, after: string) => `"""Nothing"""
revision = '${id}'
down_revision = '${after}'
branch_labels = None
depends_on = None


def upgrade():
    pass


def downgrade():
    pass
`

/** Commits in one stream: a process for each would take longer than what is measured. */
async function commitOnto(
  repository: AppRepository,
  commits: readonly Readonly<Record<string, string>>[],
): Promise<void> {
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`
  const from = await repository.head('master')
  const began = Date.UTC(2026, 10, 20) / 1_000
  const stream = commits.map((files, at) => {
    const who = `Ada Nowak <ada@example.test> ${began + at * 60} +0000`
    const begins = at === 0 ? `from ${from}\n` : ''
    const changes = Object.entries(files).map(([path, text]) => `M 100644 inline ${path}\n${data(text)}`)
    const message = data(`Change ${Object.keys(files)[0]}`)
    return `commit refs/heads/master\nauthor ${who}\ncommitter ${who}\n${message}${begins}${changes.join('')}\n`
  })
  await git(repository.bare, ['fast-import', '--quiet', '--done', '--date-format=raw'], {
    input: `${stream.join('')}done\n`,
  })
}

/** At the head of production. Revisions that do nothing are only noted: alembic would take a second for a thousand. */
async function migratedDatabase(
  postgres: TestPostgres,
  repository: AppRepository,
  sample: string,
  doNothing: number,
): Promise<TestDatabase> {
  const database = await postgres.createCopy('the sample application', async (url) => {
    const checkout = await mkdtemp(join(tmpdir(), 'signoff-bench-template-'))
    const place = ['--git-dir', repository.bare, '--work-tree', checkout]
    await git(repository.bare, [...place, 'checkout', '-q', '-f', 'production', '--', '.'])
    const env = { PATH: process.env.PATH ?? '', DATABASE_URL: url }
    await run('alembic', ['-c', 'alembic_users.ini', 'upgrade', sample], { cwd: checkout, env })
    await rm(checkout, { recursive: true, force: true })
  })
  if (doNothing > 0) await ask(database.url, `update alembic_version set version_num = '${idOf(doNothing - 1)}'`)
  return database
}
