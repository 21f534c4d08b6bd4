/** What the store promises of figures: they are those of the releases that are committed. */
import { expect } from 'vitest'
import type { ReleaseEvent } from '../../src/release/events.ts'
import type { Release } from '../../src/release/release.ts'
import type { ReleaseState } from '../../src/release/terms.ts'
import { aPlan } from '../support/builders.ts'
import type { Behaviour, Ports } from './store-contract-stores.ts'
import { makeRelease } from './store-opened.ts'

type Event = Pick<ReleaseEvent, 'type'> & { readonly data: object }

const step = (type: string, name: string, more: object = {}) =>
  ({ type, data: { step: name, attempt: 1, ...more } }) as Event
const requested = { type: 'release_requested', data: { app: 'api', environment: 'production' } } as Event
const planned = { type: 'plan_made', data: { fingerprint: 'f' } } as Event
const signed = { type: 'sign_off_given', data: { kind: 'approval' } } as Event
const approved = { type: 'release_approved', data: { attempt: 1 } } as Event
const started = { type: 'run_started', data: { attempt: 1 } } as Event
const confirmed = [step('step_done', 'push', { effect: 'some', ms: 90 }), step('step_done', 'confirm', { ms: 10 })]
const ended = (state: ReleaseState) => ({ type: 'release_ended', data: { state } }) as Event

/** Its states are committed one by one, the events with the last. */
async function live(
  { a, b }: { a: Ports; b: Ports },
  through: readonly ReleaseState[],
  events: readonly Event[],
  more: Partial<Pick<Release, 'app' | 'environment' | 'kind'>> = {},
): Promise<number> {
  const { number } = await makeRelease(a, { app: 'api', environment: 'production', ...more })
  for (const [index, state] of through.entries()) {
    await b.store.transaction(async (tx) => {
      await tx.changeRelease(number, { state, plan: aPlan() })
      if (index < through.length - 1) return
      for (const { type, data } of [requested, planned, ...events]) {
        tx.addEvent({ release: number, type, actor: 'worker', data } as ReleaseEvent)
      }
    })
  }
  return number
}

const RUN: readonly ReleaseState[] = ['approved', 'running']

const succeeds = (ports: { a: Ports; b: Ports }, more: Parameters<typeof live>[3] = {}) =>
  live(ports, [...RUN, 'succeeded'], [signed, approved, started, ...confirmed, ended('succeeded')], more)

const later = async ({ store }: Ports) => new Date((await store.now()).getTime() + 60_000)

export const figures: readonly Behaviour[] = [
  {
    name: 'counts what has ended or needs attention, by environment, and what a later transaction has changed of it',
    test: async (ports) => {
      const { a, b } = ports
      await succeeds(ports, { environment: 'integration' })
      const first = await succeeds(ports)
      const broken = await live(
        ports,
        [...RUN, 'needs attention'],
        [started, step('step_started', 'push'), { type: 'attention_needed', data: { attempt: 1 } } as Event],
      )
      const asked = { app: 'api', environment: 'production', days: 7, until: await later(a) } as const
      const before = await a.store.figures(asked)
      expect(before).toMatchObject({
        isComplete: true,
        figures: [
          {
            environment: 'production',
            releases: 1,
            outcomes: { succeeded: 1 },
            leadTime: { known: 5, commits: 5 },
            changeFailures: { failed: 1, changes: 2, numbers: [broken] },
            restore: { restored: 0, open: 1 },
            waiting: { releases: 1 },
            slowestStep: { step: 'push', medianMs: 90, releases: 1 },
          },
        ],
      })
      await b.store.transaction(async (tx) => {
        await tx.changeRelease(broken, { state: 'closed' })
        tx.addEvent({ release: broken, actor: 'U1', ...ended('closed') } as ReleaseEvent)
        const mark = { mark: 'bad', rollback: broken, name: 'Bo', right: 'r' } as const
        tx.addEvent({ release: first, type: 'release_marked', actor: 'U1', data: mark })
      })
      const after = await a.store.figures({ ...asked, until: await later(a) })
      expect(after.figures).toMatchObject([
        { releases: 2, outcomes: { succeeded: 1, closed: 1 }, changeFailures: { failed: 2, numbers: [first, broken] } },
      ])
      const all = await a.store.figures({ days: 90, until: await later(a) })
      expect(all.figures.map(({ environment, releases }) => [environment, releases])).toEqual([
        ['integration', 1],
        ['production', 2],
      ])
    },
  },
  {
    name: 'counts nothing of a transaction that was rolled back, and nothing that ended after the time that is asked for',
    test: async (ports) => {
      const { a } = ports
      const number = await live(ports, RUN, [started, ...confirmed])
      const broken = a.store.transaction(async (tx) => {
        await tx.changeRelease(number, { state: 'succeeded' })
        tx.addEvent({ release: number, actor: 'worker', ...ended('succeeded') } as ReleaseEvent)
        throw new Error('on purpose')
      })
      await expect(broken).rejects.toThrow('on purpose')
      expect(await a.store.figures({ days: 7, until: await later(a) })).toEqual({ figures: [], isComplete: true })
      const until = new Date((await a.store.now()).getTime() - 60_000)
      await a.store.transaction(async (tx) => {
        await tx.changeRelease(number, { state: 'succeeded' })
        tx.addEvent({ release: number, actor: 'worker', ...ended('succeeded') } as ReleaseEvent)
      })
      expect((await a.store.figures({ days: 7, until })).figures).toEqual([])
      expect((await a.store.figures({ days: 7, until: await later(a) })).figures).toMatchObject([{ releases: 1 }])
    },
  },
  {
    name: 'knows how long a run usually takes once three comparable ones have succeeded',
    test: async (ports) => {
      const { a } = ports
      const asked = { app: 'api', environment: 'production', kind: 'deploy', plan: aPlan() } as const
      for (const expected of [undefined, undefined, expect.any(Number)]) {
        await succeeds(ports)
        expect(await a.store.usualRunMs(asked)).toEqual(expected)
      }
      expect(await a.store.usualRunMs({ ...asked, environment: 'integration' })).toBeUndefined()
      expect(await a.store.usualRunMs({ ...asked, plan: aPlan({ steps: ['push', 'confirm'] }) })).toBeUndefined()
    },
  },
]
