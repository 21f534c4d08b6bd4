/** What a lock is, and whom it keeps from an environment. No I/O; `locks.ts` changes locks. */
import { defined } from '../lib/defined.ts'
import type { PersonName } from './terms.ts'

/** What a lock holds: one environment, or all. */
export type LockPlace =
  | { readonly is: 'environment'; readonly app: string; readonly environment: string }
  | { readonly is: 'all' }

export interface LockEnd {
  readonly at: Date
  readonly how: 'unlocked' | 'taken over' | 'expired'
  /** Absent if its time was over. */
  readonly by?: PersonName
}

export interface Lock {
  readonly id: number
  readonly on: LockPlace
  readonly holder: PersonName
  readonly reason: string
  readonly since: Date
  /** Absent: until somebody ends it. */
  readonly until?: Date
  readonly ended?: LockEnd
}

/** A lock as messages and refusals have it, which are stored as JSON. */
export interface LockFacts {
  readonly id: number
  /** Absent, as `environment`: it is over all environments. */
  readonly app?: string
  readonly environment?: string
  readonly holder: PersonName
  readonly reason: string
  readonly since: string
  readonly until?: string
  readonly ended?: { readonly at: string; readonly how: LockEnd['how']; readonly by?: PersonName }
}

export function factsOfLock({ id, on, holder, reason, since, until, ended }: Lock): LockFacts {
  return {
    id,
    ...placeNames(on),
    holder,
    reason,
    since: since.toISOString(),
    ...defined({
      until: until?.toISOString(),
      ended: ended && { at: ended.at.toISOString(), how: ended.how, ...defined({ by: ended.by }) },
    }),
  }
}

/** The longest time ahead that a lock may end. */
export const LONGEST_LOCK_MS = 7 * 24 * 60 * 60_000
export const SHORTEST_LOCK_MS = 5 * 60_000
/** **Extend** moves the end by this; a lock without an end gets one. */
export const EXTENDED_BY_MS = 2 * 60 * 60_000

/** Whether it holds at this moment: a lock whose time is over holds nobody back, also before the bot has ended it. */
export function holds({ until, ended }: Lock, now: Date): boolean {
  return ended === undefined && (until === undefined || now < until)
}

export function isSamePlace(one: LockPlace, other: LockPlace): boolean {
  if (one.is === 'all' || other.is === 'all') return one.is === other.is
  return one.app === other.app && one.environment === other.environment
}

/** The lock that keeps a release of this requester from an environment: that over all, which also stops its holder, first. */
export function lockAgainst(
  locks: readonly Lock[],
  place: { readonly app: string; readonly environment: string },
  requester: { readonly id: string },
  now: Date,
): Lock | undefined {
  const holding = locks.filter((lock) => holds(lock, now))
  const overAll = holding.find(({ on }) => on.is === 'all')
  if (overAll !== undefined) return overAll
  const here: LockPlace = { is: 'environment', app: place.app, environment: place.environment }
  return holding.find(({ on, holder }) => isSamePlace(on, here) && holder.id !== requester.id)
}

/** Absent names for a lock over all. */
export function placeNames(on: LockPlace): { readonly app?: string; readonly environment?: string } {
  return on.is === 'environment' ? { app: on.app, environment: on.environment } : {}
}

/** The place of stored facts. */
export function placeOfFacts({ app, environment }: Pick<LockFacts, 'app' | 'environment'>): LockPlace {
  return app === undefined || environment === undefined ? { is: 'all' } : { is: 'environment', app, environment }
}
