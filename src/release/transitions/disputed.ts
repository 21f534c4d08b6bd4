/** Disputed: after a sign-off its person gets a receipt; with **That was not me** they say that somebody else gave it. */
import type { Attribution } from '../events.ts'
import type { DisputeEffect } from '../messages.ts'
import type { Transaction } from '../ports/store.ts'
import { hasStartedIrreversible, type Release, type SignOff } from '../release.ts'
import { hasEnded, type SignOffKind } from '../terms.ts'
import { addThreadLine, directMessage } from '../thread.ts'
import { end, stopByPerson } from './ended.ts'

/**
 * Tells a person in a direct message what was signed in their name, once for each sign-off, and each time that they have tested
 * more changes. `person`: their Slack user id.
 */
export async function sendReceipt(
  tx: Transaction,
  release: Pick<Release, 'number' | 'fingerprint' | 'signOffs'>,
  kind: SignOffKind,
  person: string,
): Promise<void> {
  const { number, fingerprint = '', signOffs } = release
  const before = signOffs.find(
    (each) => each.kind === kind && each.person.id === person && each.fingerprint === fingerprint,
  )
  const at = (before?.at ?? tx.now).toISOString()
  const message = { is: 'receipt', number, kind, person, at, fingerprint } as const
  const key = `receipt:${kind}:${person}:${tx.now.toISOString()}`
  await tx.send(directMessage(release, 'receipts', { key, to: person, now: tx.now, message }))
}

/**
 * Makes a person's own sign-off void. A release that is not approved is rejected; one that is approved or runs stops as after
 * **Cancel**; one that needs attention, or has ended, keeps its state, and the channel is told. Returns undefined, and changes
 * nothing, if the sign-off does not count any more.
 */
export async function dispute(
  tx: Transaction,
  signed: Release,
  signOff: SignOff,
  more: Attribution & { readonly delivery?: string },
): Promise<DisputeEffect | undefined> {
  const { number, state } = signed
  const { kind, person, fingerprint } = signOff
  if (!(await tx.disputeSignOff(number, signOff))) return undefined
  const release = await tx.lockRelease(number)
  if (release === undefined) return undefined
  const signedAt = signOff.at.toISOString()
  const data = { kind, fingerprint, signedAt, state, ...more }
  tx.addEvent({ release: number, type: 'sign_off_disputed', actor: person.id, data })
  const effect = effectOn(release)
  const line = { is: 'disputed', kind, person, signedAt, effect } as const
  await addThreadLine(tx, number, `disputed:${kind}:${person.id}:${signedAt}`, line)
  if (effect === 'rejected') await end(tx, release, 'rejected', { actor: person.id, by: person })
  else if (state === 'approved' || state === 'running') await stopByPerson(tx, release, person)
  await tx.send({ kind: 'card', release: number })
  return effect
}

function effectOn({ state, problem, steps }: Release): DisputeEffect {
  if (hasEnded(state)) return 'ended'
  switch (state) {
    case 'needs attention':
      return 'held'
    case 'running':
      return 'stopping'
    case 'approved':
      // A retry that is stopped before its run needs attention again.
      return problem !== undefined && hasStartedIrreversible(steps) ? 'held' : 'cancelled'
    default:
      return 'rejected'
  }
}
