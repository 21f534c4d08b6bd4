/** What a run writes of its steps: whether one may begin, its intent, its outcome. Each inside one transaction. */
import { end, say, stepMoved, stop } from '../../release/course.ts'
import type { Transaction } from '../../release/ports/store.ts'
import type { Problem } from '../../release/refusals.ts'
import { irreversibleBegun, type Release, type StepRow, step } from '../../release/release.ts'
import { IRREVERSIBLE_STEPS, type StepName } from '../../release/terms.ts'
import type { Performed, Stopped } from './steps/step.ts'

/** What is known of a step's effect, when its last try has done nothing and found nothing out. */
function effectOf(found: Performed | Stopped, before: StepRow | undefined): StepRow['effect'] {
  if (found.effect !== 'as before') return found.effect
  return before === undefined || before.state === 'pending' ? 'none' : before.effect
}

export async function mayBegin(tx: Transaction, release: Release, name: StepName): Promise<Release | 'over' | 'done'> {
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
 * The intent: written before the effect, so that a crash in between is looked up and never guessed. Gives undefined
 * when a cancel was committed before it.
 */
export async function writeIntent(tx: Transaction, release: Release, name: StepName): Promise<Release | undefined> {
  if (release.state !== 'running') return undefined
  const row = step(release, name)
  if (release.cancelRequestedBy !== undefined) {
    await endCancelled(tx, await markNotStarted(tx, release, row))
    return undefined
  }
  const irreversible = IRREVERSIBLE_STEPS.includes(name)
  const intent: StepRow = {
    name,
    state: 'running',
    attempt: release.attempt,
    effect: row?.effect === 'some' ? 'some' : irreversible ? 'unknown' : 'none',
    startedAt: row?.state === 'running' && row.startedAt ? row.startedAt : tx.now,
    ...(row?.result && { result: row.result }),
  }
  await stepMoved(tx, release, intent)
  return withStep(release, intent)
}

/** A step that was cut off, whose effect a look has then proven absent, and which is not to be begun again. */
async function markNotStarted(tx: Transaction, release: Release, row: StepRow | undefined): Promise<Release> {
  if (row?.state !== 'running') return release
  const settled: StepRow = { ...row, state: 'failed', effect: row.effect === 'some' ? 'some' : 'none', endedAt: tx.now }
  await stepMoved(tx, release, settled)
  const text = `The step ${row.name} was cut off, was not seen to have done anything, and is not begun again.`
  await say(tx, release.number, `not-taken:${row.name}:${row.attempt}`, { is: 'note', text })
  return withStep(release, settled)
}

function withStep(release: Release, row: StepRow): Release {
  return { ...release, steps: [...release.steps.filter(({ name }) => name !== row.name), row] }
}

async function endCancelled(tx: Transaction, release: Release): Promise<void> {
  const by = release.cancelRequestedBy
  await end(tx, release, 'cancelled', { actor: by?.id ?? 'worker', ...(by && { by }) })
}

/** Writes what became of a step, with its line for the thread. False: the run is over. */
export async function writeOutcome(
  tx: Transaction,
  release: Release,
  name: StepName,
  before: StepRow | undefined,
  found: Performed | Stopped,
): Promise<boolean> {
  if (release.state !== 'running') return false
  const row = step(release, name)
  const effect = effectOf(found, before)
  const startedAt = row?.state === 'running' && row.startedAt ? row.startedAt : tx.now
  const ms = tx.now.getTime() - startedAt.getTime()
  const base = { name, attempt: release.attempt, startedAt, endedAt: tx.now } as const
  if (found.is === 'done') {
    const overall = row?.effect === 'some' ? 'some' : effect
    await stepMoved(tx, release, { ...base, effect: overall, state: 'done', result: found.result })
    const said = found.result.said ?? name
    await say(tx, release.number, `done:${name}:${release.attempt}`, { is: 'step ended', step: name, said, ms })
    return true
  }
  const isUnknown = effect === 'unknown'
  const result = found.result ?? row?.result
  const failed: StepRow = { ...base, effect, state: isUnknown ? 'unknown' : 'failed', ...(result && { result }) }
  await stepMoved(tx, release, failed)
  const problem: Problem = { step: name, because: found.because }
  const output = found.output ?? []
  await say(tx, release.number, `failed:${name}:${release.attempt}`, {
    is: 'step failed',
    step: name,
    problem,
    output,
    ms,
  })
  const now = await releasePhaseFailed(tx, withStep(release, failed), problem)
  if (release.cancelRequestedBy !== undefined && !isUnknown && !irreversibleBegun(now.steps)) {
    await endCancelled(tx, now)
  } else {
    await stop(tx, now, problem)
  }
  return false
}

/**
 * A failed release phase leaves the remote holding what it does not run: a Retry has the push to mend, by a release after
 * the one that failed.
 */
async function releasePhaseFailed(tx: Transaction, release: Release, { because }: Problem): Promise<Release> {
  const pushed = step(release, 'push')
  if (because.gate !== 'release_phase_failed' || pushed === undefined) return release
  const { platformRelease } = because
  const toMend: StepRow = { ...pushed, state: 'failed', effect: 'some', result: { ...pushed.result, platformRelease } }
  await tx.putStep(release.number, toMend)
  return withStep(release, toMend)
}
