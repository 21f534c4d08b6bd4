/** Every release ends: those whose job was given up, or is gone, are ended or told here. */
import { findEvent } from '../../release/events.ts'
import type { Job } from '../../release/ports/jobs.ts'
import type { Problem } from '../../release/refusals.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { stop } from '../../release/transitions/index.ts'
import { placeOf } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'

/** Planning takes minutes, and is tried a few times; a plan that comes later than this helps nobody. */
const PLANNING_ENDS_MS = 15 * 60_000

/**
 * Looks at each release that a job should bring on. One without a live job has lost it for good, by as many crashes as a
 * job is taken up for: `refused` while planning, `failed` when nothing irreversible has begun, else `needs attention`. Safe to
 * repeat, and beside other workers.
 */
export async function endAbandoned(ports: WorkerPorts): Promise<void> {
  const { store, jobs, log } = ports
  const under = await store.releases({ states: ['planning', 'approved', 'running'], limit: 500 })
  for (const seen of under) {
    const problem = await abandoned(seen)
    if (problem === undefined) continue
    await store.transaction(async (tx) => {
      const release = await tx.lockRelease(seen.number)
      // Whoever has moved it meanwhile has enqueued what brings it on.
      if (release?.state !== seen.state || release.attempt !== seen.attempt) return
      log.error({ release: seen.number, state: seen.state }, 'a release has lost its job, and is ended')
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
      because: { gate: 'internal_error', detail: `${what} was interrupted too often, and is given up` },
    })
    if (state === 'planning') {
      const age = (await store.now()).getTime() - release.requestedAt.getTime()
      const jobs: Job[] = [
        { kind: 'plan', release: number },
        { kind: 'plan', release: number, forEmergency: true },
      ]
      if (!(await isLive(...jobs))) return lost('planning')
      return age >= PLANNING_ENDS_MS ? { because: { gate: 'time_ran_out', during: 'being taken up again' } } : undefined
    }
    // In the order in which one enqueues the other: what is not seen here and has been is seen there.
    if (await isLive({ kind: 'preflight', release: number, attempt }, { kind: 'run', release: number, attempt })) {
      return undefined
    }
    if (state === 'running') return lost('the run')
    return (await waitsForSlack(release, placeOf(ports, release)?.environment)) ? undefined : lost('the preflight')
  }

  /** The announcement is on its way: its confirmation enqueues the run, and an hour without one ends the release. */
  async function waitsForSlack(release: Release, environment: Environment | undefined): Promise<boolean> {
    if (release.announcement !== undefined) return false
    if (environment === undefined) return true
    const events = await store.events(release.number)
    return environment.announce === 'required' && findEvent(events, 'announcement_sent') !== undefined
  }
}
