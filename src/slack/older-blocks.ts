/** Posts a message with tables or charts to workspaces that may not take them yet. */
import type { SlackAnswer } from './clients.ts'
import type { Drawn } from './views/parts/blocks.ts'

/** Slack does not know a type of block, or the message is too long with it. */
const REFUSALS = ['invalid_blocks', 'msg_blocks_too_long']

/**
 * Posts it and, where Slack refuses its blocks, the same without the newer ones. Slack has posted nothing then, so that the
 * second post is no double.
 */
export async function withOlderBlocks<T>(
  drawn: Drawn,
  post: (drawn: Drawn) => Promise<SlackAnswer<T>>,
): Promise<SlackAnswer<T>> {
  const sent = await post(drawn)
  const { withoutNewer, ...rest } = drawn
  if (withoutNewer === undefined || sent.ok) return sent
  return sent.failure === 'refused' && REFUSALS.includes(sent.error) ? post({ ...rest, blocks: withoutNewer }) : sent
}
