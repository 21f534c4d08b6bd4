import { posix } from 'node:path'
import { z } from 'zod'
import { defined } from '../../lib/defined.ts'
import type { MigrationStatus } from '../../release/ports/migrator.ts'

const revision = z.object({ revision: z.string(), message: z.string(), file: z.string() })

const database = z.object({
  identity: z.string().nullable(),
  dialect: z.string(),
  table: z.tuple([z.string(), z.string()]).nullable(),
  current: z.array(z.string()),
  unknown: z.array(z.string()),
  working: z.boolean(),
  invalid_indexes: z.array(z.string()),
  limits_hold: z.boolean().nullable(),
  commits_each: z.boolean(),
  transaction_per_migration: z.boolean(),
})
type Database = z.infer<typeof database>

/** The answer of programs/signoff_look.py. */
const lookAnswer = z.union([
  z.object({
    databases: z.array(database).min(1),
    skipped: z.array(z.string()),
    heads: z.array(revision),
    pending: z.array(revision),
  }),
  z.object({
    error: z.string(),
    database: z.boolean(),
    sqlstate: z.string().nullish(),
    config: z.boolean().optional(),
  }),
])

export type Unsaid = {
  readonly why: 'unreadable' | 'database unreachable' | 'database refused'
  readonly detail: string
  /** The configuration that the settings name is not there. */
  readonly noConfiguration?: true
}

/** Alembic's version table in a Postgres database. */
export interface VersionTable {
  readonly schema: string
  readonly name: string
}

/**
 * Parses the JSON of a look. `identity`: the database's identity if the connection does not show it. `directory`: where
 * alembic ran, which files are relative to.
 */
export function readStatus(
  json: string,
  { identity, directory }: { identity: string | undefined; directory: string },
): { status: MigrationStatus; table: VersionTable | undefined } | Unsaid {
  const parsed = lookAnswer.safeParse(JSON.parse(json))
  if (!parsed.success) return { why: 'unreadable', detail: "alembic's status can't be read" }
  const answer = parsed.data
  if ('error' in answer) {
    return { why: causeOf(answer), detail: answer.error, ...(answer.config === true && { noConfiguration: true }) }
  }
  const { databases } = answer
  const [first, ...others] = databases
  if (first === undefined) throw new Error('a look has at least one database')
  const identities = databases.map((one) => one.identity ?? (others.length === 0 ? identity : undefined))
  if (!identities.every((one) => one !== undefined)) {
    return { why: 'unreadable', detail: 'the env.py of this commit does not show which database it uses' }
  }
  if (new Set(databases.map(standOf)).size > 1) {
    const where = databases.map((one, index) => `${identities[index]} at ${standOf(one)}`).join(', ')
    const detail = `the env.py of this commit migrates ${databases.length} databases that are at different revisions: ${where}. Give each an entry of its own in migrations`
    return { why: 'unreadable', detail }
  }
  // Without proof from the connection, the database may differ from the env file's.
  const [schema, name] = (others.length > 0 || first.identity === null ? null : first.table) ?? []
  const table = schema === undefined || name === undefined ? undefined : { schema, name }
  const commitsEach = databases.some((one) => one.commits_each)
  const placed = (file: string) => posix.join(directory, file)
  const status: MigrationStatus = {
    identity: [...new Set(identities)].join(', '),
    dialect: first.dialect,
    heads: answer.heads.map((head) => ({ revision: head.revision, file: placed(head.file) })),
    current: first.current,
    unknown: first.unknown,
    pending: answer.pending.map(({ file, ...about }) => ({ ...about, file: placed(file) })),
    ...(databases.some((one) => one.working) && { isWorking: true as const }),
    ...defined({ versionTable: table && tableName(table) }),
    ...(databases.some((one) => one.transaction_per_migration) && { transactionPerMigration: true as const }),
    ...(commitsEach && { commitsEachStatement: true as const }),
    ...(databases.some((one) => one.limits_hold === false) && { hasOtherTimeLimits: true as const }),
    ...(answer.skipped.length > 0 && { skippedWrites: answer.skipped }),
    ...defined({ invalidIndexes: invalidIndexesOf(databases) }),
  }
  return { status, table }
}

export const tableName = ({ schema, name }: VersionTable) => `${schema}.${name}`

const standOf = ({ current }: Database) => [...current].sort().join(' and ') || 'no revision'

function invalidIndexesOf(databases: readonly Database[]): readonly string[] | undefined {
  const invalid = [...new Set(databases.flatMap((one) => one.invalid_indexes))]
  return invalid.length === 0 ? undefined : invalid
}

// psycopg2 gives no SQLSTATE for failed connections, so that the messages of libpq, asyncpg and the server decide.
const REFUSED =
  /authentication failed|role ".*" does not exist|database ".*" does not exist|permission denied|no pg_hba\.conf entry|no password supplied|not permitted to log in|unsupported startup parameter/i

/** Encryption or a certificate is demanded, by one side or the other, and is not there: waiting does not help. */
const NO_TLS = /does not support SSL|rejected SSL upgrade|certificate verify failed|root certificate file/i

function causeOf(answer: { error: string; database: boolean; sqlstate?: string | null | undefined }): Unsaid['why'] {
  if (!answer.database) return 'unreadable'
  const state = answer.sqlstate ?? ''
  if (/^(28|3D|42501)/.test(state) || REFUSED.test(answer.error) || NO_TLS.test(answer.error)) return 'database refused'
  // Class 42: the application's own SQL is wrong. Class 25: it wants to write while we only look.
  return /^(42|25)/.test(state) ? 'unreadable' : 'database unreachable'
}
