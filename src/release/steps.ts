/**
 * The steps of a release, in their order. What a step does to the outside is in worker/run/steps; what it means for a
 * release is here: when a plan has it, whether it can be taken back, and who takes it.
 */
import type { BoundFacts } from './plan.ts'
import type { Environment } from './settings.ts'
import type { StepName } from './terms.ts'

/** What decides whether a plan has a step. */
export interface StepFacts {
  readonly environment: Environment
  readonly bound: BoundFacts
  /** A migration of the plan has to be discussed first, so that there is something to record. */
  readonly mustBeTalkedOver: boolean
}

export interface StepDefinition {
  /** Whether a plan with these facts has the step. */
  when(facts: StepFacts): boolean
  /** Its effect can't be taken back by us: a release that stops after it has begun needs a person. */
  readonly irreversible: boolean
  /**
   * `outbox`: done when Slack has confirmed the message, before the run. `worker`: done by the run, by the worker's step
   * of that name. `end`: the release's end itself, in one transaction.
   */
  readonly takenBy: 'outbox' | 'worker' | 'end'
}

const always = () => true

/** Every step, first to last. */
export const STEPS = {
  announce: {
    when: ({ environment }) => environment.announce === 'required',
    irreversible: false,
    takenBy: 'outbox',
  },
  pick: { when: ({ bound }) => bound.kind === 'hotfix', irreversible: true, takenBy: 'worker' },
  record: {
    when: ({ environment, bound, mustBeTalkedOver }) =>
      bound.kind === 'hotfix' || environment.signOff !== undefined || mustBeTalkedOver,
    irreversible: false,
    takenBy: 'worker',
  },
  merge: { when: ({ bound }) => bound.result.how === 'merge', irreversible: true, takenBy: 'worker' },
  sync: { when: always, irreversible: false, takenBy: 'worker' },
  verify: { when: always, irreversible: false, takenBy: 'worker' },
  migrate: {
    when: ({ bound }) => (bound.database?.pending.length ?? 0) > 0,
    irreversible: true,
    takenBy: 'worker',
  },
  push: {
    when: ({ bound: { result, remote } }) =>
      result.how === 'merge' || remote.holds !== result.commit || remote.runs !== result.commit,
    irreversible: true,
    takenBy: 'worker',
  },
  confirm: { when: always, irreversible: false, takenBy: 'worker' },
  report: { when: always, irreversible: false, takenBy: 'end' },
} as const satisfies Readonly<Record<StepName, StepDefinition>>

/** The steps that the worker's run takes: worker/run/steps has one for each. */
export type WorkerStepName = {
  [N in StepName]: (typeof STEPS)[N]['takenBy'] extends 'worker' ? N : never
}[StepName]

export const STEP_NAMES = Object.keys(STEPS) as readonly StepName[]

/** The steps of a plan with these facts, in order. */
export function stepsFor(facts: StepFacts): readonly StepName[] {
  return STEP_NAMES.filter((name) => STEPS[name].when(facts))
}

export function isWorkerStep(name: StepName): name is WorkerStepName {
  return STEPS[name].takenBy === 'worker'
}

/** Whether a step's effect can't be taken back by us. */
export function isIrreversible(name: StepName): boolean {
  return STEPS[name].irreversible
}
