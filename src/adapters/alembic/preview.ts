import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type {
  MigrationStatus,
  MigrationsAnswer,
  PendingRevision,
  RevisionPreview,
} from '../../release/ports/migrator.ts'
import { type Conversation, converse, type Ledger, newLedger, withoutDatabase } from './answering.ts'
import { type DatabaseAddress, databaseIdentity } from './database-url.ts'
import { envFileOf, withEnvFile } from './env-file.ts'
import { openParser, type Parser } from './parser.ts'
import { type Placeholders, placeholdersOf } from './placeholders.ts'
import { type Ended, runAlone, type StartIsolation } from './process.ts'
import type { AlembicProgram } from './program.ts'
import { openReadOnly, type ReadOnlyDatabase } from './read-only.ts'

const PROGRAM = fileURLToPath(new URL('./programs/signoff_preview.py', import.meta.url))

export interface PreviewCall {
  readonly program: AlembicProgram
  /** Of the program, as a person would give them for an upgrade. */
  readonly arguments: readonly string[]
  /** Where the program runs, in the checkout. */
  readonly directory: string
  readonly path: string
  /** The env file's, if there is one. The app's code gets placeholders in their place. */
  readonly variables: Readonly<Record<string, string>> | undefined
  readonly timeoutMs: number
  readonly isolation?: StartIsolation | undefined
  readonly signal?: AbortSignal | undefined
  readonly onLine: (line: string) => void
}

/** What a look has found. */
export interface Looked {
  readonly identity: string
  readonly current: readonly string[]
  readonly pending: readonly PendingRevision[]
}

/** Adds to what `look` finds the SQL of what is pending. Runs the app's code after the look: both use the checkout. */
export async function lookAndPreview(
  call: PreviewCall,
  look: () => Promise<MigrationsAnswer<MigrationStatus>>,
): Promise<MigrationsAnswer<MigrationStatus>> {
  const answer = await look()
  if (!answer.ok || answer.value.pending.length === 0) return answer
  const placeholders = placeholdersOf(call.variables ?? {})
  const file = call.variables && envFileOf(placeholders.variables)
  const previewed = await withEnvFile(call.directory, file, () => preview(call, answer.value, placeholders))
  return { ok: true, value: { ...answer.value, ...previewed } }
}

const address = z.object({
  host: z.string().nullable(),
  port: z.string().nullable(),
  database: z.string().nullable(),
  user: z.string().nullable(),
  password: z.string().nullable(),
  options: z.string().nullable(),
  sslmode: z.string().nullable(),
})
const previewed = z.union([
  z.object({ statements: z.array(z.string()), commits: z.boolean() }),
  z.object({ not_previewed: z.string(), commits: z.boolean() }),
])
const result = z.object({
  revisions: z.record(z.string(), previewed),
  missing: z.string(),
  never_commits: z.boolean(),
})
const message = z.union([
  z.object({ ready: z.literal(true) }),
  z.object({ connect: address, dialect: z.string() }),
  z.object({ sql: z.string(), on: z.string() }),
  z.object({ lost: z.literal(true) }),
  z.object({ previewed: result }),
])

/**
 * The pending revisions with the SQL of an upgrade: by the app's own code with a stand-in for its database, and with
 * placeholders for the env file's values. What it must read of the database, this process reads for it, read-only. Never
 * throws.
 */
async function preview(
  call: PreviewCall,
  looked: Looked,
  placeholders: Placeholders,
): Promise<Pick<MigrationStatus, 'pending' | 'neverCommits'>> {
  const over = new AbortController()
  const parser = openParser()
  const answers = answering(parser, placeholders, call)
  let told: z.infer<typeof result> | undefined
  let send: (text: string) => void = () => undefined
  let last = Promise.resolve()

  async function answer(asked: Asked | { ready: true }): Promise<void> {
    const said =
      'ready' in asked ? { arguments: call.arguments, current: looked.current } : await answers.to(asked, looked)
    send(`${JSON.stringify(said)}\n`)
  }

  const ended = await runAlone([...call.program.python, PROGRAM, call.program.path], {
    cwd: call.directory,
    env: { PATH: call.path, LANG: 'C.UTF-8', ...placeholders.variables, PYTHONDONTWRITEBYTECODE: '1' },
    mode: 'preview',
    isolation: call.isolation,
    timeoutMs: call.timeoutMs,
    signal: AbortSignal.any([over.signal, ...(call.signal === undefined ? [] : [call.signal])]),
    onLine: () => undefined,
    conversation: {
      open(channel) {
        send = channel.send
      },
      onMessage(line) {
        const read = message.safeParse(jsonOf(line))
        if (!read.success) return
        const asked = read.data
        if ('previewed' in asked) {
          told = asked.previewed
          return
        }
        // One at a time: Python waits for each answer.
        last = last.then(() => answer(asked))
        last.catch(() => over.abort())
      },
      onAside: call.onLine,
    },
  }).catch((): Ended => ({ ended: 'not started' }))
  await answers.close()
  await parser.close()
  const missing = told?.missing ?? whyNot(ended, call.timeoutMs)
  const pending = looked.pending.map((revision) => ({
    ...revision,
    preview: previewOf(told?.revisions[revision.revision], missing, placeholders),
  }))
  return { pending, ...(told?.never_commits && { neverCommits: true }) }
}

