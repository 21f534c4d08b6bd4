/** What the worker does with each kind of job, and what it looks at while people think. */

import { movedFacts } from '../release/bound.ts'
import { end, needAttention, planned, proceed, say } from '../release/course.ts'
import type { PrivateMessage } from '../release/messages.ts'
import { builtCommit } from '../release/plan.ts'
import type { Claim, Job } from '../release/ports/jobs.ts'
import type { Transaction } from '../release/ports/store.ts'
import type { Refusal } from '../release/refusals.ts'
import { irreversibleBegun, isEmergency, type Release } from '../release/release.ts'
import { type App, type Environment, findApp, findEnvironment, isPinned } from '../release/settings.ts'
import { hasEnded } from '../release/terms.ts'
import { backportPicks } from './backport.ts'
import { checkBoundFacts } from './bound-gate.ts'
import { checkBuilds } from './builds.ts'
import { readFacts } from './facts.ts'
import { fenced } from './fence.ts'
import { makePlan } from './plan/planner.ts'
import { tidyPullRequest } from './plan/pull-request.ts'
import type { WorkerPorts } from './ports.ts'
import { runRelease } from './run/runner.ts'
import { lookAfterHotfixes } from './watch/follow-up.ts'

/** Handles one job. Throws to have it taken up again. */
export async function handleJob(unfenced: WorkerPorts, claim: Claim): Promise<void> {
  const { job } = claim
  // Read from the claim each time: only that looks at the time, too.
  const ports = fenced(unfenced, () => claim.signal.throwIfAborted())
  switch (job.kind) {
    case 'plan':
      return planRelease(ports, claim, job)
    case 'preview':
      return preview(ports, claim, job)
    case 'preflight':
      return preflight(ports, claim, job.release, job.attempt)
    case 'run':
      return runRelease(ports, claim, job.release, job.attempt)
    case 'tidy':
      return tidy(ports, job.release)
    case 'carry':
      return carry(ports, claim, job.release)
  }
}

function place(
  ports: WorkerPorts,
  release: { app: string; environment: string },
): { app: App; environment: Environment } | undefined {
  const app = findApp(ports.apps, release.app)
  const environment = app && findEnvironment(app, release.environment)
  return app && environment ? { app, environment } : undefined
}

function differs({ app, environment }: { app: string; environment: string }): { refused: Refusal } {
  return { refused: { gate: 'configuration_differs', app, environment } }
}

async function planRelease(
  ports: WorkerPorts,
  claim: Claim,
  { release: number, forEmergency }: Extract<Job, { kind: 'plan' }>,
): Promise<void> {
  const release = await ports.store.release(number)
  if (release === undefined) return
  const where = place(ports, release)
  // Ended while an earlier try planned: what that had opened is taken away.
  if (release.state !== 'planning') return release.plan === undefined ? tidy(ports, number) : undefined
  const outcome = where
    ? await makePlan(ports, {
        ...where,
        kind: release.kind,
        ...(release.picks && { picks: release.picks }),
        configuration: release.configuration,
        release,
        ...(forEmergency && { forEmergency }),
        signal: claim.signal,
      })
    : differs(release)
  claim.signal.throwIfAborted()
  const endedMeanwhile = await ports.store.transaction(
    async (tx) => {
      const now = await tx.lockRelease(number)
      if (now?.state !== 'planning') return true
      if ('refused' in outcome) {
        await end(tx, now, 'refused', { actor: 'worker', problem: { because: outcome.refused } })
      } else if (where) {
        await planned(tx, now, where.environment, outcome.plan)
      }
      return false
    },
    { as: claim },
  )
  // The job that tidies may have looked before planning had opened anything, and is enqueued once.
  if (endedMeanwhile) await tidy(ports, number)
}

async function preview(ports: WorkerPorts, claim: Claim, job: Extract<Job, { kind: 'preview' }>): Promise<void> {
  const where = place(ports, job)
  const { configuration } = job
  const outcome = where
    ? await makePlan(ports, { ...where, kind: 'deploy', configuration, signal: claim.signal })
    : differs(job)
  claim.signal.throwIfAborted()
  const message: PrivateMessage =
    'refused' in outcome
      ? { is: 'refusal', refusal: outcome.refused }
      : { is: 'preview', app: job.app, environment: job.environment, plan: outcome.plan }
  await ports.store.transaction(
    (tx) =>
      tx.send({
        kind: 'private',
        key: `preview:${job.id}`,
        to: job.user,
        ...(job.responseUrl !== undefined && { responseUrl: job.responseUrl }),
        asked: job.asked,
        message,
      }),
    { as: claim },
  )
}

