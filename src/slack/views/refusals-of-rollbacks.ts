/** The messages of refused rollbacks and marks. */
import type { Refusal } from '../../release/refusals.ts'
import { bold, code, type Line, richDate } from './parts/blocks.ts'
import { cut, oneLine, short } from './parts/text.ts'
import { displayName, type Words } from './parts/words.ts'

type RollbackGate =
  | 'rollback_goes_first'
  | 'nothing_to_roll_back'
  | 'target_not_proven'
  | 'target_is_bad'
  | 'mark_refused'

const HISTORY: Line = [code('/deploy history'), ' lists the releases.']

export const ROLLBACK_REFUSALS: {
  readonly [G in RollbackGate]: (refusal: Extract<Refusal, { gate: G }>) => Words
} = {
  rollback_goes_first: ({ requester }) => ({
    why: `a rollback requested by ${displayName(requester.name)} goes first`,
    next: [[bold('Plan again'), ' makes a new release after the rollback has ended.']],
  }),
  nothing_to_roll_back: ({ environment, why, commit, to }) => {
    const at = displayName(environment)
    const runs = commit === undefined ? `what ${at} runs` : short(commit)
    const withNumber: Line = ['Give a release: ', code(`/deploy rollback ${at} to #12`), '. ', ...HISTORY]
    switch (why) {
      case 'no earlier release':
        return {
          cant: 'roll back',
          why: `${at} has no earlier release to go back to`,
          next: [['Releases that are marked as bad don’t count. Deploy a commit that reverts the change instead.']],
        }
      case 'not ours':
        return {
          cant: 'roll back',
          why: `no release of Signoff deployed ${runs}, so it can’t tell what was there before`,
          next: [withNumber],
        }
      case 'not known':
        return {
          cant: 'roll back',
          why: `the platform does not tell which commit ${at} runs`,
          next: [withNumber],
        }
      case 'runs already':
        return {
          cant: 'roll back',
          why: `${at} already runs ${runs}${to === undefined ? '' : `, which #${to} deployed`}`,
          next: [['Nothing has to be rolled back. ', ...HISTORY]],
        }
    }
  },
  target_not_proven: ({ number, app, environment, why }) => ({
    cant: 'roll back',
    why:
      why === 'other environment'
        ? `#${number} is a release of ${displayName(app)} to ${displayName(environment)}`
        : `#${number} has not proven that its commit runs on ${displayName(environment)}`,
    next: [['Pick a release of the same environment that has succeeded. ', ...HISTORY]],
  }),
  target_is_bad: ({ number, by, at, reason }) => ({
    cant: 'roll back',
    why: `#${number} is marked as bad by ${displayName(by.name)}${reason === undefined ? '' : `: “${cut(oneLine(reason), 200)}”`}`,
    next: [
      [
        'It was marked on ',
        richDate(new Date(at)),
        '. Pick another release, or take the mark back: ',
        code(`/deploy good ${number}`),
        '.',
      ],
    ],
  }),
  mark_refused: ({ number, mark, why, state, by, at }) => ({
    cant: `mark #${number} as ${mark}`,
    why:
      why === 'not proven'
        ? `it is ${state}, and only a release that succeeded can be marked`
        : `it is already marked as ${mark}${by === undefined ? '' : ` by ${displayName(by.name)}`}`,
    next: at === undefined ? [HISTORY] : [['Since ', richDate(new Date(at)), '.']],
  }),
}
