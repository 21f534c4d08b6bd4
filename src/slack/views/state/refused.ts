/** Refused: a gate failed during planning, so nobody was asked to sign. */

import { bold } from '../parts/blocks.ts'
import { stateLine } from '../parts/card-lines.ts'
import { newRelease } from '../parts/decisions.ts'
import { endedCard } from '../parts/ended.ts'
import { outcomeHead, trueNow, why } from '../parts/outcome-lines.ts'
import { currentStateText, subject, whySpoken } from '../parts/sentence.ts'
import { evidence, nextLines } from '../parts/stopped.ts'
import type { StateView } from './state-view.ts'

const EMOJI = 'no_entry_sign'

export const refused: StateView = {
  emoji: EMOJI,
  inSentence: 'was refused',
  row: newRelease,
  card: (release, facts) =>
    endedCard(release, facts, {
      line: stateLine(EMOJI, 'Refused', whySpoken(facts.problem)),
      more: [...evidence(facts.problem), ...nextLines(facts.problem)],
    }),
  text: (release, facts) =>
    `${subject(release)} was refused${whySpoken(facts.problem)}. ${currentStateText(release, facts)}`,
  outcome: (release, facts) => [
    outcomeHead(EMOJI, release, 'was refused', `${why(facts.problem)}.`),
    ...trueNow(release, facts),
    [bold('Plan again'), ' on the card makes a new release once this is fixed.'],
  ],
}
