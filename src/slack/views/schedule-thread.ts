/** The thread's lines about a release with a time. */
import type { ThreadLine } from '../../release/messages.ts'
import type { Release } from '../../release/release.ts'
import { problemWords } from './failures.ts'
import { bold, type Drawn, emoji, type Line, richDate, richLines, spoken } from './parts/blocks.ts'
import { gateLine } from './parts/gate-line.ts'
import { owedBy } from './parts/owed.ts'
import type { People } from './parts/people.ts'
import { richStartsAt, scheduleOf, startsAtSpoken } from './parts/schedule.ts'
import { cut, defused, duration, oneLine, utc } from './parts/text.ts'

type LineOf<Is extends ThreadLine['is']> = Extract<ThreadLine, { is: Is }>

/** One line, with the time in each reader's own zone, and in the requester's where it is plain. */
function timed(lead: string, at: Parameters<typeof scheduleOf>[0], rest: string): Drawn {
  const schedule = scheduleOf(at)
  return {
    text: `${defused(lead)} ${startsAtSpoken(schedule)}${rest}`,
    blocks: [richLines([[`${cut(oneLine(lead), 300)} `, richStartsAt(schedule), rest]])],
  }
}

export function scheduledLine(line: LineOf<'scheduled'>): Drawn {
  return timed('Scheduled. It starts by itself:', line, '.')
}

export function timeChangedLine(line: LineOf<'time changed'>): Drawn {
  return timed(`${cut(oneLine(line.person.name), 40)} changed its time. It now starts:`, line, '. Its sign-offs stay.')
}

export function startNowLine({ person }: LineOf<'start now'>): Drawn {
  return { text: `${defused(person.name, 40)} pressed Start now.` }
}

export function startHeldLine({ because, until }: LineOf<'start held'>, release: Release, people: People): Drawn {
  const words = problemWords(because, people)
  const end = new Date(until)
  const head: Line = [
    emoji('warning'),
    ' ',
    bold('Its time has come, and it can’t start'),
    `: ${words.why}. It starts as soon as that ends. It expires: `,
    richDate(end),
    '.',
  ]
  return {
    text: `The time of #${release.number} has come, and it can’t start: ${defused(words.why, 400)}. It starts as soon as that ends, and expires on ${utc(end)}. ${defused(words.next.map(spoken).join(' '), 400)}`.trimEnd(),
    blocks: [richLines([head, ...words.next]), gateLine(because.gate)],
  }
}

export function unsignedLine({ owed, until }: LineOf<'unsigned'>, release: Release, people: People): Drawn {
  const end = new Date(until)
  const lead = `Its time has come, and it still needs ${owedBy(owed, people)}. The last sign-off starts it. It expires`
  return {
    text: `The time of #${release.number} has come, and it still needs ${defused(owedBy(owed, people), 300)}. The last sign-off starts it. It expires on ${utc(end)}.`,
    blocks: [richLines([[`${lead}: `, richDate(end), '.']])],
  }
}

export function lateLine(line: LineOf<'late'>): Drawn {
  return timed(`It starts ${duration(line.ms)} late. Its time was:`, line, '.')
}
