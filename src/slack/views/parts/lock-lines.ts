/** A lock in words, for cards, lists and modals. */

import type { KnownBlock } from '@slack/types'
import {
  factsOfLock,
  holds,
  isSamePlace,
  type Lock,
  type LockFacts,
  type LockPlace,
  lockAgainst,
} from '../../../release/lock.ts'
import type { Release } from '../../../release/release.ts'
import { section } from './blocks.ts'
import { place } from './facts.ts'
import { capital, date, defused } from './text.ts'

/** How many locks a modal shows. */
const NOTES = 5

/** `api production`, or `all environments`. Defused. */
export function lockedPlace({ app, environment }: Pick<LockFacts, 'app' | 'environment'>): string {
  return app === undefined || environment === undefined ? 'all environments' : defused(place({ app, environment }), 100)
}

/** The same at the beginning of a sentence: names keep their case. */
export function lockedPlaceFirst(lock: Pick<LockFacts, 'app' | 'environment'>): string {
  return lock.app === undefined ? capital(lockedPlace(lock)) : lockedPlace(lock)
}

/** `by Ben, 2 hours ago, until: 16:00: “checking a slow query”`, for mrkdwn. */
export function lockedBy({ holder, reason, since, until }: LockFacts): string {
  const end = until === undefined ? 'without an end' : `until: ${date(new Date(until))}`
  return `by ${defused(holder.name, 40)}, ${date(new Date(since), 'age')}, ${end}\n“${defused(reason, 300)}”`
}

/** The same for `text`: `locked by Ben (“checking a slow query”)`. */
export function lockedSpoken({ holder, reason }: Pick<LockFacts, 'holder' | 'reason'>): string {
  return `locked by ${defused(holder.name, 40)} (“${defused(reason, 100)}”)`
}

/** On the card of a release that has not started: the lock that holds it back, or its requester's own. */
export function lockBlocks(
  release: Pick<Release, 'app' | 'environment' | 'requester'>,
  locks: readonly Lock[],
  now: Date,
): KnownBlock[] {
  const against = lockAgainst(locks, release, release.requester, now)
  if (against === undefined) {
    const own = lockAgainst(locks, release, { id: '' }, now)
    return own === undefined
      ? []
      : [section(`:lock: Locked by ${defused(own.holder.name, 40)}, who requested this release: it is not held back.`)]
  }
  const what = against.on.is === 'all' ? ':octagonal_sign: *All environments are locked*' : ':lock: *Locked*'
  return [
    section([
      `${what} ${lockedBy(factsOfLock(against))}`,
      'Sign-offs can be given. Nothing starts before the lock ends.',
    ]),
  ]
}

/** In Details: every lock that holds over its environment, also of a release that has started. */
export function lockDetails(
  place: Pick<Release, 'app' | 'environment'>,
  locks: readonly Lock[],
  now: Date,
): KnownBlock[] {
  const here: LockPlace = { is: 'environment', app: place.app, environment: place.environment }
  const holding = locks.filter((lock) => holds(lock, now) && (lock.on.is === 'all' || isSamePlace(lock.on, here)))
  return holding.map((lock) => {
    const facts = factsOfLock(lock)
    return section(`${lockEmoji(facts)} *${lockedPlaceFirst(facts)}* · locked ${lockedBy(facts)}`)
  })
}

/** In a modal that requests a release: the environments that are locked, and whom that stops. */
export function lockNotes(locks: readonly Lock[], reader: string): string[] {
  const shown = locks.slice(0, NOTES).map((lock) => {
    const facts = factsOfLock(lock)
    const isTheirs = lock.on.is === 'environment' && lock.holder.id === reader
    const effect = isTheirs ? 'Your own lock doesn’t hold you back.' : 'A request there is refused.'
    return `${lockEmoji(facts)} *${lockedPlaceFirst(facts)}* · locked ${lockedBy(facts)}\n${effect}`
  })
  const left = locks.length - shown.length
  return [...shown, ...(left > 0 ? [`and ${left} more: \`/deploy lock\``] : [])]
}

export function lockEmoji({ app }: Pick<LockFacts, 'app'>): string {
  return app === undefined ? ':octagonal_sign:' : ':lock:'
}

const ENDED = { unlocked: 'unlocked', 'taken over': 'taken over', expired: 'ended' } as const

/** In a list of releases: who locked what and why, and what became of it. */
export function lockInHistory(lock: LockFacts): string {
  const { holder, reason, since, ended } = lock
  const by = ended?.by === undefined ? '' : ` by ${defused(ended.by.name, 40)}`
  const end = ended === undefined ? 'not ended' : `${ENDED[ended.how]}${by}, ${date(new Date(ended.at), 'age')}`
  return `${lockEmoji(lock)} *${lockedPlaceFirst(lock)}* locked by ${defused(holder.name, 40)}, ${date(new Date(since), 'age')} · ${end}\n“${defused(reason, 300)}”`
}
