/** The thread's lines: one plain sentence each, past tense, the effect first and the duration last. */
import type { KnownBlock } from '@slack/types'
import { defined } from '../../lib/defined.ts'
import type { ThreadLine } from '../../release/messages.ts'
import type { Owed, PeopleList } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import type { SignOffKind, StepName } from '../../release/terms.ts'
import type { Told } from '../../release/told-in-private.ts'
import { disputedLine } from './disputed-thread.ts'
import { problemWords } from './failures.ts'
import { carriedLine, stillMissingLine } from './hotfix-thread.ts'
import { migrationsLine } from './migrations.ts'
import { outcome } from './outcome.ts'
import { afterwardsLine } from './parts/afterwards.ts'
import {
  bold,
  bullets,
  code,
  context,
  type Drawn,
  emoji,
  type Line,
  preformatted,
  quote,
  rich,
  richLines,
  richSection,
  section,
  spoken,
} from './parts/blocks.ts'
import { testedSentence } from './parts/changes.ts'
import { calledInFull } from './parts/facts.ts'
import { gateLine } from './parts/gate-line.ts'
import { askedAuthors, owedBy, owedLines } from './parts/owed.ts'
import { othersMentioned, type People } from './parts/people.ts'
import { apart, withNamesApart } from './parts/persons.ts'
import { capital, defused, duration, lastLines, together, utc } from './parts/text.ts'
import {
  lateLine,
  scheduledLine,
  startHeldLine,
  startNowLine,
  timeChangedLine,
  unsignedLine,
} from './schedule-thread.ts'

/** The facts that a line needs. */
export interface ThreadFacts extends People {
  readonly environment: Environment
  readonly owed: readonly Owed[]
  /** The Slack ids of authors whom the outcome mentions. */
  readonly authors?: readonly string[]
  /** Who is told of the outcome in private, and who it mentions instead; absent: nobody is. */
  readonly told?: Told
}

type Kind = ThreadLine['is']
type LineOf<Is extends Kind> = Extract<ThreadLine, { is: Is }>

const DRAW: { readonly [Is in Kind]: (line: LineOf<Is>, release: Release, facts: ThreadFacts) => Drawn } = {
  signed: ({ kind, person, note }, release) => withQuote(SIGNED[kind](defused(person.name, 40), release), note),
  tested: (line) => withQuote(testedSentence(line), line.note),
  'step ended': ({ said, ms }) => ({ text: sentence(defused(said, 600), duration(ms)) }),
  'step failed': stepFailed,
  interrupted: ({ step, found }) => ({ text: `The worker was interrupted; ${INTERRUPTED[step][found]}.` }),
  waiting: ({ what }) => ({ text: sentence(`Waiting: ${defused(what, 600)}`) }),
  reminder,
  marked: ({ mark, person, reason, rollback }) => {
    const name = defused(person.name, 40)
    const by = rollback === undefined ? '' : ` The rollback #${rollback} took it away.`
    const text =
      mark === 'bad'
        ? `${name} marked this release as bad: nobody should go back to it.${by}`
        : `${name} marked this release as good.`
    return withQuote(text, reason)
  },
  'cancel asked': ({ person, during }) => ({
    text:
      during === undefined
        ? `${defused(person.name, 40)} cancelled. No further step starts.`
        : during === 'confirm'
          ? `${defused(person.name, 40)} cancelled. Signoff stops waiting for the confirmation of the push.`
          : `${defused(person.name, 40)} cancelled. No new step starts. Signoff waits for the result of ${during} and posts it here.`,
  }),
  retried: ({ person }) => ({
    text: `${defused(person.name, 40)} pressed Retry. The run resumes after checking the current state.`,
  }),
  closed: ({ person, reason }, { environment }) =>
    withQuote(
      `${defused(person.name, 40)} closed the release and left everything as it is. Other releases of ${environment} can start.`,
      reason,
    ),
  carried: carriedLine,
  'still missing': (line, release, { services }) => stillMissingLine(line, services, release.plan?.webUrl),
  migrations: (_line, release, facts) => migrationsLine(release, facts),
  scheduled: scheduledLine,
  'time changed': timeChangedLine,
  'start now': startNowLine,
  'start held': startHeldLine,
  unsigned: unsignedLine,
  late: lateLine,
  disputed: disputedLine,
  asked,
  afterwards: ({ seen }, release) => afterwardsLine(seen, release),
  note: ({ text }) => ({ text: defused(text, 2000) }),
  outcome: ({ events, head }, release, facts) => outcome(release, { ...facts, events, head }),
}

