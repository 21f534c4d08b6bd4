/** What the sentences of several states share. All of it is plain text, with names defused. */
import type { Release } from '../../../release/release.ts'
import { spoken } from './blocks.ts'
import { currentState, type PlatformFacts } from './current-state.ts'
import { calledInFull, place } from './facts.ts'
import { defused } from './text.ts'
import type { ProblemWords } from './words.ts'

/** `Release #12 of api to production`, `Rollback #12 of api production`. */
export function subject(release: Release): string {
  const { app, environment, kind } = release
  return `${calledInFull(release)} of ${kind === 'rollback' ? place(release) : `${app} to ${environment}`}`
}

/** `: the build failed`; nothing where it is not known why. */
export function whySpoken(problem: ProblemWords | undefined): string {
  return problem === undefined ? '' : `: ${defused(problem.why, 300)}`
}

/** What is true now, in sentences: `Nothing was merged or pushed: production still runs 5b8e6c0.` */
export function currentStateText(release: Release, facts: PlatformFacts): string {
  return defused(currentState(release, facts).map(spoken).join(' '), 600)
}
