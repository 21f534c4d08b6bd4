/** Signed: from `awaiting sign-off` to `approved` with the last sign-off needed, or to `rejected`. */
import { canProceed } from '../policy.ts'
import { missingForMerge, type Release, type SignOff } from '../release.ts'
import type { Environment } from '../settings.ts'
import { heldAtStart } from '../start-conditions.ts'
import { MIN_REASON_LENGTH, type SignOffKind } from '../terms.ts'
import { addMigrationsLine, addThreadLine } from '../thread.ts'
import { approve } from './approved.ts'
import { end } from './ended.ts'
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
    const starts = wouldStart(environment, release, { ...signOff, at: tx.now })
    const held = starts && (await heldAtStart(tx, { release, environment, isEmergency: kind === 'emergency' }))
    if (held) return { refused: held }
    // An emergency's modal always says what it starts.
    if (request.isConfirmed === false && starts && kind !== 'emergency') {
      return { refused: { gate: 'start_not_confirmed', number: release.number, environment: release.environment } }
    }
    if (!(await tx.addSignOff(release.number, signOff))) {
      return { refused: { gate: 'already_signed', kind, at: tx.now.toISOString() } }
    }
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
      },
    })
    const line = { is: 'signed', kind, person: nameOf(person), ...withNote } as const
    await addThreadLine(tx, release.number, `signed:${kind}:${person.id}`, line)
    const signed = await tx.lockRelease(release.number)
    if (signed === undefined) return undefined
    if (kind === 'rejection') {
      const reason = note !== undefined && { reason: note }
      await end(tx, signed, 'rejected', { actor: person.id, by: nameOf(person), ...reason })
      return undefined
    }
    if (release.state === 'awaiting sign-off' && canProceed(environment, signed)) await approve(tx, signed)
    // Who presses may just have given at the forge what it asks for.
    else if (missingForMerge(release).length > 0) {
      await tx.enqueue({ kind: 'look', release: release.number, at: tx.now.toISOString() })
    }
    await tx.send({ kind: 'card', release: release.number })
    return undefined
  }
}

/** Whether this sign-off is the last one that the release waits for. */
function wouldStart(environment: Environment, release: Release, signOff: SignOff): boolean {
  if (signOff.kind === 'rejection' || release.state !== 'awaiting sign-off') return false
  return canProceed(environment, { ...release, signOffs: [...release.signOffs, signOff] })
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
