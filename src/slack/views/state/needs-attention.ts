/** Needs attention: what happened, what is true now, what is not known, and what Retry and Close do. */
import type { KnownBlock } from '@slack/types'
import type { Release } from '../../../release/release.ts'
import { bold, bullets, code, type Line, rich, richLines, section, words } from '../parts/blocks.ts'
import { foot, planSummary, reasons, stateLine } from '../parts/card-lines.ts'
import { skippedSignOffs } from '../parts/emergency.ts'
import { standing, stepNow } from '../parts/facts.ts'
import { outcomeHead, trueNow, why } from '../parts/outcome-lines.ts'
import { standingSpoken, subject, whySpoken } from '../parts/sentence.ts'
import { evidence, nextLines, stoppedAt } from '../parts/stopped.ts'
import { capital, defused } from '../parts/text.ts'
import type { ProblemWords } from '../parts/words.ts'
import type { StateFacts, StateView } from './state-view.ts'

const EMOJI = 'warning'
const BUTTONS: Line = [bold('Retry'), ' or ', bold('Close')]

export const needsAttention: StateView = {
  emoji: EMOJI,
  inSentence: 'needs attention',
  inList: (release) => `${release.state}${stoppedAt(release).step}`,
  afterCancel: 'does not go on, and needs attention: press Retry or Close on its card.',
  mustPress: BUTTONS,
  row: () => ['retry', 'close'],
  card: (release, facts) => {
    const { problem } = facts
    return [
      section(headLine(release, problem?.unknown)),
      ...(problem === undefined ? [] : [richLines([[bold(`${capital(problem.why)}.`)]])]),
      ...known(release, facts),
      ...evidence(problem),
      ...nextLines(problem),
      section(whatButtonsDo(release, problem?.unknown)),
      ...facts.row,
      ...skippedSignOffs(release, facts),
      ...reasons(release),
      ...planSummary(release, facts),
      foot(release),
    ]
  },
  text: (release, facts) =>
    facts.problem?.unknown === undefined
      ? `${subject(release)} needs attention${whySpoken(facts.problem)}. ${standingSpoken(release, facts)} A person must press Retry or Close.`
      : `${subject(release)} needs attention: ${defused(facts.problem.unknown.question, 200)} It is not known ${defused(facts.problem.unknown.what, 200)}. A person must look.`,
  outcome: (release, facts) => {
    const { problem } = facts
    const what =
      problem?.unknown === undefined
        ? `${why(problem)}.`
        : `: ${problem.unknown.question} It is not known ${problem.unknown.what}.`
    return [
      outcomeHead(EMOJI, release, 'needs attention', what),
      ...trueNow(release, facts),
      [`${release.environment} stays busy until somebody presses `, ...BUTTONS, ' on the card.'],
    ]
  },
}

type Unknown = ProblemWords['unknown']

function headLine(release: Release, unknown: Unknown): string {
  if (unknown !== undefined) return stateLine(EMOJI, 'Needs attention', `: ${unknown.question}`)
  const { step, count } = stoppedAt(release)
  return stateLine(EMOJI, 'Needs attention', `: stopped${step}${count}`)
}

/** Where an outcome is not known, what is known stands beside it. */
function known(release: Release, facts: StateFacts): KnownBlock[] {
  const lines = standing(release, facts)
  const unknown = facts.problem?.unknown
  if (unknown === undefined) return lines.length === 0 ? [] : [richLines(lines)]
  return [
    rich(
      bullets([
        ...lines.filter((line) => !isUnknown(line)).map((line) => [bold('Known: '), ...line]),
        [bold('Not known: '), unknown.what],
        ...(unknown.look === undefined ? [] : [[bold('To look: '), code(unknown.look)]]),
      ]),
    ),
  ]
}

function isUnknown(line: Line): boolean {
  const [first] = line
  const start = typeof first === 'string' ? words(first) : first
  return start?.type === 'text' && start.text.startsWith('Not known')
}

function whatButtonsDo(release: Release, unknown: Unknown): string[] {
  const place = defused(release.environment)
  return unknown === undefined
    ? [
        `*Retry* goes on from ${stepNow(release)?.name ?? 'where it stopped'} with the same plan and sign-offs, once the cause is mended.`,
        `*Close* frees ${place} and leaves it like this.`,
      ]
    : ['*Retry* looks first, and does only what is not done yet.', `*Close* is for when you know how ${place} stands.`]
}
