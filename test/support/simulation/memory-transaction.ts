/**
 * Transactions at read committed: each call sees what is committed and what its own transaction has written, rows that are
 * written stay locked until its end, and everything is committed in one moment or not at all.
 */

import type { Head } from '../../../src/release/automatic.ts'
import type { Tested } from '../../../src/release/changes.ts'
import type { DirectMessageKind } from '../../../src/release/direct-messages.ts'
import type { OutboxMessage } from '../../../src/release/messages.ts'
import type { Claim, CommitAs, Job } from '../../../src/release/ports/jobs.ts'
import type { NewRelease, ReleaseChange, Transaction } from '../../../src/release/ports/store.ts'
import type { Release, ReleaseMark, SignOff, StepRow } from '../../../src/release/release.ts'
import { hasEnded, mayBecome } from '../../../src/release/terms.ts'
import { newJobRow } from './memory-jobs.ts'
import { answer, ConnectionLost, commit, type Life, notice } from './memory-life.ts'
import { Deadlock, type RowLocks } from './memory-locks.ts'
import { createLockRows } from './memory-locks-of-people.ts'
import {
  asJson,
  environmentKey,
  hasSignOff,
  isTested,
  keptChange,
  keptMark,
  keptSignOff,
  keptStep,
  keptTested,
  newReleaseRow,
  type OutboxRow,
  type ReleaseRow,
  type Tables,
  withChange,
  withDisputed,
  withMark,
  withSignOff,
  withStep,
  withTested,
} from './memory-rows.ts'
import { mustBeThere, nothingWritten, publish, seen, seenLocks, type Written } from './memory-written.ts'

export interface TransactionParts {
  readonly tables: Tables
  readonly locks: RowLocks
  now(): number
  /** Throws ClaimLost unless the claim holds its job, which stays so until the function that it gives is called. */
  holdClaim(claim: Claim): () => void
  /** The same of a lease: throws LeaseLost, and nobody takes it over before the function that it gives is called. */
  holdLease(lease: NonNullable<CommitAs['lease']>): () => void
  /** Something has been committed. `messages`: the outbox was written to. */
  committed(what: { messages: boolean; jobs: boolean }): void
}

/** Rows of the outbox, for the adapter beside. */
export interface OutboxRows {
  /** Locks the row and gives it as it is then. */
  lock(id: number): Promise<OutboxRow | undefined>
  put(row: OutboxRow): void
}

export type RunTransaction = <T>(
  life: Life,
  work: (tx: Transaction, outbox: OutboxRows) => Promise<T>,
  options?: CommitAs,
) => Promise<T>

const attempts = 6

const ALL_ENVIRONMENTS = 'all environments'

export function createTransactions(parts: TransactionParts): RunTransaction {
  return (life, work, options = {}) =>
    answer(life, async () => {
      for (let attempt = 1; ; attempt += 1) {
        notice(life)
        await undefined
        try {
          return await runOnce(parts, life, work, options)
        } catch (error) {
          if (attempt === attempts || !(error instanceof Deadlock)) throw error
        }
      }
    })
}

async function runOnce<T>(
  parts: TransactionParts,
  life: Life,
  work: (tx: Transaction, outbox: OutboxRows) => Promise<T>,
  { as: claim, lease }: CommitAs,
): Promise<T> {
  if (life.isDead) throw new ConnectionLost()
  const letGo = claim && parts.holdClaim(claim)
  const letLeaseGo = lease && holdLeaseOr(parts, lease, letGo)
  const written = nothingWritten(new Date(parts.now()))
  const end = () => {
    written.isOver = true
    life.transactions.delete(end)
    parts.locks.leave(written.owner)
    letGo?.()
    letLeaseGo?.()
  }
  life.transactions.add(end)
  try {
    const result = await work(portTransaction(parts, life, written), outboxRows(parts, written))
    if (written.isOver) throw new ConnectionLost()
    if (written.broken !== undefined) throw written.broken.by
    for (const { release } of written.events) if (release !== undefined) mustBeThere(parts.tables, written, release)
    return commit(life, () => {
      publish(parts.tables, written, new Date(parts.now()))
      return result
    })
  } finally {
    if (!written.isOver) end()
    if (written.isPublished) parts.committed({ messages: written.signs, jobs: written.jobs.size > 0 })
  }
}

function holdLeaseOr(parts: TransactionParts, lease: NonNullable<CommitAs['lease']>, letGo?: () => void): () => void {
  try {
    return parts.holdLease(lease)
  } catch (error) {
    letGo?.()
    throw error
  }
}

function outboxRows({ tables, locks }: TransactionParts, written: Written): OutboxRows {
  return {
    lock: async (id) => {
      await locks.take(written.owner, `outbox ${id}`)
      return written.outbox.get(id) ?? tables.outbox.get(id)
    },
    put: (row) => void written.outbox.set(row.id, row),
  }
}

