/**
 * Locks: a person's word that nobody else releases to an environment, and one over all environments. Each function here
 * changes them in a transaction that has locked the environment's row (for all: the row of all), so who commits first has
 * won. `lock-service.ts` asks who may; `lock-deadlines.ts` does what time alone does.
 */
import { defined } from '../lib/defined.ts'
import type { Attribution } from './events.ts'
import {
  factsOfLock,
  holds,
  isSamePlace,
  type Lock,
  type LockEnd,
  type LockFacts,
  type LockPlace,
  lockAgainst,
  placeNames,
} from './lock.ts'
import type { Transaction } from './ports/store.ts'
import type { Refusal } from './refusals.ts'
import type { PersonName } from './terms.ts'

type LockedRefusal = Extract<Refusal, { gate: 'environment_locked' }>

/** The refusal of what a lock holds back. `place`: the environment that was asked about. */
export function environmentLocked(lock: Lock, place?: { app: string; environment: string }): LockedRefusal {
  const { id, on, holder, reason, since, until } = lock
  const at = place ?? (on.is === 'environment' ? on : undefined)
  return {
    gate: 'environment_locked',
    lock: id,
    ...(at && { app: at.app, environment: at.environment }),
    ...(on.is === 'all' && { all: true as const }),
    holder,
    reason,
    since: since.toISOString(),
    ...defined({ until: until?.toISOString() }),
  }
}

/** A condition of every request and start: `start-conditions.ts` lists it. */
export async function isNotLocked(
  tx: Transaction,
  { environment, requester }: { environment: { app: string; name: string }; requester: { readonly id: string } },
): Promise<Refusal | undefined> {
  const place = { app: environment.app, environment: environment.name }
  const lock = lockAgainst(await tx.locks.open(), place, requester, tx.now)
  return lock && environmentLocked(lock, place)
}

// ------------------------------------------------------------------------------------------------ changes

/** Who did it, by which delivery of Slack's. */
export interface LockActor {
  readonly person: PersonName
  readonly right: string
  readonly key?: string
}

/** `set`: a new lock. `changed`: its holder's own, with the new reason and end. `held`: another's, which nothing has changed. */
export type LockSet = { readonly set: Lock } | { readonly changed: Lock } | { readonly held: Lock }

/** Locks the rows that a lock of this place needs. Safe to repeat. */
export async function lockRows(tx: Transaction, on: LockPlace): Promise<void> {
  if (on.is === 'all') await tx.lockAllEnvironments()
  else await tx.lockEnvironment(on.app, on.environment)
}

/** The open lock of exactly this place; one whose time is over is ended first. */
export async function openLock(tx: Transaction, on: LockPlace): Promise<Lock | undefined> {
  const lock = (await tx.locks.open()).find((one) => isSamePlace(one.on, on))
  if (lock === undefined || holds(lock, tx.now)) return lock
  await expire(tx, lock)
  return undefined
}

/**
 * Locks an environment for a person, as after a rollback; `release`: the release whose course it belongs to. A lock that
 * another person holds stays as it is, and is returned as `held`. Safe to repeat.
 */
export async function placeLock(
  tx: Transaction,
  {
    app,
    environment,
    holder,
    ...words
  }: {
    readonly app: string
    readonly environment: string
    readonly holder: PersonName
    readonly reason: string
    readonly until?: Date
    readonly release?: number
  },
): Promise<LockSet> {
  const on: LockPlace = { is: 'environment', app, environment }
  return setLock(tx, { on, ...words }, { person: holder, right: 'the requester' })
}

/** Sets a lock, or changes the person's own. Changes nothing if another person holds it. */
export async function setLock(
  tx: Transaction,
  lock: { readonly on: LockPlace; readonly reason: string; readonly until?: Date; readonly release?: number },
  actor: LockActor,
): Promise<LockSet> {
  const { on, reason, until, release } = lock
  await lockRows(tx, on)
  const own = await openLock(tx, on)
  if (own !== undefined && own.holder.id !== actor.person.id) return { held: own }
  if (own !== undefined) return { changed: await changeLock(tx, own, { reason, until }, actor) }
  const set = await tx.locks.add({ on, holder: actor.person, reason, ...defined({ until }) })
  tx.addEvent({
    type: 'lock_set',
    actor: actor.person.id,
    ...defined({ release }),
    data: { lock: set.id, ...placeNames(on), reason, ...defined({ until: until?.toISOString() }), ...dataOf(actor) },
  })
  await redrawCards(tx, on)
  return { set }
}

