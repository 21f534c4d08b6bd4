/** The rows of the store in memory, and what writing does to a value: as the columns of the real one keep it. */
import { storable } from '../../../src/adapters/store/schema.ts'
import { canonicalJson } from '../../../src/lib/canonical-json.ts'
import type { Head } from '../../../src/release/automatic.ts'
import type { Tested } from '../../../src/release/changes.ts'
import type { DirectMessageRefusal } from '../../../src/release/direct-messages.ts'
import type { StoredEvent } from '../../../src/release/events.ts'
import type { OutboxMessage } from '../../../src/release/messages.ts'
import type { NewRelease, ReleaseChange, WorkerSeen } from '../../../src/release/ports/store.ts'
import type { Release, ReleaseMark, SignOff, StepRow } from '../../../src/release/release.ts'
import type { Schedule } from '../../../src/release/schedule.ts'
import type { Subject } from '../../../src/release/subjects.ts'
import type { PersonName, PostedMessage } from '../../../src/release/terms.ts'
import type { JobRow } from './memory-jobs.ts'
import { noLocks, type PeoplesLocks } from './memory-locks-of-people.ts'

/** A row with the place that it got when it was first written, which is not when it was committed. */
export interface Placed<T> {
  readonly position: number
  readonly value: T
}

/** A release's row with what refers to it; `whole` is what readers get. Never changed, only replaced. */
export interface ReleaseRow {
  readonly requestKey: string
  readonly columns: Omit<Release, 'signOffs' | 'steps'>
  readonly signOffs: readonly Placed<SignOff>[]
  readonly steps: readonly Placed<StepRow>[]
  readonly whole: Release
}

/** Never changed, only replaced. */
export interface OutboxRow {
  readonly id: number
  readonly message: OutboxMessage
  readonly state: 'waiting' | 'confirmed' | 'given up'
  readonly tries: number
  readonly putInAt: Date
  readonly notBefore: number
  readonly firstTriedAt?: Date
  readonly posted?: PostedMessage
  readonly reason?: string
}

export interface InboxRow {
  readonly id: string
  readonly payload: unknown
  readonly receivedAt: Date
  readonly claimedUntil?: number
  readonly isHandled: boolean
}

/** What is committed. */
export interface Tables {
  lastNumber: number
  lastPosition: number
  lastMessage: number
  readonly releases: Map<number, ReleaseRow>
  readonly requests: Map<string, number>
  /** `app/environment` to the release that has not ended: the unique index. */
  readonly current: Map<string, number>
  readonly events: StoredEvent[]
  readonly eventsOf: Map<number, StoredEvent[]>
  readonly outbox: Map<number, OutboxRow>
  /** The rows of the outbox that wait, by id. */
  readonly waiting: Map<number, OutboxRow>
  readonly messageKeys: Set<string>
  readonly jobs: Map<string, JobRow>
  readonly inbox: Map<string, InboxRow>
  readonly buttons: Map<string, { readonly release: number; readonly action: string; readonly asks: boolean }>
  readonly subjects: Map<string, { readonly subject: Subject; readonly action: string }>
  readonly channelIds: Map<string, string>
  readonly tokens: Map<string, string>
  readonly workers: Map<string, WorkerSeen>
  readonly databases: Map<string, { readonly app: string; readonly environment: string }>
  peoplesLocks: PeoplesLocks
  lastLock: number
  readonly heads: Map<string, Head>
  /** `person kind` of the direct messages that are switched off. */
  readonly directMessagesOff: Set<string>
  readonly directMessageRefusals: Map<string, DirectMessageRefusal>
}

