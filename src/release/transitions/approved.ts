/** Approved: the preflight checks every bound fact again, the announcement is sent, and its confirmation enqueues the run. */
import type { Transaction } from '../ports/store.ts'
import type { Refusal } from '../refusals.ts'
import type { Release } from '../release.ts'
import type { Environment } from '../settings.ts'
import type { PostedMessage } from '../terms.ts'
import { addThreadLine } from '../thread.ts'
import { stop } from './ended.ts'
import { deliveryData, nameOf, type Transition } from './transition.ts'

/** Approves a release that has every sign-off it needs, and starts its next attempt. */
export async function approve(tx: Transaction, release: Release): Promise<void> {
  const attempt = release.attempt + 1
  await tx.changeRelease(release.number, { state: 'approved', approvedAt: tx.now, attempt })
  tx.addEvent({ release: release.number, type: 'release_approved', actor: 'bot', data: { attempt } })
  await tx.enqueue({ kind: 'preflight', release: release.number, attempt })
}

/** The preflight found every bound fact unchanged. */
export async function preflightPassed(tx: Transaction, release: Release, environment: Environment): Promise<void> {
  const data = { attempt: release.attempt }
  tx.addEvent({ release: release.number, type: 'preflight_passed', actor: 'worker', data })
  await announceOrRun(tx, release, environment)
}

/** The preflight found that a bound fact has moved, or couldn't check it. */
export async function preflightRefused(tx: Transaction, release: Release, because: Refusal): Promise<void> {
  const data = { gate: because.gate }
  tx.addEvent({ release: release.number, type: 'preflight_refused', actor: 'worker', data })
  await stop(tx, release, { because }, { actor: 'worker' })
}

/** **Retry**: a new attempt of the same plan with the same sign-offs, from the first step that is not done. */
export const retry: Transition = async (tx, { release, person, request, attribution }) => {
  const attempt = release.attempt + 1
  await tx.changeRelease(release.number, { cancelRequestedBy: undefined })
  const data = { attempt, ...attribution, ...deliveryData(request) }
  tx.addEvent({ release: release.number, type: 'retry_asked', actor: person.id, data })
  await addThreadLine(tx, release.number, `retry:${attempt}`, { is: 'retried', person: nameOf(person) })
  await approve(tx, release)
  await tx.send({ kind: 'card', release: release.number })
  return undefined
}

/**
 * Sends the announcement or, if none is required or it is already confirmed, enqueues the run. No job waits for Slack:
 * its confirmation enqueues the run (`announced`).
 */
export async function announceOrRun(tx: Transaction, release: Release, environment: Environment): Promise<void> {
  if (environment.announce !== 'required' || release.announcement !== undefined) return enqueueRun(tx, release)
  await tx.send({ kind: 'announcement', release: release.number, key: `${release.number}:announcement` })
  tx.addEvent({ release: release.number, type: 'announcement_sent', actor: 'worker', data: {} })
}

/** Slack has confirmed the announcement: stores its place and enqueues the run in the same transaction. Safe to repeat. */
export async function announced(tx: Transaction, number: number, message: PostedMessage): Promise<void> {
  const release = await tx.lockRelease(number)
  if (release === undefined || release.announcement !== undefined) return
  await tx.changeRelease(number, { announcement: message })
  const { attempt } = release
  await tx.putStep(number, { name: 'announce', state: 'done', attempt, effect: 'none', endedAt: tx.now })
  tx.addEvent({ release: number, type: 'announcement_confirmed', actor: 'bot', data: { ...message } })
  await tx.send({ kind: 'card', release: number })
  if (release.state === 'approved') await enqueueRun(tx, release)
}

async function enqueueRun(tx: Transaction, { number, attempt }: Release): Promise<void> {
  await tx.enqueue({ kind: 'run', release: number, attempt })
}
