/** Cancelled: a person stopped it, before the run or between two steps. */
import { stateLine } from '../parts/card-lines.ts'
import { becauseDisputed } from '../parts/disputed.ts'
import { by, byPlain, endedCard, ender } from '../parts/ended.ts'
import { outcomeHead, timeTaken, trueNow } from '../parts/outcome-lines.ts'
import { currentStateText, subject } from '../parts/sentence.ts'
import type { StateView } from './state-view.ts'

const EMOJI = 'black_square_for_stop'

export const cancelled: StateView = {
  emoji: EMOJI,
  inSentence: 'was cancelled',
  afterCancel: 'is cancelled.',
  row: () => [],
  card: (release, facts) =>
    endedCard(release, facts, {
      line: stateLine(EMOJI, 'Cancelled', becauseDisputed(release, facts) || by(ender(release), facts)),
    }),
  text: (release, facts) =>
    `${subject(release)} was cancelled${becauseDisputed(release) || by(ender(release))}. ${currentStateText(release, facts)}`,
  outcome: (release, facts) => [
    outcomeHead(
      EMOJI,
      release,
      `was cancelled${becauseDisputed(release, {}, true) || byPlain(ender(release))}`,
      `${timeTaken(release)}.`,
    ),
    ...trueNow(release, facts),
  ],
}
