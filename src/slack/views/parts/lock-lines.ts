/** A lock in words, for cards, lists and modals. */

import type { KnownBlock } from '@slack/types'
import { factsOfLock, type Lock, type LockFacts, lockAgainst } from '../../../release/lock.ts'
import type { Release } from '../../../release/release.ts'
import { section } from './blocks.ts'
import { place } from './facts.ts'
import { date, defused } from './text.ts'

/** `api production`, or `all environments`. Defused. */
export function lockedPlace({ app, environment }: Pick<LockFacts, 'app' | 'environment'>): string {
  return app === undefined || environment === undefined ? 'all environments' : defused(place({ app, environment }), 100)
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
