/** Rejected: a person declined it, with a reason. */
import type { Release, SignOff } from '../../../release/release.ts'
import type { PersonName } from '../../../release/terms.ts'
import { stateLine } from '../parts/card-lines.ts'
import { becauseDisputed } from '../parts/disputed.ts'
import { by, byPlain, endedCard } from '../parts/ended.ts'
import { outcomeHead, timeTaken, trueNow } from '../parts/outcome-lines.ts'
import { currentStateText, subject } from '../parts/sentence.ts'
import type { StateView } from './state-view.ts'

const EMOJI = 'no_entry_sign'

export const rejected: StateView = {
  emoji: EMOJI,
  inSentence: 'was rejected',
  row: () => [],
  card: (release, facts) =>
    endedCard(release, facts, {
      line: stateLine(EMOJI, 'Rejected', becauseDisputed(release, facts) || by(rejector(release), facts)),
      reason: release.endReason ?? rejection(release)?.note,
    }),
  text: (release, facts) => {
    const disputed = becauseDisputed(release)
    const why = disputed === '' ? `${by(rejector(release))}. The reason is on the card` : disputed
    return `${subject(release)} was rejected${why}. ${currentStateText(release, facts)}`
  },
  outcome: (release, facts) => [
    outcomeHead(
      EMOJI,
      release,
      `was rejected${becauseDisputed(release, {}, true) || byPlain(rejector(release))}`,
      `${timeTaken(release)}.`,
    ),
    ...trueNow(release, facts),
  ],
}

function rejection({ signOffs }: Release): SignOff | undefined {
  return signOffs.findLast(({ kind }) => kind === 'rejection')
}

function rejector(release: Release): PersonName | undefined {
  return release.endedBy ?? rejection(release)?.person
}
