/** Running: a worker has taken the run. Each step stores its intent, acts, and stores its outcome. */
import { defined } from '../../lib/defined.ts'
import { producedCommit } from '../bound.ts'
import type { EventType } from '../events.ts'
import type { Plan } from '../plan.ts'
import type { Transaction } from '../ports/store.ts'
import type { Problem } from '../refusals.ts'
import { hasStartedIrreversible, type Release, type StepResult, type StepRow, step } from '../release.ts'
import { startsUntil } from '../schedule.ts'
import type { Environment } from '../settings.ts'
import { isIrreversible } from '../steps.ts'
import type { StepName } from '../terms.ts'
import { addThreadLine } from '../thread.ts'
import { end, endCancelled, stop } from './ended.ts'
import { rolledBack } from './marked.ts'
import { noteLate } from './scheduled.ts'
import { assertTransition, InvalidTransition } from './transition.ts'

/** The run must start within this time of the approval, so that nothing starts long after people signed. */
const RUN_MUST_BEGIN_MS = 60 * 60_000

/** Until when the run must start: an hour after its approval or, if its time approved it, after that time. */
export function runMustBeginBy({ approvedAt, attempt, schedule }: Release): Date | undefined {
  if (approvedAt === undefined) return undefined
  if (schedule !== undefined && attempt === 1 && approvedAt >= schedule.at) return startsUntil(schedule)
  return new Date(approvedAt.getTime() + RUN_MUST_BEGIN_MS)
}

/**
 * A worker has taken the run: returns the plan to perform. `over`: there is nothing left to run. `not announced`: Slack
 * has not confirmed the announcement, so nothing may start. Safe to repeat.
 */
export async function started(
  tx: Transaction,
  release: Release,
  environment: Environment,
  attempt: number,
): Promise<{ plan: Plan } | 'over' | 'not announced'> {
  const { number, plan } = release
  if (release.attempt !== attempt || plan === undefined) return 'over'
  if (release.state !== 'running' && release.state !== 'approved') return 'over'
  if (environment.announce === 'required' && release.announcement === undefined) return 'not announced'
  if (release.state === 'running') return { plan }
  const until = runMustBeginBy(release)
  if (until !== undefined && tx.now >= until) {
    const because = { gate: 'expired' as const, number, at: tx.now.toISOString() }
    await stop(tx, release, { because }, { actor: 'worker' })
    return 'over'
  }
  assertTransition(release, 'running')
  if (attempt === 1) await noteLate(tx, release)
  await tx.changeRelease(number, { state: 'running', startedAt: release.startedAt ?? tx.now })
  tx.addEvent({ release: number, type: 'run_started', actor: 'worker', data: { attempt } })
  await tx.send({ kind: 'card', release: number })
  return { plan }
}

/** How long after its end a rollback's record, which could not be written, is tried again first. */
const LATE_RECORD_AFTER_MS = 30_000

/** A step stopped the run. */
export interface Stopped {
  readonly is: 'stopped'
  readonly because: Problem['because']
  /**
   * The step's effect over all its attempts; `none` only if that is proven. `as before`: this attempt did nothing and
   * found nothing out, so the stored effect stays.
   */
  readonly effect: StepRow['effect'] | 'as before'
  readonly output?: readonly string[]
  readonly result?: StepResult
}

/** A step is done. */
export interface Performed {
  readonly is: 'done'
  readonly result: StepResult
  readonly effect: 'none' | 'some'
}

/** A step that only looks has stopped looking, because a cancel was committed. */
export interface LeftOff {
  readonly is: 'left off'
  /** What stays open, one plain sentence for the thread. */
  readonly said: string
}

/** Whether a step may start. `over`: the run has ended or is cancelled. `done`: the step is already done. */
export async function stepMayBegin(
  tx: Transaction,
  release: Release,
  name: StepName,
): Promise<Release | 'over' | 'done'> {
  if (release.state !== 'running') return 'over'
  const row = step(release, name)
  if (row?.state === 'done') return 'done'
  if (release.cancelRequestedBy !== undefined && row?.state !== 'running') {
    await endCancelled(tx, release)
    return 'over'
  }
  return release
}

