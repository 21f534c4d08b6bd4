/** What people do with locks: looks the person up, asks who may, and makes the change in one transaction. */
import { defined } from '../lib/defined.ts'
import { EXTENDED_BY_MS, holds, isSamePlace, LONGEST_LOCK_MS, type Lock, type LockPlace, lockAgainst } from './lock.ts'
import type { TypedEnd } from './lock-command.ts'
import { endOf } from './lock-end.ts'
import {
  changeLock,
  environmentLocked,
  type LockActor,
  lockRows,
  openLock,
  setLock,
  takeOverLock,
  unlock,
} from './locks.ts'
import {
  EVERYONE,
  groupsOf,
  lockPeople,
  type PeopleList,
  type Person,
  permissionSource,
  stopSwitchPeople,
  takeOverPeople,
} from './policy.ts'
import type { Store, Transaction } from './ports/store.ts'
import type { Refusal, Refused } from './refusals.ts'
import type { Environment } from './settings.ts'

/** A person's request about a lock. */
export interface LockRequest {
  /** Slack user id. */
  readonly by: string
  /** Slack's id of the delivery. The same delivery never acts twice. */
  readonly key: string
}

/** `before`: the lock that was taken over. */
export type LockOutcome = { readonly lock: Lock; readonly before?: Lock } | Refused

export interface LockService {
  /** Whether the person may set this lock now, for a modal that is about to open. Changes nothing. */
  mayLock(asked: { readonly on: LockPlace; readonly end?: TypedEnd; readonly by: string }): Promise<Refused | undefined>
  /** Sets a lock, or changes the person's own. Refuses while another person holds it. */
  lock(
    asked: LockRequest & { readonly on: LockPlace; readonly reason: string; readonly end?: TypedEnd },
  ): Promise<LockOutcome>
  /** Ends the lock of a place or, with `id`, that lock and no other. */
  unlock(asked: LockRequest & ({ readonly on: LockPlace } | { readonly id: number })): Promise<LockOutcome>
  /** **Extend**: two more hours; a lock without an end then ends in two hours. At most a week ahead. */
  extend(asked: LockRequest & { readonly id: number }): Promise<LockOutcome>
  /** Whether the person may take over this lock now; the lock, for the modal that asks. Changes nothing. */
  mayTakeOver(id: number, by: string): Promise<LockOutcome>
  /** Refuses if the lock is not the one that the person was asked about any more. */
  takeOver(asked: LockRequest & { readonly id: number; readonly reason: string }): Promise<LockOutcome>
  /**
   * Remembers to tell the person once. `free`: nothing keeps them from it now. `off`: they, or `releases.yml` for everybody,
   * have switched these messages off, so nothing is remembered. Safe to repeat.
   */
  tellWhenFree(asked: {
    readonly app: string
    readonly environment: string
    readonly by: string
  }): Promise<
    | { readonly free: true }
    | { readonly waitsFor: Lock }
    | { readonly off: 'by the person' | 'for everybody'; readonly lock: Lock }
    | Refused
  >
  /** The locks that hold now. Refuses people who may not read. */
  list(by: string): Promise<{ readonly locks: readonly Lock[] } | Refused>
}

interface Ports {
  readonly store: Store
  readonly environments: readonly Environment[]
  /** The person, looked up in Slack now, or why they may do nothing. */
  readonly member: (id: string, groups: readonly string[]) => Promise<Person | Refused>
  /** False: `releases.yml` says that nobody gets direct messages. */
  readonly directMessages?: boolean
  /** Slack said nothing about somebody's rights. */
  readonly unanswered: () => Refusal
}

type May = 'lock' | 'unlock' | 'take over'

