/**
 * Applies deadlines by the store's clock: expires releases, reminds people, and reports a missing worker or a late
 * announcement. Safe to repeat and to run from several bots, since each release is checked under its lock.
 */

import { SIGNOFF } from './automatic.ts'
import { redrawForFreeze } from './environment-frozen.ts'
import { findEvent } from './events.ts'
import { owed } from './policy.ts'
import type { Store, Transaction } from './ports/store.ts'
import { type Release, step, waitsForForge } from './release.ts'
import { isDue, lateMs, startsUntil } from './schedule.ts'
import { type App, type Environment, findApp, findEnvironment } from './settings.ts'
import { addThreadLine, privateMessage } from './thread.ts'
import { runMustBeginBy, startIfDue, stop } from './transitions/index.ts'
import { findMissingWorker } from './workers.ts'

const PLANNING_WITHOUT_WORKER_TIMEOUT_MS = 10 * 60_000
/** Slack usually confirms within seconds; after this time people are told. */
const ANNOUNCEMENT_LATE_AFTER_MS = 5 * 60_000
const REMIND_SIGN_OFF_AFTER_MS = 4 * 60 * 60_000
const REMIND_EMERGENCY_AFTER_MS = 24 * 60 * 60_000
/** The store forgets a sent reminder's key after 30 days, so reminders stop before that: none is sent twice. */
const REMIND_EMERGENCY_UNTIL_MS = 29 * 24 * 60 * 60_000
/** Longer than all of a worker's tries at a plan can take. */
const PLANNING_TIMEOUT_MS = 60 * 60_000
/** How long a merge that the forge's rules refused waits for Retry or Close. */
const FORGE_RULES_TIMEOUT_MS = 24 * 60 * 60_000
/** For a release whose card Slack never accepted and whose environment is no longer declared. */
const EXPIRES_WITHOUT_CARD_MS = 24 * 60 * 60_000
/** How long after a running release's worker was last seen the thread says that it is missing. */
const REPORT_MISSING_WORKER_AFTER_MS = 2 * 60_000

/** Checks every waiting release once. An error at one release doesn't stop the others; the first is thrown at the end. */
export async function applyDeadlines({ store, apps }: { store: Store; apps: readonly App[] }): Promise<void> {
  const gone = await findMissingWorker(store)
  const waiting = await store.releases({
    states: ['planning', 'awaiting sign-off', 'scheduled', 'approved', 'running', 'needs attention'],
    limit: 500,
  })
  const emergencies = await store.releases({
    states: ['succeeded', 'needs attention', 'closed'],
    signedAs: 'emergency',
    limit: 100,
  })
  const errors: unknown[] = []
  for (const seen of [...waiting, ...emergencies]) {
    await checkRelease(store, apps, seen, gone).catch((error: unknown) => errors.push(error))
  }
  if (errors.length > 0) throw errors[0]
}

async function checkRelease(
  store: Store,
  apps: readonly App[],
  seen: Release,
  gone: { lastSeen?: string } | undefined,
): Promise<void> {
  const { number, state } = seen
  const events = state === 'approved' ? await store.events(number) : []
  const isAnnounced = findEvent(events, 'announcement_sent') !== undefined
  await store.transaction(async (tx) => {
    // What may hold a start back is asked under the environment's lock, which comes before the release's.
    const mayStart = state === 'scheduled'
    if (mayStart) await tx.lockEnvironment(seen.app, seen.environment)
    const release = await tx.lockRelease(number)
    if (release === undefined) return
    const app = findApp(apps, release.app)
    await applyDeadline(tx, release, app && findEnvironment(app, release.environment), { gone, isAnnounced, mayStart })
  })
}

interface DeadlineFacts {
  readonly gone: { lastSeen?: string } | undefined
  /** Its announcement was put into the outbox. */
  readonly isAnnounced: boolean
  /** Its environment is locked. */
  readonly mayStart: boolean
}