export function emptyTables(): Tables {
  return {
    lastNumber: 0,
    lastPosition: 0,
    lastMessage: 0,
    releases: new Map(),
    requests: new Map(),
    current: new Map(),
    events: [],
    eventsOf: new Map(),
    outbox: new Map(),
    waiting: new Map(),
    messageKeys: new Set(),
    jobs: new Map(),
    inbox: new Map(),
    buttons: new Map(),
    subjects: new Map(),
    channelIds: new Map(),
    tokens: new Map(),
    workers: new Map(),
    databases: new Map(),
    peoplesLocks: noLocks,
    lastLock: 0,
    heads: new Map(),
    directMessagesOff: new Set(),
    directMessageRefusals: new Map(),
  }
}

export function environmentKey({ app, environment }: { app: string; environment: string }): string {
  return `${app}/${environment}`
}

/** A value as a JSON column gives it back. Nobody can change it afterwards. Throws for what is no JSON. */
export function asJson<T>(value: T): T {
  return frozen(JSON.parse(canonicalJson(value)))
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) frozen(part)
    Object.freeze(value)
  }
  return value
}

const person = ({ id, name }: PersonName): PersonName => Object.freeze({ id, name: storable(name) })
const scheduleRow = ({ at, timeZone }: Schedule): Schedule => Object.freeze({ at: new Date(at), timeZone })
const posted = ({ channel, ts }: PostedMessage): PostedMessage => Object.freeze({ channel, ts })

export function newReleaseRow(number: number, wanted: NewRelease, now: Date): ReleaseRow {
  const {
    app,
    environment,
    kind,
    configuration,
    requester,
    responseUrl,
    reason,
    picks,
    rollback,
    requestKey,
    schedule,
  } = wanted
  const columns = {
    number,
    app,
    environment,
    kind,
    state: 'planning' as const,
    requester: person(requester),
    configuration,
    attempt: 0,
    requestedAt: now,
    ...(responseUrl !== undefined && { responseUrl }),
    ...(reason !== undefined && { reason: storable(reason) }),
    ...(picks !== undefined && { picks: asJson(picks) }),
    ...(schedule !== undefined && { schedule: scheduleRow(schedule) }),
    ...(rollback !== undefined && { rollback: asJson(rollback) }),
  }
  return rowOf({ requestKey, columns, signOffs: [], steps: [] })
}

function rowOf(parts: Omit<ReleaseRow, 'whole'>): ReleaseRow {
  const signOffs = Object.freeze(parts.signOffs.map(({ value }) => value))
  const steps = Object.freeze(parts.steps.map(({ value }) => value))
  return { ...parts, whole: Object.freeze({ ...parts.columns, signOffs, steps }) }
}

/** What a change sets, in the form in which it is kept; `undefined` clears. Of `state` and `attempt`, it changes nothing. */
export function keptChange(change: ReleaseChange): ReleaseChange {
  const kept: { -readonly [K in keyof ReleaseChange]: ReleaseChange[K] } = { ...change }
  if (kept.state === undefined) delete kept.state
  if (kept.attempt === undefined) delete kept.attempt
  if (kept.plan !== undefined) kept.plan = asJson(kept.plan)
  if (kept.problem !== undefined) kept.problem = asJson(kept.problem)
  if (kept.endedBy !== undefined) kept.endedBy = person(kept.endedBy)
  if (kept.cancelRequestedBy !== undefined) kept.cancelRequestedBy = person(kept.cancelRequestedBy)
  if (kept.endReason !== undefined) kept.endReason = storable(kept.endReason)
  if (kept.schedule !== undefined) kept.schedule = scheduleRow(kept.schedule)
  if (kept.card !== undefined) kept.card = posted(kept.card)
  if (kept.announcement !== undefined) kept.announcement = posted(kept.announcement)
  return kept
}

export function withChange(row: ReleaseRow, kept: ReleaseChange): ReleaseRow {
  const columns = Object.fromEntries(
    Object.entries({ ...row.columns, ...kept }).filter(([, value]) => value !== undefined),
  ) as unknown as ReleaseRow['columns']
  return rowOf({ ...row, columns })
}

