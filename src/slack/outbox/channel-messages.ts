/** Sends what a channel is told that belongs to no release. */
import { figuresAsked } from '../../release/figures.ts'
import type { ChannelMessage, OutboxMessage } from '../../release/messages.ts'
import type { Posting } from '../../release/ports/deliveries.ts'
import { environmentOf } from '../drawing.ts'
import { notDeployed } from '../views/channel-message.ts'
import type { Drawn } from '../views/parts/blocks.ts'
import { report } from '../views/report.ts'
import { post } from './post.ts'
import type { Sending } from './sending.ts'

/** Makes one try. Afterwards the posting is confirmed, postponed or given up. */
export async function sendToChannel(
  sending: Sending,
  posting: Posting,
  { key, message }: Extract<OutboxMessage, { kind: 'channel' }>,
): Promise<void> {
  const { apps, outbox } = sending.ports
  const environment = environmentOf(apps, message)
  if (environment === undefined) return outbox.giveUp(posting.id, 'its environment is no longer declared')
  const channel = (message.is === 'report' ? message.channel : undefined) ?? environment.channel
  const drawn = await draw(sending, message)
  await post(sending, posting, { channel, drawn, key }, { environment: { ...environment, channel } })
}

async function draw({ ports }: Sending, message: ChannelMessage): Promise<Drawn> {
  if (message.is === 'not deployed') return notDeployed(message, { services: ports.services })
  const { of, by } = message
  return report(of, { ...(await ports.store.figures(figuresAsked(of))), by: by.name })
}