/**
 * Tells in the thread what was found of a step that was interrupted, because its duration alone does not show that
 * a worker was lost. Does nothing for a step that was not. Safe to repeat.
 */
export async function interruptionSeen(
  tx: Transaction,
  release: Release,
  before: StepRow | undefined,
  found: 'there' | 'absent',
): Promise<void> {
  if (before?.state !== 'running') return
  const { name } = before
  const key = `interrupted:${name}:${found}:${release.attempt}`
  await addThreadLine(tx, release.number, key, { is: 'interrupted', step: name, found })
}

/**
 * Stores the intent before the step acts, so that after a crash the effect is looked up. Returns undefined, and nothing
 * may be done, if a cancel was committed first.
 */
export async function stepStarted(tx: Transaction, release: Release, name: StepName): Promise<Release | undefined> {
  if (release.state !== 'running') return undefined
  const row = step(release, name)
  if (release.cancelRequestedBy !== undefined) {
    await endCancelled(tx, await markNotStarted(tx, release, row))
    return undefined
  }
  const intent: StepRow = {
    name,
    state: 'running',
    attempt: release.attempt,
    effect: row?.effect === 'some' ? 'some' : isIrreversible(name) ? 'unknown' : 'none',
    startedAt: row?.state === 'running' && row.startedAt ? row.startedAt : tx.now,
    ...defined({ result: row?.result }),
  }
  await putStep(tx, release, intent)
  return withStep(release, intent)
}

/** Adds to the result of a running step, which is no event: its end has one. Nothing happens if it has ended. */
export async function stepNoted(tx: Transaction, release: Release, name: StepName, noted: StepResult): Promise<void> {
  const row = step(release, name)
  if (row?.state === 'running') await tx.putStep(release.number, { ...row, result: { ...row.result, ...noted } })
}

/** Marks an interrupted step as failed. A probe has found no effect of it, and a cancel keeps it from starting again. */
function markNotStarted(tx: Transaction, release: Release, row: StepRow | undefined): Promise<Release> {
  const text = `The step ${row?.name} was interrupted. No effect of it was found, and it won't start again.`
  return markEnded(tx, release, row, text)
}

/** Marks a running step as failed, without an effect of its own that was found, and says so in the thread. */
async function markEnded(tx: Transaction, release: Release, row: StepRow | undefined, text: string): Promise<Release> {
  if (row?.state !== 'running') return release
  const settled: StepRow = { ...row, state: 'failed', effect: row.effect === 'some' ? 'some' : 'none', endedAt: tx.now }
  await putStep(tx, release, settled)
  await addThreadLine(tx, release.number, `not-taken:${row.name}:${row.attempt}`, { is: 'note', text })
  return withStep(release, settled)
}

/** Stores a step's outcome, with its thread line. `before`: its row before this attempt. Returns false if the run is over. */
export async function stepEnded(
  tx: Transaction,
  release: Release,
  name: StepName,
  before: StepRow | undefined,
  found: Performed | Stopped | LeftOff,
): Promise<boolean> {
  if (release.state !== 'running') return false
  const row = step(release, name)
  if (found.is === 'left off') {
    await endCancelled(tx, await markEnded(tx, release, row, found.said))
    return false
  }
  const effect = effectOf(found, before)
  const startedAt = row?.state === 'running' && row.startedAt ? row.startedAt : tx.now
  const ms = tx.now.getTime() - startedAt.getTime()
  const base = { name, attempt: release.attempt, startedAt, endedAt: tx.now } as const
  if (found.is === 'done') {
    const overall = row?.effect === 'some' ? 'some' : effect
    await putStep(tx, release, { ...base, effect: overall, state: 'done', result: found.result })
    const said = found.result.said ?? name
    await addThreadLine(tx, release.number, `done:${name}:${release.attempt}`, {
      is: 'step ended',
      step: name,
      said,
      ms,
    })
    return true
  }
  const isUnknown = effect === 'unknown'
  const result = found.result ?? row?.result
  const failed: StepRow = { ...base, effect, state: isUnknown ? 'unknown' : 'failed', ...defined({ result }) }
  await putStep(tx, release, failed)
  const problem: Problem = { step: name, because: found.because }
  const output = found.output ?? []
  const line = { is: 'step failed', step: name, problem, output, ms } as const
  await addThreadLine(tx, release.number, `failed:${name}:${release.attempt}`, line)
  const now = await markReleasePhaseFailed(tx, withStep(release, failed), problem)
  if (release.cancelRequestedBy !== undefined && !isUnknown && !hasStartedIrreversible(now.steps)) {
    await endCancelled(tx, now)
  } else {
    await stop(tx, now, problem, { actor: 'worker' })
  }
  return false
}