/** Draws one line of a release's thread. Lines without blocks are plain words: post them with `mrkdwn: false`. */
export function threadLine(line: ThreadLine, release: Release, facts: ThreadFacts): Drawn {
  const told = 'person' in line ? { ...line, person: apart(line.person, release) } : line
  return draw(told.is, told, withNamesApart(release), facts)
}

function draw<Is extends Kind>(is: Is, line: LineOf<Is>, release: Release, facts: ThreadFacts): Drawn {
  return DRAW[is](line, release, facts)
}

/** The one line that mentions people: the card was posted before its plan, so it could not ask them. */
function asked(_line: LineOf<'asked'>, release: Release, facts: ThreadFacts): Drawn {
  const planned = `${calledInFull(release)} is planned`
  if (release.state !== 'awaiting sign-off' || facts.owed.length === 0) return { text: `${planned}.` }
  const owing = owedLines(release, { ...facts, mentionGroups: true }, 'Needs')
  return {
    text: `${planned} and awaits sign-off. Needs ${owedBy(facts.owed, facts)}.`,
    blocks: [section(['The plan is ready and awaits sign-off.', ...owing])],
  }
}

/** Mentions those who owe a sign-off and are not told in private: the card's own mention is hours old. */
function reminder({ since, owed, mentioned, told }: LineOf<'reminder'>, release: Release, people: People): Drawn {
  const say = (needs: string) =>
    since === 'emergency'
      ? `${calledInFull(release)} was deployed a day ago and still ${needs}. Sign off on the card.`
      : `${calledInFull(release)} has waited ${together(4, 'hours')}${release.signOffs.length === 0 ? ' without a sign-off' : ''}. ${capital(needs)}. Sign off on the card.${expiring(release)}`
  const text = say(`needs ${owedBy(owed, people)}`)
  const able = owed.map((one) => ({ ...one, by: withoutExcluded(one, release) }))
  const entries = able.flatMap(({ by }) => (typeof by === 'string' ? [] : by))
  const asked = mentioned ?? entries
  const authors = owed.map((one) => askedAuthors(one, people, told)).join('')
  if ((asked.length === 0 || entries.length === 0) && authors === '') return { text }
  const also = othersMentioned(asked, entries, people)
  return { text, blocks: [section(`${say(`needs ${owedBy(able, people, { mention: asked })}${authors}`)}${also}`)] }
}

/** Those of a list who can give the sign-off, as far as the list names them by id. */
function withoutExcluded({ by, kind, changes }: Owed, { requester, signOffs }: Release): PeopleList {
  if (typeof by === 'string') return by
  const declarer = signOffs.find((signOff) => signOff.kind === 'emergency')?.person.id
  const isOut = (id: string) =>
    id === declarer ||
    (kind === 'approval' && id === requester.id) ||
    (changes === undefined && signOffs.some((signOff) => signOff.kind === kind && signOff.person.id === id))
  return by.filter((entry) => !isOut(entry))
}

function expiring({ expiresAt }: Release): string {
  return expiresAt === undefined ? '' : ` Expires on ${utc(expiresAt)}.`
}

const REPEATED = (step: StepName) => ({ there: `${step} was already done`, absent: `${step} is done again` })

