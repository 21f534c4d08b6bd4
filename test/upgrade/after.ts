/** Starts the version after on the same store, the same Slack and the same DATA_DIR. People continue where they were. */
import type { Message } from '../../src/sandbox/slack/workspace.ts'
import { START } from '../../src/slack/ids.ts'
import { type Left, REASON } from './before.ts'
import { startBot, startWorker } from './roles.ts'
import { AFTER, type VersionProcess } from './versions.ts'
import type { Workplace } from './workplace.ts'

export const REJECTED = 'The search is too slow.'
export const CLOSED = 'The old dynos run, as the log says.'
export const DISCUSSED = 'With the database team: nothing writes there now.'

export interface Upgraded {
  readonly bot: VersionProcess
  readonly worker: VersionProcess
  /** What is still undone after nothing moved any more. */
  readonly undone: readonly string[]
  /** How many private messages Nora has before the version after starts, and after it has settled. */
  readonly privateBefore: number
  readonly privateAfter: number
  /** How many calls Slack had received before the version after started. */
  readonly callsBefore: number
}

/** Upgrades, delivers the clicks, submits the open modals, and waits until everything is done or nothing moves any more. */
export async function upgrade(at: Workplace, left: Left): Promise<Upgraded> {
  const { slack, store } = at
  const privateBefore = privateMessages(at, at.people.nora).length
  const callsBefore = slack.log.length
  const [bot, worker] = await Promise.all([startBot(at, AFTER), startWorker(at, AFTER, { lookEveryMs: 2_000 })])
  await at.runSql('api eu', 'alter table documents drop column language')
  await at.allowPushes('web failing', true)
  for (const press of Object.values(left.presses)) await slack.deliver(press)
  await slack.deliver(left.handledPress)
  const { dana, lin, tom, eve, ben, sam } = at.people
  const approved = `select 1 from sign_off where release = ${left.numbers['api production']} and kind = 'approval'`
  await slack.waitFor(async () => (await store.query(approved)).length > 0, { what: 'the approval', silenceMs: 30_000 })
  await at.submit(lin, { Reason: REJECTED })
  await at.submit(tom, { Note: DISCUSSED })
  // The modal stays open and says what it starts.
  await at.submit(tom, { Note: DISCUSSED })
  await at.submit(eve, { Reason: REASON })
  await at.submit(sam, { Reason: CLOSED })
  await at.submit(dana, { App: 'web', Environment: 'again' })
  await at.submit(ben, { Reason: REASON, 'Are you sure?': true })
  const exceptFor = left.numbers['web rolling'] ?? 0
  await store.settle(exceptFor)
  // This version can't know whether a button of the one before asked, so a click that starts a release is asked again.
  await slack.deliver(await at.preparePrivatePress(eve, START))
  const undone = await store.settle(exceptFor)
  return { bot, worker, undone, privateBefore, privateAfter: privateMessages(at, at.people.nora).length, callsBefore }
}

/** The messages that only this person sees, in order. */
export function privateMessages({ slack }: Workplace, user: string): readonly Pick<Message, 'text' | 'blocks'>[] {
  return [...slack.ephemerals(user), ...slack.directMessages(user)].sort((one, other) => one.ts.localeCompare(other.ts))
}
