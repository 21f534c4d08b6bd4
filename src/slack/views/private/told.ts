/** What people are told of a release in a direct message without having asked: reminders, and releases that wait for them. */

import { cardText } from '../card-text.ts'
import { type Drawn, section } from '../parts/blocks.ts'
import { kindCalled, where } from '../parts/facts.ts'
import { SIGN_OFF_WORD } from '../parts/owed.ts'
import { subject } from '../parts/sentence.ts'
import { date, defused, together, utc } from '../parts/text.ts'
import { linkedName, type MessageOf, type PrivateFacts, plainMessage } from './private-facts.ts'

/** The buttons of the card by which each is given. */
const PRESS = { qa: 'QA passed', approval: 'Approve', 'talked over': 'Talked over' } as const

/** To a person who can give what is owed. */
export function reminder({ number, kinds }: MessageOf<'reminder'>, facts: PrivateFacts): Drawn {
  const { release } = facts
  if (release === undefined) return plainMessage(`${kindCalled({ kind: 'deploy', number })} waits for your sign-off.`)
  const what = kinds.map((kind) => SIGN_OFF_WORD[kind]).join(' and ')
  const press = kinds.map((kind) => `*${PRESS[kind]}*`).join(' or ')
  const hours = together(4, 'hours')
  const { expiresAt } = release
  const ends = expiresAt === undefined ? [] : [`It expires on ${date(expiresAt)}.`]
  return {
    text: `${subject(release)} has waited ${hours} for ${what}. Press ${press.replaceAll('*', '')} on its card.${expiresAt === undefined ? '' : ` It expires on ${utc(expiresAt)}.`}`,
    blocks: [
      section([
        `:hourglass_flowing_sand: *${linkedName(release, facts)} (${defused(where(release), 120)}) has waited ${hours} for ${what}*`,
        [`Press ${press} on its card.`, ...ends].join(' '),
      ]),
    ],
  }
}

/** To its requester, and to who may retry. */
export function needsAttention({ number }: MessageOf<'needs attention'>, facts: PrivateFacts): Drawn {
  return onCard(number, facts, 'warning', 'needs attention')
}

/** To its requester, who may be doing something else until its time. */
export function missed({ number }: MessageOf<'missed'>, facts: PrivateFacts): Drawn {
  const at = facts.release?.schedule?.at
  const before = at === undefined ? 'it started' : `it started at its time, ${date(at)}`
  const told = onCard(number, facts, 'repeat', `became outdated before ${before}`)
  return { ...told, text: at === undefined ? told.text : `${told.text} It was to start at ${utc(at)}.` }
}

/** A head with the link to the card, and the card as sentences, which say what to do next. */
function onCard(number: number, facts: PrivateFacts, emoji: string, what: string): Drawn {
  const { release, environment, services } = facts
  if (release === undefined || environment === undefined) {
    return plainMessage(`${kindCalled({ kind: release?.kind ?? 'deploy', number })} ${what}. Look at its card.`)
  }
  const text = cardText(release, { services, environment, owed: [] })
  return {
    text,
    blocks: [section([`:${emoji}: *${linkedName(release, facts)} (${defused(where(release), 120)}) ${what}*`, text])],
  }
}
