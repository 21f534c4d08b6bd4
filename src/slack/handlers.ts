/** Dispatches each arrival, and sends the answer. The release service decides everything about releases. */
import { defined } from '../lib/defined.ts'
import type { PrivateMessage } from '../release/messages.ts'
import { runCommand } from './commands.ts'
import { pressInHome } from './home/presses.ts'
import { pressInModal } from './modal-button.ts'
import { contextOf } from './modal-window.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { press } from './press.ts'
import { answer, JUST_NOW } from './private-answer.ts'
import { type Reply, refused } from './replies.ts'
import { submit } from './submissions.ts'

/** Where the answer to one person goes. */
interface Person {
  readonly user: string
  readonly responseUrl?: string
  /** By the store's clock, which may differ from this host's. */
  readonly asked: Date | typeof JUST_NOW
  readonly key: string
}

export interface Handling {
  readonly fresh: boolean
  readonly asked: Date
  /** Shows the reply where the person is. Returns whether that was enough: then nothing is told privately. */
  readonly show?: (reply: Reply) => Promise<boolean>
}

/**
 * Handles an arrival, and answers. `fresh`: its trigger can still open a modal; a sweep after a crash is too late for
 * that. Safe to repeat: each change is keyed by the arrival or by its meaning.
 */
export async function handle(ports: HandlerPorts, arrival: Arrival, { fresh, asked, show }: Handling): Promise<void> {
  if (arrival.is === 'home opened') {
    const { user, hash } = arrival
    return ports.home.opened(user, fresh ? { hash } : { at: asked })
  }
  const message = await respondTo(ports, arrival, fresh)
  if (await show?.(message)) return
  if (message === undefined || (!fresh && isAlreadyDone(arrival, message))) return
  const responseUrl = answerAddress(arrival)
  await tell(
    ports,
    { user: arrival.user, ...defined({ responseUrl }), asked: fresh ? JUST_NOW : asked, key: arrival.id },
    message,
  )
}

/** The address for a private answer: a modal has that of the command or button that opened it. */
export function answerAddress(arrival: Arrival): string | undefined {
  if (arrival.is === 'home opened' || arrival.is === 'in home') return undefined
  return 'metadata' in arrival ? contextOf(arrival.metadata)?.responseUrl : arrival.responseUrl
}

/** After a crash, an action that succeeded the first time is refused as already done: not worth an answer. */
function isAlreadyDone(arrival: Arrival, message: PrivateMessage): boolean {
  if (message.is !== 'refusal' || arrival.is === 'command') return false
  const { refusal } = message
  return refusal.gate === 'already_signed' || (refusal.gate === 'already_decided' && refusal.by?.id === arrival.user)
}

/** Answers now; an answer that Slack does not accept now goes into the outbox. */
async function tell(
  ports: HandlerPorts,
  { user, responseUrl, asked, key }: Person,
  message: PrivateMessage,
): Promise<void> {
  const to = { to: user, ...defined({ responseUrl }), message }
  const at = asked === JUST_NOW ? asked : asked.toISOString()
  if ((await answer(ports, { ...to, asked: at })) === 'answered') return
  await ports.store.transaction((tx) => {
    const stored = asked === JUST_NOW ? tx.now : asked
    return tx.send({ kind: 'private', key: `answer:${key}`, ...to, asked: stored.toISOString() })
  })
}

async function respondTo(
  ports: HandlerPorts,
  arrival: Exclude<Arrival, { is: 'home opened' }>,
  fresh: boolean,
): Promise<Reply> {
  if (arrival.is !== 'command' && arrival.isForeign) {
    return refused({ gate: 'not_a_member', why: 'other workspace' })
  }
  switch (arrival.is) {
    case 'command':
      return runCommand(ports, arrival, fresh)
    case 'press':
      return press(ports, arrival, fresh)
    case 'in a modal':
      return pressInModal(ports, arrival, fresh)
    case 'in home':
      return pressInHome(ports, arrival, fresh)
    case 'submission':
      return submit(ports, arrival)
  }
}
