/**
 * The outcome: the thread's last line, shown in the channel too. It mentions the requester, unless they are told in private; of an automatic
 * release that failed or needs attention, the authors.
 */
import type { KnownBlock } from '@slack/types'
import { isAutomatic } from '../../release/automatic.ts'
import { approvers, type Owed } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import type { Told } from '../../release/told-in-private.ts'
import { context, type Drawn, richLines, section } from './parts/blocks.ts'
import { isHeldByDispute } from './parts/disputed.ts'
import { quoted } from './parts/ended.ts'
import { whoSigned } from './parts/facts.ts'
import { anyOf, othersMentioned, type People } from './parts/people.ts'
import { defused } from './parts/text.ts'
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
    told,
    ...people
  }: People &
    RecordHead & {
      readonly environment: Environment
      readonly owed: readonly Owed[]
      /** The Slack ids of authors to mention. */
      readonly authors?: readonly string[]
      /** Who is told in private, and who is mentioned instead; absent: nobody is told in private. */
      readonly told?: Told
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
      ...whoMustPress(release, environment, owed, people, told),
      ...toAuthors(release, authors),
      context(
        `${whoSigned(release, {}, requesterOf(release, told))} · Record: ${events} events, head \`${hash(head)}\``,
      ),
    ],
  }
}

/** Needs attention: mentions those who can press Retry and Close and are not told in private, beside the requester. */
function whoMustPress(
  release: Release,
  environment: Environment,
  owed: readonly Owed[],
  people: People,
  told: Told | undefined,
): KnownBlock[] {
  if (release.state !== 'needs attention') return []
  const by = approvers(environment)
  const buttons = isHeldByDispute(release, owed) ? '*Close*' : '*Retry* and *Close*'
  if (typeof by === 'string') return [section(`${buttons}: ${anyOf(by, people, false)}`)]
  const also = told === undefined ? '' : othersMentioned(told.mentioned, [...by, release.requester.id], people)
  return [section(`${buttons}: ${anyOf(by, people, told?.mentioned ?? true)}${also && `.${also}`}`)]
}

const USER_ID = /^[UW][A-Z0-9]+$/

/** Mentioned, unless they are told in private. */
function requesterOf({ requester }: Release, told: Told | undefined): string {
  if (told !== undefined && !told.mentioned.includes(requester.id)) return defused(requester.name, 40)
  return USER_ID.test(requester.id) ? `<@${requester.id}>` : 'someone'
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
