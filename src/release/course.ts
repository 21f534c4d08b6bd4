/**
 * The moves of a release, each inside somebody's transaction: state, event, messages and jobs together. People's
 * moves start in service.ts, the world's in worker/; both come through here, so that there is one way to end a release.
 */

import { awaitsGo, GO_WITHIN_MS, needsBackport } from './hotfix.ts'
import type { OutboxMessage, PrivateMessage, ThreadLine } from './messages.ts'
import { fingerprint, type Plan } from './plan.ts'
import { owed } from './policy.ts'
import type { Transaction } from './ports/store.ts'
import type { Problem } from './refusals.ts'
import { irreversibleBegun, type Release, type StepRow } from './release.ts'
import type { Environment } from './settings.ts'
import { hasEnded, mayBecome, type PersonName, type ReleaseState } from './terms.ts'

/** Where only Talked over is owed, without rules of its own. */
const EXPIRES_AFTER_MS = 24 * 60 * 60_000

/** A move that the states do not allow: a mistake of ours, never a person's. */
export class InvalidTransition extends Error {
  override readonly name = 'WrongMove'
}

/** What the event of a person's press says of them, beside their id. */
export interface Attribution {
  readonly name: string
  /** Where their right came from at that press. */
  readonly right: string
}

function assertMove(release: Release, to: ReleaseState): void {
  if (!mayBecome(release.state, to))
    throw new InvalidTransition(`#${release.number} can't go from ${release.state} to ${to}`)
}

/** Adds one line to the release's thread; the same key is said once. */
export async function say(tx: Transaction, release: number, key: string, line: ThreadLine): Promise<void> {
  await tx.send({ kind: 'line', release, key: `${release}:${key}`, line })
}

/**
 * Ends a release: state, event, card and the thread's last line. `by` and `reason` where a person ended it, `word` where
 * no other event tells of their press. One that never had a card is told to its requester privately instead.
 * Throws WrongMove where the state does not allow it.
 */
export async function end(
  tx: Transaction,
  release: Release,
  to: ReleaseState,
  how: { actor: string; problem?: Problem; by?: PersonName; reason?: string; word?: Attribution },
): Promise<void> {
  assertMove(release, to)
  await tx.changeRelease(release.number, {
    state: to,
    endedAt: tx.now,
    problem: how.problem,
    ...(how.by && { endedBy: how.by }),
    ...(how.reason !== undefined && { endReason: how.reason }),
  })
  tx.addEvent({
    release: release.number,
    type: 'release_ended',
    actor: how.actor,
    data: {
      app: release.app,
      environment: release.environment,
      state: to,
      ...(how.problem && { gate: how.problem.because.gate, ...(how.problem.step && { step: how.problem.step }) }),
      ...(how.reason !== undefined && { reason: how.reason }),
      ...how.word,
    },
  })
  if (release.plan?.pullRequest !== undefined || release.state === 'planning') {
    await tx.enqueue({ kind: 'tidy', release: release.number })
  }
  if (needsBackport(release)) await tx.enqueue({ kind: 'carry', release: release.number })
  if ((release.state === 'planning' || awaitsGo(release)) && release.card === undefined) {
    await tx.send(privately(release, 'ended', { is: 'ended', number: release.number }))
    return
  }
  await tx.send({ kind: 'card', release: release.number })
  await tx.send({ kind: 'outcome', release: release.number, key: `${release.number}:outcome` })
}

/** What one person, its requester unless said, is told privately of a release, once for each `key`. */
export function privately(
  release: Release,
  key: string,
  message: PrivateMessage,
  to: string = release.requester.id,
): OutboxMessage {
  const isRequester = to === release.requester.id
  return {
    kind: 'private',
    key: `${release.number}:${key}`,
    to,
    ...(isRequester && release.responseUrl !== undefined && { responseUrl: release.responseUrl }),
    asked: release.requestedAt.toISOString(),
    message,
  }
}

/** Keeps the environment busy until a person retries or closes. `actor`: who or what has brought it about. */
export async function needAttention(
  tx: Transaction,
  release: Release,
  problem: Problem,
  { actor }: { actor: string },
): Promise<void> {
  assertMove(release, 'needs attention')
  await tx.changeRelease(release.number, { state: 'needs attention', problem })
  tx.addEvent({
    release: release.number,
    type: 'attention_needed',
    actor,
    data: { gate: problem.because.gate, ...(problem.step && { step: problem.step }), attempt: release.attempt },
  })
  await tx.send({ kind: 'card', release: release.number })
  await tx.send({ kind: 'outcome', release: release.number, key: `${release.number}:attention:${release.attempt}` })
}

/**
 * A run stopped: `outdated` when a bound fact moved before anything irreversible, `failed` when nothing irreversible
 * has begun, else `needs attention`.
 */
export async function stop(tx: Transaction, release: Release, problem: Problem): Promise<void> {
  if (irreversibleBegun(release.steps)) return needAttention(tx, release, problem, { actor: 'worker' })
  await end(tx, release, problem.because.gate === 'plan_outdated' ? 'outdated' : 'failed', { actor: 'worker', problem })
}

