/** The outcome: the thread's last line, shown in the channel too. The one message that mentions the requester. */
import type { KnownBlock } from '@slack/types'
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
    ...people
  }: People & RecordHead & { readonly environment: Environment; readonly owed: readonly Owed[] },
): Drawn {
  const { services } = people
  const { text, outcome: lines } = STATE_VIEWS[release.state]
  const facts = { services, environment, owed, problem: problemOf(release, { services }) }
  return {
    text: text(release, facts),
    broadcast: true,
    blocks: [
      richLines(lines(release, facts)),
      ...quoted(release.endReason),
      ...whoMustPress(release, environment, people),
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

function mention(release: Release): string {
  return /^[UW][A-Z0-9]+$/.test(release.requester.id) ? `<@${release.requester.id}>` : 'someone'
}

function hash(head: string): string {
  return head.replaceAll(/[^0-9a-f]/g, '').slice(0, 12)
}
