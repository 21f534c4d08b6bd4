/** The thread's line after **That was not me**. Where no outcome follows at once, the channel reads it, and it mentions people. */
import type { DisputeEffect, ThreadLine } from '../../release/messages.ts'
import { approvers } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { type Drawn, section } from './parts/blocks.ts'
import { saysNotMe } from './parts/disputed.ts'
import { called } from './parts/facts.ts'
import { anyOf, type People } from './parts/people.ts'
import { date, defused, utc } from './parts/text.ts'

type Disputed = Extract<ThreadLine, { is: 'disputed' }>

interface Facts extends People {
  readonly environment: Environment
}

const USER_ID = /^[UW][A-Z0-9]{1,20}$/

/** What it did to the release. */
function whatFollows(effect: DisputeEffect, release: Release): string {
  switch (effect) {
    case 'rejected':
      return `${called(release)} is rejected`
    case 'cancelled':
      return `${called(release)} is cancelled`
    case 'stopping':
      return `${called(release)} stops: no new step starts`
    case 'held':
      return `${called(release)} needs attention, and can't be retried while it lacks a sign-off`
    case 'ended':
      return `${called(release)} had ended before, so nothing else was changed`
  }
}

export function disputedLine({ kind, person, signedAt, effect }: Disputed, release: Release, facts: Facts): Drawn {
  const at = new Date(signedAt)
  const says = saysNotMe(defused(person.name, 40), kind)
  const follows = `That sign-off is void. ${whatFollows(effect, release)}.`
  const text = `${says} (signed at ${utc(at)}). ${follows}`
  // The outcome follows at once, is shown in the channel and mentions the requester.
  if (effect === 'rejected' || effect === 'cancelled') return { text }
  return {
    text,
    broadcast: true,
    blocks: [
      section([`:warning: *${says}* (signed ${date(at)})`, follows, ...whoLooks(effect, person.id, release, facts)]),
    ],
  }
}

/** Mentions the requester and, unless the outcome will, those who may approve. */
function whoLooks(effect: DisputeEffect, signer: string, { requester }: Release, facts: Facts): readonly string[] {
  const toRequester = requester.id !== signer && USER_ID.test(requester.id) ? [`<@${requester.id}>`] : []
  if (effect === 'stopping') return toRequester.length === 0 ? [] : [`Requested by ${toRequester.join('')}`]
  const by = approvers(facts.environment)
  const toApprovers = typeof by === 'string' ? [] : [anyOf(by, facts, true)]
  const all = [...toRequester, ...toApprovers]
  return all.length === 0 ? [] : [`Please check what was released, and who used the account: ${all.join(' · ')}`]
}
