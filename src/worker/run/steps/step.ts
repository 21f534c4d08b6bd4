import type { Plan } from '../../../release/plan.ts'
import type { Problem } from '../../../release/refusals.ts'
import type { Release, StepResult, StepRow } from '../../../release/release.ts'
import type { App, Environment } from '../../../release/settings.ts'
import type { StepName } from '../../../release/terms.ts'
import type { LeftOff, Performed, Stopped } from '../../../release/transitions/index.ts'
import type { WorkerPorts } from '../../ports.ts'

/** The context of one step. `release` is as stored when the step started. */
export interface StepContext {
  readonly ports: WorkerPorts
  readonly app: App
  readonly environment: Environment
  readonly release: Release
  readonly plan: Plan
  /** The step's row before this probe or try; undefined: the step has not started before. */
  readonly before: StepRow | undefined
  /** The commit to deploy; undefined until the merge step has made it. */
  readonly commit: string | undefined
  /** Aborts when the claim or the environment's lock is lost, or when the worker stops. */
  readonly signal: AbortSignal
  /** Whether a cancel has been committed since the step started. */
  readonly isCancelled: () => Promise<boolean>
  /** Stores part of the step's result while it runs, for the worker that continues it. */
  readonly note: (result: StepResult) => Promise<void>
  /** Adds a line to the thread while the step runs; the same key is posted once. */
  readonly tell: (key: string, what: string) => Promise<void>
}

/** `there`: the effect was seen; `absent`: it is proven absent; `stopped`: it is unknown, or it differs from what was signed. */
export type Probe = { readonly is: 'there'; readonly result: StepResult } | { readonly is: 'absent' } | Stopped

/** One step of a run. `perform` is called only after `probe` returned `absent`. */
export interface Step {
  readonly name: StepName
  probe(run: StepContext): Promise<Probe>
  /**
   * For an interrupted step that must not start again: waits as long as its effect may still arrive, then returns `there`
   * or an unknown outcome. Omitted if a single probe is conclusive.
   */
  awaitEffect?(run: StepContext): Promise<Exclude<Probe, { is: 'absent' }>>
  /** `left off`: only by a step that changes nothing, after a cancel. */
  perform(run: StepContext): Promise<Performed | Stopped | LeftOff>
}

export function stopped(
  because: Problem['because'],
  effect: Stopped['effect'],
  rest: { output?: readonly string[]; result?: StepResult } = {},
): Stopped {
  return { is: 'stopped', because, effect, ...rest }
}

/**
 * Whether a worker died or stopped in the middle of this step. What it started may still be running: child processes can
 * outlive a killed worker, and a server completes requests whose caller is gone.
 */
export function wasCutOff({ before }: StepContext): boolean {
  return before?.state === 'running'
}

/** The short form of a commit, for people. */
export function short(commit: string): string {
  return commit.slice(0, 7)
}
