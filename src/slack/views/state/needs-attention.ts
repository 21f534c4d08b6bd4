/** Needs attention: what happened, the current state, what is unknown, and what Retry and Close do. */
import type { KnownBlock } from '@slack/types'
import { type Release, waitsForForge } from '../../../release/release.ts'
import { bold, bullets, code, type Line, rich, richLines, section, words } from '../parts/blocks.ts'
import { foot, linesIfAny, planSummary, reasons, stateLine } from '../parts/card-lines.ts'
import { currentState } from '../parts/current-state.ts'
import { isHeldByDispute } from '../parts/disputed.ts'
import { skippedSignOffs } from '../parts/emergency.ts'
import { stepNow } from '../parts/facts.ts'
import { mergeRequirementLines } from '../parts/merge-requirements.ts'
import { outcomeHead, trueNow, why } from '../parts/outcome-lines.ts'
import { currentStateText, subject, whySpoken } from '../parts/sentence.ts'
import { evidence, nextLines, stoppedAt } from '../parts/stopped.ts'
import { capital, defused } from '../parts/text.ts'
import type { ProblemWords } from '../parts/words.ts'
import type { StateFacts, StateView, TextFacts } from './state-view.ts'

const EMOJI = 'warning'
const BUTTONS: Line = [bold('Retry'), ' or ', bold('Close')]

export const needsAttention: StateView = {
  emoji: EMOJI,
  inSentence: 'needs attention',
  inList: (release) => `${release.state}${stoppedAt(release).step}`,
  afterCancel: 'has stopped and needs attention: press Retry or Close on its card.',
  mustPress: BUTTONS,
  row: (release, owed) => (isHeldByDispute(release, owed) ? ['close'] : ['retry', 'close']),
  card: (release, facts) => {
    const { problem } = facts
    return [
      section(headLine(release, problem?.unknown)),
      ...(problem === undefined ? [] : [richLines([[bold(`${capital(problem.why)}.`)]])]),
      ...known(release, facts),
      ...evidence(problem),
      ...nextLines(problem),
      ...linesIfAny(waitsForForge(release) ? mergeRequirementLines(release, facts, 'still') : []),
      section(whatButtonsDo(release, facts, problem?.unknown)),
      ...facts.row,
      ...skippedSignOffs(release, facts),
      ...reasons(release),
      ...planSummary(release, facts),
      foot(release, facts),
    ]
  },
  text: (release, facts) =>
    facts.problem?.unknown === undefined
      ? `${subject(release)} needs attention${whySpoken(facts.problem)}. ${currentStateText(release, facts)} Someone has to press ${buttonsSpoken(release, facts)}.`
      : `${subject(release)} needs attention: ${defused(facts.problem.unknown.question, 200)} Not known: ${defused(facts.problem.unknown.what, 200)}. Someone has to check, then press ${buttonsSpoken(release, facts)}.`,
  outcome: (release, facts) => {
    const { problem } = facts
    const what =
      problem?.unknown === undefined
        ? `${why(problem)}.`
        : `: ${problem.unknown.question} Not known: ${problem.unknown.what}.`
    return [
      outcomeHead(EMOJI, release, 'needs attention', what),
      ...trueNow(release, facts),
      [
        `${capital(release.environment)} stays blocked until someone presses `,
        ...(isHeldByDispute(release, facts.owed) ? [bold('Close')] : BUTTONS),
        ' on the card.',
      ],
    ]
  },
}

function buttonsSpoken(release: Release, { owed }: TextFacts): string {
  return isHeldByDispute(release, owed) ? 'Close' : 'Retry or Close'
}

type Unknown = ProblemWords['unknown']

function headLine(release: Release, unknown: Unknown): string {
  if (unknown !== undefined) return stateLine(EMOJI, 'Needs attention', `: ${unknown.question}`)
  const { step, count } = stoppedAt(release)
  return stateLine(EMOJI, 'Needs attention', `: stopped${step}${count}`)
}

/** The current state; where an outcome is unknown, with what is known. */
function known(release: Release, facts: StateFacts): KnownBlock[] {
  const lines = currentState(release, facts)
  const unknown = facts.problem?.unknown
  if (unknown === undefined) return lines.length === 0 ? [] : [richLines(lines)]
  return [
    rich(
      bullets([
        ...lines.filter((line) => !isUnknown(line)).map((line) => [bold('Known: '), ...line]),
        [bold('Not known: '), unknown.what],
        ...(unknown.look === undefined ? [] : [[bold('To check: '), code(unknown.look)]]),
      ]),
    ),
  ]
}

function isUnknown(line: Line): boolean {
  const [first] = line
  const start = typeof first === 'string' ? words(first) : first
  return start?.type === 'text' && start.text.startsWith('Not known')
}

function whatButtonsDo(release: Release, { owed }: TextFacts, unknown: Unknown): string[] {
  const place = defused(release.environment)
  if (isHeldByDispute(release, owed)) {
    return [
      `*Close* frees ${place} and leaves everything as it is. A new release then asks for every sign-off again.`,
      'It can’t be retried: a sign-off that it needs is void.',
    ]
  }
  if (waitsForForge(release)) {
    return [
      '*Retry* merges it with the same plan and sign-offs.',
      `*Close* frees ${place} and declines the pull request. Without either, the release expires after 24 h.`,
    ]
  }
  return unknown === undefined
    ? [
        `Fix the cause, then *Retry* to resume at ${stepNow(release)?.name ?? 'the step that stopped'} with the same plan and sign-offs.`,
        `*Close* frees ${place} and leaves everything as it is.`,
      ]
    : [
        '*Retry* checks first, and does only what is not done yet.',
        `*Close* ends the release: use it when you know the state of ${place}.`,
      ]
}
