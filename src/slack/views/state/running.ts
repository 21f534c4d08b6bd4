/** Running: the current step, and how far the run is. */

import { type Release, step } from '../../../release/release.ts'
import { section } from '../parts/blocks.ts'
import { noStepStarts } from '../parts/cancel-effect.ts'
import { foot, noWorkerWarning, planSummary, reasons, stateLine } from '../parts/card-lines.ts'
import { skippedSignOffs, withoutWhat } from '../parts/emergency.ts'
import { stepNow, stepOf } from '../parts/facts.ts'
import { span } from '../parts/figures.ts'
import { unfinishedOutcome } from '../parts/outcome-lines.ts'
import { type PersonFacts, shown } from '../parts/persons.ts'
import { progressBlock } from '../parts/progress.ts'
import { subject } from '../parts/sentence.ts'
import { capital, together } from '../parts/text.ts'
import type { StateFacts, StateView } from './state-view.ts'

const EMOJI = 'arrow_forward'

export const running: StateView = {
  emoji: EMOJI,
  inSentence: 'is running',
  afterCancel: 'is being cancelled: no new step starts. Its thread shows the result of the current step.',
  row: () => [],
  cancelEffect,
  card: (release, facts) => [
    section(runningLines(release, facts), facts.cancel),
    ...skippedSignOffs(release, facts),
    ...reasons(release),
    ...noWorkerWarning(facts),
    progressBlock(release, facts.progress),
    ...planSummary(release, facts),
    foot(release, facts),
  ],
  text: (release, { owed }) => {
    const now = stepNow(release)
    const at = now === undefined ? '' : `: ${stepOf(release, now.name)}, ${now.name}`
    return `${subject(release)} is running${withoutWhat(release, owed)}${at}.`
  },
  outcome: (release, facts) => unfinishedOutcome(EMOJI, release, facts),
}

function runningLines(release: Release, facts: PersonFacts & Pick<StateFacts, 'usualMs'>): string[] {
  const now = stepNow(release)
  const cancelled = release.cancelRequestedBy
  const isKnown = facts.usualMs !== undefined && cancelled === undefined
  const usually = isKnown ? ` · usually ${span(facts.usualMs)}` : ''
  return [
    stateLine(
      EMOJI,
      'Running',
      `${now === undefined ? '' : `, ${stepOf(release, now.name)}: *${now.name}*`}${usually}`,
    ),
    ...(cancelled === undefined ? [] : [`${shown(cancelled, facts)} cancelled: no new step starts.`]),
  ]
}

function cancelEffect(release: Release): string {
  const now = stepNow(release)
  if (now === undefined) return noStepStarts(release)
  const request = release.plan?.pullRequest
  const merged = step(release, 'merge')?.state === 'done' && request !== undefined
  return [
    'No new step starts.',
    now.state === 'running' && now.name === 'confirm'
      ? 'Signoff stops waiting for the confirmation: what was pushed stays pushed, and may run.'
      : now.state === 'running'
        ? `${capital(now.name)} is running: Signoff waits for its result and posts it in the thread.`
        : `${capital(now.name)} does not start.`,
    ...(merged ? [`${together('PR', `#${request.id}`)} stays merged.`] : []),
  ].join(' ')
}