async function applyDeadline(
  tx: Transaction,
  release: Release,
  environment: Environment | undefined,
  { gone, isAnnounced, mayStart }: DeadlineFacts,
): Promise<void> {
  const { number } = release
  const since = (moment: Date | undefined) => (moment === undefined ? 0 : tx.now.getTime() - moment.getTime())
  switch (release.state) {
    case 'planning':
      if (gone && since(release.requestedAt) >= PLANNING_WITHOUT_WORKER_TIMEOUT_MS) {
        return stop(tx, release, { because: { gate: 'no_worker', ...gone } }, { actor: 'bot' })
      }
      if (since(release.requestedAt) >= PLANNING_TIMEOUT_MS) {
        const because = { gate: 'time_ran_out' as const, during: 'an attempt that the worker never finished' }
        return stop(tx, release, { because }, { actor: 'bot' })
      }
      break
    case 'awaiting sign-off': {
      const withoutCard = environment?.signOff?.expiresAfterMs ?? EXPIRES_WITHOUT_CARD_MS
      const expiresAt = release.expiresAt ?? new Date(Number(release.plannedAt ?? tx.now) + withoutCard)
      if (tx.now >= expiresAt) {
        const because = { gate: 'expired' as const, number, at: expiresAt.toISOString() }
        return stop(tx, release, { because }, { actor: 'bot' })
      }
      if (environment !== undefined) await noteUnsigned(tx, release, environment)
      if (environment !== undefined) await redrawForFreeze(tx, release, environment)
      const nobodySigned = !release.signOffs.some(({ kind }) => kind !== 'rejection')
      if (nobodySigned && since(release.cardPostedAt) >= REMIND_SIGN_OFF_AFTER_MS && environment !== undefined) {
        await addThreadLine(tx, number, 'reminder', { is: 'reminder', since: 'card', owed: owed(environment, release) })
      }
      break
    }
    case 'scheduled':
      // A release that has become scheduled since it was read is looked at in the next round.
      if (environment !== undefined) await redrawForFreeze(tx, release, environment)
      return mayStart ? startIfDue(tx, release, environment) : undefined
    case 'approved':
      if (isPast(runMustBeginBy(release), tx.now)) return expireUnstartedRun(tx, release, isAnnounced)
      if (isAnnounced && environment !== undefined && since(release.approvedAt) >= ANNOUNCEMENT_LATE_AFTER_MS) {
        await notifyUnconfirmed(tx, release, environment)
      }
      break
    case 'running': {
      const lastSeen = gone?.lastSeen === undefined ? undefined : new Date(gone.lastSeen)
      if (gone && since(lastSeen ?? release.startedAt) >= REPORT_MISSING_WORKER_AFTER_MS) {
        const what = 'no worker is running. Start one, and the run resumes where it stopped'
        await addThreadLine(tx, number, `no-worker:${release.attempt}`, { is: 'waiting', what })
      }
      break
    }
    case 'needs attention': {
      const refusedAt = step(release, 'merge')?.endedAt
      if (waitsForForge(release) && since(refusedAt) >= FORGE_RULES_TIMEOUT_MS) {
        const because = { gate: 'expired' as const, number, at: tx.now.toISOString() }
        return stop(tx, release, { because }, { actor: 'bot' })
      }
      break
    }
    default:
  }
  const emergency = release.signOffs.find(({ kind }) => kind === 'emergency')
  const sinceEmergency = since(emergency?.at)
  const isDue = sinceEmergency >= REMIND_EMERGENCY_AFTER_MS && sinceEmergency < REMIND_EMERGENCY_UNTIL_MS
  if (environment !== undefined && isDue) {
    const still = owed(environment, release)
    if (still.length > 0) {
      await addThreadLine(tx, number, 'emergency-reminder', { is: 'reminder', since: 'emergency', owed: still })
    }
  }
}

function isPast(moment: Date | undefined, now: Date): boolean {
  return moment !== undefined && now >= moment
}

/** Says once that the time of a release has come while sign-offs are missing: from now the last one starts it. */
async function noteUnsigned(tx: Transaction, release: Release, environment: Environment): Promise<void> {
  const { number, schedule } = release
  if (schedule === undefined || !isDue(release, tx.now)) return
  const until = startsUntil(schedule).toISOString()
  const line = { is: 'unsigned', owed: owed(environment, release), until } as const
  await addThreadLine(tx, number, `unsigned:${schedule.at.toISOString()}`, line)
  // Its buttons ask from now on, because they start it; one that was not redrawn asks privately.
  if (lateMs(schedule, tx.now) === undefined) await tx.send({ kind: 'card', release: number })
}

/** Ends a release whose run has not started within an hour of its approval. */
async function expireUnstartedRun(tx: Transaction, release: Release, isAnnounced: boolean): Promise<void> {
  const at = tx.now.toISOString()
  const because =
    isAnnounced && release.announcement === undefined
      ? { gate: 'announcement_unconfirmed' as const, until: at }
      : { gate: 'expired' as const, number: release.number, at }
  await stop(tx, release, { because }, { actor: 'bot' })
}

/**
 * Tells the requester and the last signer privately, each once, that the run waits for Slack to confirm the
 * announcement. Does nothing when it is confirmed or the release no longer waits.
 */
export async function notifyUnconfirmed(tx: Transaction, release: Release, environment: Environment): Promise<void> {
  if (release.state !== 'approved' || release.announcement !== undefined || release.approvedAt === undefined) return
  const { number, requester, signOffs } = release
  const until = (runMustBeginBy(release) ?? tx.now).toISOString()
  const refusal = { gate: 'announcement_unconfirmed' as const, number, until, channel: environment.channel }
  const last = signOffs.findLast(({ kind }) => kind !== 'rejection')?.person
  for (const person of new Set([requester.id, last?.id ?? requester.id])) {
    if (person === SIGNOFF.id) continue
    await tx.send(privateMessage(release, `unconfirmed:${person}`, { is: 'refusal', refusal }, person))
  }
}
