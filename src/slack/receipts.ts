/** The button of a receipt: **That was not me**. */

import type { Disputed } from '../release/receipt-service.ts'
import type { Subject } from '../release/subjects.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { type Reply, refused, STALE } from './replies.ts'
import { STATE_VIEWS } from './views/state/index.ts'

interface ReceiptPress {
  readonly arrival: Extract<Arrival, { is: 'press' }>
  readonly subject: Subject
}

/** Makes the sign-off void, and says what that did. */
export async function pressNotMe({ service }: HandlerPorts, { arrival, subject }: ReceiptPress): Promise<Reply> {
  if (subject.is !== 'sign-off') return STALE
  const outcome = await service.receipts.dispute({ signOff: subject, by: arrival.user, key: arrival.id })
  return 'refused' in outcome ? refused(outcome.refused) : { is: 'done', text: answerWords(outcome) }
}

const ACCOUNT =
  'If somebody else can use your Slack account, sign out of all other sessions and tell your Slack administrator.'

function answerWords({ release, effect }: Exclude<Disputed, { refused: unknown }>): string {
  const { number } = release
  if (effect === undefined) {
    return `You have said so before: your sign-off is void. #${number} ${STATE_VIEWS[release.state].inSentence}.`
  }
  switch (effect) {
    case 'rejected':
    case 'cancelled':
      return `Your sign-off is void, and #${number} is ${effect}. The channel is told. ${ACCOUNT}`
    case 'stopping':
      return `Your sign-off is void, and #${number} stops: no new step starts. The channel is told. ${ACCOUNT}`
    case 'held':
      return `Your sign-off is void. #${number} needs attention and stays as it is; Retry is refused while it lacks a sign-off. The channel is told. ${ACCOUNT}`
    case 'ended':
      return `Your sign-off is void. #${number} had ended before, so nothing else was changed. Those who may approve are told in the channel. ${ACCOUNT}`
  }
}
