/**
 * Applies deadlines by the store's clock: expires releases, reminds people, and reports a missing worker or a late
 * announcement. Safe to repeat and to run from several bots, since each release is checked under its lock.
 */

import { SIGNOFF } from './automatic.ts'
import { redrawForFreeze } from './environment-frozen.ts'
import { findEvent } from './events.ts'
import { type Owed, owed } from './policy.ts'
import type { Store, Transaction } from './ports/store.ts'
import { type Release, step, waitsForForge } from './release.ts'
import { isDue, lateMs, startsUntil } from './schedule.ts'
import { type App, type Environment, findApp, findEnvironment } from './settings.ts'
import type { MissingWorker } from './terms.ts'
import { addThreadLine, directMessage, privateMessage } from './thread.ts'
import { type Decided, findTold, recordTold, type TellingPorts, whoIsTold } from './told-in-private.ts'
import { runMustBeginBy, startIfDue, stop } from './transitions/index.ts'
import { type Member, whyNot } from './who-can-sign.ts'
import { missingWorker } from './workers.ts'

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

export interface DeadlinePorts extends Omit<TellingPorts, 'store'> {
  readonly store: Store
  readonly apps: readonly App[]
}

/** Checks every waiting release once. An error at one release doesn't stop the others; the first is thrown at the end. */
export async function applyDeadlines(ports: DeadlinePorts): Promise<void> {
  const { store, apps } = ports
  const workers = await store.workers()
  const now = await store.now()
  const waiting = await store.releases({
    states: ['planning', 'awaiting sign-off', 'scheduled', 'approved', 'running', 'needs attention'],
    limit: 500,
  })
  const ended = await store.releases({
    states: ['succeeded', 'closed'],
    emergencySince: new Date(now.getTime() - REMIND_EMERGENCY_UNTIL_MS),
    limit: 500,
  })
  const emergencies = ended.filter((release) => emergencyOwes(release, environmentOf(apps, release), now).length > 0)
  const errors: unknown[] = []
  for (const seen of [...waiting, ...emergencies]) {
    const app = findApp(ports.apps, seen.app)
    const environment = app && findEnvironment(app, seen.environment)
    await checkRelease(ports, seen, missingWorker(workers, now, environment ?? {})).catch((error: unknown) =>
      errors.push(error),
    )
  }
  if (errors.length > 0) throw errors[0]
}

async function checkRelease(ports: DeadlinePorts, seen: Release, gone: MissingWorker | undefined): Promise<void> {
  const { store, apps } = ports
  const { number, state } = seen
  const events = state === 'approved' ? await store.events(number) : []
  const isAnnounced = findEvent(events, 'announcement_sent') !== undefined
  const toRemind = await whoIsReminded(ports, seen)
  await store.transaction(async (tx) => {
    // What may hold a start back is asked under the environment's lock, which comes before the release's.
    const mayStart = state === 'scheduled'
    if (mayStart) await tx.lockEnvironment(seen.app, seen.environment)
    const release = await tx.lockRelease(number)
    if (release === undefined) return
    await applyDeadline(tx, release, environmentOf(apps, release), {
      gone,
      isAnnounced,
      mayStart,
      toRemind,
    })
  })
}

interface DeadlineFacts {
  readonly gone: MissingWorker | undefined
  /** Its announcement was put into the outbox. */
  readonly isAnnounced: boolean
  /** Its environment is locked. */
  readonly mayStart: boolean
  /** Whom the reminder tells in private, where one was due when the release was looked at. */
  readonly toRemind: Decided | undefined
}

async function applyDeadline(
  tx: Transaction,
  release: Release,
  environment: Environment | undefined,
  { gone, isAnnounced, mayStart, toRemind }: DeadlineFacts,
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
      if (environment !== undefined && toRemind !== undefined) await remind(tx, release, environment, toRemind)
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
        const of = gone.group === undefined ? '' : ` of group ${gone.group}`
        const what = `no worker${of} is running. Start one, and the run resumes where it stopped`
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
  const still = emergencyOwes(release, environment, tx.now)
  if (still.length > 0) {
    await addThreadLine(tx, number, 'emergency-reminder', { is: 'reminder', since: 'emergency', owed: still })
  }
}

/** What an emergency still owes, once it is time to remind people of it. */
function emergencyOwes(release: Release, environment: Environment | undefined, now: Date): readonly Owed[] {
  const at = release.signOffs.find(({ kind }) => kind === 'emergency')?.at
  const passedMs = at === undefined ? 0 : now.getTime() - at.getTime()
  const isTime = passedMs >= REMIND_EMERGENCY_AFTER_MS && passedMs < REMIND_EMERGENCY_UNTIL_MS
  return environment !== undefined && isTime ? owed(environment, release) : []
}

function environmentOf(apps: readonly App[], release: Release): Environment | undefined {
  const app = findApp(apps, release.app)
  return app && findEnvironment(app, release.environment)
}

/** What the reminder asks for; nothing where none is due. */
function toBeRemindedOf(release: Release, environment: Environment, now: Date): readonly Owed[] {
  const { state, signOffs, cardPostedAt } = release
  const waitedMs = cardPostedAt === undefined ? 0 : now.getTime() - cardPostedAt.getTime()
  if (state !== 'awaiting sign-off' || waitedMs < REMIND_SIGN_OFF_AFTER_MS) return []
  const nobodySigned = !signOffs.some(({ kind }) => kind !== 'rejection')
  // Where QA is asked for each change, that some are tested asks nothing of those whose others are not.
  return owed(environment, release).filter(({ changes }) => nobodySigned || changes !== undefined)
}

/** Whom the reminder tells in private, if one is due and not sent. Looks people up, so it is called before a transaction. */
async function whoIsReminded(ports: DeadlinePorts, release: Release): Promise<Decided | undefined> {
  const environment = environmentOf(ports.apps, release)
  if (environment === undefined) return undefined
  const asked = toBeRemindedOf(release, environment, await ports.store.now())
  if (asked.length === 0) return undefined
  if (findTold(await ports.store.events(release.number), 'reminders') !== undefined) return undefined
  return whoIsTold(
    ports,
    'reminders',
    asked.map((one) => ({
      entries: typeof one.by === 'string' ? [] : one.by,
      isAbout: (member: Member) => whyNot(member, one, release) === undefined,
    })),
  )
}

/** Reminds those who owe a sign-off, once: in the thread, which mentions those who are not told in private. */
async function remind(tx: Transaction, release: Release, environment: Environment, told: Decided): Promise<void> {
  const asked = toBeRemindedOf(release, environment, tx.now)
  // One that has become due since it was looked at is reminded of in the next round.
  if (asked.length === 0 || findTold(await tx.events(release.number), 'reminders') !== undefined) return
  const ids = told.people.map(({ id }) => id)
  const line = { is: 'reminder', since: 'card', owed: asked, mentioned: told.mentioned, told: ids } as const
  // Where the line was there, everybody was mentioned by it.
  const isNew = await addThreadLine(tx, release.number, 'reminder', line)
  const { people } = isNew ? told : { people: [] }
  recordTold(tx, release.number, 'reminders', { people, mentioned: told.mentioned })
  for (const { id, lists } of people) {
    const kinds: readonly Owed['kind'][] = [...new Set(lists.flatMap((list) => asked[list]?.kind ?? []))]
    const message = { is: 'reminder', number: release.number, kinds } as const
    await tx.send(directMessage(release, 'reminders', { key: `reminder:${id}`, to: id, now: tx.now, message }))
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
