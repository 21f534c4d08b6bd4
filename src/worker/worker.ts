import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { defined } from '../lib/defined.ts'
import { type Committed, watchEvents } from '../release/committed.ts'
import { ClaimLost, type Job, type JobOutcome } from '../release/ports/jobs.ts'
import { WORKER_GONE_MS, WORKER_SEEN_EVERY_MS } from '../release/workers.ts'
import { handleJob } from './jobs/index.ts'
import { ourEnvironments } from './place.ts'
import type { WorkerPorts } from './ports.ts'
import { RetryLater } from './run/runner.ts'
import { checkAwaiting } from './watch/awaiting.ts'
import { followUpHotfixes } from './watch/follow-up.ts'
import { createHeadWatch } from './watch/heads.ts'
import { checkRefusedMerges } from './watch/merge-requirements.ts'
import { endAbandoned } from './watch/sweep.ts'

const LOOK_GRACE_MS = 2_000

export interface Worker {
  /** Whether the store has lately recorded this worker: without a store it takes no jobs. */
  isWorking(): boolean
  /** Checks every release that awaits sign-off, and every branch that is deployed automatically, now. */
  look(): Promise<void>
  /** Takes no new jobs. Jobs in hand get `graceMs` to end; another worker resumes the others. */
  stop(graceMs: number): Promise<void>
}

/** Starts to take jobs. Several workers may share a store: each job and each environment has one holder at a time. */
export async function startWorker(ports: WorkerPorts): Promise<Worker> {
  const { store, log, times } = ports
  const id = randomUUID()
  await ports.checkouts.open()
  const configurations = Object.fromEntries(
    ourEnvironments(ports).map(({ app, name, digests }) => [`${app}/${name}`, digests.form2]),
  )

  let lastSeen = Number.NEGATIVE_INFINITY
  const seen = () =>
    store.workerSeen({ id, configurations, host: hostname(), ...defined({ group: ports.group }) }).then(
      () => {
        lastSeen = performance.now()
      },
      (err: unknown) => log.warn({ err }, 'the store does not answer; this worker takes no jobs until it does'),
    )
  const lookAtAll = async () => {
    await checkAwaiting(ports)
    await checkRefusedMerges(ports)
    await followUpHotfixes(ports)
    await lookAtHeads()
  }
  const heads = createHeadWatch(ports, id)
  let lookingAtHeads: Promise<void> | undefined
  const lookAtHeads = () => {
    lookingAtHeads ??= heads
      .look()
      .catch((err: unknown) =>
        log.error({ err }, 'looking at the branches that are deployed automatically failed; the next look tries again'),
      )
      .finally(() => {
        lookingAtHeads = undefined
      })
    return lookingAtHeads
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
      .catch((err: unknown) =>
        log.error({ err }, 'the sweep for releases without a job failed; the next round tries again'),
      )
      .finally(() => {
        sweeping = undefined
      })
    return sweeping
  }

  await seen()
  const sweepTimer = setInterval(sweep, times.sweep)
  const seenTimer = setInterval(seen, WORKER_SEEN_EVERY_MS)
  const headsTimer = setInterval(lookAtHeads, times.heads)
  void lookAtHeads()
  const lookTimer = setInterval(() => {
    look().catch((err: unknown) =>
      log.error({ err }, 'checking the bound facts and hot-fixes failed; the next round tries again'),
    )
  }, times.look)
  const working = await ports.jobs.work(async (claim) => {
    const { kind } = claim.job
    let outcome: JobOutcome = 'done'
    const hear = ({ event }: Committed) => {
      if (event.type === 'attention_needed') outcome = 'needs attention'
      if (event.type === 'release_ended' && event.data.state !== 'succeeded') outcome = 'stopped'
    }
    try {
      await handleJob({ ...ports, store: watchEvents(store, hear) }, claim)
      ports.jobEnded?.(kind, outcome)
    } catch (error) {
      const fields = { ...subjectOf(claim.job), job: claim.job, attempt: claim.attempt, err: error }
      if (error instanceof RetryLater) {
        ports.jobEnded?.(kind, 'waiting')
        log.info(fields, 'a run waits for its environment or announcement and is retried')
      } else {
        ports.jobEnded?.(kind, error instanceof ClaimLost ? 'lost' : 'failed')
        log.error(fields, 'a job was interrupted and is retried')
      }
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
      clearInterval(headsTimer)
      await working.stop(graceMs)
      ports.checkouts.close()
      // A look only reads, so that one that hangs needs no longer wait.
      await Promise.race([looking?.catch(() => undefined), sleep(LOOK_GRACE_MS, undefined, { ref: false })])
      await sweeping
      await Promise.race([
        lookingAtHeads?.then(() => heads.leave()) ?? heads.leave(),
        sleep(LOOK_GRACE_MS, undefined, { ref: false }),
      ]).catch((err: unknown) => log.warn({ err }, 'the store could not be told that this worker looks no more'))
    },
  }
}

/** What a job is about, as log lines name it. */
function subjectOf(job: Job): object {
  return job.kind === 'preview' ? { app: job.app, environment: job.environment } : { release: job.release }
}
