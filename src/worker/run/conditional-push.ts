/**
 * A push that is made only where the branch is as the plan saw it. What became of it is looked up, never guessed: one
 * that was refused may have arrived by a try before, and one without an answer may arrive later.
 */
import type { PushAnswer } from '../../release/ports/git.ts'
import type { Problem } from '../../release/refusals.ts'
import type { StepResult } from '../../release/release.ts'
import { pollUntil } from '../retry.ts'
import { type Performed, type StepContext, type Stopped, stopped, wasCutOff } from './steps/step.ts'

export interface ConditionalPush<Seen> {
  readonly url: string
  readonly branch: string
  readonly commit: string
  /** Where the plan saw the branch; null: absent. */
  readonly expected: string | null
  /** How long after a push without an answer it may still arrive. */
  readonly arrivesWithinMs: number
  /** What the remote shows now. */
  look(): Promise<Seen | Stopped>
  hasArrived(seen: Seen): boolean
  /** What the step has done once it has arrived. */
  readonly result: StepResult
  /** Said in the thread while a push without an answer is looked for. */
  readonly cutOff: { readonly key: string; readonly what: string }
  readonly notAllowed: Problem['because']
  /** What a push stops at that was rejected and has not arrived. */
  rejected(answer: Rejected, seen: Seen): Stopped | Promise<Stopped>
  /** What a push stops at that was never answered and never seen. */
  readonly unknown: Problem['because']
}

type Rejected = Extract<PushAnswer, { push: 'rejected' }>

/** Pushes once. Safe to repeat: what has arrived before is found, and not pushed again by git. */
export async function pushConditionally<Seen extends object>(
  run: StepContext,
  push: ConditionalPush<Seen>,
): Promise<Performed | Stopped> {
  const { ports, app, signal } = run
  const { url, commit, branch, expected } = push
  const answer = await ports.git.push(app, url, { commit, branch, expected }, { signal })
  const { output } = answer
  switch (answer.push) {
    case 'moved':
    case 'already':
      return arrived(push)
    case 'not allowed':
      return stopped(push.notAllowed, 'as before', { output })
    case 'rejected':
      return afterRejection(run, push, answer)
    case 'unknown':
      return afterCut(run, push, output)
  }
}

function arrived({ result }: { readonly result: StepResult }): Performed {
  return { is: 'done', effect: 'some', result }
}

/** This push was refused. One that was cut off before it may have arrived, or still arrive: then that is the outcome. */
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

/** After a push without an answer the server may go on: looked at until it is seen, or called unknown. */
async function afterCut<Seen extends object>(
  run: StepContext,
  push: ConditionalPush<Seen>,
  output: readonly string[],
): Promise<Performed | Stopped> {
  await run.tell(push.cutOff.key, push.cutOff.what)
  return (await waitUntilArrived(run, push)) ? arrived(push) : notSeen(push, output)
}

/** Without an answer and without a trace: nobody knows whether it has moved, or will. */
export function notSeen(
  { unknown }: Pick<ConditionalPush<unknown>, 'unknown'>,
  output: readonly string[] = [],
): Stopped {
  return stopped(unknown, 'unknown', { output })
}

/** Looks for as long as a push that was cut off may still arrive; gives whether it has. */
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
