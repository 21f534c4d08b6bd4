/** Closed: a person ended it in its current state, with a reason. */

import { foot, planSummary, stateLine } from '../parts/card-lines.ts'
import { owedAfterwards } from '../parts/decisions.ts'
import { stillOwed } from '../parts/emergency.ts'
import { by, byPlain, endBlocks, ender } from '../parts/ended.ts'
import { outcomeHead, timeTaken, trueNow } from '../parts/outcome-lines.ts'
import { currentStateText, subject } from '../parts/sentence.ts'
import type { StateView } from './state-view.ts'

const EMOJI = 'black_square_for_stop'

export const closed: StateView = {
  emoji: EMOJI,
  inSentence: 'was closed',
  row: owedAfterwards,
  card: (release, facts) => [
    ...endBlocks(release, facts, { line: stateLine(EMOJI, 'Closed', by(ender(release), facts)) }),
    ...stillOwed(release, facts),
    ...planSummary(release, facts),
    ...facts.row,
    foot(release, facts),
  ],
  text: (release, facts) =>
    `${subject(release)} was closed${by(ender(release))}. The reason is on the card. ${currentStateText(release, facts)}`,
  outcome: (release, facts) => [
    outcomeHead(EMOJI, release, `was closed${byPlain(ender(release))}`, `${timeTaken(release)}.`),
    ...trueNow(release, facts),
  ],
}
