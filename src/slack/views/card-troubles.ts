/** The middle of a card that stopped: what happened, what is true now, what is not known, what the buttons do. */
import type { KnownBlock } from '@slack/types'
import { mayBeEmergency, whoMay } from '../../release/policy.ts'
import { irreversibleBegun, type Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { bold, bullets, code, context, type Line, preformatted, rich, richLines, section, words } from './blocks.ts'
import { forEmergency } from './buttons.ts'
import { standing, stepNow, stepOf } from './facts.ts'
import { type ProblemWords, problemWords } from './failures.ts'
import type { People } from './people.ts'
import { STATE_EMOJI } from './states.ts'
import { capital, cut, defused } from './text.ts'

interface Facts extends People {
  readonly environment: Environment
  readonly link?: (number: number) => string | undefined
}

/** What the problem says; a release without one has only its state to tell. */
export function problemOf(
  release: Release,
  { environment, ...people }: People & { readonly environment?: Environment | undefined },
): ProblemWords | undefined {
  if (release.problem === undefined) return undefined
  const webUrl = release.plan?.webUrl
  const isOffered = forEmergency(release).length > 0 && environment !== undefined && mayBeEmergency(environment)
  return problemWords(release.problem.because, {
    ...people,
    ...(webUrl === undefined ? {} : { webUrl }),
    ...(isOffered && { emergencyBy: whoMay('emergency', environment) }),
  })
}

/** Where it stopped: ` at migrate`, and `, step 6 of 9`. */
export function where(release: Release): { readonly at: string; readonly step: string } {
  const name = release.problem?.step ?? (release.startedAt === undefined ? undefined : stepNow(release)?.name)
  return name === undefined ? { at: '', step: '' } : { at: ` at ${name}`, step: `, ${stepOf(release, name)}` }
}

/** A card is one of many messages: it shows this many facts of a list. */
const LIST = 6

/** The failing line, the list of facts and what a tool wrote. */
export function evidence(problem: ProblemWords): KnownBlock[] {
  const list = problem.list ?? []
  const shown = list.length > LIST ? [...list.slice(0, LIST - 1), ['and more']] : list
  return [
    ...(shown.length === 0 ? [] : [rich(bullets(shown))]),
    ...(problem.verbatim === undefined ? [] : [rich(preformatted(cut(problem.verbatim, 120)))]),
    ...((problem.output ?? []).length === 0 ? [] : [context('The last lines of its output are in the thread')]),
  ]
}

export function failedBlocks(release: Release, facts: Facts): KnownBlock[] {
  const { at, step } = where(release)
  const problem = problemOf(release, facts)
  const why: Line = problem === undefined ? [] : [bold(`${capital(problem.why)}.`)]
  return [
    section(`:${STATE_EMOJI.failed}: *Failed${at}*${step}`),
    richLines([
      ...(why.length === 0 ? [] : [why]),
      ...standing(release, facts),
      ...(problem?.stands === undefined || irreversibleBegun(release.steps) ? [] : [problem.stands]),
    ]),
    ...(problem === undefined ? [] : evidence(problem)),
    ...(problem === undefined || problem.next.length === 0 ? [] : [richLines(problem.next)]),
    section(
      release.replacedBy === undefined
        ? '*Plan again* makes a new release, once the cause is mended.'
        : replaced(release, facts),
    ),
  ]
}

/** `Replaced by #13.` */
export function replaced(release: Release, { link }: Facts): string {
  const url = release.replacedBy === undefined ? undefined : link?.(release.replacedBy)
  const name = `#${release.replacedBy}`
  return `Replaced by ${url === undefined || !/^https?:\/\/[^\s|<>]+$/.test(url) ? name : `<${url.replaceAll('&', '&amp;')}|${name}>`}.`
}

export function attentionBlocks(release: Release, facts: Facts): KnownBlock[] {
  const { at, step } = where(release)
  const problem = problemOf(release, facts)
  const unknown = problem?.unknown
  const head =
    unknown === undefined ? `*Needs attention*: stopped${at}${step}` : `*Needs attention*: ${unknown.question}`
  const known = standing(release, facts)
  const place = defused(release.environment)
  return [
    section(`:${STATE_EMOJI['needs attention']}: ${head}`),
    ...(problem === undefined ? [] : [richLines([[bold(`${capital(problem.why)}.`)]])]),
    ...(unknown === undefined
      ? known.length === 0
        ? []
        : [richLines(known)]
      : [
          rich(
            bullets([
              ...known.filter((line) => !isUnknown(line)).map((line) => [bold('Known: '), ...line]),
              [bold('Not known: '), unknown.what],
              ...(unknown.look === undefined ? [] : [[bold('To look: '), code(unknown.look)]]),
            ]),
          ),
        ]),
    ...(problem === undefined ? [] : evidence(problem)),
    ...(problem === undefined || problem.next.length === 0 ? [] : [richLines(problem.next)]),
    section([
      unknown === undefined
        ? `*Retry* goes on from ${stepNow(release)?.name ?? 'where it stopped'} with the same plan and sign-offs, once the cause is mended.`
        : '*Retry* looks first, and does only what is not done yet.',
      unknown === undefined
        ? `*Close* frees ${place} and leaves it like this.`
        : `*Close* is for when you know how ${place} stands.`,
    ]),
  ]
}

function isUnknown(line: Line): boolean {
  const [first] = line
  const start = typeof first === 'string' ? words(first) : first
  return start?.type === 'text' && start.text.startsWith('Not known')
}
