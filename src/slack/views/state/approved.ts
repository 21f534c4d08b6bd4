/** Approved: every sign-off is given, and the run has not started. A Retry leads here too. */

import { isEmergency, type Release } from '../../../release/release.ts'
import type { Environment } from '../../../release/settings.ts'
import { section } from '../parts/blocks.ts'
import { noStepStarts } from '../parts/cancel-effect.ts'
import { foot, noWorkerWarning, planSummary, reasons, stateLine } from '../parts/card-lines.ts'
import { skippedSignOffs, withoutWhat } from '../parts/emergency.ts'
import { unfinishedOutcome } from '../parts/outcome-lines.ts'
import { subject } from '../parts/sentence.ts'
import type { StateView } from './state-view.ts'

const EMOJI = 'hourglass_flowing_sand'

export const approved: StateView = {
  emoji: EMOJI,
  inSentence: 'is approved and about to run',
  row: () => [],
  cancelEffect: noStepStarts,
  card: (release, facts) => [
    section(
      stateLine(EMOJI, release.attempt > 1 ? 'Resuming' : 'Approved', `: ${waitingFor(release, facts.environment)}`),
      facts.cancel,
    ),
    ...skippedSignOffs(release, facts),
    ...reasons(release),
    ...noWorkerWarning(facts),
    ...planSummary(release, facts),
    foot(release, facts),
  ],
  text: (release, { owed }) =>
    isEmergency(release)
      ? `${subject(release)} is about to run${withoutWhat(release, owed)}.`
      : `${subject(release)} is approved and about to run.`,
  outcome: (release, facts) => unfinishedOutcome(EMOJI, release, facts),
}

function waitingFor(release: Release, environment: Environment): string {
  const as = isEmergency(release) ? 'as an emergency; ' : ''
  if (release.attempt > 1) return 'waiting for the worker, which checks the current state first'
  if (release.announcement !== undefined) return `${as}announced, waiting for the worker`
  if (environment.announce === 'required') return `${as}checking everything once more before the announcement`
  return `${as}waiting for the worker`
}