export function createLockService({
  store,
  environments,
  member,
  unanswered,
  directMessages = true,
}: Ports): LockService {
  const find = (on: LockPlace) =>
    on.is === 'environment'
      ? environments.find((each) => each.app === on.app && each.name === on.environment)
      : undefined

  /** The groups that may give a right over this place. */
  function groupsFor(on: LockPlace): readonly string[] {
    const asked = on.is === 'all' ? environments : [find(on)].flatMap((each) => each ?? [])
    return [...new Set(asked.flatMap(groupsOf))]
  }

  function peopleFor(may: May, on: LockPlace): PeopleList {
    if (on.is === 'all') return stopSwitchPeople(environments)
    const environment = find(on)
    // Of an environment that is declared no longer, nobody but the holder has a right.
    if (environment === undefined) return []
    return (may === 'take over' ? takeOverPeople : lockPeople)(environment)
  }

  /** Where the person's right comes from, or the refusal. `holder`: whose lock it is. */
  function rightTo(may: May, on: LockPlace, person: Person, holder?: string): { right: string } | Refused {
    if (holder === person.id) return { right: 'the holder' }
    const people = peopleFor(may, on)
    const right = permissionSource(people, person)
    if (right !== undefined) return { right }
    const isUnsure = people !== EVERYONE && people.some((entry) => person.unknownGroups?.includes(entry))
    if (isUnsure) return { refused: unanswered() }
    const who = [...(may === 'unlock' ? ['the holder'] : []), ...(people === EVERYONE ? [EVERYONE] : people)]
    return { refused: { gate: 'not_allowed', action: `${may} ${placeWords(may, on)}`, who } }
  }

  /** Runs a change once for each delivery, with the place's rows locked. */
  async function changeOnce(
    on: LockPlace,
    { by, key }: LockRequest,
    change: (tx: Transaction, person: Person) => Promise<LockOutcome>,
  ): Promise<LockOutcome> {
    const person = await member(by, groupsFor(on))
    if ('refused' in person) return person
    return store.transaction(async (tx) => {
      await lockRows(tx, on)
      const seen = await tx.locks.deliveredTo(key)
      if (seen !== undefined) return { lock: seen }
      const outcome = await change(tx, person)
      if ('lock' in outcome) await tx.locks.delivered(key, outcome.lock.id)
      return outcome
    })
  }

  /** As `changeOnce`, for a lock that a button stands for. */
  async function changeLockOnce(
    id: number,
    request: LockRequest,
    change: (tx: Transaction, open: Lock, person: Person) => Promise<LockOutcome>,
  ): Promise<LockOutcome> {
    const known = await store.lock(id)
    if (known === undefined) return { refused: { gate: 'stale_button' } }
    return changeOnce(known.on, request, async (tx, person) => {
      const open = await openLock(tx, known.on)
      if (open?.id !== id) return { refused: await overNow(tx, known, open) }
      return change(tx, open, person)
    })
  }

  /** The lock of the button has ended: who holds the place now, or how it ended. */
  async function overNow(tx: Transaction, { on, id }: Lock, open: Lock | undefined): Promise<Refusal> {
    if (open !== undefined) return { ...environmentLocked(open), asked: 'lock' }
    return notLocked(on, (await tx.locks.lock(id))?.ended)
  }

  async function lockOf(on: LockPlace, now: Date): Promise<Lock | undefined> {
    return (await store.locks({ open: true })).find((one) => isSamePlace(one.on, on) && holds(one, now))
  }

  return {
    async mayLock({ on, end, by }) {
      const person = await member(by, groupsFor(on))
      if ('refused' in person) return person
      const may = rightTo('lock', on, person)
      if ('refused' in may) return may
      const now = await store.now()
      const ends = endOf(end, { now, timeZone: zoneOf(person) })
      if ('refused' in ends) return ends
      const open = await lockOf(on, now)
      return open === undefined || open.holder.id === by
        ? undefined
        : { refused: { ...environmentLocked(open), asked: 'lock' } }
    },

    lock({ on, reason, end, ...request }) {
      return changeOnce(on, request, async (tx, person) => {
        const may = rightTo('lock', on, person)
        if ('refused' in may) return may
        if (reason.trim() === '') return { refused: { gate: 'reason_too_short', least: 1 } }
        const ends = endOf(end, { now: tx.now, timeZone: zoneOf(person) })
        if ('refused' in ends) return ends
        const wanted = { on, reason: reason.trim(), ...ends }
        const set = await setLock(tx, wanted, actorOf(person, may.right, request))
        if ('held' in set) return { refused: { ...environmentLocked(set.held), asked: 'lock' } }
        return { lock: 'set' in set ? set.set : set.changed }
      })
    },

    async unlock(asked) {
      const end = async (tx: Transaction, open: Lock, person: Person): Promise<LockOutcome> => {
        const may = rightTo('unlock', open.on, person, open.holder.id)
        if ('refused' in may) return may
        return { lock: await unlock(tx, open, actorOf(person, may.right, asked)) }
      }
      if ('id' in asked) return changeLockOnce(asked.id, asked, end)
      const { on } = asked
      return changeOnce(on, asked, async (tx, person) => {
        const open = await openLock(tx, on)
        return open === undefined ? { refused: notLocked(on, undefined) } : end(tx, open, person)
      })
    },

    extend({ id, ...request }) {
      return changeLockOnce(id, request, async (tx, open, person) => {
        const may = rightTo('lock', open.on, person, open.holder.id)
        if ('refused' in may) return may
        const now = tx.now.getTime()
        const until = new Date(Math.min((open.until?.getTime() ?? now) + EXTENDED_BY_MS, now + LONGEST_LOCK_MS))
        return { lock: await changeLock(tx, open, { until }, actorOf(person, may.right, request)) }
      })
    },

    async mayTakeOver(id, by) {
      const known = await store.lock(id)
      if (known === undefined) return { refused: { gate: 'stale_button' } }
      const person = await member(by, groupsFor(known.on))
      if ('refused' in person) return person
      const may = rightTo('take over', known.on, person)
      if ('refused' in may) return may
      const open = await lockOf(known.on, await store.now())
      if (open?.id === id) return { lock: open }
      return { refused: open ? { ...environmentLocked(open), asked: 'lock' } : notLocked(known.on, known.ended) }
    },

    takeOver({ id, reason, ...request }) {
      return changeLockOnce(id, request, async (tx, open, person) => {
        const may = rightTo('take over', open.on, person)
        if ('refused' in may) return may
        if (reason.trim() === '') return { refused: { gate: 'reason_too_short', least: 1 } }
        const actor = actorOf(person, may.right, request)
        const words = { reason: reason.trim() }
        if (open.holder.id === person.id) {
          return { lock: await changeLock(tx, open, { ...words, until: open.until }, actor) }
        }
        return { lock: await takeOverLock(tx, open, words.reason, actor), before: open }
      })
    },

    async tellWhenFree({ app, environment, by }) {
      const person = await member(by, [])
      if ('refused' in person) return person
      const { 'when free': isOn } = await store.directMessages(by)
      return store.transaction(async (tx) => {
        await tx.lockEnvironment(app, environment)
        const lock = lockAgainst(await tx.locks.open(), { app, environment }, person, tx.now)
        if (lock === undefined) return { free: true }
        if (!directMessages) return { off: 'for everybody', lock }
        if (!isOn) return { off: 'by the person', lock }
        await tx.locks.watch({ app, environment, person: person.id })
        return { waitsFor: lock }
      })
    },

    async list(by) {
      const person = await member(by, [])
      if ('refused' in person) return person
      return { locks: await openLocks(store) }
    },
  }
}

/** The locks that hold now, that over all first. */
export async function openLocks(store: Pick<Store, 'locks' | 'now'>): Promise<readonly Lock[]> {
  const [open, now] = await Promise.all([store.locks({ open: true }), store.now()])
  const holding = open.filter((lock) => holds(lock, now))
  return [...holding.filter(({ on }) => on.is === 'all'), ...holding.filter(({ on }) => on.is !== 'all')]
}

function zoneOf({ timeZone = 'UTC' }: Person): string {
  return timeZone
}

function actorOf({ id, name }: Person, right: string, { key }: LockRequest): LockActor {
  return { person: { id, name }, right, key }
}

function notLocked(on: LockPlace, ended: Lock['ended']): Refusal {
  return {
    gate: 'not_locked',
    ...(on.is === 'environment' && { app: on.app, environment: on.environment }),
    ...(ended && { ended: { at: ended.at.toISOString(), how: ended.how, ...defined({ by: ended.by }) } }),
  }
}

/** Completes `lock …`, `unlock …` and `take over …`. */
function placeWords(may: May, on: LockPlace): string {
  const of = may === 'take over' ? 'the lock of ' : ''
  return on.is === 'all' ? `${of}all environments` : `${of}${on.app} ${on.environment}`
}
