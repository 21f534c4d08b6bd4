/** Where a release stopped, and the evidence. */
import type { KnownBlock } from '@slack/types'
import type { Release } from '../../../release/release.ts'
import { bullets, context, preformatted, rich, richLines } from './blocks.ts'
import { stepNow, stepOf } from './facts.ts'
import { cut } from './text.ts'
import type { ProblemWords } from './words.ts'

/** Where it stopped: ` at migrate` and `, step 6 of 9`; both empty before the run. */
export function stoppedAt(release: Release): { readonly step: string; readonly count: string } {
  const name = release.problem?.step ?? (release.startedAt === undefined ? undefined : stepNow(release)?.name)
  return name === undefined ? { step: '', count: '' } : { step: ` at ${name}`, count: `, ${stepOf(release, name)}` }
}

/** A card is one of many messages: it shows this many facts of a list. */
const LIST = 6

/** The list of facts, the failing line, and where to find the output. */
export function evidence(problem: ProblemWords | undefined): KnownBlock[] {
  if (problem === undefined) return []
  const list = problem.list ?? []
  const shown = list.length > LIST ? [...list.slice(0, LIST - 1), ['and more']] : list
  return [
    ...(shown.length === 0 ? [] : [rich(bullets(shown))]),
    ...(problem.verbatim === undefined ? [] : [rich(preformatted(cut(problem.verbatim, 120)))]),
    ...((problem.output ?? []).length === 0 ? [] : [context('The last lines of the output are in the thread')]),
  ]
}

/** What to do next. */
export function nextLines(problem: ProblemWords | undefined): KnownBlock[] {
  return problem === undefined || problem.next.length === 0 ? [] : [richLines(problem.next)]
}
