/**
 * Walks the steps of an approved release: look, write the intent, act, write the result. Taken up again after any
 * crash from the first step whose effect is not there. The stored plan is never recomputed.
 */

import { producedCommit } from '../../release/bound.ts'
import type { Plan } from '../../release/plan.ts'
import { type Claim, ClaimLost } from '../../release/ports/jobs.ts'
import type { Transaction } from '../../release/ports/store.ts'
import { type Release, type StepRow, step } from '../../release/release.ts'
import type { App, Environment } from '../../release/settings.ts'
import { isIrreversible, isWorkerStep, type WorkerStepName } from '../../release/steps.ts'
import type { StepName } from '../../release/terms.ts'
import { addThreadLine } from '../../release/thread.ts'
import { finished, started, stepEnded, stepMayBegin, stepStarted, stop } from '../../release/transitions/index.ts'
import { checkBoundFacts } from '../bound-gate.ts'
import { fenced, StoreFailed, storeAnswers } from '../fence.ts'
import { configurationDiffers, placeOf } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'
import { withRetry } from '../retry.ts'
import { WORKER_STEPS } from './steps/index.ts'
import { type Performed, type Step, type StepContext, type Stopped, stopped } from './steps/step.ts'

/** The environment is held by another run, or is not announced: the job is taken up again later. */
export class RetryLater extends Error {
  override readonly name = 'NotNow'
}

interface Running {
  /** Fenced: effects begin only while the run is ours. */
  readonly ports: WorkerPorts
  readonly claim: Claim
  readonly app: App
  readonly environment: Environment
  readonly signal: AbortSignal
}

/** Runs a release to its end, or until it is cancelled, stopped, or this worker is. Safe to repeat. */
export async function runRelease(ports: WorkerPorts, claim: Claim, number: number, attempt: number): Promise<void> {
  const known = await ports.store.release(number)
  if (known === undefined || known.attempt !== attempt) return
  const place = placeOf(ports, known)
  if (place === undefined) {
    const { refused: because } = configurationDiffers(known)
    await ports.store.transaction(
      async (tx) => {
        const release = await tx.lockRelease(number)
        const isOurs = release?.attempt === attempt && (release.state === 'approved' || release.state === 'running')
        if (release && isOurs) await stop(tx, release, { because }, { actor: 'worker' })
      },
      { as: claim },
    )
    return
  }
  const { app, environment } = place
  const held = await ports.lock.withLock(app.name, environment.name, async (lost) => {
    const signal = AbortSignal.any([claim.signal, lost])
    const isOurs = () => assertHeld({ claim, signal })
    await walk({ ports: fenced(ports, isOurs), claim, app, environment, signal }, number, attempt)
  })
  if (held === 'held') throw new RetryLater(`${app.name} ${environment.name} is held by another run`)
}

async function walk(running: Running, number: number, attempt: number): Promise<void> {
  const plan = await begin(running, number, attempt)
  if (plan === undefined) return
  await ensureCommitFetched(running, number, plan)
  for (const name of plan.steps) {
    // The announcement was confirmed before the run began, and the report is the release's end.
    if (isWorkerStep(name) && !(await takeStep(running, number, plan, name))) return
  }
  await inTransaction(running, number, finished)
}

async function begin(running: Running, number: number, attempt: number): Promise<Plan | undefined> {
  const begun = await inTransaction(running, number, (tx, release) =>
    started(tx, release, running.environment, attempt),
  )
  if (begun === 'not announced') throw new RetryLater(`Slack has not confirmed the announcement of #${number}`)
  return begun === 'over' ? undefined : begun.plan
}

/** A run that is taken up on another host goes on with a mirror that may lack what the steps before have fetched. */
async function ensureCommitFetched(
  { ports, app, environment, signal }: Running,
  number: number,
  plan: Plan,
): Promise<void> {
  const release = await ports.store.release(number)
  const commit = release && producedCommit(release)
  if (commit === undefined || (await ports.git.has(app, commit))) return
  const { remote } = environment
  await withRetry(() => ports.git.fetch(app, app.gitUrl, [plan.bound.target.branch], signal), ports)
  await withRetry(() => ports.git.fetch(app, remote.url, [remote.branch], signal), ports)
}

