import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { settlesWithin } from '../../lib/timeout.ts'
import type { EventType } from '../../release/events.ts'
import type { Inbox, Outbox } from '../../release/ports/deliveries.ts'
import type { HomePace, Homes } from '../../release/ports/homes.ts'
import type { EnvironmentLock, Jobs } from '../../release/ports/jobs.ts'
import type { Store } from '../../release/ports/store.ts'
import type { WebhookQueue } from '../../release/ports/webhooks.ts'
import type { EventRow, Period, StoredChain, StoredMessage, StoredNumbers } from '../../release/record.ts'
import type { WorkerGroups } from '../../release/workers.ts'
import { readChain, readPosted, readRowsOf } from './audit-rows.ts'
import { cutWhenSilent, PreparingClient, type Report, SERVER_LIMITS } from './connection.ts'
import { fillFigures } from './figures-fill.ts'
import { createForgetting } from './forgetting.ts'
import { createHomes } from './homes.ts'
import { createInbox, INBOX_CONNECTIONS } from './inbox.ts'
import { createJobs, createJobsInTransaction, type JobTiming } from './jobs.ts'
import { afterLock, createEnvironmentLock } from './lock.ts'
import { migrate, STORE_VERSION, schemaAge } from './migrations.ts'
import { readNumbers } from './numbers.ts'
import { openingFailed } from './opening-failed.ts'
import { createOutbox } from './outbox.ts'
import { NO_GROUPS, prepareQueues, rerouteJobs } from './queues.ts'
import type { Tables } from './schema.ts'
import { createStore } from './store.ts'
import { createTransactions } from './transaction.ts'
import { raiseMinimumVersion, readMinimumVersion, type VersionWatch, watchVersion } from './version.ts'
import { createWaiting } from './waiting.ts'
import { createWebhookQueue } from './webhooks.ts'

export interface StoreOptions {
  /** The store's address: a connection string, or host (or a socket's directory), user and database. */
  readonly pool: pg.PoolConfig
  /** Default `all`. A `bot` enqueues jobs and works on none. */
  readonly role?: 'all' | 'bot' | 'worker'
  /** Which workers take which jobs. Absent: each worker takes all. */
  readonly groups?: WorkerGroups
  /** The group of this worker. Absent: it takes the jobs of environments without a group. */
  readonly group?: string
  /** False: for commands that only read. Nothing is migrated, and jobs can be neither enqueued nor worked on. */
  readonly migrate?: boolean
  /** Called with errors outside of any call. */
  readonly report?: Report
  readonly timing?: JobTiming
  /** How long a query or transaction may get no data before its connection is closed; default 45 s. */
  readonly silentMs?: number
  /** This program's version; set only by tests. */
  readonly version?: number
}

export interface OpenStore {
  readonly store: Store
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly webhooks: WebhookQueue
  readonly jobs: Jobs
  readonly lock: EnvironmentLock
  /** The App Homes that people have opened; by default at the pace of `HOME_PACE`. */
  homes(pace?: HomePace): Homes
  /** The reads of an audit. */
  readonly audit: {
    /** Calls `work` with a consistent snapshot of the whole record. */
    readChain<T>(work: (chain: StoredChain) => Promise<T>): Promise<T>
    /** A release's stored events, in order. */
    rowsOf(release: number): Promise<readonly EventRow[]>
    /** A release's messages that Slack has confirmed, in order. */
    posted(release: number): Promise<readonly StoredMessage[]>
    /** Calls `work` with a consistent snapshot of the period's numbers, with their events of these types. */
    readNumbers<T>(
      period: Period,
      types: readonly EventType[],
      work: (numbers: StoredNumbers) => Promise<T>,
    ): Promise<T>
  }
  /** What is under way and what waits, for metrics. */
  readonly waiting: ReturnType<typeof createWaiting>
  /**
   * Resolves when something was committed that bots wait for, such as a release that is due or has ended; when the signal
   * aborts; or after `timeoutMs`. What is committed between two calls ends the second at once.
   */
  news(timeoutMs: number, signal: AbortSignal): Promise<void>
  /** Deletes some of the rows that ended 30 days ago; see forgetting.ts. To be called periodically. */
  forget(): Promise<void>
  /** Gives waiting jobs to the workers that release their environments now; see queues.ts. To be called periodically. */
  rerouteJobs(): Promise<void>
  /**
   * Counts for the figures what an older version has released, for at most so long. Returns whether all is counted. To be
   * called periodically.
   */
  fillFigures(forMs: number): Promise<boolean>
  /**
   * Aborts once this process notices, at a claim or transaction, that a newer version of the program has opened the store.
   * From then on these throw NewerVersionInUse and commit nothing, and the process should stop.
   */
  readonly superseded: AbortSignal
  /** Throws when the store does not answer within 5 s. */
  ping(): Promise<void>
  /** Ends all connections. Jobs in hand should have been stopped before. Safe to repeat. */
  close(): Promise<void>
}

/** The most time for closing: a store that does not answer can't be disconnected from cleanly. */
const closeWithinMs = 2000
/** All of a store of usual size; a larger one is filled in while the service runs. */
const FILL_BEFORE_START_MS = 1_000
const HOUSEKEEPING_SECONDS = 600
/** Longer than the server's limits: a silent connection is dead by then. */
const silentLimitMs = 45_000
/** Within the time that a silent connection is kept. */
const inboxIdleMs = 30_000
const inboxAnswerMs = 10_000