/** The step's effect: as found or, for `as before`, as it was stored. */
function effectOf(found: Performed | Stopped, before: StepRow | undefined): StepRow['effect'] {
  if (found.effect !== 'as before') return found.effect
  return before === undefined || before.state === 'pending' ? 'none' : before.effect
}

/** After a failed release phase the remote holds a commit that doesn't run: the push counts as failed, so Retry redoes it. */
async function markReleasePhaseFailed(tx: Transaction, release: Release, { because }: Problem): Promise<Release> {
  const pushed = step(release, 'push')
  if (because.gate !== 'release_phase_failed' || pushed === undefined) return release
  const { platformRelease } = because
  const failed: StepRow = { ...pushed, state: 'failed', effect: 'some', result: { ...pushed.result, platformRelease } }
  await tx.putStep(release.number, failed)
  return withStep(release, failed)
}

function withStep(release: Release, row: StepRow): Release {
  return { ...release, steps: [...release.steps.filter(({ name }) => name !== row.name), row] }
}

const STEP_EVENT = {
  running: 'step_started',
  done: 'step_done',
  failed: 'step_failed',
  unknown: 'step_unknown',
} as const satisfies Record<Exclude<StepRow['state'], 'pending'>, EventType>

/** Stores a step's row with its event and the card. Throws InvalidTransition for `pending`, which no step returns to. */
async function putStep(tx: Transaction, release: Release, row: StepRow): Promise<void> {
  const { name, state, attempt, effect, startedAt, endedAt, result } = row
  if (state === 'pending')
    throw new InvalidTransition(`the step ${name} of #${release.number} can't become pending again`)
  await tx.putStep(release.number, row)
  const ended = state !== 'running' && {
    effect,
    ...(startedAt && endedAt && { ms: endedAt.getTime() - startedAt.getTime() }),
  }
  tx.addEvent({
    release: release.number,
    type: STEP_EVENT[state],
    actor: 'worker',
    data: { step: name, attempt, ...ended, ...result },
  })
  await tx.send({ kind: 'card', release: release.number })
}

/** Performs the last step, the report: queues the outcome and ends the release as succeeded. */
export async function finished(tx: Transaction, release: Release): Promise<void> {
  if (release.state !== 'running') return
  const { attempt } = release
  const at = { startedAt: tx.now, endedAt: tx.now }
  await putStep(tx, release, { name: 'report', state: 'done', attempt, effect: 'none', ...at })
  await tx.changeRelease(release.number, {
    provenCommit: step(release, 'confirm')?.result?.commit ?? producedCommit(release),
  })
  await end(tx, release, 'succeeded', { actor: 'worker' })
  if (release.kind === 'rollback') await rolledBack(tx, release)
  if (step(release, 'record')?.result?.notRecorded !== undefined) {
    await tx.enqueue({ kind: 'record', release: release.number }, { afterMs: LATE_RECORD_AFTER_MS })
  }
  await tx.enqueue({ kind: 'aftermath', release: release.number })
}
