import { z } from 'zod'
import { defined } from '../../lib/defined.ts'
import type { MigrationStatus, PendingRevision } from '../../release/ports/migrator.ts'

const revision = z.object({ revision: z.string(), message: z.string(), file: z.string() })
const preview = z.union([
  z.object({ statements: z.array(z.string()), commits: z.boolean() }),
  z.object({ not_previewed: z.string(), commits: z.boolean() }),
])

/** The answer of status.py. */
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

/** Alembic's version table in a Postgres database. */
export interface VersionTable {
  readonly schema: string
  readonly name: string
}

/** Parses the JSON of status.py. `identity`: the database's identity if the connection does not show it. */
export function readStatus(
  json: string,
  identity: string | undefined,
): { status: MigrationStatus; table: VersionTable | undefined } | Unsaid {
  const parsed = statusAnswer.safeParse(jsonOf(json))
  if (!parsed.success) return { why: 'unreadable', detail: "alembic's status can't be read" }
  const answer = parsed.data
  if ('error' in answer) return { why: causeOf(answer), detail: answer.error }
  const named = answer.identity ?? identity
  if (named === undefined)
    return { why: 'unreadable', detail: 'the env.py of this commit does not show which database it uses' }
  const status: MigrationStatus = {
    identity: named,
    ...(answer.working && { isWorking: true as const }),
    ...defined({ dialect: answer.dialect ?? undefined }),
    heads: answer.heads.map(({ revision, file }) => ({ revision, file })),
    current: answer.current,
    unknown: answer.unknown,
    pending: answer.pending.map(({ preview: seen, ...about }): PendingRevision => {
      if (seen === undefined) return about
      const { commits } = seen
      return 'statements' in seen
        ? { ...about, preview: { statements: seen.statements, commits } }
        : { ...about, preview: { notPreviewed: seen.not_previewed, commits } }
    }),
  }
  // Without proof from the connection, the database may differ from the env file's.
  const [schema, name] = (answer.identity === null ? null : answer.table) ?? []
  return { status, table: schema === undefined || name === undefined ? undefined : { schema, name } }
}

// psycopg2 gives no SQLSTATE for failed connections, so that the messages of libpq and the server decide.
const REFUSED =
  /authentication failed|role ".*" does not exist|database ".*" does not exist|permission denied|no pg_hba\.conf entry|no password supplied|not permitted to log in|unsupported startup parameter/i

function causeOf(answer: { error: string; database: boolean; sqlstate?: string | null | undefined }): Unsaid['why'] {
  if (!answer.database) return 'unreadable'
  const state = answer.sqlstate ?? ''
  if (/^(28|3D|42501)/.test(state) || REFUSED.test(answer.error)) return 'database refused'
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
