import { z } from 'zod'
import type { MigrationStatus, PendingRevision } from '../../release/ports/migrator.ts'

const revision = z.object({ revision: z.string(), message: z.string(), file: z.string() })
const preview = z.union([
  z.object({ statements: z.array(z.string()), commits: z.boolean() }),
  z.object({ not_previewed: z.string(), commits: z.boolean() }),
])

/** What status.py says. */
const statusAnswer = z.union([
  z.object({
    identity: z.string().nullable(),
    dialect: z.string().nullable(),
    table: z.tuple([z.string(), z.string()]).nullable(),
    working: z.boolean(),
    heads: z.array(revision),
    current: z.array(z.string()),
    unknown: z.array(z.string()),
    pending: z.array(revision.extend({ preview: preview.optional() })),
  }),
  z.object({ error: z.string(), database: z.boolean(), sqlstate: z.string().nullish() }),
])

export type Unsaid = {
  readonly why: 'unreadable' | 'database unreachable' | 'database refused'
  readonly detail: string
}

/** Where alembic keeps its revisions in a Postgres database. */
export interface VersionTable {
  readonly schema: string
  readonly name: string
}

/** Reads the JSON of status.py. `identity`: what to call the database when the connection does not show it. */
export function readStatus(
  json: string,
  identity: string | undefined,
): { status: MigrationStatus; table: VersionTable | undefined } | Unsaid {
  const parsed = statusAnswer.safeParse(jsonOf(json))
  if (!parsed.success) return { why: 'unreadable', detail: "alembic's status can't be read" }
  const said = parsed.data
  if ('error' in said) return { why: causeOf(said), detail: said.error }
  const named = said.identity ?? identity
  if (named === undefined)
    return { why: 'unreadable', detail: 'the env.py of this commit does not show which database it uses' }
  const status: MigrationStatus = {
    identity: named,
    ...(said.working && { isWorking: true as const }),
    ...(said.dialect !== null && { dialect: said.dialect }),
    heads: said.heads.map(({ revision, file }) => ({ revision, file })),
    current: said.current,
    unknown: said.unknown,
    pending: said.pending.map(({ preview: seen, ...about }): PendingRevision => {
      if (seen === undefined) return about
      const { commits } = seen
      return 'statements' in seen
        ? { ...about, preview: { statements: seen.statements, commits } }
        : { ...about, preview: { notPreviewed: seen.not_previewed, commits } }
    }),
  }
  // A database that the connection does not show may be any other than the one that the env file names.
  const [schema, name] = (said.identity === null ? null : said.table) ?? []
  return { status, table: schema === undefined || name === undefined ? undefined : { schema, name } }
}

// A failure to connect has no SQLSTATE in psycopg2, so that the words decide; they are libpq's and the server's.
const REFUSED =
  /authentication failed|role ".*" does not exist|database ".*" does not exist|permission denied|no pg_hba\.conf entry|no password supplied|not permitted to log in|unsupported startup parameter/i

function causeOf(said: { error: string; database: boolean; sqlstate?: string | null | undefined }): Unsaid['why'] {
  if (!said.database) return 'unreadable'
  const state = said.sqlstate ?? ''
  if (/^(28|3D|42501)/.test(state) || REFUSED.test(said.error)) return 'database refused'
  // Class 42: the application's own SQL is wrong.
  return state.startsWith('42') ? 'unreadable' : 'database unreachable'
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
