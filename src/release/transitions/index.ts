/**
 * The life of a release, from the request to its end, in the order in which it happens:
 *
 *   planning → awaiting sign-off → [scheduled →] approved → running → an end
 *
 * Each function is one transition. In a transaction that has locked the release's row, it changes the state, adds the
 * event, puts messages into the outbox and enqueues the next job. Presses come here through service.ts and the table of
 * actions, the worker's results through worker/, Slack's confirmations through slack/outbox, and deadlines through
 * deadlines.ts. Nothing else changes a state.
 */

// A release that Signoff requested for a new head: what its plan, or an end before it began, means for that head.
export { headHeldBack, headPlanned } from './automatic.ts'
// The plan is made. With sign-offs the card asks for them (`awaiting sign-off`) until it expires; without, the release is
// approved at once. A plan that can't be released is `refused`.
export { cardPosted, expiryOf, planned } from './planned.ts'
// A person requests a release: it is created in `planning`, and the job `plan` works out what it will do.
export { type Replacing, requested } from './requested.ts'
// Each sign-off is recorded on the plan's fingerprint. The last one needed, an emergency or **Go** approves the release; a
// rejection ends it.
export { go, sign } from './signed.ts'

// A future `scheduled` belongs here: every sign-off is given, and the requested time has not come.

// After that the job `aftermath` looks at how what was deployed runs. It reports that, and changes no state.
export { aftermathSeen } from './afterwards.ts'
// Approved: the job `preflight` checks every bound fact again. Then the channel gets the announcement, and Slack's
// confirmation enqueues the job `run`; no job ever waits for Slack. **Retry** starts here again, with the next attempt.
export { announced, announceOrRun, preflightPassed, preflightRefused, retry } from './approved.ts'
// One function decides the state of a release that can't continue: `refused`, `outdated`, `expired` or `failed` or, once
// anything irreversible has started, `needs attention` until a person presses **Retry** or **Close**. **Cancel** ends a
// release before the run; during the run no new step starts.
export { cancel, close, stateAfterStop, stop } from './ended.ts'
// A worker takes the run (`running`) and performs the plan's steps. Each stores its intent, acts, and stores its outcome.
// The last one is the report, with which the release has `succeeded`.
export {
  finished,
  interruptionSeen,
  type LeftOff,
  type Performed,
  RUN_MUST_BEGIN_MS,
  type Stopped,
  started,
  stepEnded,
  stepMayBegin,
  stepNoted,
  stepStarted,
} from './running.ts'

export { type ActionContext, type ActionRequest, InvalidTransition, nameOf, type Transition } from './transition.ts'
