/** Signed: from `awaiting sign-off` to `scheduled` or `approved` with the last sign-off needed, or to `rejected`. */
import { canProceed } from '../policy.ts'
import type { Transaction } from '../ports/store.ts'
import { isEmergency, missingForMerge, type Release } from '../release.ts'
import { isDue } from '../schedule.ts'
import type { Environment } from '../settings.ts'
import { heldAtStart, waivedAtStart } from '../start-conditions.ts'
import { MIN_REASON_LENGTH, type SignOffKind } from '../terms.ts'
import { addMigrationsLine, addThreadLine } from '../thread.ts'
import { approve } from './approved.ts'
import { sendReceipt } from './disputed.ts'
import { end } from './ended.ts'
import { scheduled, startAtItsTime } from './scheduled.ts'
import { nameOf, type Transition } from './transition.ts'

/**
 * Records a sign-off on the fingerprint. The last one needed approves the release, a rejection ends it. Refuses a short
 * reason, a second sign-off of the kind by the same person, and one that would start the release unconfirmed.
 */
export function sign(kind: SignOffKind): Transition {
  return async (tx, { release, environment, person, request, attribution, groups }) => {
    const note = request.note?.trim()
    const needsReason = kind === 'emergency' || kind === 'talked over' || kind === 'rejection'
    const least = kind === 'emergency' ? MIN_REASON_LENGTH : 1
    if (needsReason && [...(note ?? '')].length < least) return { refused: { gate: 'reason_too_short', least } }
    const currentFingerprint = release.fingerprint ?? ''
    const withNote = note !== undefined && note !== '' && { note }
    const signOff = {
      kind,
      person: nameOf(person),
      fingerprint: currentFingerprint,
      right: attribution.right,
      ...withNote,
    }
    const after = { ...release, signOffs: [...release.signOffs, { ...signOff, at: tx.now }] }
    const starts = kind !== 'rejection' && wouldStart(environment, after, tx.now)
    const held = starts && (await heldAtStart(tx, { release, environment, isEmergency: kind === 'emergency' }))
    if (held) return { refused: held }
    // An emergency's modal always says what it starts.
    if (request.isConfirmed === false && starts && kind !== 'emergency') {
      return { refused: { gate: 'start_not_confirmed', number: release.number, environment: release.environment } }
    }
    if (!(await tx.addSignOff(release.number, signOff))) {
      return { refused: { gate: 'already_signed', kind, at: tx.now.toISOString() } }
    }
    const waives = kind === 'emergency' ? await waivedAtStart(tx, { release, environment }) : []
    tx.addEvent({
      release: release.number,
      type: 'sign_off_given',
      actor: person.id,
      data: {
        kind,
        fingerprint: currentFingerprint,
        ...attribution,
        ...withNote,
        ...(groups.length > 0 && { groups }),
        ...(waives.length > 0 && { waives }),
      },
    })
    const line = { is: 'signed', kind, person: nameOf(person), ...withNote } as const
    await addThreadLine(tx, release.number, `signed:${kind}:${person.id}`, line)
    if (environment.signOff?.receipts) await sendReceipt(tx, release, kind, person.id)
    if (kind === 'rejection') {
      const signed = await tx.lockRelease(release.number)
      const reason = note !== undefined && { reason: note }
      if (signed) await end(tx, signed, 'rejected', { actor: person.id, by: nameOf(person), ...reason })
      return undefined
    }
    await proceed(tx, release, environment, starts)
    return undefined
  }
}

/** After a sign-off: starts or schedules the release if nothing is owed any more, and redraws its card. */
export async function proceed(
  tx: Transaction,
  release: Release,
  environment: Environment,
  starts: boolean,
): Promise<void> {
  const signed = await tx.lockRelease(release.number)
  if (signed === undefined) return
  if (starts) await startAtItsTime(tx, signed)
  else if (release.state === 'awaiting sign-off' && canProceed(environment, signed)) await scheduled(tx, signed)
  // Who presses may just have given at the forge what it asks for.
  else if (missingForMerge(release).length > 0) {
    await tx.enqueue({ kind: 'look', release: release.number, at: tx.now.toISOString() })
  }
  await tx.send({ kind: 'card', release: release.number })
}

/** Whether the release, with the sign-off that is about to be given, starts now. An emergency doesn't wait for a time. */
export function wouldStart(environment: Environment, signed: Release, now: Date): boolean {
  if (signed.state !== 'awaiting sign-off') return false
  return (isEmergency(signed) || isDue(signed, now)) && canProceed(environment, signed)
}

/** **Go**: approves a hot-fix whose plan its requester has seen. */
export const go: Transition = async (tx, { release, environment, person, attribution }) => {
  const held = await heldAtStart(tx, { release, environment })
  if (held !== undefined) return { refused: held }
  const data = { fingerprint: release.fingerprint ?? '', ...attribution }
  tx.addEvent({ release: release.number, type: 'go_given', actor: person.id, data })
  await approve(tx, release)
  await tx.send({ kind: 'card', release: release.number })
  await addMigrationsLine(tx, release.number, release.plan)
  return undefined
}
