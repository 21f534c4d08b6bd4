/**
 * The outcome: the thread's last line, shown in the channel too. The one message that mentions the requester; of an automatic
 * release that failed or needs attention, the authors.
 */
import type { KnownBlock } from '@slack/types'
import { isAutomatic } from '../../release/automatic.ts'
import { approvers, type Owed } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { context, type Drawn, richLines, section } from './parts/blocks.ts'
import { quoted } from './parts/ended.ts'
import { whoSigned } from './parts/facts.ts'
import { anyOf, type People } from './parts/people.ts'
import { problemOf } from './problem.ts'
import { STATE_VIEWS } from './state/index.ts'

/** How many events the release has, and the hash of its last one: with them the record can be checked from outside. */
export interface RecordHead {
  readonly events: number
  readonly head: string
}

/** How it ended, or that it needs attention: with the time taken, who signed, and the record's head. Broadcast. */
export function outcome(
  release: Release,
  {
    environment,
    owed,
    events,
    head,
    authors = [],
    ...people
  }: People &
    RecordHead & {
      readonly environment: Environment
      readonly owed: readonly Owed[]
      /** The Slack ids of authors to mention. */
      readonly authors?: readonly string[]
    },
): Drawn {
  const { services } = people
  const { text, outcome: lines } = STATE_VIEWS[release.state]
  const facts = { services, environment, owed, problem: problemOf(release, { services }) }
  return {
    text: text(release, facts),
    ...(isForChannel(release) && { broadcast: true as const }),
    blocks: [
      richLines(lines(release, facts)),
      ...quoted(release.endReason),
      ...whoMustPress(release, environment, people),
      ...toAuthors(release, authors),
      context(`${whoSigned(release, {}, mention(release))} · Record: ${events} events, head \`${hash(head)}\``),
    ],
  }
}

/** Needs attention: mentions those who can press Retry and Close, beside the requester. */
function whoMustPress(release: Release, environment: Environment, people: People): KnownBlock[] {
  if (release.state !== 'needs attention') return []
  const by = approvers(environment)
  if (typeof by === 'string') return [section(`*Retry* and *Close*: ${anyOf(by, people, false)}`)]
  return [section(`*Retry* and *Close*: ${anyOf(by, people, true)}`)]
}

const USER_ID = /^[UW][A-Z0-9]+$/

function mention(release: Release): string {
  return USER_ID.test(release.requester.id) ? `<@${release.requester.id}>` : 'someone'
}

/**
 * An automatic release that was refused has just been told by its card, and one that newer commits have made outdated is
 * followed by theirs.
 */
function isForChannel(release: Release): boolean {
  return !(isAutomatic(release) && (release.state === 'refused' || release.state === 'outdated'))
}

/** How many authors are mentioned at most. */
export const MOST_AUTHORS = 10

/** Nobody requested it, so that those who wrote the commits learn that it stopped. */
function toAuthors(release: Release, authors: readonly string[]): KnownBlock[] {
  if (!mentionsAuthors(release)) return []
  const mentioned = authors.filter((id) => USER_ID.test(id)).slice(0, MOST_AUTHORS)
  return mentioned.length === 0 ? [] : [section(`Commits by ${mentioned.map((id) => `<@${id}>`).join(', ')}`)]
}

/** Whether the outcome mentions the authors of the commits. */
export function mentionsAuthors(release: Release): boolean {
  return isAutomatic(release) && (release.state === 'failed' || release.state === 'needs attention')
}

function hash(head: string): string {
  return head.replaceAll(/[^0-9a-f]/g, '').slice(0, 12)
}
