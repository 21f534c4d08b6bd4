/** The implementations of the worker's steps. release/steps.ts decides which steps a plan has, and in which order. */
import type { WorkerStepName } from '../../../release/steps.ts'
import { confirm } from './confirm.ts'
import { merge } from './merge.ts'
import { migrate } from './migrate.ts'
import { pick } from './pick.ts'
import { push } from './push.ts'
import { record } from './record.ts'
import type { Step } from './step.ts'
import { sync, verify } from './sync-and-verify.ts'

/** One implementation for each of the worker's steps; a missing one does not compile. */
export const WORKER_STEPS: Readonly<Record<WorkerStepName, Step>> = {
  pick,
  record,
  merge,
  sync,
  verify,
  migrate,
  push,
  confirm,
}
