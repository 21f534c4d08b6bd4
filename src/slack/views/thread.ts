/** The thread's lines: one plain sentence each, past tense, the effect first and the duration last. */
import type { KnownBlock } from '@slack/types'
import type { ThreadLine } from '../../release/messages.ts'
import type { Owed } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import type { SignOffKind } from '../../release/terms.ts'
import { problemWords } from './failures.ts'
import { carriedLine, stillMissingLine } from './hotfix-thread.ts'
import { migrationsLine } from './migrations.ts'
import { outcome } from './outcome.ts'
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
import { calledInFull } from './parts/facts.ts'
import { gateLine } from './parts/gate-line.ts'
import { owedBy, owedLines } from './parts/owed.ts'
import type { People } from './parts/people.ts'
import { capital, defused, duration, lastLines, together, utc } from './parts/text.ts'

/** What a line needs beside itself. */
export interface ThreadFacts extends People {
  readonly environment: Environment
  readonly owed: readonly Owed[]
}

type Kind = ThreadLine['is']
type LineOf<Is extends Kind> = Extract<ThreadLine, { is: Is }>

const DRAW: { readonly [Is in Kind]: (line: LineOf<Is>, release: Release, facts: ThreadFacts) => Drawn } = {
  signed: ({ kind, person, note }) => withQuote(SIGNED[kind](defused(person.name, 40)), note),
  'step ended': ({ said, ms }) => ({ text: sentence(defused(said, 600), duration(ms)) }),
  'step failed': stepFailed,
  waiting: ({ what }) => ({ text: sentence(`Waits: ${defused(what, 600)}`) }),
  reminder,
  'cancel asked': ({ person, during }) => ({
    text:
      during === undefined
        ? `${defused(person.name, 40)} cancelled. No step starts any more.`
        : `${defused(person.name, 40)} cancelled. No new step starts; ${during} is settled, and told as it ends.`,
  }),
  retried: ({ person }) => ({
    text: `${defused(person.name, 40)} pressed Retry: the run goes on, and looks first at what is there.`,
  }),
  closed: ({ person, reason }, { environment }) =>
    withQuote(`${defused(person.name, 40)} closed it, and left things as they are. ${environment} is free.`, reason),
  carried: carriedLine,
  'still missing': (line, release, { services }) => stillMissingLine(line, services, release.plan?.webUrl),
  migrations: (_line, release, facts) => migrationsLine(release, facts),
  asked,
  note: ({ text }) => ({ text: defused(text, 2000) }),
  outcome: ({ events, head }, release, facts) => outcome(release, { ...facts, events, head }),
}

/** Draws one line of a release's thread. Lines without blocks are plain words: post them with `mrkdwn: false`. */
export function threadLine(line: ThreadLine, release: Release, facts: ThreadFacts): Drawn {
  return draw(line.is, line, release, facts)
}

function draw<Is extends Kind>(is: Is, line: LineOf<Is>, release: Release, facts: ThreadFacts): Drawn {
  return DRAW[is](line, release, facts)
}

/** The one line that mentions: whom the card, which was there before its plan, could not ask. */
function asked(_line: LineOf<'asked'>, release: Release, facts: ThreadFacts): Drawn {
  const planned = `${calledInFull(release)} is planned`
  if (release.state !== 'awaiting sign-off' || facts.owed.length === 0) return { text: `${planned}.` }
  const owing = owedLines(release, { ...facts, mentionGroups: true }, 'Owed')
  return {
    text: `${planned}, and awaits sign-off: ${owedBy(facts.owed, facts)}.`,
    blocks: [section(['It is planned, and awaits sign-off.', ...owing])],
  }
}

function reminder({ since, owed }: LineOf<'reminder'>, release: Release, people: People): Drawn {
  const owing = `${owedBy(owed, people)}. The buttons are on the card`
  return {
    text:
      since === 'emergency'
        ? `${calledInFull(release)} went out a day ago, and is still owed: ${owing}.`
        : `${calledInFull(release)} has waited ${together(4, 'hours')} without a sign-off. Owed: ${owing}${expiring(release)}.`,
  }
}

function expiring({ expiresAt }: Release): string {
  return expiresAt === undefined ? '' : `, and it expires on ${utc(expiresAt)}`
}

/** What a person said, by their name. */
const SIGNED: Readonly<Record<SignOffKind, (name: string) => string>> = {
  qa: (name) => `QA passed, says ${name}.`,
  approval: (name) => `${name} approved.`,
  'talked over': (name) => `The migrations are talked over, says ${name}.`,
  rejection: (name) => `${name} rejected it.`,
  emergency: (name) => `${name} says that it must go out now; what is owed stays owed.`,
}

function withQuote(text: string, note: string | undefined): Drawn {
  if (note === undefined || note.trim() === '') return { text }
  const spokenNote = defused(note, 300)
  return {
    text: `${text} ${spokenNote}`,
    blocks: [rich(richSection([plainOf(text)]), quote(note, 2000))],
  }
}

/** A defused sentence as rich text parses nothing: the escapes are taken back. */
function plainOf(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

function sentence(text: string, time?: string): string {
  const full = /[.!?…]$/.test(text) ? text : `${text}.`
  return time === undefined ? full : `${full} ${capital(time)}.`
}

function stepFailed(line: LineOf<'step failed'>, release: Release, { services }: People): Drawn {
  const webUrl = release.plan?.webUrl
  const words = problemWords(line.problem.because, { services, ...(webUrl === undefined ? {} : { webUrl }) })
  const { unknown } = words
  const said = unknown === undefined ? `${capital(line.step)} failed` : `${capital(line.step)} has no known end`
  const after = duration(line.ms)
  const head: Line = [
    emoji(unknown === undefined ? 'x' : 'warning'),
    ' ',
    bold(said),
    `${unknown === undefined ? '' : ','} after ${after}: ${words.why}.`,
  ]
  const open: Line[] =
    unknown === undefined
      ? []
      : [
          [bold('Not known: '), unknown.what],
          ...(unknown.look === undefined ? [] : [[bold('To look: '), code(unknown.look)]]),
        ]
  const stands = words.stands === undefined ? '' : ` ${defused(spoken(words.stands))}`
  return {
    text: `${said}${unknown === undefined ? '' : ','} after ${after}: ${defused(words.why, 400)}.${stands}`,
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
