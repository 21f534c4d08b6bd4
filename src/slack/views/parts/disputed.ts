/** Sign-offs that are void because their person says that they did not give them. */
import type { KnownBlock } from '@slack/types'
import { lackingDisputed, type Owed } from '../../../release/policy.ts'
import type { DisputedSignOff, Release } from '../../../release/release.ts'
import type { SignOffKind } from '../../../release/terms.ts'
import { context } from './blocks.ts'
import { type PersonFacts, shown } from './persons.ts'
import { cut, date, oneLine } from './text.ts'

/** Completes `Lin says that they …`. */
const DID_NOT: Readonly<Record<SignOffKind, string>> = {
  qa: 'did not confirm QA',
  approval: 'did not approve it',
  'talked over': 'did not confirm the discussion',
  rejection: 'did not reject it',
  emergency: 'did not declare the emergency',
}

/** `Lin says that they did not approve it`, after the name as it is to be shown. */
export function saysNotMe(name: string, kind: SignOffKind): string {
  return `${name} says that they ${DID_NOT[kind]}`
}

/** The dispute that ended the release; undefined where something else did. */
export function endingDispute({ disputed = [], endedBy, endedAt }: Release): DisputedSignOff | undefined {
  return disputed.findLast(
    ({ person, disputedAt }) =>
      person.id === endedBy?.id && endedAt !== undefined && disputedAt.getTime() <= endedAt.getTime(),
  )
}

/** How the dispute ended it, after `Rejected` and such: for mrkdwn, or with `isPlain` for rich text. Empty where none did. */
export function becauseDisputed(release: Release, facts: PersonFacts = {}, isPlain = false): string {
  const ending = endingDispute(release)
  if (ending === undefined) return ''
  const name = isPlain ? cut(oneLine(ending.person.name), 40) : shown(ending.person, facts)
  return `: ${saysNotMe(name, ending.kind)}`
}

const MOST = 5

/** A line of the card for each void sign-off, the last ones first. */
export function disputedBlocks({ disputed = [] }: Release, facts: PersonFacts): KnownBlock[] {
  if (disputed.length === 0) return []
  const shownOnes = disputed.toReversed().slice(0, MOST)
  const left = disputed.length - shownOnes.length
  return [
    context(
      ...shownOnes.map(
        ({ person, kind, at }) =>
          `:warning: ${saysNotMe(shown(person, facts), kind)} (${date(at)}). That sign-off is void.`,
      ),
      ...(left > 0 ? [`and ${left} more`] : []),
    ),
  ]
}

/** Whether **Retry** is refused because a sign-off is void. */
export function isHeldByDispute(release: Release, owed: readonly Owed[]): boolean {
  return lackingDisputed(release, owed) !== undefined
}