/** Every bound fact, once more, before the channel is told and anything starts. */
async function preflight(ports: WorkerPorts, claim: Claim, number: number, attempt: number): Promise<void> {
  const release = await ports.store.release(number)
  if (release?.state !== 'approved' || release.attempt !== attempt) return
  const where = place(ports, release)
  const checked = where ? await checkAll(ports, where, release, claim.signal) : differs(release)
  // What was only looked at until the worker stops says nothing of the world: it is taken up again.
  claim.signal.throwIfAborted()
  await ports.store.transaction(
    async (tx) => {
      const now = await tx.lockRelease(number)
      if (now?.state !== 'approved' || now.attempt !== attempt) return
      if ('refused' in checked) return endPreflight(tx, now, checked.refused)
      tx.addEvent({ release: number, type: 'preflight_passed', actor: 'worker', data: { attempt } })
      if (where) await proceed(tx, now, where.environment)
    },
    { as: claim },
  )
}

/** Builds may have failed since the plan was made; an emergency waives them. */
async function checkAll(
  ports: WorkerPorts,
  { app, environment }: { app: App; environment: Environment },
  release: Release,
  signal: AbortSignal,
): Promise<{ refused: Refusal } | { holds: true }> {
  const bound = await checkBoundFacts(ports, app, environment, release, signal)
  const needsChecks = environment.signOff?.requireChecks === true && !isEmergency(release)
  if ('refused' in bound) return bound
  if (!needsChecks || release.plan === undefined) return { holds: true }
  const built = await checkBuilds(ports, app, environment, builtCommit(release.plan))
  return 'refused' in built ? built : { holds: true }
}

async function endPreflight(tx: Transaction, release: Release, because: Refusal): Promise<void> {
  const problem = { because }
  tx.addEvent({ release: release.number, type: 'preflight_refused', actor: 'worker', data: { gate: because.gate } })
  if (irreversibleBegun(release.steps)) return needAttention(tx, release, problem, { actor: 'worker' })
  await end(tx, release, because.gate === 'plan_outdated' ? 'outdated' : 'failed', { actor: 'worker', problem })
}

async function tidy(ports: WorkerPorts, number: number): Promise<void> {
  const release = await ports.store.release(number)
  const where = release && place(ports, release)
  if (!release || !where || !hasEnded(release.state)) return
  const left = await tidyPullRequest(ports, where.app, where.environment, release)
  if (left !== undefined) throw new Error(`the pull request of #${number} could not be tidied: ${left}`)
}

async function carry(ports: WorkerPorts, claim: Claim, number: number): Promise<void> {
  const release = await ports.store.release(number)
  const where = release && place(ports, release)
  if (release && where) await backportPicks(ports, where, release, claim)
}

/** After hot-fixes: whether what they picked is where it has to be, and what they have left. */
export function lookAtHotfixes(ports: WorkerPorts): Promise<void> {
  return lookAfterHotfixes(ports, (release) => place(ports, release))
}

/** Looks at the world of every release that awaits sign-off: outdated when a bound fact moved, told when a pinned branch did. */
export async function lookAtAwaiting(ports: WorkerPorts): Promise<void> {
  const awaiting = await ports.store.releases({ states: ['awaiting sign-off'], limit: 100 })
  for (const release of awaiting) {
    await lookAtOne(ports, release).catch((err: unknown) =>
      ports.log.error({ release: release.number, err }, 'looking at the world of a release failed'),
    )
  }
}

async function lookAtOne(ports: WorkerPorts, release: Release): Promise<void> {
  const where = place(ports, release)
  if (!where || !release.plan) return
  const { app, environment } = where
  const looked = await readFacts(ports, app, environment, release)
  if ('refused' in looked) {
    ports.log.warn({ release: release.number, gate: looked.refused.gate }, 'the world does not answer')
    return
  }
  const pinned = isPinned(app, environment)
  const moved = movedFacts(release.plan, release, looked.world, pinned)
  const newer = pinned && looked.world.source ? await newerCommits(ports, app, release, looked.world.source) : 0
  if (moved.length === 0 && newer === (release.newerCommits ?? 0)) return
  await ports.store.transaction(async (tx) => {
    const now = await tx.lockRelease(release.number)
    if (now?.state !== 'awaiting sign-off') return
    if (moved.length > 0) {
      const because = { gate: 'plan_outdated' as const, moved }
      return end(tx, now, 'outdated', { actor: 'worker', problem: { because } })
    }
    await tx.changeRelease(release.number, { newerCommits: newer })
    const { branch } = release.plan?.bound.source ?? { branch: 'the branch' }
    const text = `${branch} has ${newer} newer ${newer === 1 ? 'commit' : 'commits'}, not in this release.`
    await say(tx, release.number, `newer:${newer}`, { is: 'note', text })
    await tx.send({ kind: 'card', release: release.number })
  })
}

async function newerCommits(ports: WorkerPorts, app: App, release: Release, head: string): Promise<number> {
  const source = release.plan?.bound.source
  if (source === undefined || head === source.commit) return 0
  const fetched = await ports.git.fetch(app, app.gitUrl, [source.branch])
  if (!fetched.ok) return release.newerCommits ?? 0
  const { count } = await ports.git.commits(app, { from: [head], notFrom: [source.commit], limit: 1 })
  return count
}
