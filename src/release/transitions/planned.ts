/** Planned: from `planning` to `awaiting sign-off` or, where nobody signs, to `approved`. */
import { awaitsGo, GO_EXPIRES_AFTER_MS } from '../hotfix.ts'
import { fingerprint, type Plan } from '../plan.ts'
import { owed } from '../policy.ts'
import type { Transaction } from '../ports/store.ts'
import type { Release } from '../release.ts'
import type { Environment } from '../settings.ts'
import { hasEnded, type PostedMessage, type ReleaseState } from '../terms.ts'
import { addMigrationsLine, mentionSigners, privateMessage } from '../thread.ts'
import { announceOrRun } from './approved.ts'
import { assertTransition } from './transition.ts'

/** Where only Talked over is owed, without rules of its own. */
const EXPIRES_AFTER_MS = 24 * 60 * 60_000

/** Stores a plan. With sign-offs owed the card asks for them; else the release starts by itself. */
export async function planned(tx: Transaction, release: Release, environment: Environment, plan: Plan): Promise<void> {
  const print = fingerprint(plan)
  const asked = owed(environment, { ...release, plan, fingerprint: print }).length > 0
  const signed = environment.signOff !== undefined || asked
  const asksGo = plan.hotfix?.asksGo === true
  const starts = !signed && !asksGo
  const state: ReleaseState = starts ? 'approved' : 'awaiting sign-off'
  assertTransition(release, state)
  await tx.changeRelease(release.number, {
    state,
    plan,
    fingerprint: print,
    plannedAt: tx.now,
    ...(starts && { approvedAt: tx.now, attempt: 1 }),
    ...(asksGo && { expiresAt: new Date(tx.now.getTime() + GO_EXPIRES_AFTER_MS) }),
    // A card that was posted while planning waited for a worker has asked for sign-offs only from now.
    ...(signed && release.card && signOffPeriod(tx, environment)),
  })
  tx.addEvent({
    release: release.number,
    type: 'plan_made',
    actor: 'worker',
    data: { fingerprint: print, commits: plan.commitCount, pending: plan.bound.database?.pending.length ?? 0 },
  })
  if (asksGo) await tx.send(privateMessage(release, 'go', { is: 'go', number: release.number }))
  if (!asksGo || release.card !== undefined) {
    await tx.send({ kind: 'card', release: release.number })
    if (signed && release.card !== undefined)
      await mentionSigners(tx, { ...release, plan, fingerprint: print }, environment)
    await addMigrationsLine(tx, release.number, plan)
  }
  if (starts) await announceOrRun(tx, { ...release, attempt: 1 }, environment)
}

/** When the card began to ask, and until when. */
function signOffPeriod(
  { now }: Transaction,
  environment: Environment | undefined,
): { cardPostedAt: Date; expiresAt: Date } {
  return { cardPostedAt: now, expiresAt: expiryOf(environment, now) }
}

/** Until when a card that is posted `at` asks for sign-offs. */
export function expiryOf(environment: Environment | undefined, at: Date): Date {
  return new Date(at.getTime() + (environment?.signOff?.expiresAfterMs ?? EXPIRES_AFTER_MS))
}

/**
 * Slack has confirmed the card's first post: the time for the sign-offs begins. `asked`: as it was posted, it mentions
 * who may sign.
 */
export async function cardPosted(
  tx: Transaction,
  number: number,
  environment: Environment | undefined,
  message: PostedMessage,
  { asked }: { asked: boolean },
): Promise<void> {
  const release = await tx.lockRelease(number)
  if (release === undefined) return
  // Go is asked for privately, and has its own time.
  const firstAsking = release.state === 'awaiting sign-off' && release.cardPostedAt === undefined && !awaitsGo(release)
  await tx.changeRelease(number, {
    card: message,
    ...(firstAsking && signOffPeriod(tx, environment)),
  })
  tx.addEvent({ release: number, type: 'card_posted', actor: 'bot', data: { ...message } })
  // Ended while its first card was on the way, it was told privately: the card in the channel says it too.
  if (hasEnded(release.state)) await tx.send({ kind: 'card', release: number })
  if (firstAsking && !asked && environment !== undefined) await mentionSigners(tx, release, environment)
}
