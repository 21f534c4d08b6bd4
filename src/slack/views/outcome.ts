/** The outcome: the thread's last line, shown in the channel too. The one message that mentions the requester. */
import type { KnownBlock } from '@slack/types'
import type { Owed } from '../../release/policy.ts'
import { irreversibleBegun, isEmergency, type Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { bold, commitLink, context, type Drawn, emoji, type Line, quote, rich, richLines } from './blocks.ts'
import { ender, expiredBecause } from './card-ends.ts'
import { cardText } from './card-text.ts'
import { problemOf, where } from './card-troubles.ts'
import { called, finalCommit, place, standing, took, whoSigned } from './facts.ts'
import { owedSpoken } from './owed.ts'
import type { People } from './people.ts'
import { STATE_EMOJI } from './states.ts'
import { cut, oneLine } from './text.ts'

/** How many events the release has, and the hash of its last one: with them the record can be checked from outside. */
export interface RecordHead {
  readonly events: number
  readonly head: string
}

/** How it ended, or that it needs attention: with the time taken, who signed, and the record's head. Broadcast. */
export function outcome(
  release: Release,
  facts: People & RecordHead & { readonly environment: Environment; readonly owed: readonly Owed[] },
): Drawn {
  return {
    text: cardText(release, facts),
    broadcast: true,
    blocks: [
      richLines([headLine(release, facts), ...below(release, facts)]),
      ...reason(release),
      context(`${whoSigned(release, mention(release))} · Record: ${facts.events} events, head \`${head(facts.head)}\``),
    ],
  }
}

function mention(release: Release): string {
  return /^[UW][A-Z0-9]+$/.test(release.requester.id) ? `<@${release.requester.id}>` : 'somebody'
}

function head(hash: string): string {
  return hash.replaceAll(/[^0-9a-f]/g, '').slice(0, 12)
}

function headLine(release: Release, facts: People & { environment: Environment; owed: readonly Owed[] }): Line {
  const say = (word: string, ...rest: Line): Line => [
    emoji(STATE_EMOJI[release.state]),
    ' ',
    bold(`${called(release)} ${word}`),
    ...rest,
  ]
  const by = ender(release)
  const who = by === undefined ? '' : ` by ${cut(oneLine(by), 40)}`
  const problem = problemOf(release, { services: facts.services })
  const why = problem === undefined ? '' : `: ${problem.why}`
  const time = took(release)
  switch (release.state) {
    case 'succeeded': {
      const commit = finalCommit(release)
      const runs: Line =
        commit === undefined
          ? []
          : [`: ${place(release)} runs `, commitLink(facts.services, release.plan?.webUrl, commit)]
      return say('succeeded', ...runs, `.${time === undefined ? '' : ` ${time}.`}`)
    }
    case 'failed':
      return say(`failed${where(release).at}`, `${why}.${time === undefined ? '' : ` ${time}.`}`)
    case 'needs attention':
      return problem?.unknown === undefined
        ? say('needs attention', `${why}.`)
        : say('needs attention', `: ${problem.unknown.question} It is not known ${problem.unknown.what}.`)
    case 'expired':
      return say('expired', `: ${expiredBecause(release, facts.environment, facts.owed)}.`)
    case 'outdated':
      return say('is outdated', `${why}.`)
    case 'refused':
      return say('was refused', `${why}.`)
    case 'rejected':
    case 'cancelled':
    case 'closed':
      return say(`was ${release.state}${who}`, `.${time === undefined ? '' : ` ${time}.`}`)
    default:
      return say(release.state, '.')
  }
}

/** What is true now, and what to do; a success says it in its own line, and what an emergency has left owed. */
function below(release: Release, facts: People & { environment: Environment; owed: readonly Owed[] }): Line[] {
  if (release.state === 'succeeded') {
    const isOwed = isEmergency(release) && facts.owed.length > 0
    return isOwed ? [[`Still owed: ${owedSpoken(facts.owed)}. The buttons for it are on the card.`]] : []
  }
  const next: Readonly<Partial<Record<Release['state'], Line>>> = {
    failed: [bold('Plan again'), ' on the card makes a new release.'],
    outdated: [bold('Plan again'), ' on the card makes a new release.'],
    expired: [bold('Plan again'), ' on the card makes a new release.'],
    refused: [bold('Plan again'), ' on the card makes a new release, once that is mended.'],
    'needs attention': [
      `${release.environment} stays busy until somebody presses `,
      bold('Retry'),
      ' or ',
      bold('Close'),
      ' on the card.',
    ],
  }
  const todo = next[release.state]
  const stands = irreversibleBegun(release.steps) ? undefined : problemOf(release, { services: facts.services })?.stands
  return [...standing(release, facts), ...(stands === undefined ? [] : [stands]), ...(todo === undefined ? [] : [todo])]
}

function reason(release: Release): KnownBlock[] {
  const text = release.endReason
  return text === undefined || text.trim() === '' ? [] : [rich(quote(text))]
}
