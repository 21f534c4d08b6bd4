/** The worker's dependencies; the wiring provides them. */
import type { Clock } from '../lib/clock.ts'
import type { Forge } from '../release/ports/forge.ts'
import type { Git } from '../release/ports/git.ts'
import type { HealthCheck } from '../release/ports/health-check.ts'
import type { EnvironmentLock, Job, JobOutcome, Jobs } from '../release/ports/jobs.ts'
import type { Migrator } from '../release/ports/migrator.ts'
import type { Platform } from '../release/ports/platform.ts'
import type { SqlRisks } from '../release/ports/sql-risks.ts'
import type { Store } from '../release/ports/store.ts'
import type { ServiceWords } from '../release/ports/words.ts'
import type { App, RemoteSettings } from '../release/settings.ts'
import type { PlatformName } from '../release/stored-names.ts'
import type { Checkouts } from './checkouts.ts'

export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Pauses and limits in milliseconds; ports have limits of their own. Tests shorten them. No outcome is decided by them. */
export interface Times {
  /** Between tries of a service that does not answer. */
  readonly pause: number
  /** Between two polls for an effect or a confirmation. */
  readonly poll: number
  /** How long planning may take. */
  readonly plan: number
  /** Between two checks of the bound facts while sign-offs are awaited. */
  readonly look: number
  /** Between two looks at the branches that are deployed automatically. */
  readonly heads: number
  /** Between two sweeps for releases whose job is gone. */
  readonly sweep: number
  /** How long after its end a release's app may take to run and to answer its health check. */
  readonly afterwards: number
}

export const TIMES: Times = {
  pause: 2_000,
  poll: 3_000,
  plan: 5 * 60_000,
  look: 5 * 60_000,
  heads: 60_000,
  sweep: 30_000,
  afterwards: 2 * 60_000,
}

export interface WorkerPorts {
  /** Everything that releases.yml declares. */
  readonly apps: readonly App[]
  /** This worker's group: it releases the environments of that group alone. Absent: those without a group. */
  readonly group?: string
  readonly store: Store
  readonly jobs: Jobs
  readonly lock: EnvironmentLock
  readonly git: Git
  readonly forge: Forge
  /** The words for every platform, also for those that only other workers reach. */
  readonly words: Pick<ServiceWords, 'platforms'>
  /** Undefined if no environment of this worker uses the platform. */
  readonly platforms: Readonly<Record<PlatformName, Platform | undefined>>
  readonly migrator: Migrator
  readonly sqlRisks: SqlRisks
  readonly health: HealthCheck
  readonly checkouts: Checkouts
  readonly times: Times
  readonly clock: Clock
  readonly log: Log
  /** Called with how each job ended, for metrics. */
  readonly jobEnded?: (kind: Job['kind'], outcome: JobOutcome) => void
  /** Called after each look at a repository for new heads, for metrics. */
  readonly headsLooked?: (outcome: 'ok' | 'failed') => void
}

/** The platform of a remote. Throws if the configuration does not have it. */
export function platformOf({ platforms }: Pick<WorkerPorts, 'platforms'>, { platform }: RemoteSettings): Platform {
  const found = platforms[platform]
  if (found === undefined) throw new Error(`the platform ${platform} is not configured`)
  return found
}
