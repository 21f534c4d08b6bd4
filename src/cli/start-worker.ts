/** The worker role: git, the services' adapters, and the jobs. */
import { join } from 'node:path'
import type { OpenStore } from '../adapters/store/open.ts'
import type { Configuration } from '../config/configuration.ts'
import { CLOCK } from '../lib/clock.ts'
import { defined } from '../lib/defined.ts'
import { gitCheck } from '../operations/doctor/checks/host.ts'
import type { Log } from '../operations/log.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { HostIsolation } from '../release/ports/migrator.ts'
import { createCheckouts } from '../worker/checkouts.ts'
import { ourEnvironments } from '../worker/place.ts'
import { TIMES } from '../worker/ports.ts'
import { startWorker, type Worker } from '../worker/worker.ts'
import type { Pace } from './pace.ts'
import { SERVICE_WORDS } from './service-words.ts'
import { createWorkerAdapters } from './wiring.ts'

type WorkerParts = Pick<OpenStore, 'store' | 'jobs' | 'lock'>

/** Together with the flush of the outbox, it fits into the 30 s that a stop may take. */
const WORK_GRACE_MS = 15_000
const GIT_LIMIT_MS = 10_000

/** A worker without git would take jobs and refuse every release. */
async function requireGit(): Promise<void> {
  const found = await gitCheck().run(AbortSignal.timeout(GIT_LIMIT_MS))
  if (found?.mark === '✗') throw new Error(`git: ${found.message}. The worker needs it: ${found.fix}.`)
}

export async function startWorkerRole(
  configuration: Configuration,
  settings: NonNullable<Configuration['worker']>,
  pace: Pace,
  log: Log,
  { store, jobs, lock }: WorkerParts,
  metrics: Metrics,
  scrub: (text: string) => string,
  stops: (() => Promise<void>)[],
): Promise<Worker> {
  await requireGit()
  const adapters = createWorkerAdapters(configuration, settings, {
    scrub,
    log: (message, facts) => log.debug(facts, message),
    ...defined({ limits: pace.limits }),
  })
  stops.push(() => adapters.git.close())
  await tellIsolation(configuration, adapters.isolate, log)
  const worker = await startWorker({
    ...adapters,
    apps: configuration.releases.apps,
    ...defined({ group: configuration.group }),
    words: SERVICE_WORDS,
    store,
    jobs,
    lock,
    checkouts: createCheckouts({
      directory: join(
        await adapters.isolate.checkoutsFolder(join(configuration.dataDir, 'checkouts')),
        String(process.pid),
      ),
      git: adapters.git,
      log,
    }),
    times: { ...TIMES, ...pace.times },
    clock: CLOCK,
    log,
    jobEnded: metrics.jobEnded,
    headsLooked: metrics.headsLooked,
  })
  stops.push(() => worker.stop(WORK_GRACE_MS))
  return worker
}

/** Warns where the app's code runs with this process's rights. */
async function tellIsolation(
  { releases, group }: Configuration,
  isolate: { found(): Promise<HostIsolation> },
  log: Log,
): Promise<void> {
  const migrations = ourEnvironments({ apps: releases.apps, ...defined({ group }) }).flatMap((each) => each.migrations)
  if (migrations.every(({ isolation }) => isolation === 'off')) return
  const { kind, missing } = await isolate.found()
  const facts = { isolation: kind, ...defined({ missing }) }
  if (kind !== 'none') return log.info(facts, "the app's code runs isolated")
  log.warn(facts, "the app's code is not isolated and can read this worker's secrets: run signoff doctor")
}
