/** The last releases that the person has requested, a line each. */
import type { KnownBlock } from '@slack/types'
import type { Release } from '../../../release/release.ts'
import { section } from '../parts/blocks.ts'
import { place, whatGoes } from '../parts/facts.ts'
import { date, defused } from '../parts/text.ts'
import { linkedName } from '../private/private-facts.ts'
import { STATE_VIEWS } from '../state/index.ts'
import type { HomeFacts } from './home-facts.ts'

/** How many are shown. */
export const OWN_RELEASES = 5

export function ownReleases(facts: Pick<HomeFacts, 'own' | 'link'>): KnownBlock[] {
  const { own } = facts
  if (own.length === 0)
    return [section('You have not requested a release yet. *Deploy…* above or `/deploy` requests one.')]
  return [section(own.slice(0, OWN_RELEASES).map((release) => ownLine(release, facts)))]
}

function ownLine(release: Release, facts: Pick<HomeFacts, 'link'>): string {
  const { plan, state, endedAt, requestedAt } = release
  const view = STATE_VIEWS[state]
  const goes = plan === undefined ? '' : ` · ${whatGoes(plan)}`
  const stands = `${view.inList?.(release) ?? state}, ${date(endedAt ?? requestedAt, 'age')}`
  return `:${view.emoji}: *${linkedName(release, facts)}* ${defused(place(release))}: ${stands}${goes}`
}
