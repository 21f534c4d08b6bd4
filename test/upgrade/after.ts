/** The version after takes over: the same store, the same Slack, the same DATA_DIR. People go on where they were. */
import type { Message } from '../../src/sandbox/slack/workspace.ts'
import { type Left, REASON } from './before.ts'
import { startBot, startWorker } from './roles.ts'
import { AFTER, type VersionProcess } from './versions.ts'
import type { Workplace } from './workplace.ts'

export const REJECTED = 'The search is too slow.'
export const CLOSED = 'The old dynos run, as the log says.'
export const DISCUSSED = 'With the database team: nothing writes there now.'

export interface TakenOver {
  readonly bot: VersionProcess
  readonly worker: VersionProcess
  /** What nobody has done when nothing went forward any more. */
  readonly owed: readonly string[]
  /** How many messages only Nora had seen when the version after was started, and when it had nothing more to do. */
  readonly privateBefore: number
  readonly privateAfter: number
  /** How many calls Slack had got by then. */
  readonly callsBefore: number
}

/** Starts the version after and lets people press, submit and deliver what they had before them. */
export async function takeOver(at: Workplace, left: Left): Promise<TakenOver> {
  const { slack, store } = at
  const privateBefore = seenBy(at, at.people.nora).length
  const callsBefore = slack.log.length
  const [bot, worker] = await Promise.all([startBot(at, AFTER), startWorker(at, AFTER, { lookEveryMs: 2_000 })])
  await at.byHand('api eu', 'alter table documents drop column language')
  await at.takesPushes('web failing', true)
  for (const press of Object.values(left.presses)) await slack.deliver(press)
  await slack.deliver(left.handledPress)
  const { dana, lin, tom, eve, ben, sam } = at.people
  await at.submit(lin, { Reason: REJECTED })
  await at.submit(tom, { Note: DISCUSSED })
  await at.submit(eve, { Reason: REASON })
  await at.submit(sam, { Reason: CLOSED })
  await at.submit(dana, { App: 'web', Environment: 'again' })
  await at.submit(ben, { Reason: REASON, 'Are you sure?': true })
  const owed = await store.still(left.numbers['web rolling'] ?? 0)
  return { bot, worker, owed, privateBefore, privateAfter: seenBy(at, at.people.nora).length, callsBefore }
}

/** The messages that only this person has seen, in order. */
export function seenBy({ slack }: Workplace, user: string): readonly Pick<Message, 'text' | 'blocks'>[] {
  return [...slack.ephemerals(user), ...slack.directMessages(user)].sort((one, other) => one.ts.localeCompare(other.ts))
}