/**
 * Opens the store on a Postgres of version 15 or later, over a direct connection (`requireSessions` of sessions.ts tells:
 * locks and LISTEN need sessions). First migrates the schema to this program's version, safely beside other processes that do
 * the same; processes of older versions then stop. Throws if the store can't be reached, is newer than this program or,
 * with `migrate: false`, older.
 */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const report: Report = options.report ?? (() => undefined)
  const timing = options.timing ?? {}
  const groups = options.groups ?? NO_GROUPS
  const version = watchVersion(options.version ?? STORE_VERSION)
  const connect: pg.PoolConfig = { connectionTimeoutMillis: 10_000, application_name: 'signoff', ...options.pool }
  const openPool = (limits: pg.PoolConfig) => {
    const stream = () => cutWhenSilent(options.silentMs ?? silentLimitMs)
    const pool = new pg.Pool({ ...limits, ...SERVER_LIMITS, stream, ...connect })
    // The pool handles errors of idle connections only. Without this, one on a connection in use would end the process.
    pool.on('connect', (client) => client.on('error', (error) => report('a connection to the store', error)))
    return pool.on('error', () => undefined)
  }
  const pool = openPool({ max: 8, Client: PreparingClient })
  // Slack waits 3 s, so one that has become silent must not keep those that come after.
  const inboxPool = openPool({ max: INBOX_CONNECTIONS, idleTimeoutMillis: inboxIdleMs, query_timeout: inboxAnswerMs })
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })

  let boss: PgBoss | undefined
  try {
    const { role = 'all' } = options
    if (options.migrate === false) await refuseOther(db, version)
    else
      boss = await afterLock(connect, 'migrations', () => prepare({ connect, role, timing, groups, version, report }))
  } catch (error) {
    await Promise.all([db.destroy(), inboxPool.end()])
    throw openingFailed(error)
  }

  const transaction = createTransactions(db, createJobsInTransaction(boss, groups), version)
  const outbox = createOutbox({ db, connect, transaction, version, report })
  const webhooks = createWebhookQueue({ db, connect, version, report })
  let closing: Promise<void> | undefined
  const close = async () => {
    await settlesWithin(closeWithinMs, Promise.all([boss?.stop({ graceful: false }), outbox.close(), webhooks.close()]))
    await settlesWithin(closeWithinMs, Promise.all([db.destroy(), inboxPool.end()]))
  }
  return {
    store: createStore(db, transaction, version),
    inbox: createInbox(db, inboxPool),
    outbox,
    homes: (pace) => createHomes(db, pace),
    webhooks,
    waiting: createWaiting(db),
    news: outbox.news,
    forget: createForgetting(db),
    rerouteJobs: () => rerouteJobs(db, groups),
    fillFigures: (forMs) => fillFigures(db, forMs),
    audit: {
      readChain: (work) => readChain(connect, work),
      rowsOf: (release) => readRowsOf(db, release),
      posted: (release) => readPosted(db, release),
      readNumbers: (period, types, work) => readNumbers(connect, period, types, work),
    },
    jobs: createJobs({
      boss: options.role === 'bot' ? undefined : boss,
      db,
      timing,
      group: options.group,
      version,
      report,
    }),
    lock: createEnvironmentLock(connect),
    superseded: version.superseded,
    ping: async () => {
      const answer = readMinimumVersion(db).then(version.mayWork)
      if (!(await settlesWithin(5000, answer))) throw new Error('The store does not answer.')
    },
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

const NEWER = 'The store belongs to a newer version of Signoff. Use that version.'

async function refuseOther(db: Kysely<Tables>, version: VersionWatch): Promise<void> {
  const age = await schemaAge(db)
  if (age === 'older')
    throw new Error('The store is not set up for this version of Signoff yet. Start the service first.')
  if (age === 'newer' || !version.mayWork(await readMinimumVersion(db))) throw new Error(NEWER)
}

interface Preparing {
  readonly connect: pg.PoolConfig
  readonly role: 'all' | 'bot' | 'worker'
  readonly timing: JobTiming
  readonly groups: WorkerGroups
  readonly version: VersionWatch
  readonly report: Report
}

/** Migrates our schema and the job queue's, one process at a time, and starts the queue for this role. */
async function prepare({ connect, role, timing, groups, version, report }: Preparing): Promise<PgBoss> {
  const migrationDb = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ ...connect, max: 2 }) }),
  })
  try {
    await migrate(migrationDb)
    if (!version.mayWork(await readMinimumVersion(migrationDb))) throw new Error(NEWER)
    await raiseMinimumVersion(migrationDb, version.number)
    await fillFigures(migrationDb, FILL_BEFORE_START_MS)
  } finally {
    await migrationDb.destroy()
  }
  const works = role !== 'bot'
  const boss = new PgBoss({
    ...bossConnection(connect),
    max: 4,
    application_name: 'signoff jobs',
    schedule: false,
    supervise: works,
    // Its housekeeping. What a dead worker held is handed on by `watchJobs`, which calls for a pass when there is any.
    superviseIntervalSeconds: HOUSEKEEPING_SECONDS,
    monitorIntervalSeconds: timing.superviseSeconds ?? 2,
    // For jobs that wait for others: there are none.
    flowIntervalSeconds: HOUSEKEEPING_SECONDS,
    useListenNotify: works,
  })
  boss.on('error', (error) => report('the job queue', error))
  boss.on('warning', (warning) => report('the job queue', warning))
  try {
    await boss.start()
    await prepareQueues(boss, timing.retrySeconds ?? 1, groups.names)
    return boss
  } catch (error) {
    await boss.stop({ graceful: false }).catch(() => undefined)
    throw error
  }
}

function bossConnection(connect: pg.PoolConfig) {
  return Object.fromEntries(Object.entries(connect).filter(([, value]) => value !== undefined))
}
