/** Outdated: a bound fact moved, so its sign-offs are void. */

import type { KnownBlock } from '@slack/types'
import type { Release } from '../../../release/release.ts'
import { section } from '../parts/blocks.ts'
import { stateLine } from '../parts/card-lines.ts'
import { newRelease } from '../parts/decisions.ts'
import { endedCard } from '../parts/ended.ts'
import { signers } from '../parts/facts.ts'
import { outcomeHead, PLAN_AGAIN, trueNow, why } from '../parts/outcome-lines.ts'
import { currentStateText, subject, whySpoken } from '../parts/sentence.ts'
import { evidence, nextLines } from '../parts/stopped.ts'
import { defused } from '../parts/text.ts'
import type { StateView } from './state-view.ts'

const EMOJI = 'repeat'

export const outdated: StateView = {
  emoji: EMOJI,
  inSentence: 'is outdated',
  row: newRelease,
  card: (release, facts) =>
    endedCard(release, facts, {
      line: stateLine(EMOJI, 'Outdated', whySpoken(facts.problem)),
      more: [...evidence(facts.problem), ...nextLines(facts.problem), ...voidSignOffs(release)],
    }),
  text: (release, facts) =>
    `${subject(release)} is outdated${whySpoken(facts.problem)}, so its sign-offs are void. ${currentStateText(release, facts)} Plan again to continue.`,
  outcome: (release, facts) => [
    outcomeHead(EMOJI, release, 'is outdated', `${why(facts.problem)}.`),
    ...trueNow(release, facts),
    PLAN_AGAIN,
  ],
}

function voidSignOffs(release: Release): KnownBlock[] {
  const given = [
    ...signers(release, 'qa').map((name) => `QA by ${defused(name, 40)}`),
    ...signers(release, 'approval').map((name) => `approval by ${defused(name, 40)}`),
  ]
  return given.length === 0 ? [] : [section(`Void: ${given.join(', ')}.`)]
}
