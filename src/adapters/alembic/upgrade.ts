import { defined } from '../../lib/defined.ts'
import type {
  Backend,
  MigrationStatus,
  MigrationsAnswer,
  MigrationsFailure,
  Migrator,
  UpgradeAnswer,
} from '../../release/ports/migrator.ts'
import { watchLocks } from './activity.ts'
import { withEnvFile } from './env-file.ts'
import type { Placed, Prepared } from './prepare.ts'
import { readInvalidIndexes } from './revisions.ts'
import { type Started, start } from './start.ts'

/** How many of an upgrade's last lines are kept. */
const KEPT_LINES = 1000

/** In characters. Longer than any shown line: a cut line may contain half of a secret, which no scrubber finds. */
const LONGEST_LINE = 300_000

/** What an upgrade needs of a look. */
export interface Looking {
  read(ready: Prepared, looked: string): MigrationsAnswer<MigrationStatus>
  unanswered(started: Started, ready: Prepared): MigrationsFailure
  look(ready: Placed, options: { signal?: AbortSignal }): Promise<MigrationsAnswer<MigrationStatus>>
  aside(ready: Prepared): { readonly onAside: (line: string) => void }
  readonly limits: { readonly lookMs: number; readonly upgradeMs: number }
}

type UpgradeCall = NonNullable<Parameters<Migrator['upgrade']>[2]>

/** See `Migrator.upgrade`. The look and the upgrade are one start of the app's code. */
export async function upgrade(
  ready: Placed,
  { signal, confirm, onLine, onWait, onBackend }: UpgradeCall,
  looking: Looking,
): Promise<UpgradeAnswer> {
  const stopped = {
    upgrade: 'failed',
    notStarted: true,
    output: ['alembic was not started: the run was stopped'],
  } as const
  if (signal?.aborted === true) return stopped
  const { address, file, program, request, cwd, env, clean } = ready
  const sslMode = file?.variables.PGSSLMODE
  const output: string[] = []
  const backends: Backend[] = []
  let looked: MigrationsAnswer<MigrationStatus> | undefined
  let saidRevision: string | undefined
  const over = new AbortController()
  let watching: Promise<void> | undefined

  const started = await withEnvFile(cwd, file, () =>
    start(
      program,
      { ...request, backends: [] },
      {
        cwd,
        env,
        mode: 'upgrade',
        ...defined({ isolation: ready.isolation }),
        limits: looking.limits,
        ...looking.aside(ready),
        ...defined({ signal }),
        async confirm(answer) {
          looked = looking.read(ready, answer)
          if (!looked.ok || (confirm !== undefined && !(await confirm(looked.value)))) return false
          if (address !== undefined && onWait !== undefined) {
            const pids = () => backends.map(({ pid }) => pid)
            watching = watchLocks(address, { sslMode, onWait, pids, signal: over.signal })
          }
          return true
        },
        onBackend(backend) {
          backends.push(backend)
          onBackend?.(backend)
        },
        onLine(raw) {
          const line = clean(raw.slice(0, LONGEST_LINE))
          saidRevision = /Running upgrade .{0,400}?-> ([^\s,]+)/.exec(line)?.[1] ?? saidRevision
          output.push(line)
          if (output.length > KEPT_LINES) output.shift()
          onLine?.(line)
        },
      },
    ),
  ).finally(() => over.abort())
  await watching

  if (!started.upgradeBegan) {
    const failure = looked === undefined ? looking.unanswered(started, ready) : looked
    if (looked === undefined && isStopped(signal)) return stopped
    const look = failure.ok ? undefined : failure
    return {
      upgrade: 'failed',
      notStarted: true,
      output: look === undefined ? [] : [look.detail],
      ...defined({ look }),
    }
  }
  if (started.upgradeTimedOut) {
    output.push(`alembic did not end within ${looking.limits.upgradeMs / 60_000} min and was stopped`)
  }
  const facts = {
    output,
    ...(started.committed.length > 0 && { committedInside: started.committed }),
    ...defined({ invalidIndexes: await newInvalidIndexes() }),
  }
  const revision = defined({ revision: started.revision ?? saidRevision })
  const { ended } = started
  if (ended.ended === 'exit' && ended.code === 0) return { upgrade: 'done', ...facts }
  if (ended.ended !== 'exit' || output.some(isLostConnection)) return { upgrade: 'unknown', ...facts, ...revision }
  const lockTimeout = output.some(isLockTimeout) && ({ lockTimeout: true } as const)
  return { upgrade: 'failed', ...facts, ...revision, ...lockTimeout }

  /** Undefined: there are none. What can't be looked up is said in the output. */
  async function newInvalidIndexes(): Promise<readonly string[] | undefined> {
    if (looked?.ok !== true || looked.value.dialect !== 'postgresql') return undefined
    const before = new Set(looked.value.invalidIndexes)
    const now = await invalidIndexesNow(looked.value)
    if (now === undefined) {
      output.push('Signoff could not look for invalid indexes after this upgrade')
      return undefined
    }
    const added = now.filter((name) => !before.has(name))
    return added.length === 0 ? undefined : added
  }

  async function invalidIndexesNow({ identity }: MigrationStatus): Promise<readonly string[] | undefined> {
    if (address !== undefined && identity === ready.identity) {
      const direct = await readInvalidIndexes(address, sslMode)
      return direct.read === 'done' ? direct.value : undefined
    }
    const again = await looking.look(ready, {})
    return again.ok ? (again.value.invalidIndexes ?? []) : undefined
  }
}

/** The drivers' names of SQLSTATE 55P03; the server's own message is in its language. */
const isLockTimeout = (line: string) => /LockNotAvailable|\b55P03\b|due to lock timeout/.test(line)

/** Whether an established connection broke: a commit may have been in progress. */
function isLostConnection(line: string): boolean {
  const lost =
    /server closed the connection unexpectedly|connection (has been |was )?(closed|lost|reset)|terminating connection|could not receive data from server|SSL SYSCALL error|connection already closed/i
  return lost.test(line) && !/connection to server .{0,400}? failed/i.test(line)
}

const isStopped = (signal: AbortSignal | undefined) => signal?.aborted === true
