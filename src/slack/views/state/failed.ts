/** Failed: which step stopped and why, with nothing irreversible started. */

import { hasStartedIrreversible } from '../../../release/release.ts'
import { bold, richLines, section } from '../parts/blocks.ts'
import { foot, planSummary, reasons, stateLine } from '../parts/card-lines.ts'
import { currentState } from '../parts/current-state.ts'
import { newRelease } from '../parts/decisions.ts'
import { replacedBy } from '../parts/ended.ts'
import { outcomeHead, PLAN_AGAIN, timeTaken, trueNow, why } from '../parts/outcome-lines.ts'
import { currentStateText, subject, whySpoken } from '../parts/sentence.ts'
import { evidence, nextLines, stoppedAt } from '../parts/stopped.ts'
import { capital } from '../parts/text.ts'
import type { StateView } from './state-view.ts'

const EMOJI = 'x'

export const failed: StateView = {
  emoji: EMOJI,
  inSentence: 'has failed',
  inList: (release) => `${release.state}${stoppedAt(release).step}`,
  row: newRelease,
  card: (release, facts) => {
    const { problem } = facts
    const { step, count } = stoppedAt(release)
    return [
      section(stateLine(EMOJI, `Failed${step}`, count)),
      richLines([
        ...(problem === undefined ? [] : [[bold(`${capital(problem.why)}.`)]]),
        ...currentState(release, facts),
        ...(problem?.stands === undefined || hasStartedIrreversible(release.steps) ? [] : [problem.stands]),
      ]),
      ...evidence(problem),
      ...nextLines(problem),
      section(replacedBy(release, facts) ?? '*Plan again* makes a new release once the cause is fixed.'),
      ...facts.row,
      ...reasons(release),
      ...planSummary(release, facts),
      foot(release, facts),
    ]
  },
  text: (release, facts) =>
    `${subject(release)} failed${stoppedAt(release).step}${whySpoken(facts.problem)}. ${currentStateText(release, facts)} Plan again to continue.`,
  outcome: (release, facts) => [
    outcomeHead(EMOJI, release, `failed${stoppedAt(release).step}`, `${why(facts.problem)}${timeTaken(release)}.`),
    ...trueNow(release, facts),
    PLAN_AGAIN,
  ],
}
