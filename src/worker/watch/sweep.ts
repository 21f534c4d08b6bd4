/** Ends the releases whose job has failed for good or is gone, so that every release ends. */
import { findEvent } from '../../release/events.ts'
import type { Job } from '../../release/ports/jobs.ts'
import type { Problem } from '../../release/refusals.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { stop } from '../../release/transitions/index.ts'
import { declaredPlace } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'

/** Planning takes minutes, and is retried a few times; a plan later than this is of no use. */
const PLANNING_ENDS_MS = 15 * 60_000

/**
 * Stops each release that needs a job but has no live one, which is after its last attempt: it becomes `refused` while
 * planning, `failed` if nothing irreversible has begun, else `needs attention`. Safe to repeat, also in several workers at
 * once.
 */
export async function endAbandoned(ports: WorkerPorts): Promise<void> {
  const { store, jobs, log } = ports
  const under = await store.releases({ states: ['planning', 'approved', 'running'], limit: 500 })
  for (const seen of under) {
    const problem = await abandoned(seen)
    if (problem === undefined) continue
    await store.transaction(async (tx) => {
      const release = await tx.lockRelease(seen.number)
      // If it has changed state since, that transition has enqueued the next job.
      if (release?.state !== seen.state || release.attempt !== seen.attempt) return
      log.error({ release: seen.number, state: seen.state }, 'a release has no live job any more; it is stopped')
      await stop(tx, release, problem, { actor: 'worker' })
    })
  }

  async function isLive(...of: readonly Job[]): Promise<boolean> {
    for (const job of of) if (await jobs.isLive(job)) return true
    return false
  }

  async function abandoned(release: Release): Promise<Problem | undefined> {
    const { number, state, attempt } = release
    const lost = (what: string): Problem => ({
      because: { gate: 'internal_error', detail: `${what} was interrupted too often and is not retried` },
    })
    if (state === 'planning') {
      const age = (await store.now()).getTime() - release.requestedAt.getTime()
      const jobs: Job[] = [
        { kind: 'plan', release: number },
        { kind: 'plan', release: number, forEmergency: true },
      ]
      if (!(await isLive(...jobs))) return lost('planning')
      return age >= PLANNING_ENDS_MS ? { because: { gate: 'time_ran_out', during: 'retrying' } } : undefined
    }
    // In the order in which one job enqueues the other, so that a job which ends between the two reads is not missed.
    if (await isLive({ kind: 'preflight', release: number, attempt }, { kind: 'run', release: number, attempt })) {
      return undefined
    }
    if (state === 'running') return lost('the run')
    return (await waitsForSlack(release, declaredPlace(ports, release)?.environment))
      ? undefined
      : lost('the preflight')
  }

  /** The announcement is being posted: Slack's confirmation enqueues the run, or an hour without it ends the release. */
  async function waitsForSlack(release: Release, environment: Environment | undefined): Promise<boolean> {
    if (release.announcement !== undefined) return false
    if (environment === undefined) return true
    const events = await store.events(release.number)
    return environment.announce === 'required' && findEvent(events, 'announcement_sent') !== undefined
  }
}
