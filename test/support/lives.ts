/** Releases by the events of their lives, for what is counted of them. */
import { type CountableEvent, type CountedRelease, countedRelease } from '../../src/release/counted.ts'
import type { EventData, EventType } from '../../src/release/events.ts'
import type { Plan } from '../../src/release/plan.ts'
import type { ReleaseKind, ReleaseState, SignOffKind, StepName } from '../../src/release/terms.ts'
import { aCommit, aPlan, DANA } from './builders.ts'

export { aCommit, aPlan }

export type Moment = Date

export function anEvent<T extends EventType>(type: T, data: Partial<EventData[T]>, at: Moment): CountableEvent {
  return { type, at, data }
}

export interface Life {
  /** When it ends or, if it does not, needs attention. */
  readonly at?: Moment
  readonly app?: string
  readonly environment?: string
  readonly kind?: ReleaseKind
  /** Undefined: it has not ended. */
  readonly ends?: ReleaseState | undefined
  readonly plan?: Plan
  readonly signs?: readonly SignOffKind[]
  readonly signedAfterMin?: number
  /** It needed attention after its push had begun, then or right before its end. */
  readonly attention?: Moment | true
  readonly rolledBackAt?: Moment
  readonly stepMs?: Readonly<Partial<Record<StepName, number>>>
}

const MINUTE = 60_000

/** The events of a release that ran for six minutes; with sign-offs, half an hour passed before them. */
export function eventsOf(number: number, life: Life = {}): readonly CountableEvent[] {
  const { at = new Date('2026-11-30T10:00:00Z'), kind = 'deploy', signs = ['qa', 'approval'] } = life
  const ends = 'ends' in life ? life.ends : 'succeeded'
  const { app = 'api', environment = 'production', stepMs = { push: 200_000, confirm: 4_000 } } = life
  const before = (minutes: number) => new Date(at.getTime() - minutes * MINUTE)
  const { signedAfterMin = 30 } = life
  const attention = life.attention === true ? before(ends === undefined ? 0 : 1) : life.attention
  const asked = { app, environment, kind, name: DANA.name, right: 'every full member' }
  const runs = ends === 'succeeded' || attention !== undefined || ends === 'failed'
  return [
    anEvent('release_requested', asked, before(10 + signedAfterMin)),
    anEvent('plan_made', { fingerprint: `f${number}` }, before(6 + signedAfterMin)),
    ...signs.map((each) => anEvent('sign_off_given', { kind: each, name: 'Tom' }, before(6))),
    ...(signs.length > 0 && runs ? [anEvent('release_approved', { attempt: 1 }, before(6))] : []),
    ...(runs ? [anEvent('run_started', { attempt: 1 }, before(6))] : []),
    ...(attention === undefined
      ? []
      : [
          anEvent('step_started', { step: 'push', attempt: 1 }, attention),
          anEvent('step_unknown', { step: 'push', attempt: 1, effect: 'unknown' }, attention),
          anEvent('attention_needed', { gate: 'internal_error', attempt: 1 }, attention),
        ]),
    ...(ends === 'succeeded'
      ? Object.entries(stepMs).map(([step, ms]) =>
          anEvent('step_done', { step: step as StepName, attempt: 1, effect: 'some', ms }, at),
        )
      : []),
    ...(ends === undefined ? [] : [anEvent('release_ended', { app, environment, state: ends }, at)]),
    ...(life.rolledBackAt === undefined
      ? []
      : [anEvent('release_marked', { mark: 'bad', rollback: number + 1 }, life.rolledBackAt)]),
  ]
}

export function lifeOf(number: number, life: Life = {}): CountedRelease {
  const { app = 'api', environment = 'production', kind = 'deploy', plan = aPlan() } = life
  return countedRelease({ number, app, environment, kind, plan }, eventsOf(number, life))
}
