/**
 * Runs the steps of an approved release: probe, check the bound facts, write the intent, perform, write the outcome. After a
 * crash the next worker resumes at the first step whose effect is absent. The stored plan is never recomputed.
 */

import { producedCommit } from '../../release/bound.ts'
import type { Plan } from '../../release/plan.ts'
import { type Claim, ClaimLost, type Lease } from '../../release/ports/jobs.ts'
import type { Transaction } from '../../release/ports/store.ts'
import { type Release, type StepRow, step } from '../../release/release.ts'
import type { App, Environment } from '../../release/settings.ts'
import { isIrreversible, isWorkerStep, type WorkerStepName } from '../../release/steps.ts'
import type { StepName } from '../../release/terms.ts'
import { addThreadLine } from '../../release/thread.ts'
import {
  finished,
  interruptionSeen,
  type LeftOff,
  type Performed,
  type Stopped,
  started,
  stepEnded,
  stepMayBegin,
  stepNoted,
  stepStarted,
  stop,
} from '../../release/transitions/index.ts'
import { checkBoundFacts } from '../bound-gate.ts'
import { fenced, StoreFailed, storeAnswers } from '../fence.ts'
import { configurationDiffers, placeOf } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'
import { withRetry } from '../retry.ts'
import { WORKER_STEPS } from './steps/index.ts'
import { type Step, type StepContext, stopped } from './steps/step.ts'

/** Another run holds the environment, or Slack has not confirmed the announcement: the job is retried later. */
export class RetryLater extends Error {
  override readonly name = 'NotNow'
}

interface Running {
  /** Fenced: they throw instead of starting an effect once this worker has lost the job or the lease. */
  readonly ports: WorkerPorts
  readonly claim: Claim
  readonly lease: Lease
  readonly app: App
  readonly environment: Environment
  readonly signal: AbortSignal
}

/**
 * Runs a release until it ends, stops or is cancelled. Throws RetryLater, ClaimLost or StoreFailed to have the job retried.
 * Safe to repeat.
 */
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
  const outcome = await ports.lock.withLease(app.name, environment.name, async (lease) => {
    const signal = AbortSignal.any([claim.signal, lease.signal])
    const isOurs = async () => {
      await lease.assertHeld()
      assertHeld({ claim, lease })
    }
    await runSteps({ ports: fenced(ports, isOurs), claim, lease, app, environment, signal }, number, attempt)
  })
  if (outcome === 'held') throw new RetryLater(`another run holds ${app.name} ${environment.name}`)
}

async function runSteps(running: Running, number: number, attempt: number): Promise<void> {
  const plan = await begin(running, number, attempt)
  if (plan === undefined) return
  await ensureCommitFetched(running, number, plan)
  for (const name of plan.steps) {
    // Other steps are not the worker's: Slack confirmed the announcement before the run, and `finished` is the report.
    if (isWorkerStep(name) && !(await takeStep(running, number, plan, name))) return
  }
  // A rollback may lock the environment for its requester, whose row is locked before a release's.
  const locks = plan.rollback !== undefined
  await inTransaction(running, number, finished, locks ? 'environment first' : undefined)
}

async function begin(running: Running, number: number, attempt: number): Promise<Plan | undefined> {
  const begun = await inTransaction(running, number, (tx, release) =>
    started(tx, release, running.environment, attempt),
  )
  if (begun === 'not announced') throw new RetryLater(`Slack has not confirmed the announcement of #${number}`)
  return begun === 'over' ? undefined : begun.plan
}

/** After a takeover by another host, its mirror may lack the commits that earlier steps fetched. */
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

/** Takes one step. False: the run is over. */
async function takeStep(running: Running, number: number, plan: Plan, name: WorkerStepName): Promise<boolean> {
  const toDo = WORKER_STEPS[name]
  const found = await inTransaction(running, number, (tx, release) => stepMayBegin(tx, release, name))
  if (found === 'over') return false
  if (found === 'done') return true
  const before = step(found, name)
  const looked = await stopOnError(running, number, name, 'as before', () => probeFirst(running, found, plan, toDo))
  if (looked !== undefined) return recordOutcome(running, number, name, before, looked, 'by a look')
  const begun = await inTransaction(running, number, async (tx, release) => {
    const started = await (mustAwaitEffect(release, toDo) ? 'look again' : stepStarted(tx, release, name))
    if (started !== undefined && started !== 'look again') await interruptionSeen(tx, release, before, 'absent')
    return started
  })
  if (begun === 'look again') return takeStep(running, number, plan, name)
  if (begun === undefined) return false
  logInterruption(running, number, before, 'absent')
  assertHeld(running)
  const run = stepRun(running, begun, { plan, name, before })
  return recordOutcome(
    running,
    number,
    name,
    before,
    await stopOnError(running, number, name, 'unknown', () => toDo.perform(run)),
  )
}

