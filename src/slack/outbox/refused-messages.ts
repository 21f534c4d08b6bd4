/** The private message to the requester when Slack rejects a message for the channel. */

import { isAutomatic } from '../../release/automatic.ts'
import type { OutboxMessage } from '../../release/messages.ts'
import type { Transaction } from '../../release/ports/store.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { hasEnded } from '../../release/terms.ts'
import { privateMessage } from '../../release/thread.ts'

/** Puts it into the outbox, once for each kind of message of a release, or once for each `occasion` that is given. */
export async function reportRefused(
  tx: Transaction,
  message: Extract<OutboxMessage, { kind: 'card' | 'line' | 'outcome' }>,
  error: string,
  about: { readonly release: Release; readonly environment: Environment; readonly isGivenUp: boolean },
  occasion: string = occasionOf(message, about.release),
): Promise<void> {
  const { release, environment, isGivenUp } = about
  // Nobody requested it; the log has told the operator.
  if (isAutomatic(release)) return
  const { number } = release
  const { channel } = environment
  const notice = { is: 'not taken' as const, number, what: message.kind, channel, error, isGivenUp }
  await tx.send(privateMessage(release, `not-taken:${occasion}`, notice))
}

/** A missing card is reported again when the release ends or needs attention. */
function occasionOf(message: Extract<OutboxMessage, { kind: 'card' | 'line' | 'outcome' }>, release: Release): string {
  if (message.kind === 'outcome') return message.key
  if (message.kind === 'line') return 'line'
  if (hasEnded(release.state)) return 'card:ended'
  return release.state === 'needs attention' ? `card:attention:${release.attempt}` : 'card'
}
