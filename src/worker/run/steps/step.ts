import type { Plan } from '../../../release/plan.ts'
import type { Problem } from '../../../release/refusals.ts'
import type { Release, StepResult, StepRow } from '../../../release/release.ts'
import type { App, Environment } from '../../../release/settings.ts'
import type { StepName } from '../../../release/terms.ts'
import type { Performed, Stopped } from '../../../release/transitions/index.ts'
import type { WorkerPorts } from '../../ports.ts'

/** What a step works with. `release` is as stored when the step began. */
export interface StepContext {
  readonly ports: WorkerPorts
  readonly app: App
  readonly environment: Environment
  readonly release: Release
  readonly plan: Plan
  /** The step's row as it was before this look or try; undefined: the step has not begun before. */
  readonly before: StepRow | undefined
  /** The commit that goes; undefined until the merge step has made it. */
  readonly commit: string | undefined
  /** Aborts when the claim or the environment's lock is lost, or the worker must stop. */
  readonly signal: AbortSignal
  /** Adds a line to the thread while the step runs; the same key is said once. */
  readonly tell: (key: string, what: string) => Promise<void>
}

/** `there`: the step's effect is seen; `absent`: it is proven not to be; `stopped`: it can't be told, or it is not what was signed. */
export type Probe = { readonly is: 'there'; readonly result: StepResult } | { readonly is: 'absent' } | Stopped

export type { Performed, Stopped }

/** A unit of a run. `perform` is called only after `probe` has said `absent`. */
export interface Step {
  readonly name: StepName
  probe(run: StepContext): Promise<Probe>
  /**
   * Looks at a step that was cut off and is not to be begun again, for as long as what was begun may still come: it is
   * there, or it is unknown, as for a try that was never answered. Left out where a look tells at once.
   */
  awaitEffect?(run: StepContext): Promise<Exclude<Probe, { is: 'absent' }>>
  perform(run: StepContext): Promise<Performed | Stopped>
}

export function stopped(
  because: Problem['because'],
  effect: Stopped['effect'],
  rest: { output?: readonly string[]; result?: StepResult } = {},
): Stopped {
  return { is: 'stopped', because, effect, ...rest }
}

/**
 * Whether a worker has died, or was stopped, in the middle of this step. What it had begun may still be going on: a killed
 * worker leaves its children behind, and no server stops because its caller is gone.
 */
export function wasCutOff({ before }: StepContext): boolean {
  return before?.state === 'running'
}

/** A commit as people say it. */
export function short(commit: string): string {
  return commit.slice(0, 7)
}
