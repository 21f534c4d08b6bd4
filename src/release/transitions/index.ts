/**
 * The life of a release, from the request to its end, in the order in which it happens:
 *
 *   planning → awaiting sign-off → [scheduled →] approved → running → an end
 *
 * Each function is one transition. It runs inside a transaction that has the release's row locked, and changes the
 * state, adds the event, puts messages into the outbox and enqueues the next job: all of it is committed together, or
 * nothing. People's presses come here through service.ts and the table of actions, the worker's findings through
 * worker/, Slack's confirmations through slack/outbox, and time through deadlines.ts. Nothing else changes a state.
 */

// The plan is there. Where people sign, the card asks for what is owed (`awaiting sign-off`), until it expires; where
// nobody signs, the release is approved at once. A plan that can't go is stopped: `refused`.
export { cardPosted, expiryOf, planned } from './planned.ts'
// Somebody asks: the release is made in `planning`, and the job `plan` works out what it will do.
export { type Replacing, requested } from './requested.ts'

// Each sign-off is recorded on the plan's fingerprint. The last one that is owed, an emergency and **Go** approve the
// release; a rejection ends it.
export { go, sign } from './signed.ts'

// `scheduled` has its place here: nothing is owed, and the time that was asked for has not come.

// Approved: the job `preflight` looks at every bound fact once more. Then the channel is told, and Slack's confirmation
// of that enqueues the job `run`; no job ever waits for Slack. **Retry** comes in here again, with the next attempt.
export { announced, announceOrRun, preflightPassed, preflightRefused, retry } from './approved.ts'
// What can't go on is stopped, and one function decides what becomes of it: `refused`, `outdated`, `expired` or `failed`
// or, once anything irreversible has begun, `needs attention`, until a person presses **Retry** or **Close**. **Cancel**
// ends a release before the run, and in it lets no new step start.
export { cancel, close, stateAfterStop, stop } from './ended.ts'
// A worker takes the run (`running`) and walks the plan's steps. Each writes its intent, acts, and writes its outcome;
// the last one is the report, with which the release has `succeeded`.
export {
  finished,
  type Performed,
  RUN_MUST_BEGIN_MS,
  type Stopped,
  started,
  stepEnded,
  stepMayBegin,
  stepStarted,
} from './running.ts'

export { type ActionContext, type ActionRequest, InvalidTransition, nameOf, type Transition } from './transition.ts'