/** Changes the reason or the end of a lock. */
export async function changeLock(
  tx: Transaction,
  lock: Lock,
  { reason = lock.reason, until }: { readonly reason?: string; readonly until: Date | undefined },
  actor: LockActor,
): Promise<Lock> {
  const changed = await tx.locks.change(lock.id, { reason, until })
  tx.addEvent({
    type: 'lock_changed',
    actor: actor.person.id,
    data: {
      lock: lock.id,
      ...placeNames(lock.on),
      reason,
      ...defined({ until: until?.toISOString() }),
      ...dataOf(actor),
    },
  })
  await redrawCards(tx, lock.on)
  return changed
}

/** **Take over**: ends another's lock and sets one without an end; the old holder is told. */
export async function takeOverLock(tx: Transaction, lock: Lock, reason: string, actor: LockActor): Promise<Lock> {
  const { on } = lock
  await tx.locks.change(lock.id, { ended: { how: 'taken over', by: actor.person } })
  const taken = await tx.locks.add({ on, holder: actor.person, reason })
  tx.addEvent({
    type: 'lock_taken_over',
    actor: actor.person.id,
    data: {
      lock: taken.id,
      before: lock.id,
      from: lock.holder.id,
      fromName: lock.holder.name,
      ...placeNames(on),
      reason,
      ...dataOf(actor),
    },
  })
  await tellHolder(tx, lock, `taken:${taken.id}`, { is: 'lock taken over', lock: factsOfLock(taken) })
  await tellWhoWaits(tx, on)
  await redrawCards(tx, on)
  return taken
}

/** Ends a lock that a person unlocks. Its holder is told if it was another person; who waits for it is told too. */
export async function unlock(tx: Transaction, lock: Lock, actor: LockActor): Promise<Lock> {
  const ended = await endLock(tx, lock, { how: 'unlocked', by: actor.person }, actor)
  if (lock.holder.id !== actor.person.id) {
    await tellHolder(tx, lock, 'unlocked', { is: 'lock unlocked', lock: factsOfLock(ended) })
  }
  return ended
}

/** Ends a lock whose time is over. Who waits for it is told. */
export async function expire(tx: Transaction, lock: Lock): Promise<void> {
  await endLock(tx, lock, { how: 'expired' })
}

async function endLock(tx: Transaction, lock: Lock, how: Omit<LockEnd, 'at'>, actor?: LockActor): Promise<Lock> {
  const ended = await tx.locks.change(lock.id, { ended: how })
  tx.addEvent({
    type: 'lock_ended',
    actor: actor?.person.id ?? 'bot',
    data: { lock: lock.id, ...placeNames(lock.on), how: how.how, ...(actor && dataOf(actor)) },
  })
  await tellWhoWaits(tx, lock.on)
  await redrawCards(tx, lock.on)
  return ended
}

// ------------------------------------------------------------------------------------------------ telling

/**
 * Tells everybody who waits for a place that is free for them now, once. Who took the lock over waits no longer and is told
 * nothing.
 */
async function tellWhoWaits(tx: Transaction, on: LockPlace): Promise<void> {
  const watches = await tx.locks.watches()
  if (watches.length === 0) return
  const locks = await tx.locks.open()
  for (const { id, app, environment, person } of watches) {
    const place: LockPlace = { is: 'environment', app, environment }
    if (on.is === 'environment' && !isSamePlace(on, place)) continue
    if (lockAgainst(locks, place, { id: person }, tx.now) !== undefined) continue
    await tx.locks.endWatch(id)
    const isTheirs = (lock: Lock) => lock.holder.id === person && isSamePlace(lock.on, place) && holds(lock, tx.now)
    if (on.is === 'environment' && locks.some(isTheirs)) continue
    await tx.send({
      kind: 'private',
      key: `free:${id}`,
      to: person,
      asked: tx.now.toISOString(),
      message: { is: 'free', app, environment },
      directMessage: 'when free',
    })
  }
}

type AboutLock = { readonly is: 'lock taken over' | 'lock unlocked' | 'lock held'; readonly lock: LockFacts }

/** A direct message to the holder; one with the same key is sent once. */
export async function tellHolder(tx: Transaction, lock: Lock, key: string, message: AboutLock): Promise<void> {
  await tx.send({
    kind: 'private',
    key: `lock:${lock.id}:${key}`,
    to: lock.holder.id,
    asked: tx.now.toISOString(),
    message,
    directMessage: 'locks',
  })
}

/** The cards that wait for sign-off say that their environment is locked, by what is stored when they are drawn. */
async function redrawCards(tx: Transaction, on: LockPlace): Promise<void> {
  const place = on.is === 'environment' ? { app: on.app, environment: on.environment } : undefined
  for (const release of await tx.waitingCards(place)) await tx.send({ kind: 'card', release })
}

function dataOf({ person, right, key }: LockActor): Attribution & { readonly delivery?: string } {
  return { name: person.name, right, ...defined({ delivery: key }) }
}
