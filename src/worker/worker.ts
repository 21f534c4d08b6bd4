import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WORKER_GONE_MS } from '../release/deadlines.ts'
import { ClaimLost } from '../release/ports/jobs.ts'
import { handleJob } from './jobs/index.ts'
import type { WorkerPorts } from './ports.ts'
import { RetryLater } from './run/runner.ts'
import { lookAtAwaiting } from './watch/awaiting.ts'
import { lookAfterHotfixes } from './watch/follow-up.ts'
import { endAbandoned } from './watch/sweep.ts'

const SEEN_EVERY_MS = 10_000

const LOOK_GRACE_MS = 2_000

export interface Worker {
  /** Whether the store has heard from this worker lately: it takes no jobs from a store that it can't reach. */
  isWorking(): boolean
  /** Looks now at every release that awaits sign-off, instead of waiting for the next round. */
  look(): Promise<void>
  /** Takes no new work; the step in flight gets `graceMs` to end, else it is left to be taken up again. */
  stop(graceMs: number): Promise<void>
}

/** Starts taking jobs. Several workers may run on one store; each job and each environment has one holder at a time. */
export async function startWorker(ports: WorkerPorts): Promise<Worker> {
  const { store, log, times } = ports
  const id = randomUUID()
  await removeLeftovers(dirname(ports.checkouts))
  await mkdir(ports.checkouts, { recursive: true, mode: 0o700 })
  const environments = ports.apps.flatMap(({ environments }) => environments)
  const configurations = Object.fromEntries(
    environments.map(({ app, name, digests }) => [`${app}/${name}`, digests.form2]),
  )

  let lastSeen = Number.NEGATIVE_INFINITY
  const seen = () =>
    store.workerSeen({ id, configurations }).then(
      () => {
        lastSeen = performance.now()
      },
      (err: unknown) => log.warn({ err }, 'the store does not answer'),
    )
  const lookAtAll = async () => {
    await lookAtAwaiting(ports)
    await lookAfterHotfixes(ports)
  }
  let looking: Promise<void> | undefined
  const look = () => {
    looking ??= lookAtAll().finally(() => {
      looking = undefined
    })
    return looking
  }

  let sweeping: Promise<void> | undefined
  const sweep = () => {
    sweeping ??= endAbandoned(ports)
      .catch((err: unknown) => log.error({ err }, 'looking for releases without a job failed'))
      .finally(() => {
        sweeping = undefined
      })
    return sweeping
  }

  await seen()
  const sweepTimer = setInterval(sweep, times.sweep)
  const seenTimer = setInterval(seen, SEEN_EVERY_MS)
  const lookTimer = setInterval(() => {
    look().catch((err: unknown) => log.error({ err }, 'looking at the world failed'))
  }, times.look)
  const working = await ports.jobs.work(async (claim) => {
    try {
      await handleJob(ports, claim)
      ports.jobEnded?.(claim.job.kind, 'done')
    } catch (error) {
      ports.jobEnded?.(claim.job.kind, error instanceof ClaimLost ? 'lost' : 'failed')
      const fields = { job: claim.job, attempt: claim.attempt, err: error }
      if (error instanceof RetryLater) log.info(fields, 'a run is taken up again later')
      else log.error(fields, 'a job was interrupted and is taken up again')
      throw error
    }
  })

  return {
    look,
    isWorking: () => performance.now() - lastSeen < WORKER_GONE_MS,
    async stop(graceMs) {
      clearInterval(sweepTimer)
      clearInterval(seenTimer)
      clearInterval(lookTimer)
      await working.stop(graceMs)
      // A look only reads: one that hangs is not waited for.
      await Promise.race([looking?.catch(() => undefined), sleep(LOOK_GRACE_MS, undefined, { ref: false })])
      await sweeping
    },
  }
}

/** Checkouts of a worker that died hold a team's `.env`: they go before anything else. Each worker's folder is named by its pid. */
async function removeLeftovers(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await readdir(folder)) {
    if (name !== String(process.pid) && isAlive(Number(name))) continue
    await rm(join(folder, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Another user's: it lives, and we may not signal it.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
