/** Hands each arrival to what it is for, and sends the answer. Nothing here, or there, decides about releases. */
import type { PrivateMessage } from '../release/messages.ts'
import { runCommand } from './commands.ts'
import { contextOf } from './modal-window.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { press } from './press.ts'
import { answer } from './private-answer.ts'
import { type Reply, refused } from './replies.ts'
import { submit } from './submissions.ts'

/** Where the answer to one person goes. */
interface Person {
  readonly user: string
  readonly responseUrl?: string
  readonly asked: Date
  readonly key: string
}

/**
 * Handles what has arrived, and answers. `fresh`: its trigger still opens a modal; a sweep after a crash comes too
 * late for that. Safe to repeat: what it changes is keyed by the arrival or by its meaning.
 */
export async function handle(
  ports: HandlerPorts,
  arrival: Arrival,
  { fresh, asked }: { fresh: boolean; asked: Date },
): Promise<void> {
  const message = await respondTo(ports, arrival, fresh)
  if (message === undefined || (!fresh && saysOnlyThatItIsDone(arrival, message))) return
  const responseUrl = answerAddress(arrival)
  await tell(
    ports,
    { user: arrival.user, ...(responseUrl !== undefined && { responseUrl }), asked, key: arrival.id },
    message,
  )
}

/** Where Slack takes a private answer to it: a modal's is that of the command or button which opened it. */
export function answerAddress(arrival: Arrival): string | undefined {
  return arrival.is === 'submission' ? contextOf(arrival.metadata)?.responseUrl : arrival.responseUrl
}

/** Handled again after a crash, what was done the first time is refused as done already: that is no news for who did it. */
function saysOnlyThatItIsDone(arrival: Arrival, message: PrivateMessage): boolean {
  if (message.is !== 'refusal' || arrival.is === 'command') return false
  const { refusal } = message
  return refusal.gate === 'already_signed' || (refusal.gate === 'already_decided' && refusal.by?.id === arrival.user)
}

/** Answers now; what Slack does not take now goes into the outbox. */
async function tell(
  ports: HandlerPorts,
  { user, responseUrl, asked, key }: Person,
  message: PrivateMessage,
): Promise<void> {
  const to = { to: user, ...(responseUrl !== undefined && { responseUrl }), asked: asked.toISOString(), message }
  if ((await answer(ports, to)) === 'answered') return
  await ports.store.transaction((tx) => tx.send({ kind: 'private', key: `answer:${key}`, ...to }))
}

async function respondTo(ports: HandlerPorts, arrival: Arrival, fresh: boolean): Promise<Reply> {
  if (arrival.is !== 'command' && arrival.isForeign) {
    return refused({ gate: 'not_a_member', why: 'other workspace' })
  }
  switch (arrival.is) {
    case 'command':
      return runCommand(ports, arrival, fresh)
    case 'press':
      return press(ports, arrival, fresh)
    case 'submission':
      return submit(ports, arrival)
  }
}
