/** Marked: a release that nobody should go back to is `bad`, by a person or by a rollback; `good` takes that back. */
import { defined } from '../../lib/defined.ts'
import type { Attribution } from '../events.ts'
import { placeLock } from '../locks.ts'
import { EVERYONE } from '../policy.ts'
import type { Transaction } from '../ports/store.ts'
import type { Release, ReleaseMark } from '../release.ts'
import { addThreadLine } from '../thread.ts'
import { type ActionRequest, deliveryData, nameOf, type Transition } from './transition.ts'

/** **Mark as bad…**, `bad` and `good`: marks a release that has succeeded. Refuses `bad` without a reason. */
export function mark(is: ReleaseMark['is']): Transition {
  return async (tx, { release, person, request, attribution }) => {
    const reason = request.note?.trim() ?? ''
    if (is === 'bad' && reason === '') return { refused: { gate: 'reason_too_short', least: 1 } }
    const by = nameOf(person)
    await put(tx, release, { is, by, ...(reason !== '' && { reason }) }, attribution, request)
    return undefined
  }
}

/**
 * After a rollback: what it took away is bad, for its reason, and the releases between are not. Its requester locks the
 * environment, unless they said no or another person's lock is there. The environment's row must be locked before the
 * release's.
 */
export async function rolledBack(tx: Transaction, rollback: Release): Promise<void> {
  const { number, app, environment, requester, reason = '', plan } = rollback
  const from = plan?.rollback?.from?.number
  if (rollback.rollback?.lock === true) {
    const what = from === undefined ? `Rollback #${number}` : `#${from} was rolled back by #${number}`
    const words = reason === '' ? what : `${what}: ${reason}`
    const placed = await placeLock(tx, { app, environment, holder: requester, reason: words, release: number })
    if ('held' in placed) {
      const text = `${app} ${environment} stays locked by ${placed.held.holder.name}, so ${requester.name}’s lock was not set.`
      await addThreadLine(tx, number, 'lock-not-set', { is: 'note', text })
    }
  }
  const undone = from === undefined ? undefined : await tx.lockRelease(from)
  if (undone === undefined) return
  const attribution = { name: requester.name, right: EVERYONE }
  await put(tx, undone, { is: 'bad', by: requester, rollback: number, ...(reason !== '' && { reason }) }, attribution)
}

async function put(
  tx: Transaction,
  release: Release,
  made: Omit<ReleaseMark, 'at'>,
  attribution: Attribution,
  request?: ActionRequest,
): Promise<void> {
  const { number } = release
  const { is, by, reason, rollback } = made
  const more = defined({ reason, rollback })
  await tx.putMark(number, made)
  tx.addEvent({
    release: number,
    type: 'release_marked',
    actor: by.id,
    data: { mark: is, ...more, ...attribution, ...(request && deliveryData(request)) },
  })
  await addThreadLine(tx, number, `marked:${is}:${tx.now.toISOString()}`, {
    is: 'marked',
    mark: is,
    person: by,
    ...more,
  })
  await tx.send({ kind: 'card', release: number })
  await lookAtProofs(tx, release)
}

/** What waits in the same app may have been proven by it: its card says so at once, and a look finds what else proves it. */
async function lookAtProofs(tx: Transaction, { number, app }: Release): Promise<void> {
  const waiting = (await tx.waitingCards({ app })).filter((one) => one !== number)
  for (const release of waiting) {
    await tx.send({ kind: 'card', release })
    await tx.enqueue({ kind: 'look', release, at: tx.now.toISOString() })
  }
}
