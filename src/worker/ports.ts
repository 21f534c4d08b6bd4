/** What the worker is built from; the wiring hands it in. */
import type { Clock } from '../lib/clock.ts'
import type { Forge } from '../release/ports/forge.ts'
import type { Git } from '../release/ports/git.ts'
import type { EnvironmentLock, Job, Jobs } from '../release/ports/jobs.ts'
import type { Migrator } from '../release/ports/migrator.ts'
import type { Platform } from '../release/ports/platform.ts'
import type { SqlRisks } from '../release/ports/sql-risks.ts'
import type { Store } from '../release/ports/store.ts'
import type { App, RemoteSettings } from '../release/settings.ts'
import type { PlatformName } from '../release/stored-names.ts'

export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Pauses and limits, in milliseconds; each port has its own beside them. Tests shorten them; nothing decides by them what happened. */
export interface Times {
  /** Between the tries of something that does not answer. */
  readonly pause: number
  /** Between two looks while something settles or is confirmed. */
  readonly poll: number
  /** How long planning may take. */
  readonly plan: number
  /** Between two looks at the world while sign-offs are awaited. */
  readonly look: number
  /** Between two looks for releases whose job is gone. */
  readonly sweep: number
}

export const TIMES: Times = {
  pause: 2_000,
  poll: 3_000,
  plan: 5 * 60_000,
  look: 5 * 60_000,
  sweep: 30_000,
}

export interface WorkerPorts {
  readonly apps: readonly App[]
  readonly store: Store
  readonly jobs: Jobs
  readonly lock: EnvironmentLock
  readonly git: Git
  readonly forge: Forge
  /** Undefined where no environment is deployed to it. */
  readonly platforms: Readonly<Record<PlatformName, Platform | undefined>>
  readonly migrator: Migrator
  readonly sqlRisks: SqlRisks
  /** A directory of this worker's own for checkouts, named by its pid; others beside it whose process is gone are removed. */
  readonly checkouts: string
  readonly times: Times
  readonly clock: Clock
  readonly log: Log
  /** Told how each job ended, for metrics. */
  readonly jobEnded?: (kind: Job['kind'], outcome: 'done' | 'failed' | 'lost') => void
}

/** What stands behind a remote. Throws for a platform that the configuration did not ask for. */
export function platformOf({ platforms }: Pick<WorkerPorts, 'platforms'>, { platform }: RemoteSettings): Platform {
  const found = platforms[platform]
  if (found === undefined) throw new Error(`the platform ${platform} is not configured`)
  return found
}
