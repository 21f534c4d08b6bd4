/** Why Signoff can't post in an environment's channel, and what to do. */
import type { Refusal } from '../../release/refusals.ts'
import { code, type Line } from './parts/blocks.ts'
import { displayName, type Hints, invite, tokenFix, type Words } from './parts/words.ts'

const inviteLine = (hints: Hints): Line => ['Signoff has to be in the channel: ', code(invite(hints)), '.']

const BY_ID: Line = [
  'A channel can also be named by its id in ',
  code('releases.yml'),
  ', such as ',
  code('C012AB3CD'),
  '.',
]

/** The words of the gate `channel_unreachable`. */
export function channelUnreachable(
  { channel, why, error }: Extract<Refusal, { gate: 'channel_unreachable' }>,
  hints: Hints,
): Words {
  const known = channel.startsWith('#') ? displayName(channel) : `the channel ${displayName(channel)}`
  switch (why) {
    case 'not a member':
      return {
        why: `Signoff is not in ${known}, where it has to announce this`,
        next: [
          ['Type ', code(invite(hints)), ' in that channel, then try again.'],
          ...(channel.startsWith('#') ? [BY_ID] : []),
        ],
      }
    case 'archived':
      return {
        why: `${known} is archived, and Signoff has to announce this there`,
        next: [
          ['Unarchive the channel, or set another ', code('channel'), ' in ', code('releases.yml'), '.'],
          inviteLine(hints),
        ],
      }
    case 'gone':
      return {
        why: `Signoff can’t find the channel ${known.startsWith('#') ? known : displayName(channel)}`,
        next: [['Set the right ', code('channel'), ' in ', code('releases.yml'), '.'], inviteLine(hints)],
      }
    case 'Slack did not answer':
      if (error !== undefined) {
        return {
          why: `Slack refuses Signoff’s token (${displayName(error)}), so it can’t announce this in ${known}`,
          next: [tokenFix(error)],
        }
      }
      return {
        why: `Slack did not answer whether Signoff can post in ${known}`,
        next: [['Try again in a minute.'], inviteLine(hints), ...(channel.startsWith('#') ? [BY_ID] : [])],
      }
  }
}