/** What the next worker found of a step that was interrupted. */
const INTERRUPTED: Readonly<Record<StepName, { readonly there: string; readonly absent: string }>> = {
  announce: REPEATED('announce'),
  pick: {
    there: 'the picked commits had arrived on the branch',
    absent: 'the picked commits had not arrived, so they are pushed again',
  },
  record: {
    there: 'the sign-offs were already recorded',
    absent: 'the sign-offs were not recorded yet, so they are recorded now',
  },
  merge: {
    there: 'the pull request was already merged',
    absent: 'the pull request was not merged yet, so the merge is requested again',
  },
  sync: REPEATED('sync'),
  verify: REPEATED('verify'),
  migrate: {
    there: 'the migrations were already applied',
    absent: 'not all migrations were applied, so the rest is applied now',
  },
  push: { there: 'the push had arrived', absent: 'the push had not arrived, so it is made again' },
  confirm: REPEATED('confirm'),
  report: REPEATED('report'),
}

/** The sentence for each sign-off. */
const SIGNED: Readonly<Record<SignOffKind, (name: string, release: Release) => string>> = {
  qa: (name) => `QA passed by ${name}.`,
  approval: (name) => `${name} approved.`,
  'talked over': (name, { kind }) =>
    `${name} confirmed that the ${kind === 'rollback' ? 'rollback was' : 'migrations were'} discussed with the team.`,
  rejection: (name, { kind }) => `${name} rejected the ${kind === 'rollback' ? 'rollback' : 'release'}.`,
  emergency: (name) => `${name} says that this must go out now. The skipped sign-offs are still needed.`,
}

function withQuote(text: string, note: string | undefined): Drawn {
  if (note === undefined || note.trim() === '') return { text }
  const spokenNote = defused(note, 300)
  return {
    text: `${text} ${spokenNote}`,
    blocks: [rich(richSection([plainOf(text)]), quote(note, 2000))],
  }
}

/** Removes the escapes of a defused sentence: rich text parses nothing. */
function plainOf(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

function sentence(text: string, time?: string): string {
  if (time !== undefined) return together(text.replace(/\.$/, ''), `(${time}).`)
  return /[.!?…]$/.test(text) ? text : `${text}.`
}

function stepFailed(line: LineOf<'step failed'>, release: Release, { services }: People): Drawn {
  const webUrl = release.plan?.webUrl
  const words = problemWords(line.problem.because, { services, ...defined({ webUrl }) })
  const { unknown } = words
  const result = unknown === undefined ? `${capital(line.step)} failed` : `${capital(line.step)} has no known result`
  const after = duration(line.ms)
  const head: Line = [
    emoji(unknown === undefined ? 'x' : 'warning'),
    ' ',
    bold(result),
    ` after ${after}: ${words.why}.`,
  ]
  const open: Line[] =
    unknown === undefined
      ? []
      : [
          [bold('Not known: '), unknown.what],
          ...(unknown.look === undefined ? [] : [[bold('To check: '), code(unknown.look)]]),
        ]
  const stands = words.stands === undefined ? '' : ` ${defused(spoken(words.stands))}`
  return {
    text: `${result} after ${after}: ${defused(words.why, 400)}.${stands}`,
    blocks: [
      richLines([head, ...(words.stands === undefined ? [] : [words.stands]), ...open, ...words.next]),
      ...(words.list === undefined || words.list.length === 0 ? [] : [rich(bullets(words.list))]),
      ...outputBlocks(line.output.length > 0 ? line.output : (words.output ?? []), words.verbatim),
      gateLine(line.problem.because.gate),
    ],
  }
}

function outputBlocks(output: readonly string[], verbatim: string | undefined): KnownBlock[] {
  if (output.length === 0) return verbatim === undefined ? [] : [rich(preformatted(verbatim))]
  const { shown, count, of } = lastLines(output)
  return [rich(preformatted(shown)), ...(count < of ? [context(`The last ${count} of ${of} lines`)] : [])]
}