function portTransaction(parts: TransactionParts, life: Life, written: Written): Transaction {
  const { tables } = parts
  const { now } = written
  const take = (key: string) => parts.locks.take(written.owner, key)
  const see = (number: number) => seen(tables, written, number)

  function edit(number: number, change: (row: ReleaseRow) => ReleaseRow): void {
    written.edits.set(number, [...(written.edits.get(number) ?? []), change])
  }

  const referTo = (number: number) => mustBeThere(tables, written, number)

  function nextPosition(): number {
    tables.lastPosition += 1
    return tables.lastPosition
  }

  async function releaseOfRequest(key: string): Promise<Release | undefined> {
    const same = [...written.made.values()].find(({ requestKey }) => requestKey === key)
    return see(same?.columns.number ?? tables.requests.get(key) ?? 0)?.whole
  }

  async function createRelease(wanted: NewRelease): Promise<{ made: Release } | { seen: Release } | { busy: Release }> {
    await take('release number')
    const before = await releaseOfRequest(wanted.requestKey)
    if (before !== undefined) return { seen: before }
    const place = environmentKey(wanted)
    for (const number of [tables.current.get(place) ?? 0, ...written.made.keys()]) {
      const row = see(number)
      if (row && environmentKey(row.columns) === place && !hasEnded(row.columns.state)) return { busy: row.whole }
    }
    const number = Math.max(tables.lastNumber, ...written.made.keys()) + 1
    const { replaces } = wanted
    if (replaces !== undefined) referTo(replaces)
    written.made.set(number, newReleaseRow(number, wanted, now))
    await take(`release ${number}`)
    if (replaces !== undefined) {
      await take(`release ${replaces}`)
      edit(replaces, (row) => withChange(row, { replacedBy: number }))
    }
    return { made: referTo(number).whole }
  }

  async function lockEnvironment(app: string, environment: string): Promise<void> {
    await parts.locks.take(written.owner, ALL_ENVIRONMENTS, 'shared')
    await take(`environment ${environmentKey({ app, environment })}`)
  }

  async function lockRelease(number: number): Promise<Release | undefined> {
    if (see(number) === undefined) return undefined
    await take(`release ${number}`)
    return see(number)?.whole
  }

  async function changeRelease(number: number, change: ReleaseChange): Promise<void> {
    const kept = keptChange(change)
    if (Object.keys(kept).length === 0) return
    if (see(number) !== undefined) await take(`release ${number}`)
    const from = see(number)?.columns.state
    const { state = from } = kept
    if (from === undefined || state === undefined || !(from === state || mayBecome(from, state))) {
      throw new Error(
        `Release #${number} does not exist, or can't become ${state ?? 'changed'} from its current state.`,
      )
    }
    edit(number, (row) => withChange(row, kept))
  }

  async function addSignOff(number: number, signOff: Omit<SignOff, 'at'>): Promise<boolean> {
    const row = referTo(number)
    if (hasSignOff(row, signOff)) return false
    await take(`sign-off ${number} ${signOff.kind} ${signOff.person.id} ${signOff.fingerprint}`)
    if (hasSignOff(referTo(number), signOff)) return false
    const placed = { position: nextPosition(), value: keptSignOff(signOff, now) }
    edit(number, (edited) => withSignOff(edited, placed))
    return true
  }

  async function addTested(number: number, tested: readonly Omit<Tested, 'at'>[]): Promise<void> {
    for (const one of tested) {
      if (isTested(referTo(number), one)) continue
      await take(`tested ${number} ${one.change} ${one.person.id}`)
      if (isTested(referTo(number), one)) continue
      const value = keptTested(one, now)
      edit(number, (row) => withTested(row, value))
    }
  }

  async function disputeSignOff(number: number, signOff: SignOff): Promise<boolean> {
    await take(`sign-off ${number} ${signOff.kind} ${signOff.person.id} ${signOff.fingerprint}`)
    if (withDisputed(referTo(number), signOff, now) === undefined) return false
    edit(number, (row) => withDisputed(row, signOff, now) ?? row)
    return true
  }

  async function putStep(number: number, step: StepRow): Promise<void> {
    const value = keptStep(step)
    referTo(number)
    await take(`step ${number} ${step.name}`)
    const placed = { position: nextPosition(), value }
    edit(number, (row) => withStep(row, placed))
  }

  async function putMark(number: number, mark: Omit<ReleaseMark, 'at'>): Promise<void> {
    referTo(number)
    if (mark.rollback !== undefined) referTo(mark.rollback)
    await take(`mark ${number}`)
    edit(number, (row) => withMark(row, keptMark(mark, now)))
  }

  async function enqueue(job: Job, { afterMs = 0 }: { afterMs?: number } = {}): Promise<void> {
    const place = job.kind === 'run' ? environmentKey(referTo(job.release).columns) : undefined
    const row = newJobRow(asJson(job), now.getTime(), Math.max(0, afterMs), place)
    await take(`job ${row.id}`)
    if (!tables.jobs.has(row.id) && !written.jobs.has(row.id)) written.jobs.set(row.id, row)
  }

  function putIn(message: OutboxMessage): void {
    tables.lastMessage += 1
    const id = tables.lastMessage
    const notBefore = now.getTime()
    written.outbox.set(id, { id, message, state: 'waiting', tries: 0, putInAt: now, notBefore })
  }

  async function send(message: OutboxMessage): Promise<boolean> {
    const kept = asJson(message)
    const release = 'release' in message ? message.release : 0
    if (release !== 0) referTo(release)
    written.signs = true
    if (kept.kind === 'card') {
      await sendCard(kept, release)
      return true
    }
    const key = `${kept.kind} ${release} ${kept.key}`
    await take(`message ${key}`)
    if (tables.messageKeys.has(key) || written.messageKeys.has(key)) return false
    written.messageKeys.add(key)
    putIn(kept)
    return true
  }

  /** One that waits untried stands for this one too; it is held, so that the next try draws what we commit. */
  async function sendCard(card: OutboxMessage, release: number): Promise<void> {
    for (;;) {
      const others = [...tables.waiting.values()].filter(({ id }) => !written.outbox.has(id))
      const waiting = [...written.outbox.values(), ...others].find((row) => isUntriedCard(row, release))
      const key = waiting === undefined ? `card ${release}` : `outbox ${waiting.id}`
      const isHeld = written.owner.held.has(key)
      if (waiting !== undefined && (isHeld || written.outbox.has(waiting.id))) return
      if (waiting === undefined && isHeld) return putIn(card)
      await take(key)
    }
  }

  const locks = createLockRows({
    now,
    see: () => seenLocks(tables, written),
    edit: (edit) => void written.lockEdits.push(edit),
    nextId: () => {
      tables.lastLock += 1
      return tables.lastLock
    },
  })

  async function waitingCards(of?: { readonly app: string; readonly environment?: string }) {
    const rows = [...tables.releases.keys(), ...written.made.keys()].flatMap((number) => see(number) ?? [])
    const hasCard = (number: number) =>
      [...tables.outbox.values(), ...written.outbox.values()].some(
        ({ message }) => message.kind === 'card' && message.release === number,
      )
    return rows
      .map(({ columns }) => columns)
      .filter(({ state }) => state !== 'needs attention' && mayBecome(state, 'approved'))
      .filter(
        (one) => of === undefined || (one.app === of.app && one.environment === (of.environment ?? one.environment)),
      )
      .filter(({ card, number }) => card !== undefined || hasCard(number))
      .map(({ number }) => number)
      .sort((a, b) => a - b)
  }

  function call<A extends unknown[], T>(statement: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
    return (...args) =>
      answer(life, async () => {
        await undefined
        if (written.isOver) throw new ConnectionLost()
        try {
          return await statement(...args)
        } catch (error) {
          written.broken ??= { by: error }
          throw error
        }
      })
  }

  return {
    now,
    lockEnvironment: call(lockEnvironment),
    lockAllEnvironments: call(() => take(ALL_ENVIRONMENTS)),
    createRelease: call(createRelease),
    releaseOfRequest: call(releaseOfRequest),
    lockRelease: call(lockRelease),
    changeRelease: call(changeRelease),
    addSignOff: call(addSignOff),
    addTested: call(addTested),
    disputeSignOff: call(disputeSignOff),
    putStep: call(putStep),
    putMark: call(putMark),
    head: call(async (app: string, environment: string) => {
      const place = environmentKey({ app, environment })
      return written.heads.get(place) ?? tables.heads.get(place)
    }),
    putHead: call(async (head: Head) => {
      await take(`head ${environmentKey(head)}`)
      written.heads.set(environmentKey(head), head)
      if (head.state === 'due') written.signs = true
    }),
    addEvent: (event) => {
      written.events.push(asJson(event))
    },
    enqueue: call(enqueue),
    send: call(send),
    events: call(async (release: number) => [...(tables.eventsOf.get(release) ?? [])]),
    locks: {
      open: call(locks.open),
      lock: call(locks.lock),
      add: call(locks.add),
      change: call(locks.change),
      delivered: call(locks.delivered),
      deliveredTo: call(locks.deliveredTo),
      watch: call(locks.watch),
      watches: call(locks.watches),
      endWatch: call(locks.endWatch),
    },
    waitingCards: call(waitingCards),
    setDirectMessages: call(async (person: string, kind: DirectMessageKind, on: boolean) => {
      await take(`direct messages ${person} ${kind}`)
      written.directMessages.set(`${person} ${kind}`, on)
    }),
    noteDirectMessageRefusal: call(async (person: string, error: string | undefined) => {
      await take(`direct message refusal ${person}`)
      const before = written.refusals.has(person)
        ? written.refusals.get(person)
        : tables.directMessageRefusals.get(person)?.error
      written.refusals.set(person, error)
      return before !== error
    }),
  }
}

function isUntriedCard({ message, state, tries }: OutboxRow, release: number): boolean {
  return message.kind === 'card' && message.release === release && state === 'waiting' && tries === 0
}
