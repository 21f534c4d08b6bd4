import type { StepName } from '../../../release/terms.ts'
import { confirm } from './confirm.ts'
import { merge } from './merge.ts'
import { migrate } from './migrate.ts'
import { pick } from './pick.ts'
import { push } from './push.ts'
import { record } from './record.ts'
import type { Step } from './step.ts'
import { sync, verify } from './sync-and-verify.ts'

/** The one pipeline. A plan names which of these a release walks, in this order. */
export const STEPS: readonly Step[] = [pick, record, merge, sync, verify, migrate, push, confirm]

export function stepNamed(name: StepName): Step | undefined {
  return STEPS.find((step) => step.name === name)
}
