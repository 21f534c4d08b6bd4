/** The card: a release's one message, drawn from what is stored. The same release gives the same card. */
import type { KnownBlock } from '@slack/types'
import { awaitsGo } from '../../release/hotfix.ts'
import type { Owed } from '../../release/policy.ts'
import { isEmergency, type Release } from '../../release/release.ts'
import type { Environment, Progress } from '../../release/settings.ts'
import { hasEnded } from '../../release/terms.ts'
import { ACTION, type Action } from '../ids.ts'
import { actions, bold, context, type Drawn, header, quote, rich, richSection, section } from './blocks.ts'
import { buttons, hasNewer, rowOf } from './buttons.ts'
import { endBlocks } from './card-ends.ts'
import { cardText } from './card-text.ts'
import { attentionBlocks, failedBlocks } from './card-troubles.ts'
import { finalCommit, stepNow, stepOf, summary, title, took, whoSigned } from './facts.ts'
import { heldBlocks } from './held.ts'
import { givenLines, owedLines } from './owed.ts'
import type { People } from './people.ts'
import { planBlocks } from './plan-blocks.ts'
import { progressBlock } from './progress.ts'
import { gate } from './refusal-message.ts'
import { STATE_EMOJI } from './states.ts'
import { counted, date, defused, eight, link, oneLine, short, together } from './text.ts'

/** What a card needs beside the release. */
export interface CardFacts extends People {
  readonly environment: Environment
  /** A token for each of `buttonsOf(release, owed)`; a button without one is left out. */
  readonly tokens: Readonly<Partial<Record<Action, string>>>
  readonly progress: Progress
  /** What policy says is owed, also afterwards. */
  readonly owed: readonly Owed[]
  /** The release that made what is live now, if it was one of ours. */
  readonly previous?: { readonly number: number; readonly at: Date }
  readonly now: Date
  /** Only true for the card's first post: whoever may sign is mentioned, once. */
  readonly mentionGroups: boolean
  /** The address of another release's card. */
  readonly link?: (number: number) => string | undefined
  /** How many authors of the plan are nobody in Slack. */
  readonly unmatchedAuthors?: number
  /** Set while no worker is there to plan or to run. */
  readonly noWorker?: { readonly lastSeen?: Date }
}

/** Draws a release as it stands. */
export function card(release: Release, facts: CardFacts): Drawn {
  const blocks = [header(title(release)), ...middle(release, facts), foot(release)]
  return { text: cardText(release, facts), blocks }
}

function middle(release: Release, facts: CardFacts): KnownBlock[] {
  const [cancel] = draw([ACTION.cancel], release, facts)
  switch (release.state) {
    case 'planning':
      return [
        section(state(release, 'Planning', `: the facts are looked up, and nothing is changed`), cancel),
        ...reason(release),
        ...noWorker(facts),
      ]
    case 'awaiting sign-off':
      return [
        section(awaitsGo(release) ? goLine(release) : state(release, 'Awaiting sign-off'), cancel),
        ...lines([...givenLines(release, facts), ...owedLines(release, facts, 'Owed')]),
        ...reason(release),
        ...heldBlocks(release, facts),
        ...(release.plan === undefined ? [] : planBlocks(release.plan, planFacts(release, facts))),
        ...unmatched(release, facts),
        ...newer(release, facts),
        ...row(release, facts),
      ]
    case 'approved':
      return [
        section(state(release, release.attempt > 1 ? 'Going on' : 'Approved', `: ${waitsFor(release, facts)}`), cancel),
        ...skipped(release, facts),
        ...reason(release),
        ...noWorker(facts),
        ...background(release, facts),
      ]
    case 'running':
      return [
        section(runningLine(release), cancel),
        ...skipped(release, facts),
        ...reason(release),
        progressBlock(release, facts.progress),
        ...background(release, facts),
      ]
    case 'succeeded':
      return [
        section(succeededLine(release, facts)),
        ...stillOwed(release, facts),
        ...reason(release),
        ...background(release, facts),
        ...row(release, facts),
      ]
    case 'failed':
      return [
        ...failedBlocks(release, facts),
        ...row(release, facts),
        ...reason(release),
        ...background(release, facts),
      ]
    case 'needs attention':
      return [
        ...attentionBlocks(release, facts),
        ...row(release, facts),
        ...skipped(release, facts),
        ...reason(release),
        ...background(release, facts),
      ]
    case 'closed':
      return [
        ...endBlocks(release, facts),
        ...stillOwed(release, facts),
        ...background(release, facts),
        ...row(release, facts),
      ]
    case 'refused':
    case 'rejected':
    case 'cancelled':
    case 'expired':
    case 'outdated':
      return [...endBlocks(release, facts), ...row(release, facts), ...background(release, facts)]
  }
}

function draw(wanted: readonly Action[], release: Release, facts: CardFacts) {
  return buttons(wanted, release, facts)
}

/** An emoji, the state's word in bold, and one fact. */
function state(release: Release, word: string, fact = ''): string {
  return `:${STATE_EMOJI[release.state]}: *${word}*${fact}`
}

function lines(texts: readonly string[]): KnownBlock[] {
  return texts.length === 0 ? [] : [section(texts)]
}

/** Nobody signs here: its requester has the plan, and the button that lets it go. */
function goLine(release: Release): string {
  return state(release, 'Waits for Go', ` by ${defused(release.requester.name, 40)}`)
}

