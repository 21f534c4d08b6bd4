/** Succeeded: what is live now, how long it took, and the sign-offs that an emergency still needs. */

import { isEmergency, type Release } from '../../../release/release.ts'
import { warnedAfterwards } from '../parts/afterwards.ts'
import { commitLink, type Line, section } from '../parts/blocks.ts'
import { foot, planSummary, reasons, richLinesIfAny, stateLine } from '../parts/card-lines.ts'
import { owedAfterwards } from '../parts/decisions.ts'
import { stillOwed } from '../parts/emergency.ts'
import { calledInFull, finalCommit, place, took, whoSignedSpoken } from '../parts/facts.ts'
import { badBlocks, badOnCard } from '../parts/mark.ts'
import { outcomeHead, timeTaken } from '../parts/outcome-lines.ts'
import { owedSpoken } from '../parts/owed.ts'
import { afterRollback } from '../parts/rollback-outcome.ts'
import { capital, link, short } from '../parts/text.ts'
import type { StateFacts, StateView, TextFacts } from './state-view.ts'

const EMOJI = 'white_check_mark'

export const succeeded: StateView = {
  emoji: EMOJI,
  inSentence: 'has succeeded',
  row: owedAfterwards,
  card: (release, facts) => [
    section(succeededLine(release, facts)),
    ...badBlocks(release),
    ...stillOwed(release, facts),
    ...reasons(release),
    ...richLinesIfAny(afterRollback(release, facts)),
    ...planSummary(release, facts),
    ...facts.row,
    foot(release, facts),
  ],
  text,
  outcome: (release, facts) => {
    const { services, owed } = facts
    const commit = finalCommit(release)
    const runs: Line =
      commit === undefined
        ? []
        : [`: ${place(release)} runs `, commitLink(services, release.plan?.webUrl, commit), again(release)]
    const isOwed = isEmergency(release) && owed.length > 0
    return [
      outcomeHead(EMOJI, release, 'succeeded', ...runs, `${timeTaken(release)}.`),
      ...afterRollback(release, facts),
      ...(isOwed ? [[`Still needs ${owedSpoken(owed)}: sign off on the card.`]] : []),
    ]
  },
}

function succeededLine(release: Release, { services }: StateFacts): string {
  const time = took(release)
  const commit = finalCommit(release)
  const live =
    commit === undefined || release.plan === undefined
      ? ''
      : `. Live now: ${link(services.forge.pages.commit(release.plan.webUrl, commit), short(commit))}`
  return stateLine(
    EMOJI,
    'Succeeded',
    `${time === undefined ? '' : ` in ${time}`}${live}${again(release)}${badOnCard(release)}${warnedAfterwards(release)}`,
  )
}

/** ` again, as after #40`, of a rollback. */
function again({ plan }: Release): string {
  return plan?.rollback === undefined ? '' : ` again, as after #${plan.rollback.to.number}`
}

/** `Release #12 succeeded: api production runs c0ffee1 (4 min 12 s). QA by Lin, approved by Tom, requested by Dana.` */
function text(release: Release, { owed }: TextFacts): string {
  const commit = finalCommit(release)
  const runs = commit === undefined ? '' : `: ${place(release)} runs ${short(commit)}${again(release)}`
  const still = isEmergency(release) && owed.length > 0 ? ` Still needs ${owedSpoken(owed)}.` : ''
  return `${calledInFull(release)} succeeded${runs}${timeTaken(release)}. ${capital(whoSignedSpoken(release))}.${still}`
}