export function keptSignOff(signOff: Omit<SignOff, 'at'>, at: Date): SignOff {
  const { kind, fingerprint, right, note } = signOff
  return Object.freeze({
    kind,
    person: person(signOff.person),
    fingerprint,
    right,
    at,
    ...(note !== undefined && { note: storable(note) }),
  })
}

export function keptMark({ is, by, reason, rollback }: Omit<ReleaseMark, 'at'>, at: Date): ReleaseMark {
  return Object.freeze({
    is,
    by: person(by),
    at,
    ...(reason !== undefined && { reason: storable(reason) }),
    ...(rollback !== undefined && { rollback }),
  })
}

export function keptTested({ change, person: by, right, isOwn, note }: Omit<Tested, 'at'>, at: Date): Tested {
  return Object.freeze({
    ...{ change, person: person(by), right, at },
    ...(isOwn && { isOwn }),
    ...(note !== undefined && { note: storable(note) }),
  })
}

export function isTested({ columns }: ReleaseRow, { change, person: { id } }: Omit<Tested, 'at'>): boolean {
  return (columns.tested ?? []).some((each) => each.change === change && each.person.id === id)
}

export function withTested(row: ReleaseRow, tested: Tested): ReleaseRow {
  return rowOf({ ...row, columns: { ...row.columns, tested: [...(row.columns.tested ?? []), tested] } })
}

export function withMark(row: ReleaseRow, mark: ReleaseMark): ReleaseRow {
  return rowOf({ ...row, columns: { ...row.columns, mark } })
}

export function hasSignOff(row: ReleaseRow, { kind, person, fingerprint }: Omit<SignOff, 'at'>): boolean {
  return row.signOffs.some(
    ({ value }) => value.kind === kind && value.person.id === person.id && value.fingerprint === fingerprint,
  )
}

export function withSignOff(row: ReleaseRow, signOff: Placed<SignOff>): ReleaseRow {
  return rowOf({ ...row, signOffs: [...row.signOffs, signOff].sort(byPosition) })
}

/** The sign-off is void: undefined if there is no such one. */
export function withDisputed(row: ReleaseRow, { kind, person, fingerprint, at }: SignOff, now: Date) {
  const found = row.signOffs.find(
    ({ value }) =>
      value.kind === kind &&
      value.person.id === person.id &&
      value.fingerprint === fingerprint &&
      value.at.getTime() === at.getTime(),
  )
  if (found === undefined) return undefined
  const disputed = Object.freeze([...(row.columns.disputed ?? []), Object.freeze({ ...found.value, disputedAt: now })])
  const signOffs = row.signOffs.filter((each) => each !== found)
  const others = row.columns.tested?.filter((each) => each.person.id !== person.id)
  const tested = kind === 'qa' && others !== undefined && { tested: others }
  return rowOf({ ...row, columns: { ...row.columns, disputed, ...tested }, signOffs })
}

export function keptStep({ name, state, attempt, effect, startedAt, endedAt, result }: StepRow): StepRow {
  return Object.freeze({
    name,
    state,
    attempt,
    effect,
    ...(startedAt !== undefined && { startedAt }),
    ...(endedAt !== undefined && { endedAt }),
    ...(result !== undefined && { result: asJson(result) }),
  })
}

/** A step keeps the place of its first row. */
export function withStep(row: ReleaseRow, step: Placed<StepRow>): ReleaseRow {
  const isThere = row.steps.some(({ value }) => value.name === step.value.name)
  const steps = isThere
    ? row.steps.map((each) => (each.value.name === step.value.name ? { ...each, value: step.value } : each))
    : [...row.steps, step].sort(byPosition)
  return rowOf({ ...row, steps })
}

function byPosition(a: Placed<unknown>, b: Placed<unknown>): number {
  return a.position - b.position
}

/** Commits a row of the outbox. */
export function putOutboxRow(tables: Tables, row: OutboxRow): void {
  tables.outbox.set(row.id, row)
  if (row.state === 'waiting') tables.waiting.set(row.id, row)
  else tables.waiting.delete(row.id)
}
