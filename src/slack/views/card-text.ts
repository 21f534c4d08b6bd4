/** The card as one sentence: for notifications, and for people who have the screen read to them. */
import { type Lock, lockAgainst, placeNames } from '../../release/lock.ts'
import type { Owed } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { lockedPlaceFirst, lockedSpoken } from './parts/lock-lines.ts'
import type { People } from './parts/people.ts'
import { problemOf } from './problem.ts'
import { STATE_VIEWS } from './state/index.ts'

/** The state as a full sentence, without markup; names in it are defused. */
export function cardText(
  release: Release,
  {
    services,
    environment,
    owed,
    locks = [],
    now,
  }: People & {
    readonly environment: Environment
    readonly owed: readonly Owed[]
    readonly locks?: readonly Lock[]
    readonly now?: Date
  },
): string {
  const problem = problemOf(release, { services })
  const text = STATE_VIEWS[release.state].text(release, { services, environment, owed, problem })
  const mayBeHeld = release.state === 'awaiting sign-off' || release.state === 'scheduled'
  const lock = now && mayBeHeld && lockAgainst(locks, release, release.requester, now)
  return lock
    ? `${text} ${lockedPlaceFirst(placeNames(lock.on))} ${lock.on.is === 'all' ? 'are' : 'is'} ${lockedSpoken(lock)}.`
    : text
}
