/**
 * A push that is made only if the branch has not moved since the plan. Its outcome is looked up and never guessed: after
 * a rejection, an earlier try may have arrived; a push without an answer may still arrive.
 */
import { pollUntil, retry } from '../../lib/retry.ts'
import type { ServiceError } from '../../release/ports/answers.ts'
import type { PushAnswer } from '../../release/ports/git.ts'
import type { Problem } from '../../release/refusals.ts'
import type { StepResult } from '../../release/release.ts'
import type { Performed, Stopped } from '../../release/transitions/index.ts'
import { type StepContext, stopped, wasCutOff } from './steps/step.ts'

export interface ConditionalPush<Seen> {
  readonly url: string
  readonly branch: string
  readonly commit: string
  /** The branch's commit in the plan; null: absent. */
  readonly expected: string | null
  /** Commits between may be dropped from the branch: only for a rollback. */
  readonly setsBack?: boolean
  /** How long a push without an answer may still arrive. */
  readonly arrivesWithinMs: number
  /** Reads the remote. */
  look(): Promise<Seen | Stopped>
  hasArrived(seen: Seen): boolean
  /** The step's result once the push has arrived. */
  readonly result: StepResult
  /** The thread's line while the outcome of a push without an answer is looked up. */
  readonly cutOff: { readonly key: string; readonly what: string }
  readonly notAllowed: Problem['because']
  /** The stop if the remote gave an error before anything was sent. */
  notSent(error: ServiceError): Problem['because']
  /** The stop after a rejected push that has not arrived. */
  rejected(answer: Rejected, seen: Seen): Stopped | Promise<Stopped>
  /** The stop after a push without an answer that was never seen. */
  readonly unknown: Problem['because']
}

type Rejected = Extract<PushAnswer, { push: 'rejected' }>

const TRIES = 3

/**
 * Pushes once; again only after an error before anything was sent. Safe to repeat: git does not push again what the
 * branch already has.
 */
export async function pushConditionally<Seen extends object>(
  run: StepContext,
  push: ConditionalPush<Seen>,
): Promise<Performed | Stopped> {
  const { ports, app, signal } = run
  const { url, commit, branch, expected, setsBack = false } = push
  const answer = await retry(
    () => ports.git.push(app, url, { commit, branch, expected, ...(setsBack && { setsBack }) }, { signal }),
    {
      isTransient: (tried) => tried.push === 'not sent' && tried.failure === 'unreachable' && !signal.aborted,
      tries: TRIES,
      pauseMs: (tried) => ports.times.pause * tried,
      clock: ports.clock,
    },
  )
  const { output } = answer
  switch (answer.push) {
    case 'moved':
    case 'already':
      return arrived(push)
    case 'not allowed':
      return stopped(push.notAllowed, 'as before', { output })
    case 'not sent':
      return stopped(push.notSent(answer), 'as before', { output })
    case 'rejected':
      return afterRejection(run, push, answer)
    case 'unknown':
      return afterNoAnswer(run, push, output)
  }
}

function arrived({ result }: { readonly result: StepResult }): Performed {
  return { is: 'done', effect: 'some', result }
}

/** The push was rejected. If an interrupted earlier push has arrived, or still arrives, that is the outcome. */
async function afterRejection<Seen extends object>(
  run: StepContext,
  push: ConditionalPush<Seen>,
  answer: Rejected,
): Promise<Performed | Stopped> {
  const { output } = answer
  if (wasCutOff(run)) await waitUntilArrived(run, push)
  const seen = await push.look()
  if (isStopped(seen)) return { ...seen, effect: 'unknown', output }
  return push.hasArrived(seen) ? arrived(push) : push.rejected(answer, seen)
}

/** The server may still process a push without an answer: polls until it is seen, else the outcome is unknown. */
async function afterNoAnswer<Seen extends object>(
  run: StepContext,
  push: ConditionalPush<Seen>,
  output: readonly string[],
): Promise<Performed | Stopped> {
  await run.tell(push.cutOff.key, push.cutOff.what)
  return (await waitUntilArrived(run, push)) ? arrived(push) : notSeen(push, output)
}

/** The outcome of a push that was neither answered nor seen: unknown, because it may still arrive. */
export function notSeen(
  { unknown }: Pick<ConditionalPush<unknown>, 'unknown'>,
  output: readonly string[] = [],
): Stopped {
  return stopped(unknown, 'unknown', { output })
}

/** Polls as long as an interrupted push may still arrive. Returns whether it has arrived. */
export async function waitUntilArrived<Seen extends object>(
  run: StepContext,
  { look, hasArrived, arrivesWithinMs: forMs }: ConditionalPush<Seen>,
): Promise<boolean> {
  const { clock, times } = run.ports
  const seen = await pollUntil(
    async () => {
      const now = await look()
      return !isStopped(now) && hasArrived(now) ? true : undefined
    },
    { forMs, everyMs: times.poll, signal: run.signal, clock },
  )
  return seen === true
}

function isStopped(seen: object): seen is Stopped {
  return 'is' in seen && seen.is === 'stopped'
}