/** Takes one step. False: the run is over, or goes on elsewhere. */
async function takeStep(running: Running, number: number, plan: Plan, name: WorkerStepName): Promise<boolean> {
  const toDo = WORKER_STEPS[name]
  const found = await inTransaction(running, number, (tx, release) => stepMayBegin(tx, release, name))
  if (found === 'over') return false
  if (found === 'done') return true
  const before = step(found, name)
  const looked = await stopOnError(running, number, name, 'as before', () => probeFirst(running, found, plan, toDo))
  if (looked !== undefined) return recordOutcome(running, number, name, before, looked)
  const begun = await inTransaction(running, number, async (tx, release) =>
    mustAwaitEffect(release, toDo) ? 'look again' : stepStarted(tx, release, name),
  )
  if (begun === 'look again') return takeStep(running, number, plan, name)
  if (begun === undefined) return false
  assertHeld(running)
  const run = stepRun(running, begun, plan, before)
  return recordOutcome(
    running,
    number,
    name,
    before,
    await stopOnError(running, number, name, 'unknown', () => toDo.perform(run)),
  )
}

/** A step that was cut off and, since somebody has cancelled, is not to be begun again. */
function mustAwaitEffect(release: Release, { name, awaitEffect }: Step): boolean {
  return (
    awaitEffect !== undefined && release.cancelRequestedBy !== undefined && step(release, name)?.state === 'running'
  )
}

/** Looks whether the step's effect is there, or whether anything stands against bringing it about. Undefined: neither. */
async function probeFirst(
  running: Running,
  release: Release,
  plan: Plan,
  toDo: Step,
): Promise<Performed | Stopped | undefined> {
  const { ports, app, environment } = running
  const run = stepRun(running, release, plan, step(release, toDo.name))
  const probe = toDo.awaitEffect && mustAwaitEffect(release, toDo) ? await toDo.awaitEffect(run) : await toDo.probe(run)
  if (probe.is === 'there') return { is: 'done', effect: 'some', result: probe.result }
  if (probe.is === 'stopped') return probe
  if (!isIrreversible(toDo.name)) return undefined
  const world = await checkBoundFacts(ports, app, environment, release, running.signal)
  return 'refused' in world ? { is: 'stopped', because: world.refused, effect: 'as before' } : undefined
}

/**
 * What goes wrong in a step stops the run and is told. A store that fails is no fault of the step's: that is thrown, and
 * the job is taken up again, where it looks before it acts.
 */
async function stopOnError<T>(
  { ports, signal }: Running,
  number: number,
  name: StepName,
  effect: Stopped['effect'],
  work: () => Promise<T>,
): Promise<T | Stopped> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ClaimLost || error instanceof StoreFailed || signal.aborted) throw error
    ports.log.error({ release: number, step: name, err: error }, 'a step failed unexpectedly')
    const detail = error instanceof Error ? error.message : 'unknown'
    return stopped({ gate: 'internal_error', detail }, effect)
  }
}

/** Writes what became of a step. False: the run is over. */
function recordOutcome(
  running: Running,
  number: number,
  name: StepName,
  before: StepRow | undefined,
  found: Performed | Stopped,
): Promise<boolean> {
  return inTransaction(running, number, (tx, release) => stepEnded(tx, release, name, before, found))
}

function stepRun(running: Running, release: Release, plan: Plan, before: StepRow | undefined): StepContext {
  const { ports, app, environment, signal, claim } = running
  return {
    before,
    ports,
    app,
    environment,
    release,
    plan,
    commit: producedCommit(release),
    signal,
    tell: (key, what) =>
      storeAnswers(() =>
        ports.store.transaction((tx) => addThreadLine(tx, release.number, key, { is: 'waiting', what }), { as: claim }),
      ),
  }
}

/** Throws once the job or the environment is somebody else's. Reading the claim's signal looks at the time, too. */
function assertHeld({ claim, signal }: Pick<Running, 'claim' | 'signal'>): void {
  claim.signal.throwIfAborted()
  signal.throwIfAborted()
}

/** A transaction that commits nothing unless this worker still holds the job and the environment. */
async function inTransaction<T>(
  running: Running,
  number: number,
  work: (tx: Transaction, release: Release) => Promise<T>,
): Promise<T> {
  assertHeld(running)
  const { ports, claim } = running
  return ports.store.transaction(
    async (tx) => {
      const release = await tx.lockRelease(number)
      if (release === undefined) throw new Error(`release #${number} is not in the store`)
      return work(tx, release)
    },
    { as: claim },
  )
}
