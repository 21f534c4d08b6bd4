/** Scheduled: nothing is owed, and the release waits for its time, at which the bot's tick or **Start now** approves it. */
import { isSameConfiguration } from '../configuration.ts'
import { environmentFrozen } from '../environment-frozen.ts'
import type { Transaction } from '../ports/store.ts'
import type { Refusal } from '../refusals.ts'
import type { Release } from '../release.ts'
import { isDue, lateMs, type Schedule, scheduleRefusal, startsUntil } from '../schedule.ts'
import type { Environment } from '../settings.ts'
import { heldAtStart } from '../start-conditions.ts'
import { addThreadLine } from '../thread.ts'
import { approve } from './approved.ts'
import { stop } from './ended.ts'
import { assertTransition, deliveryData, nameOf, type Transition } from './transition.ts'

/** Its last sign-off is given before its time. */
export async function scheduled(tx: Transaction, release: Release): Promise<void> {
  const { number, schedule } = release
  if (schedule === undefined) throw new Error(`#${number} has no time to wait for`)
  assertTransition(release, 'scheduled')
  await tx.changeRelease(number, { state: 'scheduled' })
  await noteScheduled(tx, number, schedule)
}

/** The event and the thread's line of a release that has become `scheduled`. */
export async function noteScheduled(tx: Transaction, number: number, { at, timeZone }: Schedule): Promise<void> {
  const data = { at: at.toISOString(), timeZone }
  tx.addEvent({ release: number, type: 'release_scheduled', actor: 'bot', data })
  await addThreadLine(tx, number, `scheduled:${data.at}`, { is: 'scheduled', ...data })
}

/** Approves a release whose time, if it has one, has come; the thread says if that is late. */
export async function startAtItsTime(tx: Transaction, release: Release): Promise<void> {
  if (release.problem !== undefined) await tx.changeRelease(release.number, { problem: undefined })
  await noteLate(tx, release)
  await approve(tx, release)
}

/** Says in the thread, once, that a release starts late. */
export async function noteLate(tx: Transaction, { number, schedule }: Release): Promise<void> {
  const ms = schedule && lateMs(schedule, tx.now)
  if (schedule === undefined || ms === undefined) return
  const { at, timeZone } = schedule
  await addThreadLine(tx, number, 'late', { is: 'late', at: at.toISOString(), timeZone, ms })
}

/**
 * The bot's tick: starts a scheduled release whose time has come. What holds it back is told once, and may do so for an hour;
 * then the release expires. Does nothing before its time. The environment must be locked. Safe to repeat.
 */
export async function startIfDue(
  tx: Transaction,
  release: Release,
  environment: Environment | undefined,
): Promise<void> {
  const { number, schedule } = release
  if (release.state !== 'scheduled' || schedule === undefined || !isDue(release, tx.now)) return
  const until = startsUntil(schedule)
  const held = await whatHolds(tx, release, environment)
  if (tx.now >= until) {
    const because = held ?? { gate: 'expired' as const, number, at: until.toISOString() }
    return stop(tx, release, { because }, { actor: 'bot' })
  }
  if (held === undefined) {
    await startAtItsTime(tx, release)
  } else {
    if (release.problem?.because.gate === held.gate) return
    await tx.changeRelease(number, { problem: { because: held } })
    tx.addEvent({ release: number, type: 'start_held', actor: 'bot', data: { gate: held.gate } })
    const line = { is: 'start held', because: held, until: until.toISOString() } as const
    await addThreadLine(tx, number, `held:${held.gate}:${schedule.at.toISOString()}`, line)
  }
  await tx.send({ kind: 'card', release: number })
}

/** Under rules that have changed since the request, nothing starts. */
async function whatHolds(
  tx: Transaction,
  release: Release,
  environment: Environment | undefined,
): Promise<Refusal | undefined> {
  if (environment === undefined || !isSameConfiguration(release.configuration, environment)) {
    return { gate: 'configuration_differs', app: release.app, environment: release.environment }
  }
  return heldAtStart(tx, { release, environment })
}

/** **Start now**: approves a scheduled release before its time, or as soon as nothing holds it back any more. */
export const startNow: Transition = async (tx, { release, environment, person, attribution }) => {
  const held = await heldAtStart(tx, { release, environment })
  if (held !== undefined) return { refused: held }
  const data = { fingerprint: release.fingerprint ?? '', ...attribution }
  tx.addEvent({ release: release.number, type: 'start_asked', actor: person.id, data })
  await addThreadLine(tx, release.number, 'start-now', { is: 'start now', person: nameOf(person) })
  await startAtItsTime(tx, release)
  await tx.send({ kind: 'card', release: release.number })
  return undefined
}

/** **Change time…**: the release starts then instead; its plan and sign-offs stay. Refuses a time that can't be used. */
export const changeTime: Transition = async (tx, { release, environment, person, request, attribution }) => {
  const { number, schedule: before } = release
  const { startAt } = request
  if (before === undefined || startAt === undefined) {
    return { refused: { gate: 'time_refused', why: 'No time was picked.' } }
  }
  const schedule: Schedule = { at: startAt, timeZone: person.timeZone ?? before.timeZone }
  const refused = scheduleRefusal(schedule, tx.now)
  if (refused !== undefined) return { refused }
  const frozen = await environmentFrozen(tx, { environment, kind: release.kind, isEmergency: false, release, startAt })
  if (frozen !== undefined) return { refused: frozen }
  const { timeZone } = schedule
  const [from, to] = [before.at.toISOString(), startAt.toISOString()]
  const problem = release.state === 'scheduled' && { problem: undefined }
  await tx.changeRelease(number, { schedule, expiresAt: startsUntil(schedule), ...problem })
  const data = { from, to, timeZone, ...attribution, ...deliveryData(request) }
  tx.addEvent({ release: number, type: 'start_time_changed', actor: person.id, data })
  const line = { is: 'time changed', person: nameOf(person), at: to, timeZone } as const
  await addThreadLine(tx, number, `time:${request.key ?? to}`, line)
  await tx.send({ kind: 'card', release: number })
  return undefined
}
