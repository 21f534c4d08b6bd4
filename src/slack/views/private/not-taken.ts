/** Slack keeps rejecting a message for the channel: tells the requester what the channel does not show, and why. */
import { owed } from '../../../release/policy.ts'
import { hasEnded } from '../../../release/terms.ts'
import { cardText } from '../card-text.ts'
import { type Drawn, section } from '../parts/blocks.ts'
import { defused } from '../parts/text.ts'
import { invite } from '../parts/words.ts'
import type { MessageOf, PrivateFacts } from './private-facts.ts'

const WHAT = {
  card: 'the card',
  line: 'a message in the thread',
  outcome: 'the outcome',
} as const

/** What the channel does not show, why, and the state of the release. */
export function notTaken(
  { number, what, channel, error, isGivenUp }: MessageOf<'not taken'>,
  { release, environment, ...facts }: PrivateFacts,
): Drawn {
  const where = defused(channel, 60)
  const isFirstCard = what === 'card' && release?.card === undefined
  const retries = isFirstCard
    ? 'Signoff retries until the release ends.'
    : 'Signoff retries for a week, so nothing is lost.'
  const tried = isGivenUp ? 'Signoff does not retry.' : retries
  const first = `Slack rejects ${WHAT[what]} of release #${number} in ${where}: ${error.replaceAll(/[^a-z_]/g, '')}. ${tried}`
  const stands =
    release && environment ? cardText(release, { ...facts, environment, owed: owed(environment, release) }) : ''
  const stop = release && !hasEnded(release.state) ? [`To cancel it: \`/deploy cancel ${number}\``] : []
  return {
    text: [first, stands].filter((one) => one !== '').join(' '),
    blocks: [
      section([
        `:warning: ${first}`,
        `Check that ${where} exists and is not archived, and that Signoff is in it: \`${defused(invite(facts), 100)}\``,
      ]),
      ...(stands === '' ? [] : [section([stands, ...stop])]),
    ],
  }
}
