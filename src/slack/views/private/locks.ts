/** Private messages about locks: to their holders, and to people who wait for one to end. */
import type { LockFacts } from '../../../release/lock.ts'
import { controlButton } from '../control-buttons.ts'
import { actions, context, type Drawn, section } from '../parts/blocks.ts'
import { place } from '../parts/facts.ts'
import { lockEmoji, lockedBy, lockedPlace, lockedPlaceFirst, lockedSpoken } from '../parts/lock-lines.ts'
import { date, defused, utc } from '../parts/text.ts'
import { STATE_VIEWS } from '../state/index.ts'
import { linkedName, type MessageOf, type PrivateFacts, plainMessage } from './private-facts.ts'

const MOST = 20

/** `/deploy lock` alone. */
export function locks({ locks: all }: MessageOf<'locks'>): Drawn {
  if (all.length === 0) {
    return plainMessage('Nothing is locked. To lock an environment: `/deploy lock [app] <environment>`.')
  }
  const shown = all.slice(0, MOST)
  const left = all.length - shown.length
  return {
    text: `${all.length === 1 ? '1 lock' : `${all.length} locks`}: ${shown
      .slice(0, 5)
      .map((lock) => `${lockedPlace(lock)} ${lockedSpoken(lock)}`)
      .join('; ')}.`,
    blocks: [
      ...shown.map((lock) => section(`${lockEmoji(lock)} *${lockedPlaceFirst(lock)}* · locked ${lockedBy(lock)}`)),
      ...(left > 0 ? [context(`and ${left} more`)] : []),
      context('To end one: `/deploy unlock [app] <environment>` or `/deploy unlock all`'),
    ],
  }
}

/** To the person who has set, changed or taken over a lock. */
export function locked({ lock, before }: MessageOf<'locked'>, { offers = [] }: PrivateFacts): Drawn {
  const isAll = lock.app === undefined
  const where = lockedPlaceFirst(lock)
  const taken = before === undefined ? [] : [`You took it over from ${defused(before.name, 40)}, who is told.`]
  if (lock.ended !== undefined) return plainMessage(`The lock of ${lockedPlace(lock)} has ended.`)
  const effect = isAll
    ? `Nothing starts anywhere, not even an emergency or a release of ${defused(lock.holder.name, 40)}.`
    : `Only ${defused(lock.holder.name, 40)} can start a release there.`
  return {
    text: `${where} ${isAll ? 'are' : 'is'} ${lockedSpoken(lock)}, ${endSpoken(lock)}. ${effect}`,
    blocks: [
      section([
        `${lockEmoji(lock)} *${where} ${isAll ? 'are' : 'is'} locked* ${lockedBy(lock)}`,
        `${effect} A release that has started continues.`,
        ...taken,
      ]),
      ...actions(offers.map(controlButton)),
      ...(lock.until === undefined
        ? [context('You are asked after 3 hours, then daily, whether you still need it')]
        : []),
    ],
  }
}

/** To its holder, who may have forgotten it. */
export function lockHeld({ lock }: MessageOf<'lock held'>, { offers = [] }: PrivateFacts): Drawn {
  const of = lockedPlace(lock)
  const said =
    lock.until === undefined
      ? {
          text: `Do you still need your lock of ${of}? You set it at ${utc(new Date(lock.since))}: “${defused(lock.reason, 100)}”.`,
          lines: [
            `:lock: *Do you still need your lock of ${of}?* Set: ${date(new Date(lock.since), 'age')}`,
            `“${defused(lock.reason, 300)}”`,
            '*Unlock* ends it now. *Extend* ends it in 2 hours. Until then nobody else can start a release there.',
          ],
        }
      : {
          text: `Your lock of ${of} ends soon, at ${utc(new Date(lock.until))}: “${defused(lock.reason, 100)}”.`,
          lines: [
            `:lock: *Your lock of ${of} ends soon:* ${date(new Date(lock.until))}`,
            `“${defused(lock.reason, 300)}”`,
            '*Extend* keeps it for 2 more hours.',
          ],
        }
  return { text: said.text, blocks: [section(said.lines), ...actions(offers.map(controlButton))] }
}

/** To the old holder. */
export function lockTakenOver({ lock }: MessageOf<'lock taken over'>): Drawn {
  const who = defused(lock.holder.name, 40)
  return {
    text: `${who} took over your lock of ${lockedPlace(lock)}: “${defused(lock.reason, 200)}”.`,
    blocks: [
      section([
        `:unlock: *${who} took over your lock of ${lockedPlace(lock)}*`,
        `“${defused(lock.reason, 300)}”`,
        `${who} holds it now. Your own releases there don’t start before it ends.`,
      ]),
    ],
  }
}

/** To the holder: somebody else has ended it. */
export function lockUnlocked({ lock }: MessageOf<'lock unlocked'>): Drawn {
  const who = defused(lock.ended?.by?.name ?? 'Someone', 40)
  return plainMessage(`:unlock: ${who} ended your lock of ${lockedPlace(lock)}.`)
}

/** To a person who waits for an environment, once. `release`: what is under way there now. */
export function free({ app, environment }: MessageOf<'free'>, facts: PrivateFacts): Drawn {
  const { release, offers = [] } = facts
  const where = defused(place({ app, environment }), 100)
  if (release !== undefined) {
    const doing = `${linkedName(release, facts)} ${STATE_VIEWS[release.state].inSentence} there`
    return {
      text: `${where} is not locked any more. Release #${release.number} ${STATE_VIEWS[release.state].inSentence} there.`,
      blocks: [section(`:unlock: *${where} is not locked any more.* ${doing}.`)],
    }
  }
  return {
    text: `${where} is not locked any more. Plan now requests a release.`,
    blocks: [
      section(`:unlock: *${where} is not locked any more.* *Plan now* requests a release, as \`/deploy\` does.`),
      ...actions(offers.map(controlButton)),
    ],
  }
}

function endSpoken({ until }: LockFacts): string {
  return until === undefined ? 'without an end' : `until ${utc(new Date(until))}`
}
