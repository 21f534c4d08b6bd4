/** Planning: the worker gathers the facts, and nobody can decide anything yet. */

import { section } from '../parts/blocks.ts'
import { askedOn, foot, noWorkerWarning, reasons, stateLine } from '../parts/card-lines.ts'
import { unfinishedOutcome } from '../parts/outcome-lines.ts'
import { byWhom } from '../parts/persons.ts'
import { subject } from '../parts/sentence.ts'
import type { StateView } from './state-view.ts'

const EMOJI = 'hourglass_flowing_sand'

export const planning: StateView = {
  emoji: EMOJI,
  inSentence: 'is being planned',
  row: () => [],
  cancelEffect: () => 'Planning stops. Nothing has been changed so far.',
  card: (release, facts) => [
    section(
      stateLine(EMOJI, 'Planning', ': checking repository, remote and database. Nothing is changed'),
      facts.cancel,
    ),
    ...reasons(release),
    ...noWorkerWarning(facts),
    foot(release, facts, askedOn(release, facts)),
  ],
  text: (release) => `${subject(release)}, requested ${byWhom(release)}, is being planned.`,
  outcome: (release, facts) => unfinishedOutcome(EMOJI, release, facts),
}