function previewOf(
  one: z.infer<typeof previewed> | undefined,
  missing: string,
  placeholders: Placeholders,
): RevisionPreview {
  if (one === undefined) return { notPreviewed: placeholders.shown(missing), commits: true }
  const { commits } = one
  if ('not_previewed' in one) return { notPreviewed: placeholders.shown(one.not_previewed), commits }
  const statements = one.statements.map(placeholders.shown)
  // A changed placeholder is no value of the env file, and what it was made of isn't known.
  return statements.some((statement) => /placeholder-\d{4}/i.test(statement))
    ? { notPreviewed: 'it writes a value that it makes from one of the env file', commits }
    : { statements, commits }
}

function whyNot(ended: Ended, timeoutMs: number): string {
  if (ended.ended === 'not started')
    return ["alembic's Python could not be started", ended.why].filter(Boolean).join(': ')
  if (ended.ended === 'exit') return `alembic's Python ended with code ${ended.code}`
  return {
    time: `alembic gave no answer within ${timeoutMs / 1000} s; env.py or a revision may not end`,
    stopped: 'the preview was stopped',
    signal: 'alembic was killed',
  }[ended.why]
}

type Asked = Exclude<z.infer<typeof message>, { previewed: unknown } | { ready: unknown }>

/** Answers what the preview's process asks about its databases. */
function answering(parser: Parser, placeholders: Placeholders, call: PreviewCall) {
  const ledger: Ledger = newLedger()
  const opened: ReadOnlyDatabase[] = []
  const conversations: Conversation[] = []

  function connect(asked: z.infer<typeof address>, dialect: string, { identity }: Looked): { name: string } {
    const name = String(conversations.length)
    if (dialect !== 'postgresql') conversations.push(withoutDatabase(ledger))
    else {
      const real = realAddress(asked, placeholders, call.variables ?? {})
      const database =
        real === undefined || !identity.split(', ').includes(databaseIdentity(real.address))
          ? elsewhere
          : openReadOnly(real.address, real.sslMode)
      opened.push(database)
      conversations.push(converse(parser, database, ledger))
    }
    return { name }
  }

  return {
    async to(asked: Asked, looked: Looked): Promise<object> {
      if ('connect' in asked) return connect(asked.connect, asked.dialect, looked)
      if ('lost' in asked) {
        ledger.isLost = true
        return {}
      }
      const conversation = conversations[Number(asked.on)]
      if (conversation === undefined) return { kind: 'refused', why: 'it uses a connection that is not open' }
      return conversation.answer(asked.sql)
    },
    async close() {
      await Promise.all(opened.map((database) => database.close()))
    },
  }
}

/** Where the application would connect, but the look has not seen it there. */
const elsewhere: ReadOnlyDatabase = {
  query: async () => ({ kind: 'refused', why: "it reads another database than the one of env.py's migrations" }),
  close: async () => undefined,
}

/** The real address behind placeholders, filled up as libpq does. */
function realAddress(
  asked: z.infer<typeof address>,
  placeholders: Placeholders,
  variables: Readonly<Record<string, string>>,
): { address: DatabaseAddress; sslMode: string | undefined } | undefined {
  const real = (text: string | null, variable: string) =>
    (text === null || text === '' ? undefined : placeholders.restore(text)) ?? variables[variable]
  const host = real(asked.host, 'PGHOST') ?? 'localhost'
  const port = Number(real(asked.port, 'PGPORT') ?? 5432)
  const user = real(asked.user, 'PGUSER')
  const name = real(asked.database, 'PGDATABASE') ?? user
  if (name === undefined || host.includes(',') || !Number.isInteger(port)) return undefined
  const password = real(asked.password, 'PGPASSWORD')
  const options = [variables.PGOPTIONS, asked.options && placeholders.restore(asked.options)].filter(Boolean).join(' ')
  return {
    address: { host, port, name, user, password, query: options === '' ? {} : { options } },
    sslMode: real(asked.sslmode, 'PGSSLMODE'),
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
