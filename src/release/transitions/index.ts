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

// After that the job `aftermath` looks at how what was deployed runs. It reports that, and changes no state.
export { aftermathSeen, recordSettled } from './afterwards.ts'
// Approved: the job `preflight` checks every bound fact again. Then the channel gets the announcement, and Slack's
// confirmation enqueues the job `run`; no job ever waits for Slack. **Retry** starts here again, with the next attempt.
export { announced, announceOrRun, preflightPassed, preflightRefused, retry } from './approved.ts'
// A release that Signoff requested for a new head: what its plan, or an end before it began, means for that head.
export { headHeldBack, headPlanned } from './automatic.ts'
// **That was not me**: a sign-off is void. That rejects the release, stops it as **Cancel** does or, after the end, is told.
export { dispute, sendReceipt } from './disputed.ts'
// One function decides the state of a release that can't continue: `refused`, `outdated`, `expired` or `failed` or, once
// anything irreversible has started, `needs attention` until a person presses **Retry** or **Close**. **Cancel** ends a
// release before the run; during the run no new step starts.
export { cancel, close, stateAfterStop, stop } from './ended.ts'
// After the end a release that has succeeded can be marked: nobody should go back to a `bad` one.
export { mark } from './marked.ts'
// The plan is made. With sign-offs the card asks for them (`awaiting sign-off`) until it expires; without, the release is
// approved at once. A plan that can't be released is `refused`.
export { cardPosted, expiryOf, planned } from './planned.ts'
// A person requests a release: it is created in `planning`, and the job `plan` works out what it will do.
export { type Replacing, requested } from './requested.ts'
// A worker takes the run (`running`) and performs the plan's steps. Each stores its intent, acts, and stores its outcome.
// The last one is the report, with which the release has `succeeded`.
export {
  finished,
  interruptionSeen,
  type LeftOff,
  type Performed,
  runMustBeginBy,
  type Stopped,
  started,
  stepEnded,
  stepMayBegin,
  stepNoted,
  stepStarted,
} from './running.ts'
// Nothing is owed, and the time that was asked for has not come (`scheduled`). The bot's tick or **Start now** approves it;
// what holds it back then may do so for an hour.
export { changeTime, startIfDue, startNow } from './scheduled.ts'
// Each sign-off is recorded on the plan's fingerprint. The last one needed, an emergency or **Go** approves the release; a
// rejection ends it.
export { go, sign } from './signed.ts'
// Where QA is asked for each change, a person says which they have tested; the last untested one is the last sign-off.
export { testChanges } from './tested.ts'

export {
  type ActionContext,
  type ActionRequest,
  InvalidTransition,
  nameOf,
  type QaRequest,
  type Transition,
} from './transition.ts'
