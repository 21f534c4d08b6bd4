/** Lines that the outcomes of several states share. They are rich text: nothing in them is parsed. */
import { hasStartedIrreversible, type Release } from '../../../release/release.ts'
import { bold, emoji, type Line } from './blocks.ts'
import { currentState, type PlatformFacts } from './current-state.ts'
import { called, took } from './facts.ts'
import type { ProblemWords } from './words.ts'

interface Facts extends PlatformFacts {
  readonly problem: ProblemWords | undefined
}

/** The first line: an emoji, `Release #12 failed` in bold, and the rest as it is. */
export function outcomeHead(emojiName: string, release: Release, what: string, ...rest: Line): Line {
  return [emoji(emojiName), ' ', bold(`${called(release)} ${what}`), ...rest]
}

/** ` (4 min 12 s)`, if the run has both started and ended. */
export function timeTaken(release: Release): string {
  const time = took(release)
  return time === undefined ? '' : `\u00a0(${time})`
}

/** `: the build failed`; nothing where it is not known why. */
export function why(problem: ProblemWords | undefined): string {
  return problem === undefined ? '' : `: ${problem.why}`
}

/** The current state of branch, database and remote, a line each. */
export function trueNow(release: Release, facts: Facts): Line[] {
  const stands = hasStartedIrreversible(release.steps) ? undefined : facts.problem?.stands
  return [...currentState(release, facts), ...(stands === undefined ? [] : [stands])]
}

export const PLAN_AGAIN: Line = [bold('Plan again'), ' on the card makes a new release.']

/** For a release that needed attention when its outcome was committed, and has resumed before it is posted. */
export function unfinishedOutcome(emojiName: string, release: Release, facts: Facts): readonly Line[] {
  return [outcomeHead(emojiName, release, release.state, '.'), ...trueNow(release, facts)]
}
