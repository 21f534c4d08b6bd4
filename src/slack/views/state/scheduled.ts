/** Scheduled: nothing is owed, and the release waits for its time; after it, for what holds it back. */
import type { KnownBlock } from '@slack/types'
import type { Release } from '../../../release/release.ts'
import { startsUntil } from '../../../release/schedule.ts'
import { section } from '../parts/blocks.ts'
import { foot, linesIfAny, planSummary, reasons, stateLine } from '../parts/card-lines.ts'
import { whoSignedSpoken } from '../parts/facts.ts'
import { lockBlocks } from '../parts/lock-lines.ts'
import { mergeRequirementLines } from '../parts/merge-requirements.ts'
import { hasNewer, newerCommits } from '../parts/newer-commits.ts'
import { unfinishedOutcome } from '../parts/outcome-lines.ts'
import { proofBlocks } from '../parts/proof.ts'
import { startsAt, startsAtSpoken } from '../parts/schedule.ts'
import { subject } from '../parts/sentence.ts'
import { date, defused } from '../parts/text.ts'
import type { ProblemWords } from '../parts/words.ts'
import type { StateFacts, StateView } from './state-view.ts'

const EMOJI = 'calendar'

export const scheduled: StateView = {
  emoji: EMOJI,
  inSentence: 'is scheduled',
  row: () => ['start now', 'change time'],
  seats: (release) => (hasNewer(release) ? ['plan again'] : []),
  cancelEffect: () => 'It does not start. Nothing has been changed so far.',
  card: (release, facts) => [
    section(stateLine(EMOJI, 'Scheduled', starts(release)), facts.cancel),
    ...held(release, facts),
    ...linesIfAny(mergeRequirementLines(release, facts)),
    ...reasons(release),
    ...lockBlocks(release, facts.locks ?? [], facts.now),
    ...facts.held,
    ...newerCommits(release, facts),
    ...planSummary(release, facts),
    ...proofBlocks(facts),
    ...facts.row,
    foot(release, facts, undefined, release.expiresAt),
  ],
  text: (release, { problem }) => {
    const { schedule } = release
    const when = schedule === undefined ? '' : ` for ${startsAtSpoken(schedule)}`
    return `${subject(release)} is scheduled${when}: ${whoSignedSpoken(release)}.${heldSpoken(problem)}`
  },
  outcome: (release, facts) => unfinishedOutcome(EMOJI, release, facts),
}

function starts({ schedule }: Release): string {
  return schedule === undefined ? '' : `, starts: ${startsAt(schedule)}`
}

function held({ schedule }: Release, { problem }: StateFacts): KnownBlock[] {
  if (problem === undefined || schedule === undefined) return []
  const until = date(startsUntil(schedule), 'time')
  return [
    section(`:warning: Its time has come, but ${defused(problem.why, 300)}. It starts when that ends, until: ${until}`),
  ]
}

function heldSpoken(problem: ProblemWords | undefined): string {
  return problem === undefined ? '' : ` Its time has come, but ${defused(problem.why, 300)}.`
}
