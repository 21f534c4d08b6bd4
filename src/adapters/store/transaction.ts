import { setTimeout as delay } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { canonicalJson } from '../../lib/canonical-json.ts'
import type { ReleaseEvent } from '../../release/events.ts'
import type { Claim, CommitAs, Job } from '../../release/ports/jobs.ts'
import type { LockRows } from '../../release/ports/locks.ts'
import type { Transaction } from '../../release/ports/store.ts'
import { appendEvents, readEvents } from './chain.ts'
import {
  addSignOff,
  addTested,
  changeRelease,
  createRelease,
  disputeSignOff,
  lockAllEnvironments,
  lockEnvironment,
  lockRelease,
  putMark,
  putStep,
  readNow,
} from './changes.ts'
import { keepFigures } from './counted-rows.ts'
import { noteRefusal, setDirectMessages } from './direct-messages.ts'
import { putHead, readHead } from './heads.ts'
import { holdLease } from './lease.ts'
import { createLockRows, readWaitingCards } from './locks.ts'
import { putMessage } from './put-message.ts'
import { draftWebhooks, putWebhooks } from './put-webhooks.ts'
import { readReleaseByRequest } from './reads.ts'
import type { Tables } from './schema.ts'
import type { VersionWatch } from './version.ts'

/** Enqueues jobs and checks claims inside a transaction; jobs.ts implements it. */
export interface JobsInTransaction {
  enqueue(trx: Kysely<Tables>, job: Job, afterMs: number): Promise<void>
  /** Throws ClaimLost unless the claim holds its job. Locks the job until the end of the transaction. */
  holdClaim(trx: Kysely<Tables>, claim: Claim): Promise<void>
}

/** Runs `work` in one transaction. It gets the port's transaction, and Kysely's for other adapters. */
export type RunTransaction = <T>(
  work: (tx: Transaction, trx: Kysely<Tables>) => Promise<T>,
  options?: CommitAs,
) => Promise<T>

const attempts = 6

/**
 * Transactions are at read committed: each statement sees what was committed before it, and rows that decide are locked. A
 * transaction that loses a conflict (deadlock, serialization, one release per environment) is rolled back and run again.
 */
export function createTransactions(db: Kysely<Tables>, jobs: JobsInTransaction, version: VersionWatch): RunTransaction {
  return async (work, options = {}) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await db
          .transaction()
          .setIsolationLevel('read committed')
          .execute((trx) => runOnce(trx, jobs, version, work, options))
      } catch (error) {
        if (attempt === attempts || !lostToAnother(error)) throw error
        await delay(Math.random() * 20 * attempt)
      }
    }
  }
}

async function runOnce<T>(
  trx: Kysely<Tables>,
  jobs: JobsInTransaction,
  version: VersionWatch,
  work: (tx: Transaction, trx: Kysely<Tables>) => Promise<T>,
  { as: claim, lease }: CommitAs,
): Promise<T> {
  if (claim !== undefined) await jobs.holdClaim(trx, claim)
  if (lease !== undefined) await holdLease(trx, lease)
  const { now, minimum, hasWebhooks } = await readNow(trx)
  version.assertMayWork(minimum)
  const events: ReleaseEvent[] = []
  let broken: { by: unknown } | undefined
  const call = async <R>(called: Promise<R>): Promise<R> => {
    try {
      return await called
    } catch (error) {
      broken ??= { by: error }
      throw error
    }
  }
  const tx: Transaction = {
    now,
    lockEnvironment: (app, environment) => call(lockEnvironment(trx, app, environment)),
    lockAllEnvironments: () => call(lockAllEnvironments(trx)),
    createRelease: (release) => call(createRelease(trx, release)),
    releaseOfRequest: (requestKey) => call(readReleaseByRequest(trx, requestKey)),
    lockRelease: (number) => call(lockRelease(trx, number)),
    changeRelease: (number, change) => call(changeRelease(trx, number, change)),
    addSignOff: (number, signOff) => call(addSignOff(trx, number, signOff)),
    addTested: (number, tested) => call(addTested(trx, number, tested)),
    disputeSignOff: (number, signOff) => call(disputeSignOff(trx, number, signOff)),
    putStep: (number, step) => call(putStep(trx, number, step, lease)),
    putMark: (number, mark) => call(putMark(trx, number, mark)),
    head: (app, environment) => call(readHead(trx, app, environment)),
    putHead: (head) => call(putHead(trx, head)),
    addEvent: (event) => {
      // Serialized here and not at the end, so that a value that is no JSON throws at its source.
      canonicalJson(event)
      events.push(event)
    },
    enqueue: (job, { afterMs = 0 } = {}) => call(jobs.enqueue(trx, job, afterMs)),
    send: (message) => call(putMessage(trx, message)),
    events: (release) => call(readEvents(trx, release)),
    locks: guarded(createLockRows(trx, now), call),
    waitingCards: (of) => call(readWaitingCards(trx, of)),
    setDirectMessages: (person, kind, on) => call(setDirectMessages(trx, person, kind, on)),
    noteDirectMessageRefusal: (person, error) => call(noteRefusal(trx, person, error)),
  }
  const result = await work(tx, trx)
  // After a failed statement Postgres rolls back, but answers the commit without an error.
  if (broken !== undefined) throw broken.by
  const drafts = hasWebhooks ? await draftWebhooks(trx, events) : []
  const appended = await appendEvents(trx, events)
  await keepFigures(trx, events)
  await putWebhooks(trx, drafts, appended)
  return result
}

/** The same calls, whose errors also break the transaction. */
function guarded(rows: LockRows, call: <R>(called: Promise<R>) => Promise<R>): LockRows {
  return {
    open: () => call(rows.open()),
    lock: (id) => call(rows.lock(id)),
    add: (lock) => call(rows.add(lock)),
    change: (id, change) => call(rows.change(id, change)),
    delivered: (key, id) => call(rows.delivered(key, id)),
    deliveredTo: (key) => call(rows.deliveredTo(key)),
    watch: (watch) => call(rows.watch(watch)),
    watches: () => call(rows.watches()),
    endWatch: (id) => call(rows.endWatch(id)),
  }
}

/** SQLSTATE classes of PostgreSQL's appendix A: 40001 serialization failure, 40P01 deadlock, 23505 unique violation. */
function lostToAnother(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  if (error.code === '40001' || error.code === '40P01') return true
  return error.code === '23505' && 'constraint' in error && error.constraint === 'release_one_not_ended'
}
