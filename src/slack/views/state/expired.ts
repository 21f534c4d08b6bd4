/** Expired: a sign-off, or the start of the run, did not come in time. */

import type { Release } from '../../../release/release.ts'
import { stateLine } from '../parts/card-lines.ts'
import { newRelease } from '../parts/decisions.ts'
import { endedCard } from '../parts/ended.ts'
import { outcomeHead, PLAN_AGAIN, trueNow } from '../parts/outcome-lines.ts'
import { owedSpoken } from '../parts/owed.ts'
import { startsAtSpoken } from '../parts/schedule.ts'
import { currentStateText, subject } from '../parts/sentence.ts'
import { duration } from '../parts/text.ts'
import type { StateView, TextFacts } from './state-view.ts'

const EMOJI = 'alarm_clock'

export const expired: StateView = {
  emoji: EMOJI,
  inSentence: 'has expired',
  row: newRelease,
  card: (release, facts) =>
    endedCard(release, facts, { line: stateLine(EMOJI, 'Expired', `: ${whatIsLate(release, facts)}`) }),
  text: (release, facts) =>
    `${subject(release)} expired: ${whatIsLate(release, facts)}. ${currentStateText(release, facts)} Plan again to continue.`,
  outcome: (release, facts) => [
    outcomeHead(EMOJI, release, 'expired', `: ${whatIsLate(release, facts)}.`),
    ...trueNow(release, facts),
    PLAN_AGAIN,
  ],
}

/** `approval was not given within 24 h`, or that the run did not start in time. */
function whatIsLate(release: Release, { environment, owed, problem }: TextFacts): string {
  const { schedule } = release
  const gate = release.problem?.because.gate
  if (schedule !== undefined && gate !== 'announcement_unconfirmed') {
    const time = `its time, ${startsAtSpoken(schedule)}`
    if (problem !== undefined && gate !== 'expired')
      return `it could not start within 1 hour of ${time}: ${problem.why}`
    const missing = owed.filter(({ count }) => count > 0)
    return missing.length === 0 || release.approvedAt !== undefined
      ? `it did not start within 1 hour of ${time}`
      : `${owedSpoken(missing)} ${missing.length === 1 && missing[0]?.count === 1 ? 'was' : 'were'} not given within 1 hour of ${time}`
  }
  if (release.problem?.because.gate === 'announcement_unconfirmed') {
    return 'Slack did not confirm the announcement within 1 hour of the last sign-off, and nothing starts without it'
  }
  if (
    release.steps.some(
      ({ name, state, attempt }) => name === 'merge' && state === 'failed' && attempt === release.attempt,
    )
  ) {
    return 'the merge was refused by rules, and neither Retry nor Close was pressed within 24 h'
  }
  if (release.approvedAt !== undefined) return 'the run did not start within 1 hour of the last sign-off'
  if (release.plan?.hotfix?.asksGo === true || release.plan?.rollback?.asksGo === true)
    return 'Go was not pressed within 1 hour'
  const within =
    environment.signOff === undefined ? 'in time' : `within ${duration(environment.signOff.expiresAfterMs)}`
  const missing = owed.filter(({ count }) => count > 0)
  if (missing.length === 0) return `not every sign-off was given ${within}`
  return `${owedSpoken(missing)} ${missing.length === 1 && missing[0]?.count === 1 ? 'was' : 'were'} not given ${within}`
}
