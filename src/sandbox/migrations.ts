import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { git, gitEnvironment } from './bare-git.ts'
import { MIGRATION_NAMES, type MigrationName } from './sample-app.ts'

const run = promisify(execFile)

/** How the sample's migrations run: with the machine's alembic, or with the SQL file beside each revision. */
export type MigrationProgram = {
  kind: 'alembic' | 'sql'
  /** For `alembic:` in releases.yml. */
  path: string
  /** What runs the migrations, for people. */
  title: string
}

const BY_SQL = fileURLToPath(new URL('./revisions-by-sql.ts', import.meta.url))

/**
 * Finds the machine's alembic if its Python can run the sample; otherwise writes programs into `bin` that run the SQL beside
 * each revision. `kind` forces one of them; throws if alembic is missing.
 */
export async function findMigrationProgram(bin: string, kind?: MigrationProgram['kind']): Promise<MigrationProgram> {
  const version = kind === 'sql' ? undefined : await alembicVersion()
  if (version !== undefined) return { kind: 'alembic', path: 'alembic', title: version }
  if (kind === 'alembic') throw new Error('alembic with SQLAlchemy and psycopg2 is not installed on this machine')
  await mkdir(bin, { recursive: true })
  const python = join(bin, 'python')
  const alembic = join(bin, 'alembic')
  // The form that installers use if a path is too long for the first line; Signoff reads the Python's path from it.
  await writeFile(alembic, `#!/bin/sh\n'''exec' "${python}" "$0" "$@"\n' '''\n`)
  await writeFile(python, `#!/bin/sh\nexec "${process.execPath}" "${BY_SQL}" "$@"\n`)
  for (const program of [alembic, python]) await chmod(program, 0o755)
  return { kind: 'sql', path: alembic, title: 'the SQL beside each revision (this machine has no alembic)' }
}

async function alembicVersion(): Promise<string | undefined> {
  const { PATH = '' } = gitEnvironment()
  const env = { PATH, LANG: 'C.UTF-8' }
  try {
    const { stdout } = await run('/bin/sh', ['-c', 'command -v alembic'], { env })
    const [first = ''] = (await readFile(stdout.trim(), 'utf8')).split('\n')
    const [python = '', ...options] = first.slice(2).trim().split(/\s+/)
    await run(python, [...options, '-c', 'import alembic, psycopg2, sqlalchemy'], { env })
    return (await run('alembic', ['--version'], { env })).stdout.trim()
  } catch {
    return undefined
  }
}

/** Upgrades the databases of an environment to the head revisions of a commit. */
export async function migrate(given: {
  program: MigrationProgram
  bare: string
  commit: string
  url: (name: MigrationName) => string
  directory: string
}): Promise<void> {
  const checkouts: string[] = []
  try {
    const { PATH = '' } = gitEnvironment()
    const env = { PATH, LANG: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1' }
    // One after the other: both check out with the index of the same repository.
    for (const name of MIGRATION_NAMES) {
      const checkout = await mkdtemp(join(given.directory, 'checkout-'))
      checkouts.push(checkout)
      await git(given.bare, ['--work-tree', checkout, 'checkout', '-q', '-f', given.commit, '--', '.'])
      await writeFile(join(checkout, '.env'), `DATABASE_URL="${given.url(name)}"\n`, { mode: 0o600 })
    }
    const upgrade = (name: MigrationName, index: number) =>
      run(given.program.path, ['-c', `alembic_${name}.ini`, 'upgrade', 'head'], { cwd: checkouts[index], env })
    await Promise.all(MIGRATION_NAMES.map(upgrade))
  } finally {
    for (const checkout of checkouts) await rm(checkout, { recursive: true, force: true })
  }
}
