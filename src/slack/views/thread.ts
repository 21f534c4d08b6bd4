/** The thread's lines: one plain sentence each, past tense, the effect first and the duration last. */
import type { KnownBlock } from '@slack/types'
import type { ThreadLine } from '../../release/messages.ts'
import type { Owed } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import type { SignOffKind } from '../../release/terms.ts'
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
} from './blocks.ts'
import { calledInFull } from './facts.ts'
import { problemWords } from './failures.ts'
import { carriedLine, stillMissingLine } from './hotfix-thread.ts'
import { migrationsLine } from './migrations.ts'
import { outcome } from './outcome.ts'
import { owedBy, owedLines } from './owed.ts'
import type { People } from './people.ts'
import { gateLine } from './refusal-message.ts'
import { capital, defused, duration, lastLines, together, utc } from './text.ts'

/** What a line needs beside itself. */
export interface ThreadFacts extends People {
  readonly environment: Environment
  readonly owed: readonly Owed[]
}

/** Draws one line of a release's thread. Lines without blocks are plain words: post them with `mrkdwn: false`. */
export function threadLine(line: ThreadLine, release: Release, facts: ThreadFacts): Drawn {
  switch (line.is) {
    case 'signed':
      return withQuote(signed(line.kind, defused(line.person.name, 40)), line.note)
    case 'step ended':
      return { text: sentence(`${defused(line.said, 600)}`, duration(line.ms)) }
    case 'step failed':
      return stepFailed(line, release, facts)
    case 'waiting':
      return { text: sentence(`Waits: ${defused(line.what, 600)}`) }
    case 'reminder':
      return { text: reminder(line, release, facts) }
    case 'cancel asked': {
      const who = `${defused(line.person.name, 40)} cancelled.`
      return {
        text:
          line.during === undefined
            ? `${who} No step starts any more.`
            : `${who} No new step starts; ${line.during} is settled, and told as it ends.`,
      }
    }
    case 'retried':
      return {
        text: `${defused(line.person.name, 40)} pressed Retry: the run goes on, and looks first at what is there.`,
      }
    case 'closed':
      return withQuote(
        `${defused(line.person.name, 40)} closed it, and left things as they are. ${release.environment} is free.`,
        line.reason,
      )
    case 'carried':
      return carriedLine(line)
    case 'still missing':
      return stillMissingLine(line, facts.services, release.plan?.webUrl)
    case 'migrations':
      return migrationsLine(release, facts)
    case 'asked':
      return asked(release, facts)
    case 'note':
      return { text: defused(line.text, 2000) }
    case 'outcome':
      return outcome(release, { ...facts, events: line.events, head: line.head })
  }
}

/** The one line that mentions: whom the card, which was there before its plan, could not ask. */
function asked(release: Release, facts: ThreadFacts): Drawn {
  const planned = `${calledInFull(release)} is planned`
  if (release.state !== 'awaiting sign-off' || facts.owed.length === 0) return { text: `${planned}.` }
  const owing = owedLines(release, { ...facts, mentionGroups: true }, 'Owed')
  return {
    text: `${planned}, and awaits sign-off: ${owedBy(facts.owed, facts)}.`,
    blocks: [section(['It is planned, and awaits sign-off.', ...owing])],
  }
}

function reminder({ since, owed }: Extract<ThreadLine, { is: 'reminder' }>, release: Release, people: People): string {
  const owing = `${owedBy(owed, people)}. The buttons are on the card`
  return since === 'emergency'
    ? `${calledInFull(release)} went out a day ago, and is still owed: ${owing}.`
    : `${calledInFull(release)} has waited ${together(4, 'hours')} without a sign-off. Owed: ${owing}${expiring(release)}.`
}

function expiring({ expiresAt }: Release): string {
  return expiresAt === undefined ? '' : `, and it expires on ${utc(expiresAt)}`
}

function signed(kind: SignOffKind, name: string): string {
  switch (kind) {
    case 'qa':
      return `QA passed, says ${name}.`
    case 'approval':
      return `${name} approved.`
    case 'talked over':
      return `The migrations are talked over, says ${name}.`
    case 'rejection':
      return `${name} rejected it.`
    case 'emergency':
      return `${name} says that it must go out now; what is owed stays owed.`
  }
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

function stepFailed(line: Extract<ThreadLine, { is: 'step failed' }>, release: Release, { services }: People): Drawn {
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
