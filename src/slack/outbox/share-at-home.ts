/** Where a shared report goes if Signoff can't post where it was asked for. */
import type { ChannelMessage } from '../../release/messages.ts'
import type { Sending } from './sending.ts'

/** Queues it for the channel of its environment, once. Returns whether there is another channel than the one that was tried. */
export async function shareAtHome({ ports }: Sending, message: ChannelMessage, key: string): Promise<boolean> {
  if (message.is !== 'report' || message.channel === undefined) return false
  const { channel: _channel, ...rest } = message
  await ports.store.transaction((tx) => tx.send({ kind: 'channel', key: `${key}:home`, message: rest }))
  return true
}