/** Stores a plan. With sign-offs owed the card asks for them; else the release goes on by itself. */
export async function planned(tx: Transaction, release: Release, environment: Environment, plan: Plan): Promise<void> {
  const print = fingerprint(plan)
  const asked = owed(environment, { ...release, plan, fingerprint: print }).length > 0
  const signed = environment.signOff !== undefined || asked
  const asksGo = plan.hotfix?.asksGo === true
  const goes = !signed && !asksGo
  const state: ReleaseState = goes ? 'approved' : 'awaiting sign-off'
  assertMove(release, state)
  await tx.changeRelease(release.number, {
    state,
    plan,
    fingerprint: print,
    plannedAt: tx.now,
    ...(goes && { approvedAt: tx.now, attempt: 1 }),
    ...(asksGo && { expiresAt: new Date(tx.now.getTime() + GO_WITHIN_MS) }),
    // A card that was posted while planning waited for a worker has asked for sign-offs only from now.
    ...(signed && release.card && asking(tx, environment)),
  })
  tx.addEvent({
    release: release.number,
    type: 'plan_made',
    actor: 'worker',
    data: { fingerprint: print, commits: plan.commitCount, pending: plan.bound.database?.pending.length ?? 0 },
  })
  if (asksGo) await tx.send(privately(release, 'go', { is: 'go', number: release.number }))
  if (!asksGo || release.card !== undefined) {
    await tx.send({ kind: 'card', release: release.number })
    if (signed && release.card !== undefined)
      await askInThread(tx, { ...release, plan, fingerprint: print }, environment)
    await tellMigrations(tx, release.number, plan)
  }
  if (goes) await proceed(tx, { ...release, attempt: 1 }, environment)
}

/** Says once in the thread what the plan's migrations do; after the card, whose thread it is. */
export async function tellMigrations(tx: Transaction, number: number, plan: Plan | undefined): Promise<void> {
  if (plan !== undefined && plan.migrations.length > 0) await say(tx, number, 'migrations', { is: 'migrations' })
}

/**
 * Everything that people and the world owe is given: the announcement goes out or, where none is required or it is
 * confirmed already, the run starts. No job waits for Slack: its confirmation enqueues the run (`announced`).
 */
export async function proceed(tx: Transaction, release: Release, environment: Environment): Promise<void> {
  if (environment.announce === 'required' && release.announcement === undefined) {
    await tx.send({ kind: 'announcement', release: release.number, key: `${release.number}:announcement` })
    tx.addEvent({ release: release.number, type: 'announcement_sent', actor: 'worker', data: {} })
  } else {
    await tx.enqueue({ kind: 'run', release: release.number, attempt: release.attempt })
  }
}

/** Slack has confirmed the announcement: recorded with where it stands, and the run starts in the same transaction. */
export async function announced(
  tx: Transaction,
  number: number,
  message: { channel: string; ts: string },
): Promise<void> {
  const release = await tx.lockRelease(number)
  if (release === undefined || release.announcement !== undefined) return
  await tx.changeRelease(number, { announcement: message })
  await tx.putStep(number, {
    name: 'announce',
    state: 'done',
    attempt: release.attempt,
    effect: 'none',
    endedAt: tx.now,
  })
  tx.addEvent({ release: number, type: 'announcement_confirmed', actor: 'bot', data: { ...message } })
  await tx.send({ kind: 'card', release: number })
  if (release.state === 'approved') await tx.enqueue({ kind: 'run', release: number, attempt: release.attempt })
}

/** When the card began to ask, and until when. */
function asking({ now }: Transaction, environment: Environment | undefined): { cardPostedAt: Date; expiresAt: Date } {
  return { cardPostedAt: now, expiresAt: expiryOf(environment, now) }
}

/** Until when a card that is posted `at` asks for sign-offs. */
export function expiryOf(environment: Environment | undefined, at: Date): Date {
  return new Date(at.getTime() + (environment?.signOff?.expiresAfterMs ?? EXPIRES_AFTER_MS))
}

/** The card's first post mentions whoever may sign. One that was posted before the plan could not: a line does, once. */
async function askInThread(tx: Transaction, release: Release, environment: Environment): Promise<void> {
  const mentions = owed(environment, release).some(({ by }) => by !== 'every full member')
  if (mentions) await say(tx, release.number, 'asked', { is: 'asked' })
}

/**
 * Slack has confirmed the card's first post: from now the sign-offs have their time. `asked`: as it was posted, it
 * mentions whoever may sign.
 */
export async function cardPosted(
  tx: Transaction,
  number: number,
  environment: Environment | undefined,
  message: { channel: string; ts: string },
  { asked }: { asked: boolean },
): Promise<void> {
  const release = await tx.lockRelease(number)
  if (release === undefined) return
  // Go is asked for privately, and has its own time.
  const firstAsking = release.state === 'awaiting sign-off' && release.cardPostedAt === undefined && !awaitsGo(release)
  await tx.changeRelease(number, {
    card: message,
    ...(firstAsking && asking(tx, environment)),
  })
  tx.addEvent({ release: number, type: 'card_posted', actor: 'bot', data: { ...message } })
  // Ended while its first card was on the way, it was told privately: the card in the channel says it too.
  if (hasEnded(release.state)) await tx.send({ kind: 'card', release: number })
  if (firstAsking && !asked && environment !== undefined) await askInThread(tx, release, environment)
}

function ended({ state, effect, startedAt, endedAt }: StepRow): { effect?: string; ms?: number } {
  if (state === 'running') return {}
  return { effect, ...(startedAt && endedAt && { ms: endedAt.getTime() - startedAt.getTime() }) }
}

/** Writes a step's row with its event and the card, in one transaction. */
export async function stepMoved(tx: Transaction, release: Release, row: StepRow): Promise<void> {
  await tx.putStep(release.number, row)
  tx.addEvent({
    release: release.number,
    type: row.state === 'running' ? 'step_started' : `step_${row.state}`,
    actor: 'worker',
    data: {
      step: row.name,
      attempt: row.attempt,
      ...ended(row),
      ...row.result,
    },
  })
  await tx.send({ kind: 'card', release: release.number })
}
