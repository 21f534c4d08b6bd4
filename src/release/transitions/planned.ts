/** Planned: from `planning` to `awaiting sign-off` or, without sign-offs, to `scheduled` or `approved`. */
import { changeId } from '../changes.ts'
import { awaitsGo, asksGo as doesAskGo, GO_EXPIRES_AFTER_MS } from '../hotfix.ts'
import { fingerprint, type Plan, pendingCount } from '../plan.ts'
import { owed } from '../policy.ts'
import type { Transaction } from '../ports/store.ts'
import { recordedRules } from '../recorded-rules.ts'
import type { Release } from '../release.ts'
import { startsUntil } from '../schedule.ts'
import type { Environment } from '../settings.ts'
import { heldAtStart } from '../start-conditions.ts'
import { hasEnded, type PostedMessage, type ReleaseState } from '../terms.ts'
import { addMigrationsLine, mentionSigners, privateMessage } from '../thread.ts'
import { announceOrRun } from './approved.ts'
import { stop } from './ended.ts'
import { noteScheduled } from './scheduled.ts'
import { assertTransition } from './transition.ts'

/** For an environment that needs only Talked over and declares no `sign_off`. */
const EXPIRES_AFTER_MS = 24 * 60 * 60_000

/**
 * Stores the plan. If sign-offs are needed the card asks for them, else the release waits for its time or starts
 * automatically; where something holds that start back, it is refused.
 */
export async function planned(tx: Transaction, release: Release, environment: Environment, plan: Plan): Promise<void> {
  const currentFingerprint = fingerprint(plan)
  const asked = owed(environment, { ...release, plan, fingerprint: currentFingerprint }).length > 0
  const asksGo = doesAskGo(plan)
  const signed = !asksGo && (environment.signOff !== undefined || asked)
  const { schedule } = release
  const waits = !signed && !asksGo && schedule !== undefined
  const starts = !signed && !asksGo && !waits
  const state: ReleaseState = waits ? 'scheduled' : starts ? 'approved' : 'awaiting sign-off'
  const held = starts && (await heldAtStart(tx, { release: { ...release, plan }, environment }))
  if (held) return stop(tx, release, { because: held }, { actor: 'bot' })
  assertTransition(release, state)
  await tx.changeRelease(release.number, {
    state,
    plan,
    fingerprint: currentFingerprint,
    plannedAt: tx.now,
    ...(starts && { approvedAt: tx.now, attempt: 1 }),
    ...(asksGo && { expiresAt: new Date(tx.now.getTime() + GO_EXPIRES_AFTER_MS) }),
    ...(schedule && { expiresAt: startsUntil(schedule) }),
    // A card that was posted before the plan asks for sign-offs only from now on.
    ...(signed && release.card !== undefined && signOffPeriod(tx, environment, release)),
  })
  tx.addEvent({
    release: release.number,
    type: 'plan_made',
    actor: 'worker',
    data: {
      fingerprint: currentFingerprint,
      commits: plan.commitCount,
      pending: pendingCount(plan),
      ...(plan.changes && { changes: plan.changes.map(changeId) }),
      rules: recordedRules(environment, release.kind),
    },
  })
  if (asksGo) await tx.send(privateMessage(release, 'go', { is: 'go', number: release.number }))
  if (!asksGo || release.card !== undefined) {
    await tx.send({ kind: 'card', release: release.number })
    if (signed && release.card !== undefined)
      await mentionSigners(tx, { ...release, plan, fingerprint: currentFingerprint }, environment)
    await addMigrationsLine(tx, release.number, plan)
  }
  if (waits) await noteScheduled(tx, release.number, schedule)
  if (starts) await announceOrRun(tx, { ...release, attempt: 1 }, environment)
}

/** When the card began to ask for sign-offs, and until when it does. */
function signOffPeriod(
  { now }: Transaction,
  environment: Environment | undefined,
  { schedule }: Release,
): { cardPostedAt: Date; expiresAt: Date } {
  return { cardPostedAt: now, expiresAt: schedule === undefined ? expiryOf(environment, now) : startsUntil(schedule) }
}

/** When the sign-offs on a card that is posted `at` expire, unless the release has a time to start. */
export function expiryOf(environment: Environment | undefined, at: Date): Date {
  return new Date(at.getTime() + (environment?.signOff?.expiresAfterMs ?? EXPIRES_AFTER_MS))
}

/** Slack has confirmed the card's first post, which starts the sign-off period. `asked`: the post mentions who may sign. */
export async function cardPosted(
  tx: Transaction,
  number: number,
  environment: Environment | undefined,
  message: PostedMessage,
  { asked }: { asked: boolean },
): Promise<void> {
  const release = await tx.lockRelease(number)
  if (release === undefined) return
  // A private message asks for Go, which has its own expiry.
  const firstAsking = release.state === 'awaiting sign-off' && release.cardPostedAt === undefined && !awaitsGo(release)
  await tx.changeRelease(number, {
    card: message,
    ...(firstAsking && signOffPeriod(tx, environment, release)),
  })
  tx.addEvent({ release: number, type: 'card_posted', actor: 'bot', data: { ...message } })
  // If the release ended before this confirmation, only a private message says so: draw the card again.
  if (hasEnded(release.state)) await tx.send({ kind: 'card', release: number })
  if (firstAsking && !asked && environment !== undefined) await mentionSigners(tx, release, environment)
}
