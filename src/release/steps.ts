/**
 * The steps of a release, in order: when a plan has each, whether it is irreversible, and who performs it. What a step
 * does is in worker/run/steps.
 */
import { type BoundFacts, pendingCount } from './plan.ts'
import type { Environment } from './settings.ts'
import type { StepName } from './terms.ts'

/** The facts that decide which steps a plan has. */
export interface StepFacts {
  readonly environment: Environment
  readonly bound: BoundFacts
  /** A migration of the plan must be discussed first, so there is something to record. */
  readonly mustBeTalkedOver: boolean
}

export interface StepDefinition {
  /** Whether a plan with these facts has the step. */
  when(facts: StepFacts): boolean
  /** Signoff can't undo its effect: a release that stops after it has started needs a person. */
  readonly irreversible: boolean
  /**
   * `outbox`: done when Slack confirms the message, before the run. `worker`: performed in the run by the worker's step of
   * that name. `end`: committed together with the release's end.
   */
  readonly takenBy: 'outbox' | 'worker' | 'end'
}

const always = () => true

/** A rollback takes nothing from a branch, and deploys what was proven before. */
const usesBranches = ({ bound }: StepFacts) => bound.kind !== 'rollback'

/** Every step, first to last. */
export const STEPS = {
  announce: {
    when: ({ environment }) => environment.announce === 'required',
    irreversible: false,
    takenBy: 'outbox',
  },
  pick: {
    when: ({ bound }) => bound.kind === 'hotfix' && bound.result.how === 'commit',
    irreversible: true,
    takenBy: 'worker',
  },
  record: {
    when: ({ environment, bound, mustBeTalkedOver }) =>
      bound.kind !== 'deploy' || environment.signOff !== undefined || mustBeTalkedOver,
    irreversible: false,
    takenBy: 'worker',
  },
  merge: { when: ({ bound }) => bound.result.how !== 'commit', irreversible: true, takenBy: 'worker' },
  sync: { when: usesBranches, irreversible: false, takenBy: 'worker' },
  verify: { when: usesBranches, irreversible: false, takenBy: 'worker' },
  migrate: {
    when: ({ bound }) => pendingCount({ bound }) > 0,
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

/** The steps that the worker performs. worker/run/steps must implement each. */
export type WorkerStepName = {
  [N in StepName]: (typeof STEPS)[N]['takenBy'] extends 'worker' ? N : never
}[StepName]

export const STEP_NAMES = Object.keys(STEPS) as readonly StepName[]

/** A rollback must not wait for the forge: it is recorded after it runs. */
const ROLLBACK_ORDER: readonly StepName[] = ['announce', 'push', 'confirm', 'record', 'report']

/** The steps of a plan with these facts, in order. */
export function stepsFor(facts: StepFacts): readonly StepName[] {
  const order = facts.bound.kind === 'rollback' ? ROLLBACK_ORDER : STEP_NAMES
  return order.filter((name) => STEPS[name].when(facts))
}

export function isWorkerStep(name: StepName): name is WorkerStepName {
  return STEPS[name].takenBy === 'worker'
}

/** Whether Signoff can't undo the step's effect. */
export function isIrreversible(name: StepName): boolean {
  return STEPS[name].irreversible
}