function row(release: Release, facts: CardFacts): KnownBlock[] {
  return actions(draw(rowOf(release, facts.owed), release, facts))
}

function background(release: Release, facts: CardFacts): KnownBlock[] {
  if (release.plan === undefined) return []
  const [details] = draw([ACTION.details], release, facts)
  return [section(summary(release, release.plan), details)]
}

function planFacts(release: Release, facts: CardFacts) {
  const [details] = draw([ACTION.details], release, facts)
  return {
    services: facts.services,
    kind: release.kind,
    ...(details === undefined ? {} : { details }),
    ...(facts.previous === undefined ? {} : { previous: facts.previous }),
  }
}

/** The emergency's and the hot-fix's reason, as they were written. */
function reason(release: Release): KnownBlock[] {
  const emergency = release.signOffs.find(({ kind }) => kind === 'emergency')
  const ended = hasEnded(release.state)
  return [
    ...(release.reason === undefined
      ? []
      : [
          rich(
            richSection([bold(oneLine(release.requester.name)), ' says that it cannot wait for review:']),
            quote(release.reason),
          ),
        ]),
    ...(emergency === undefined
      ? []
      : [
          rich(
            richSection([bold(oneLine(emergency.person.name)), ` ${ended ? 'said' : 'says'} that it must go out now:`]),
            quote(emergency.note ?? ''),
          ),
        ]),
  ]
}

function skipped(release: Release, facts: CardFacts): KnownBlock[] {
  if (!isEmergency(release) || facts.owed.length === 0) return []
  return [section([...givenLines(release, facts), ...owedLines(release, facts, 'Skipped, and still owed')])]
}

function stillOwed(release: Release, facts: CardFacts): KnownBlock[] {
  if (!isEmergency(release)) return []
  const lines = [...givenLines(release, facts), ...owedLines(release, facts, 'Still owed')]
  return lines.length === 0 ? [] : [section(lines)]
}

function waitsFor(release: Release, { environment }: CardFacts): string {
  const as = isEmergency(release) ? 'as an emergency; ' : ''
  if (release.attempt > 1) return 'waits for the worker, which looks first at what is there'
  if (release.announcement !== undefined) return `${as}announced, and waits for the worker`
  if (environment.announce === 'required') return `${as}every fact is looked at once more, then the channel is told`
  return `${as}waits for the worker`
}

function runningLine(release: Release): string {
  const now = stepNow(release)
  const at = now === undefined ? '' : `, ${stepOf(release, now.name)}: *${now.name}*`
  const cancelled = release.cancelRequestedBy
  if (cancelled === undefined) return state(release, 'Running', at)
  return `${state(release, 'Running', at)}\n${defused(cancelled.name, 40)} cancelled it: no new step starts.`
}

function succeededLine(release: Release, { services }: CardFacts): string {
  const time = took(release)
  const commit = finalCommit(release)
  const live =
    commit === undefined || release.plan === undefined
      ? ''
      : `. Live now: ${link(services.forge.pages.commit(release.plan.webUrl, commit), short(commit))}`
  return state(release, 'Succeeded', `${time === undefined ? '' : ` in ${time}`}${live}`)
}

function noWorker({ noWorker: absent }: CardFacts): KnownBlock[] {
  if (absent === undefined) return []
  const seen = absent.lastSeen === undefined ? 'None was ever seen.' : `Last seen: ${date(absent.lastSeen)}`
  return [context(`:warning: No worker answers, so this waits. ${seen}`)]
}

function unmatched(release: Release, { unmatchedAuthors = 0 }: CardFacts): KnownBlock[] {
  if (unmatchedAuthors === 0 || release.plan === undefined) return []
  const all = counted(release.plan.authors.length, 'author')
  const have = unmatchedAuthors === 1 ? 'has' : 'have'
  return [
    context(`:warning: ${unmatchedAuthors} of ${all} ${have} no match in Slack, so their own approval would count`),
  ]
}

function newer(release: Release, facts: CardFacts): KnownBlock[] {
  if (!hasNewer(release) || release.plan === undefined) return []
  const branch = defused(release.plan.bound.source.branch, 60)
  const count = counted(release.newerCommits ?? 0, 'newer commit')
  const [again] = draw([ACTION.planAgain], release, facts)
  return [section(`${branch} has ${count}, not in this release`, again)]
}

/** Who asked and signed, what was signed, and when it ends by itself. Names nobody by mention. */
function foot(release: Release): KnownBlock {
  const asked = `${defused(release.requester.name, 40)}, ${date(release.requestedAt)}`
  const waiting = release.state === 'awaiting sign-off' || release.state === 'planning'
  return context(
    [
      waiting ? together('Asked:', asked) : whoSigned(release),
      ...(release.fingerprint === undefined ? [] : [together('Plan:', `\`${eight(release.fingerprint)}\``)]),
      ...(release.state === 'awaiting sign-off' && release.expiresAt !== undefined
        ? [`Expires: ${date(release.expiresAt)}`]
        : []),
      ...(release.problem === undefined ? [] : [gate(release.problem.because.gate)]),
      ...(release.endedAt === undefined ? [] : [`Ended: ${date(release.endedAt)}`]),
    ].join(' · '),
  )
}
