/** Sends what a channel is told that belongs to no release. */
import type { OutboxMessage } from '../../release/messages.ts'
import type { Posting } from '../../release/ports/deliveries.ts'
import { environmentOf } from '../drawing.ts'
import { channelMessage } from '../views/channel-message.ts'
import { post } from './post.ts'
import type { Sending } from './sending.ts'

/** Makes one try. Afterwards the posting is confirmed, postponed or given up. */
export async function sendToChannel(
  sending: Sending,
  posting: Posting,
  { key, message }: Extract<OutboxMessage, { kind: 'channel' }>,
): Promise<void> {
  const { apps, outbox, services } = sending.ports
  const environment = environmentOf(apps, message)
  if (environment === undefined) return outbox.giveUp(posting.id, 'its environment is no longer declared')
  const drawn = channelMessage(message, { services })
  await post(sending, posting, { channel: environment.channel, drawn, key }, { environment })
}
