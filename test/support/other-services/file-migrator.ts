/** A migrator of numbered `.sql` files, such as `001_documents.sql`, for databases that are JSON files. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { MigrationStatus, Migrator, PendingRevision } from '../../../src/release/ports/migrator.ts'
import type { MigrationSettings } from '../../../src/release/settings.ts'

/** What was applied, in order. */
export interface Applied {
  readonly revision: string
  readonly sql: string
}

/** @param databases by the names of environments, the files of their databases; one that is not there is empty */
export function createFileMigrator(databases: Readonly<Record<string, string>>): Migrator {
  const fileOf = ({ environment }: MigrationSettings) => {
    const file = databases[environment]
    if (file === undefined) throw new Error(`${environment} has no database`)
    return file
  }

  async function applied(migration: MigrationSettings): Promise<readonly Applied[]> {
    const text = await readFile(fileOf(migration), 'utf8').catch(() => '[]')
    return JSON.parse(text) as readonly Applied[]
  }

  const folderOf = (text: string) => (JSON.parse(text) as { readonly folder: string }).folder

  async function files(migration: MigrationSettings, checkout: string) {
    const folder = folderOf(await readFile(join(checkout, migration.config), 'utf8'))
    const names = (await readdir(join(checkout, folder))).filter((name) => name.endsWith('.sql')).sort()
    return Promise.all(
      names.map(async (name) => ({
        revision: name.slice(0, 3),
        message: name.slice(4, -4),
        file: `${folder}/${name}`,
        sql: (await readFile(join(checkout, folder, name), 'utf8')).trim(),
      })),
    )
  }

  /** As a database with a version table has one row: the last. */
  const currentOf = (done: readonly Applied[]) => done.slice(-1).map(({ revision }) => revision)

  async function statusOf(migration: MigrationSettings, checkout: string): Promise<MigrationStatus> {
    const [all, done] = await Promise.all([files(migration, checkout), applied(migration)])
    const pending = all
      .slice(done.length)
      .map(({ sql, ...revision }): PendingRevision => ({ ...revision, preview: { statements: [sql], commits: false } }))
    const known = all.map(({ revision }) => revision)
    return {
      identity: fileOf(migration),
      heads: all.slice(-1).map(({ revision, file }) => ({ revision, file })),
      current: currentOf(done),
      unknown: currentOf(done).filter((revision) => !known.includes(revision)),
      dialect: 'postgresql',
      pending,
    }
  }

  return {
    words: {
      name: 'numbered files',
      programSetting: 'migrations.program',
      merge: 'mv',
      lookAtRevision: 'cat database.json',
      missingPart: 'a file',
      outsideTransaction: 'a file of its own',
      neverCommits: { why: 'The files were not applied.', fix: 'Apply them.' },
      errorLine: /^error: /,
    },
    limits: { endsWithinMs: 1_000 },
    placeOf: (configuration) => ({ folder: folderOf(configuration), isOneFolder: true }),
    status: async (migration, checkout) => ({ ok: true, value: await statusOf(migration, checkout) }),
    async revisions(migration) {
      const revisions = currentOf(await applied(migration))
      return { ok: true, value: { identity: fileOf(migration), revisions } }
    },
    databasesNamed: async () => ({}),
    async upgrade(migration, checkout, { confirm } = {}) {
      if ((await confirm?.(await statusOf(migration, checkout))) === false) {
        return { upgrade: 'failed', notStarted: true, output: [] }
      }
      const done = await applied(migration)
      const left = (await files(migration, checkout)).slice(done.length)
      const now = [...done, ...left.map(({ revision, sql }): Applied => ({ revision, sql }))]
      await writeFile(fileOf(migration), JSON.stringify(now))
      return { upgrade: 'done', output: left.map(({ revision }) => `applied ${revision}`) }
    },
  }
}