/** An interrupted step is not started again after a cancel: its effect is awaited instead. */
function mustAwaitEffect(release: Release, { name, awaitEffect }: Step): boolean {
  return (
    awaitEffect !== undefined && release.cancelRequestedBy !== undefined && step(release, name)?.state === 'running'
  )
}

/** Returns the outcome if the effect is there already, or if the step must not run; undefined: the step may run. */
async function probeFirst(
  running: Running,
  release: Release,
  plan: Plan,
  toDo: Step,
): Promise<Performed | Stopped | undefined> {
  const { ports, app, environment } = running
  const run = stepRun(running, release, { plan, name: toDo.name, before: step(release, toDo.name) })
  const probe = toDo.awaitEffect && mustAwaitEffect(release, toDo) ? await toDo.awaitEffect(run) : await toDo.probe(run)
  if (probe.is === 'there') return { is: 'done', effect: 'some', result: probe.result }
  if (probe.is === 'stopped') return probe
  if (!isIrreversible(toDo.name)) return undefined
  const checked = await checkBoundFacts(ports, app, environment, release, running.signal)
  return 'refused' in checked ? { is: 'stopped', because: checked.refused, effect: 'as before' } : undefined
}

/**
 * Turns an unexpected error of a step into a stop with the gate `internal_error`. A lost claim and a failing store are
 * thrown instead: the job is retried, and the next attempt probes before it acts.
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
    ports.log.error(
      { release: number, step: name, err: error },
      'a step failed with an unexpected error; the release stops',
    )
    const detail = error instanceof Error ? error.message : 'unknown'
    return stopped({ gate: 'internal_error', detail }, effect)
  }
}

/** Stores the outcome of a step. False: the run is over. */
async function recordOutcome(
  running: Running,
  number: number,
  name: StepName,
  before: StepRow | undefined,
  found: Performed | Stopped | LeftOff,
  how: 'by a look' | 'by its work' = 'by its work',
): Promise<boolean> {
  const isThere = how === 'by a look' && found.is === 'done'
  const goesOn = await inTransaction(running, number, async (tx, release) => {
    if (isThere) await interruptionSeen(tx, release, before, 'there')
    return stepEnded(tx, release, name, before, found)
  })
  if (isThere) logInterruption(running, number, before, 'there')
  return goesOn
}

function logInterruption(
  { ports, environment }: Running,
  release: number,
  before: StepRow | undefined,
  found: 'there' | 'absent',
): void {
  if (before?.state !== 'running') return
  const { app, name } = environment
  ports.log.warn(
    { release, app, environment: name, step: before.name, found },
    'a step was interrupted, and is resumed',
  )
}

function stepRun(
  running: Running,
  release: Release,
  { plan, name, before }: { readonly plan: Plan; readonly name: StepName; readonly before: StepRow | undefined },
): StepContext {
  const { ports, app, environment, signal, claim, lease } = running
  return {
    before,
    ports,
    app,
    environment,
    release,
    plan,
    commit: producedCommit(release),
    signal,
    isCancelled: async () => (await ports.store.release(release.number))?.cancelRequestedBy !== undefined,
    note: (result) => inTransaction(running, release.number, (tx, now) => stepNoted(tx, now, name, result)),
    tell: async (key, what) => {
      await storeAnswers(() =>
        ports.store.transaction((tx) => addThreadLine(tx, release.number, key, { is: 'waiting', what }), {
          as: claim,
          lease,
        }),
      )
    },
  }
}

/** Throws if this worker has lost the job or the lease. Their getters also check the time. */
function assertHeld({ claim, lease }: Pick<Running, 'claim' | 'lease'>): void {
  claim.signal.throwIfAborted()
  lease.signal.throwIfAborted()
}

/** Runs a transaction that commits only while this worker holds the job and the lease. */
async function inTransaction<T>(
  running: Running,
  number: number,
  work: (tx: Transaction, release: Release) => Promise<T>,
  order?: 'environment first',
): Promise<T> {
  assertHeld(running)
  const { ports, claim, lease, app, environment } = running
  return ports.store.transaction(
    async (tx) => {
      if (order !== undefined) await tx.lockEnvironment(app.name, environment.name)
      const release = await tx.lockRelease(number)
      if (release === undefined) throw new Error(`release #${number} is not in the store`)
      return work(tx, release)
    },
    { as: claim, lease },
  )
}
