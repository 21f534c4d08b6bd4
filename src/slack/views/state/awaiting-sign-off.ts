/** Awaiting sign-off: the plan, who has signed and who still has to, and the buttons to decide. */

import type { KnownBlock } from '@slack/types'
import { defined } from '../../../lib/defined.ts'
import { isAutomatic } from '../../../release/automatic.ts'
import { awaitsGo } from '../../../release/hotfix.ts'
import type { Release } from '../../../release/release.ts'
import { isDue, startsUntil } from '../../../release/schedule.ts'
import { context, section } from '../parts/blocks.ts'
import { askedOn, foot, linesIfAny, reasons, stateLine } from '../parts/card-lines.ts'
import { testedLine } from '../parts/changes.ts'
import { owedSignOffs } from '../parts/decisions.ts'
import { risks, signers, whatGoes } from '../parts/facts.ts'
import { lockBlocks } from '../parts/lock-lines.ts'
import { mergeRequirementLines, mergeRequirementsSpoken } from '../parts/merge-requirements.ts'
import { hasNewer, newerCommits } from '../parts/newer-commits.ts'
import { unfinishedOutcome } from '../parts/outcome-lines.ts'
import { givenLines, owedLines, owedSpoken, ungivableLines } from '../parts/owed.ts'
import { shown } from '../parts/persons.ts'
import { planBlocks } from '../parts/plan-blocks.ts'
import { proofBlocks } from '../parts/proof.ts'
import { backTo, goesAway, rollbackRisk } from '../parts/rollback.ts'
import { startsAt, startsAtSpoken } from '../parts/schedule.ts'
import { subject } from '../parts/sentence.ts'
import { counted, date, defused } from '../parts/text.ts'
import type { StateFacts, StateView } from './state-view.ts'

const EMOJI = 'raised_hand'

export const awaitingSignOff: StateView = {
  emoji: EMOJI,
  inSentence: 'awaits sign-off',
  // Its requester alone has the button that starts it.
  row: (release, owed) => (awaitsGo(release) ? [] : [...owedSignOffs(owed), 'rejection', 'emergency']),
  seats: (release) => [
    ...(hasNewer(release) ? (['plan again'] as const) : []),
    ...(release.schedule === undefined ? [] : (['change time'] as const)),
  ],
  cancelEffect: () => 'Its sign-offs become void. Nothing has been changed so far.',
  card: (release, facts) => [
    section(awaitsGo(release) ? goLine(release, facts) : stateLine(EMOJI, 'Awaiting sign-off'), facts.cancel),
    ...time(release, facts),
    ...linesIfAny([
      ...givenLines(release, facts),
      ...testedLine(release, facts),
      ...owedLines(release, facts, 'Needs'),
      ...ungivableLines(facts),
      ...mergeRequirementLines(release, facts),
    ]),
    ...reasons(release),
    ...lockBlocks(release, facts.locks ?? [], facts.now),
    ...facts.held,
    ...plan(release, facts),
    ...proofBlocks(facts),
    ...unmatchedAuthors(release, facts),
    ...newerCommits(release, facts),
    ...facts.row,
    foot(release, facts, askedOn(release, facts), release.expiresAt),
  ],
  text: (release, { owed, services }) => {
    const asker = defused(release.requester.name, 40)
    return awaitsGo(release)
      ? `${subject(release)} is planned and waits for Go from ${asker}.`
      : `${subject(release)} awaits sign-off: ${given(release)}needs ${owedSpoken(owed)}.${mergeRequirementsSpoken(release, { services })} ${wanted(release, asker)}${timeSpoken(release)}.`
  },
  outcome: (release, facts) => unfinishedOutcome(EMOJI, release, facts),
}

/** Nobody signs here: its requester has the plan, and the button that starts it. */
function goLine(release: Release, facts: StateFacts): string {
  return stateLine(EMOJI, 'Waiting for Go', ` from ${shown(release.requester, facts)}`)
}

function plan({ plan, kind }: Release, { services, details, previous }: StateFacts): KnownBlock[] {
  if (plan === undefined) return []
  return planBlocks(plan, {
    services,
    kind,
    ...defined({ details, previous }),
  })
}

function unmatchedAuthors({ plan }: Release, { unmatchedAuthors: count = 0 }: StateFacts): KnownBlock[] {
  // Who wrote the commits that go away may approve that they do.
  if (count === 0 || plan === undefined || plan.rollback !== undefined) return []
  const all = counted(plan.authors.length, 'author')
  const have = count === 1 ? 'has' : 'have'
  return [context(`:warning: ${count} of ${all} ${have} no match in Slack, so their own approval would count`)]
}

/** Until its time the last sign-off schedules it, and afterwards starts it. */
function time(release: Release, { now, changeTime }: StateFacts): KnownBlock[] {
  const { schedule } = release
  if (schedule === undefined) return []
  const words = isDue(release, now)
    ? `:alarm_clock: Its time has come: the last sign-off starts it, until: ${date(startsUntil(schedule), 'time')}`
    : `:calendar: Starts, once it has its sign-offs: ${startsAt(schedule)}`
  return [section(words, changeTime)]
}

function timeSpoken({ schedule }: Release): string {
  return schedule === undefined ? '' : `, to start on ${startsAtSpoken(schedule)}`
}

function given(release: Release): string {
  // Of QA for each change, what is needed says how far it is.
  const tested = release.plan?.changes === undefined ? signers(release, 'qa') : []
  const qa = tested.map((name) => `QA from ${defused(name, 40)}`)
  const approvals = signers(release, 'approval').map((name) => `approval from ${defused(name, 40)}`)
  const words = [...qa, ...approvals]
  return words.length === 0 ? '' : `has ${words.join(' and ')}; `
}

/** `Dana requests 3 commits`; of a release that nobody asked for: `Requested automatically: 3 commits`. */
function wanted(release: Release, asker: string): string {
  const { plan } = release
  const isByItself = isAutomatic(release)
  if (plan === undefined) return isByItself ? 'Requested automatically' : `${asker} requests it`
  if (plan.rollback !== undefined) {
    const risk = rollbackRisk(plan.rollback)
    return `${asker} asks to go back to ${backTo(plan.rollback)}: ${goesAway(plan)}${risk === undefined ? '' : `; ${defused(risk, 300)}`}`
  }
  const risky = risks(plan)
  return `${isByItself ? 'Requested automatically:' : `${asker} requests`} ${whatGoes(plan)}${risky === '' ? '' : ` (${risky})`}`
}
