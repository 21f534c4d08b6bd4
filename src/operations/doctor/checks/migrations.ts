/** Whether each app's migrations can be read, and their databases reached. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Answer } from '../../../release/ports/answers.ts'
import type { Git } from '../../../release/ports/git.ts'
import type { MigrationStatus, Migrator, MigratorWords } from '../../../release/ports/migrator.ts'
import type { App, Environment, MigrationSettings } from '../../../release/settings.ts'
import { type Check, type Finding, fail, pass, warn } from '../doctor.ts'
import { failureFinding } from './services.ts'

/** Reads the migration status of the current commit of an environment's branch. */
export type ReadMigrationStatus = (
  app: App,
  environment: Environment,
  migration: MigrationSettings,
  signal: AbortSignal,
) => Promise<Answer<{ readonly status: Awaited<ReturnType<Migrator['status']>> }>>

/**
 * Reads the status in a temporary checkout under `directory`, which it deletes afterwards. Runs the app's own env.py
 * there.
 */
export function createMigrationStatusReader(ports: {
  readonly git: Git
  readonly migrator: Pick<Migrator, 'status'>
  readonly directory: string
}): ReadMigrationStatus {
  return async (app, { branch }, migration, signal) => {
    const fetched = await ports.git.fetch(app, app.gitUrl, [branch], signal)
    if (!fetched.ok) return fetched
    const commit = fetched.value[branch]
    if (commit == null) return { ok: false, failure: 'wrong', detail: `the repository has no branch ${branch}` }
    await mkdir(ports.directory, { recursive: true })
    const checkout = await mkdtemp(join(ports.directory, 'doctor-'))
    try {
      await ports.git.checkout(app, commit, checkout)
      return { ok: true, value: { status: await ports.migrator.status(migration, checkout, signal) } }
    } finally {
      await rm(checkout, { recursive: true, force: true })
    }
  }
}

/**
 * Whether the migrator is installed, reads the app's revisions and reaches its database. None when there are no
 * migrations. `problemOf` returns what is wrong with a program (a name on PATH or a path), or undefined.
 */
export function migratorChecks(
  app: App,
  environment: Environment,
  ports: {
    readonly words: MigratorWords
    readonly readStatus: ReadMigrationStatus
    readonly problemOf?: (program: string) => Promise<string | undefined>
  },
): readonly Check[] {
  const { name, programSetting } = ports.words
  return environment.migrations.map((migration) => {
    return {
      name: `${name} ${[environment.app, environment.name, migration.name].filter(Boolean).join('/')}`,
      limitMs: 120_000,
      async run(signal) {
        const problem = await ports.problemOf?.(migration.program)
        if (problem !== undefined) return fail(problem, `install it, or fix ${programSetting} in releases.yml`)
        const read = await ports.readStatus(app, environment, migration, signal)
        if (!read.ok) return failureFinding(read, 'see the check of the repository')
        const { status } = read.value
        if (status.ok) return statusFinding(status.value, ports.words)
        switch (status.why) {
          case 'not isolated':
            return fail(`can't be isolated as required: ${status.detail}`, 'see the check of the isolation')
          case 'unreadable':
            return fail(
              `can't read the app's revisions: ${status.detail}`,
              `set ${programSetting} to the program installed with the app's dependencies`,
            )
          case 'database unreachable':
            return fail(`the database does not answer: ${status.detail}`, 'check the database URL in env_file')
          case 'database refused':
            return fail(
              `the database refuses the login: ${status.detail}`,
              'update env_file; the password may have been rotated',
            )
        }
      },
    }
  })
}

function statusFinding(status: MigrationStatus, { merge }: MigratorWords): Finding {
  const { heads, unknown, pending, hasOtherTimeLimits, skippedWrites = [] } = status
  if (heads.length > 1) {
    return fail(`several heads: ${heads.map(({ revision }) => revision).join(', ')}`, `merge the heads (${merge})`)
  }
  if (unknown.length > 0) {
    return fail(`the database has ${unknown.join(', ')}, which the branch does not have`, 'update the branch')
  }
  if (hasOtherTimeLimits) {
    return warn(
      "the app's env.py sets its own time limits, so lock_timeout and statement_timeout have no effect",
      'remove lock_timeout and statement_timeout from its connection, so that a waiting migration can’t stop all traffic',
    )
  }
  const [write] = skippedWrites
  if (write !== undefined) {
    return warn(`env.py writes whenever it is run, which a look prevents: ${write}`, 'move that into a revision')
  }
  return pass(
    pending.length === 0 ? 'can read the revisions; none pending' : `can read the revisions; ${pending.length} pending`,
  )
}
