/** What the worker is built from; main.ts hands it in. */
import type { Clock } from '../lib/clock.ts'
import type { Bitbucket } from '../release/ports/bitbucket.ts'
import type { Git } from '../release/ports/git.ts'
import type { Heroku } from '../release/ports/heroku.ts'
import type { EnvironmentLock, Job, Jobs } from '../release/ports/jobs.ts'
import type { Migrations } from '../release/ports/migrations.ts'
import type { SqlRisks } from '../release/ports/sql-risks.ts'
import type { Store } from '../release/ports/store.ts'
import type { App } from '../release/settings.ts'

export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Pauses and limits, in milliseconds. Tests shorten them; nothing decides by them what happened. */
export interface Times {
  /** Between the tries of something that does not answer. */
  readonly pause: number
  /** Between two looks while something settles or is confirmed. */
  readonly poll: number
  /** How long a merge without an answer is looked for. */
  readonly settleMerge: number
  /** How long a push without an answer is looked for: Heroku builds on for up to 15 minutes. */
  readonly settlePush: { readonly heroku: number; readonly git: number }
  /** How long Heroku's release phase may take. */
  readonly confirm: number
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
  settleMerge: 60_000,
  settlePush: { heroku: 20 * 60_000, git: 60_000 },
  confirm: 65 * 60_000,
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
  readonly bitbucket: Bitbucket
  /** Absent where no environment is on Heroku. */
  readonly heroku?: Heroku
  readonly migrations: Migrations
  readonly sqlRisks: SqlRisks
  /** A directory of this worker's own for checkouts, named by its pid; others beside it whose process is gone are removed. */
  readonly checkouts: string
  readonly times: Times
  readonly clock: Clock
  readonly log: Log
  /** Told how each job ended, for metrics. */
  readonly jobEnded?: (kind: Job['kind'], outcome: 'done' | 'failed' | 'lost') => void
}
