/** Slack keeps refusing a message for the channel: its requester is told what the channel does not show, and why. */
import { owed } from '../../../release/policy.ts'
import { hasEnded } from '../../../release/terms.ts'
import { cardText } from '../card-text.ts'
import { type Drawn, section } from '../parts/blocks.ts'
import { defused } from '../parts/text.ts'
import type { MessageOf, PrivateFacts } from './private-facts.ts'

const WHAT = {
  card: 'the card',
  line: 'a line in the thread',
  outcome: 'the last word',
} as const

/** What the channel does not show, why, and how the release stands all the same. */
export function notTaken(
  { number, what, channel, error, isGivenUp }: MessageOf<'not taken'>,
  { release, services, environment }: PrivateFacts,
): Drawn {
  const where = defused(channel, 60)
  const tried = isGivenUp ? 'It is not tried again.' : 'It is tried again until the release ends.'
  const first = `Slack does not take ${WHAT[what]} of release #${number} in ${where}: ${error.replaceAll(/[^a-z_]/g, '')}. ${tried}`
  const stands =
    release && environment ? cardText(release, { services, environment, owed: owed(environment, release) }) : ''
  const stop = release && !hasEnded(release.state) ? [`To stop it: \`/deploy cancel ${number}\``] : []
  return {
    text: [first, stands].filter((one) => one !== '').join(' '),
    blocks: [
      section([
        `:warning: ${first}`,
        `See that ${where} is there and not archived, and that the bot is in it: \`/invite @Signoff\``,
      ]),
      ...(stands === '' ? [] : [section([stands, ...stop])]),
    ],
  }
}
