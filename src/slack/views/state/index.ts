/** The view of each state. Adding a state to `RELEASE_STATES` does not compile until it has a file here and its row below. */
import type { ReleaseState } from '../../../release/terms.ts'
import { approved } from './approved.ts'
import { awaitingSignOff } from './awaiting-sign-off.ts'
import { cancelled } from './cancelled.ts'
import { closed } from './closed.ts'
import { expired } from './expired.ts'
import { failed } from './failed.ts'
import { needsAttention } from './needs-attention.ts'
import { outdated } from './outdated.ts'
import { planning } from './planning.ts'
import { refused } from './refused.ts'
import { rejected } from './rejected.ts'
import { running } from './running.ts'
import { scheduled } from './scheduled.ts'
import type { StateView } from './state-view.ts'
import { succeeded } from './succeeded.ts'

export const STATE_VIEWS: Readonly<Record<ReleaseState, StateView>> = {
  planning,
  'awaiting sign-off': awaitingSignOff,
  scheduled,
  approved,
  running,
  'needs attention': needsAttention,
  succeeded,
  refused,
  rejected,
  cancelled,
  expired,
  outdated,
  failed,
  closed,
}
