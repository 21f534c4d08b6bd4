/** The messages of refusals about QA that is asked for each change. */
import type { Refusal } from '../../release/refusals.ts'
import { code } from './parts/blocks.ts'
import { counted } from './parts/text.ts'
import { displayName, type Hints, type Words } from './parts/words.ts'

type QaGate = 'too_many_changes' | 'qa_incomplete'

export const QA_REFUSALS: {
  readonly [G in QaGate]: (refusal: Extract<Refusal, { gate: G }>, hints: Hints) => Words
} = {
  too_many_changes: ({ changes, groups, most, mostGroups }) => ({
    why:
      groups > mostGroups && changes <= most
        ? `QA is asked for each change, and these ${changes} are of too many authors for one dialog`
        : groups === 0
          ? `QA is asked for each change, and ${counted(changes, 'commit')} are too many to ask about one by one`
          : `QA is asked for each change, and ${counted(changes, 'change')} are more than the ${most} that a dialog can show`,
    next: [
      ['Release an earlier commit first, so that fewer changes go at once.'],
      ['Or ask for the release as a whole: set ', code('qa: 1'), ' in ', code('releases.yml'), ', then try again.'],
    ],
  }),
  qa_incomplete: ({ why, title = '' }) => {
    const cant = 'record QA'
    switch (why) {
      case 'nothing ticked':
        return { cant, why: 'no change is ticked', next: [['Tick what you have tested, or name a problem.']] }
      case 'no change named':
        return {
          cant,
          why: 'a reason is given, but no change that has the problem',
          next: [['Pick the change under Problem with, or remove the reason.']],
        }
      case 'tested and a problem':
        return {
          cant,
          why: `“${displayName(title)}” is ticked as tested and named as a problem`,
          next: [['Untick it, or remove it from Problem with.']],
        }
    }
  },
}
