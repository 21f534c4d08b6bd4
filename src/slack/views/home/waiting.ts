/** What waits for the person, a section each. */
import type { KnownBlock } from '@slack/types'
import type { Waiting, WaitsFor } from '../../../release/home.ts'
import type { Release } from '../../../release/release.ts'
import { ACTION_VIEWS } from '../../actions.ts'
import { HOME } from '../../ids.ts'
import { button } from '../buttons.ts'
import { confirmStart } from '../confirmations.ts'
import { context, plain, section } from '../parts/blocks.ts'
import { place, whatGoes } from '../parts/facts.ts'
import { SIGN_OFF_WORD } from '../parts/owed.ts'
import { byWhom } from '../parts/persons.ts'
import { startsAt } from '../parts/schedule.ts'
import { capital, counted, date, defused } from '../parts/text.ts'
import { linkedName } from '../private/private-facts.ts'
import type { HomeFacts } from './home-facts.ts'

const MOST = 10

export function waitingBlocks(facts: Pick<HomeFacts, 'waiting' | 'unlisted' | 'link' | 'goTokens'>): KnownBlock[] {
  const { waiting, unlisted } = facts
  const shown = waiting.slice(0, MOST)
  const left = waiting.length - shown.length
  return [
    ...(waiting.length === 0 ? [section('Nothing waits for you.')] : shown.map((one) => waitingBlock(one, facts))),
    ...(left > 0 ? [context(`and ${counted(left, 'more release')}: \`/deploy status\``)] : []),
    ...(unlisted.length === 0 ? [] : [context(unlistedLine(unlisted))]),
  ]
}

function unlistedLine(groups: readonly string[]): string {
  const names = groups.slice(0, 3).map((group) => defused(group, 60))
  return `:warning: Slack did not list the members of ${names.join(', ')}, so something may be missing here.`
}

function waitingBlock({ release, what }: Waiting, facts: Pick<HomeFacts, 'link' | 'goTokens'>): KnownBlock {
  const { plan, requestedAt, schedule } = release
  const url = facts.link(release.number)
  const card =
    url === undefined
      ? undefined
      : ({ type: 'button', action_id: HOME.card, text: plain('Open card', 75), url } as const)
  const when = schedule === undefined || release.approvedAt !== undefined ? [] : [`starts: ${startsAt(schedule)}`]
  const goes = plan === undefined ? [] : [whatGoes(plan)]
  const lines = [
    `*${linkedName(release, facts)}* · ${defused(place(release))}`,
    asks(what),
    capital([...goes, `requested ${byWhom(release)}, ${date(requestedAt, 'age')}`, ...when].join(' · ')),
  ]
  return section(lines, what.is === 'go' ? goButton(release, facts) : card)
}

/** Its card appears when it starts, so there is nothing to lead to before. */
function goButton(release: Release, { goTokens }: Pick<HomeFacts, 'goTokens'>) {
  const token = goTokens.get(release.number)
  if (token === undefined) return undefined
  return button('go', release, { token, isPrimary: false, question: confirmStart(release, ACTION_VIEWS.go) })
}

const DECIDES = { retry: '*Retry*', close: '*Close*' } as const

function asks(what: WaitsFor): string {
  switch (what.is) {
    case 'go':
      return 'Needs your *Go*'
    case 'attention':
      return `:warning: Needs attention: ${what.may.map((one) => DECIDES[one]).join(' or ')}`
    case 'sign-off': {
      const kinds = [...new Set(what.owed.map(({ kind }) => `*${SIGN_OFF_WORD[kind]}*`))].join(' and ')
      return what.afterEmergency ? `:rotating_light: Went out as an emergency. Still needs ${kinds}` : `Needs ${kinds}`
    }
  }
}
