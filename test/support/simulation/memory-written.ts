/** What a transaction has written: seen by itself alone, and committed in one moment. */
import { chainHash } from '../../../src/adapters/store/chain.ts'
import { canonicalJson } from '../../../src/lib/canonical-json.ts'
import type { Head } from '../../../src/release/automatic.ts'
import type { ReleaseEvent } from '../../../src/release/events.ts'
import { hasEnded } from '../../../src/release/terms.ts'
import type { JobRow } from './memory-jobs.ts'
import type { LockOwner } from './memory-locks.ts'
import type { LockEdit, PeoplesLocks } from './memory-locks-of-people.ts'
import { environmentKey, type OutboxRow, putOutboxRow, type ReleaseRow, type Tables } from './memory-rows.ts'

export interface Written {
  readonly now: Date
  readonly owner: LockOwner
  readonly made: Map<number, ReleaseRow>
  readonly edits: Map<number, ((row: ReleaseRow) => ReleaseRow)[]>
  readonly outbox: Map<number, OutboxRow>
  readonly messageKeys: Set<string>
  readonly jobs: Map<string, JobRow>
  readonly heads: Map<string, Head>
  readonly directMessages: Map<string, boolean>
  readonly refusals: Map<string, string | undefined>
  readonly events: ReleaseEvent[]
  readonly lockEdits: LockEdit[]
  signs: boolean
  isOver: boolean
  isPublished: boolean
  /** A statement has failed: nothing of the rest can be committed. */
  broken?: { readonly by: unknown }
}

export function nothingWritten(now: Date): Written {
  return {
    now,
    owner: { held: new Set() },
    made: new Map(),
    edits: new Map(),
    outbox: new Map(),
    messageKeys: new Set(),
    jobs: new Map(),
    heads: new Map(),
    directMessages: new Map(),
    refusals: new Map(),
    events: [],
    lockEdits: [],
    signs: false,
    isOver: false,
    isPublished: false,
  }
}

/** All at once: nobody sees a part of it. */
export function publish(tables: Tables, written: Written, at: Date): void {
  for (const row of written.made.values()) {
    tables.lastNumber = Math.max(tables.lastNumber, row.columns.number)
    tables.requests.set(row.requestKey, row.columns.number)
  }
  for (const number of new Set([...written.made.keys(), ...written.edits.keys()])) {
    const row = seen(tables, written, number)
    if (row === undefined) continue
    tables.releases.set(number, row)
    const place = environmentKey(row.columns)
    if (!hasEnded(row.columns.state)) tables.current.set(place, number)
    else if (tables.current.get(place) === number) tables.current.delete(place)
  }
  for (const row of written.outbox.values()) putOutboxRow(tables, row)
  for (const key of written.messageKeys) tables.messageKeys.add(key)
  for (const job of written.jobs.values()) tables.jobs.set(job.id, job)
  tables.peoplesLocks = seenLocks(tables, written)
  for (const [place, head] of written.heads) tables.heads.set(place, head)
  for (const [key, on] of written.directMessages) {
    if (on) tables.directMessagesOff.delete(key)
    else tables.directMessagesOff.add(key)
  }
  for (const [person, error] of written.refusals) {
    if (error === undefined) tables.directMessageRefusals.delete(person)
    else tables.directMessageRefusals.set(person, { error, at: written.now })
  }
  appendEvents(tables, written.events, at)
  written.isPublished = true
}

function appendEvents(tables: Tables, events: readonly ReleaseEvent[], at: Date): void {
  for (const event of events) {
    const id = tables.events.length + 1
    const previousHash = tables.events.at(-1)?.hash ?? '0'.repeat(64)
    const body = canonicalJson({ id, at: at.toISOString(), ...event })
    const stored = Object.freeze({ ...event, id, at, hash: chainHash(previousHash, body), previousHash })
    tables.events.push(stored)
    if (event.release === undefined) continue
    const ofRelease = tables.eventsOf.get(event.release)
    if (ofRelease === undefined) tables.eventsOf.set(event.release, [stored])
    else ofRelease.push(stored)
  }
}

/** A release's row as this transaction sees it. */
export function seen(tables: Tables, written: Written, number: number): ReleaseRow | undefined {
  const row = written.made.get(number) ?? tables.releases.get(number)
  return row && (written.edits.get(number) ?? []).reduce((edited, edit) => edit(edited), row)
}

/** The locks of people as this transaction sees them. */
export function seenLocks(tables: Tables, written: Written): PeoplesLocks {
  return written.lockEdits.reduce((kept, edit) => edit(kept), tables.peoplesLocks)
}

export function mustBeThere(tables: Tables, written: Written, number: number): ReleaseRow {
  const row = seen(tables, written, number)
  if (row === undefined) throw new Error(`There is no release #${number} to refer to.`)
  return row
}
