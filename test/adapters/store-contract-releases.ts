/** What the store promises of releases. */
import { expect } from 'vitest'
import type { EventType, ReleaseEvent } from '../../src/release/events.ts'
import type { SignOff } from '../../src/release/release.ts'
import type { Behaviour, Ports } from './store-contract-stores.ts'
import { makeRelease, request } from './store-opened.ts'

const onPurpose = new Error('on purpose')
const word = (more: Partial<SignOff> = {}) =>
  ({ kind: 'approval', person: { id: 'U2', name: 'Bo' }, fingerprint: 'f', right: 'r', ...more }) as const

/** By the states that lead there. */
function endedAs(
  of: Ports,
  number: number,
  state: 'succeeded' | 'cancelled' | 'failed' | 'closed',
  endedAt = new Date('2026-11-22T10:00:00Z'),
): Promise<void> {
  const way = { succeeded: ['approved', 'running'], cancelled: [], failed: ['approved'] } as const
  const before = state === 'closed' ? (['approved', 'running', 'needs attention'] as const) : way[state]
  return of.store.transaction(async (tx) => {
    for (const each of before) await tx.changeRelease(number, { state: each })
    await tx.changeRelease(number, { state, endedAt })
  })
}

export const releases: readonly Behaviour[] = [
  {
    name: 'a release comes back as it was written, absent fields absent',
    test: async ({ a, b }) => {
      const written = { reason: 'it burns\0', picks: ['abcd'], responseUrl: 'https://hooks.example/1' }
      const made = await makeRelease(a, written)
      expect(made).toEqual({
        number: 1,
        app: 'api',
        environment: 'production',
        kind: 'deploy',
        state: 'planning',
        requester: { id: 'U1', name: 'Ada' },
        configuration: 'digest',
        reason: 'it burns',
        responseUrl: 'https://hooks.example/1',
        picks: ['abcd'],
        attempt: 0,
        requestedAt: expect.any(Date),
        signOffs: [],
        steps: [],
      })
      const at = new Date('2026-11-22T10:00:00.123Z')
      await a.store.transaction(async (tx) => {
        await tx.changeRelease(1, {
          state: 'awaiting sign-off',
          problem: { because: { gate: 'internal_error', detail: 'NUL \0 and half a pair \ud800' } },
          card: { channel: 'C1', ts: '1.2' },
          cancelRequestedBy: { id: 'U2', name: 'Bo\0' },
          expiresAt: at,
          freezeShown: 'soon',
          proof: { on: 'integration', commit: 'c1', by: [{ number: 1, commit: 'c2' }] },
        })
        expect(await tx.addSignOff(1, word({ kind: 'qa', note: 'fine\0' }))).toBe(true)
        await tx.putStep(1, { name: 'merge', state: 'running', attempt: 1, effect: 'unknown', startedAt: at })
        await tx.putStep(1, { name: 'sync', state: 'pending', attempt: 1, effect: 'none' })
        await tx.putStep(1, {
          name: 'merge',
          state: 'done',
          attempt: 2,
          effect: 'some',
          endedAt: at,
          result: { commit: 'c' },
        })
      })
      expect(await b.store.release(1)).toEqual({
        ...made,
        state: 'awaiting sign-off',
        problem: { because: { gate: 'internal_error', detail: 'NUL \0 and half a pair \ud800' } },
        card: { channel: 'C1', ts: '1.2' },
        cancelRequestedBy: { id: 'U2', name: 'Bo' },
        expiresAt: at,
        freezeShown: 'soon',
        proof: { on: 'integration', commit: 'c1', by: [{ number: 1, commit: 'c2' }] },
        signOffs: [{ ...word({ kind: 'qa' }), note: 'fine', at: expect.any(Date) }],
        steps: [
          { name: 'merge', state: 'done', attempt: 2, effect: 'some', endedAt: at, result: { commit: 'c' } },
          { name: 'sync', state: 'pending', attempt: 1, effect: 'none' },
        ],
      })
      await a.store.transaction(async (tx) => {
        await tx.changeRelease(1, { card: undefined, problem: undefined, expiresAt: undefined, state: undefined })
        await tx.changeRelease(99, { state: undefined })
      })
      const cleared = await b.store.release(1)
      expect(cleared).toMatchObject({ state: 'awaiting sign-off' })
      for (const field of ['card', 'problem', 'expiresAt']) expect(cleared).not.toHaveProperty(field)
    },
  },
  {
    name: 'one release an environment is made by ten that race, and the others read which one is under way',
    test: async ({ a, b }) => {
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, at) =>
          (at % 2 ? a : b).store.transaction((tx) => tx.createRelease(request({ app: 'api' }))),
        ),
      )
      expect(outcomes.filter((outcome) => 'made' in outcome)).toHaveLength(1)
      expect(outcomes.filter((outcome) => 'busy' in outcome && outcome.busy.number === 1)).toHaveLength(9)
      await makeRelease(a, { app: 'web' })
    },
  },
  {
    name: 'the same request makes one release, also when it comes twice at once, and again when it has ended',
    test: async ({ a, b }) => {
      const same = request({ requestKey: 'same' })
      const ask = (of: Ports) => of.store.transaction((tx) => tx.createRelease(same))
      const outcomes = await Promise.all([a, b, a].map(ask))
      expect(outcomes.map((outcome) => Object.keys(outcome)[0]).sort()).toEqual(['made', 'seen', 'seen'])
      await a.store.transaction((tx) => tx.changeRelease(1, { state: 'cancelled' }))
      expect(await ask(b)).toMatchObject({ seen: { number: 1, state: 'cancelled' } })
    },
  },
  {
    name: 'releases are numbered without gaps, whatever is rolled back, and read newest first',
    test: async ({ a, b }) => {
      const failing = a.store.transaction(async (tx) => {
        await tx.createRelease(request())
        throw onPurpose
      })
      await expect(failing).rejects.toBe(onPurpose)
      const make = async (_: unknown, at: number) =>
        (await makeRelease(at % 2 ? a : b, { environment: `e${at}`, kind: at === 3 ? 'hotfix' : 'deploy' })).number
      const numbers = await Promise.all(Array.from({ length: 8 }, make))
      expect(numbers.sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
      await a.store.transaction(async (tx) => {
        await tx.addSignOff(4, word({ kind: 'emergency' }))
        await tx.changeRelease(2, { state: 'refused' })
      })
      const read = async (filter: Partial<Parameters<typeof a.store.releases>[0]>) =>
        (await a.store.releases({ limit: 9, ...filter })).map(({ number }) => number)
      expect(await read({ limit: 3 })).toEqual([8, 7, 6])
      expect(await read({ before: 4, states: ['planning'] })).toEqual([3, 1])
      expect(await read({ states: [] })).toEqual([])
      expect(await read({ environment: 'nowhere' })).toEqual([])
      expect(await read({ emergencySince: new Date(0) })).toEqual([4])
    },
  },
  {
    name: 'the newest release of each environment is read with the newest that succeeded, and no others',
    test: async ({ a, b }) => {
      const end = (number: number, state: 'succeeded' | 'cancelled') => endedAs(a, number, state)
      for (const state of ['succeeded', 'succeeded', 'cancelled'] as const)
        await end((await makeRelease(a)).number, state)
      await end((await makeRelease(b, { environment: 'integration' })).number, 'cancelled')
      await makeRelease(a, { environment: 'integration' })
      await makeRelease(b, { app: 'web' })
      const of = (app: string, environment: string) => ({ app, environment })
      const read = async (...places: { app: string; environment: string }[]) =>
        (await b.store.newest(places)).map(({ number }) => number)
      expect(await read(of('api', 'production'), of('api', 'integration'), of('web', 'production'))).toEqual([
        6, 5, 3, 2,
      ])
      expect(await read(of('web', 'integration'), of('api', 'nowhere'))).toEqual([])
      expect(await read(of('api', 'production'), of('api', 'production'))).toEqual([3, 2])
      expect(await read()).toEqual([])
      expect(await b.store.newest([of('api', 'production')])).toEqual([
        await b.store.release(3),
        await b.store.release(2),
      ])
    },
  },
  {
    name: 'a hot-fix needs follow-up in its time until it is followed up, and while our branch of it is there',
    test: async ({ a, b }) => {
      const endedAt = new Date('2026-11-22T10:00:00Z')
      const times = { since: new Date('2026-11-22T09:00:00Z'), until: new Date('2026-11-22T11:00:00Z') }
      const event = (release: number, type: EventType, data: object = {}) =>
        a.store.transaction(async (tx) => tx.addEvent({ release, type, actor: 'worker', data } as ReleaseEvent))
      const states = ['succeeded', 'cancelled', 'failed', 'closed', 'succeeded'] as const
      for (const [at, state] of states.entries()) {
        const { number } = await makeRelease(a, {
          environment: `e${at}`,
          kind: state === 'closed' ? 'deploy' : 'hotfix',
        })
        await endedAs(a, number, state, endedAt)
      }
      await makeRelease(b, { kind: 'hotfix' })
      const read = (of = times) => b.store.hotfixesToFollowUp(of)
      expect(await read()).toEqual([5, 2, 1])
      const later = { since: times.until, until: new Date('2026-11-23T09:00:00Z') }
      expect(await read(later)).toEqual([])
      await event(1, 'hotfix_followed_up')
      await event(3, 'hotfix_carried', { isNew: true, pullRequest: 1, source: 'ours' })
      await event(5, 'hotfix_followed_up')
      await event(5, 'hotfix_carried', { isNew: false, pullRequest: 7, branch: '"source":"' })
      expect(await read()).toEqual([2])
      await event(1, 'hotfix_carried', { isNew: true, pullRequest: 8, source: 'signoff/hotfix-1' })
      expect([await read(), await read(later)]).toEqual([[2, 1], [1]])
      await event(1, 'hotfix_branch_settled')
      expect(await read(later)).toEqual([])
    },
  },
  {
    name: 'a release has its last mark and what it proved, and is found by both',
    test: async ({ a, b }) => {
      const rollback = { to: 4, lock: true }
      const commit = 'c0ffee1'.padEnd(40, '0')
      await makeRelease(a, { kind: 'rollback', rollback })
      await makeRelease(a, { environment: 'elsewhere' })
      await a.store.transaction(async (tx) => {
        for (const number of [1, 2]) await tx.changeRelease(number, { provenCommit: commit })
        await tx.putMark(1, { is: 'bad', by: { id: 'U2', name: 'Bo\0' }, reason: 'it burns\0', rollback: 2 })
      })
      const mark = { is: 'bad', by: { id: 'U2', name: 'Bo' }, reason: 'it burns', rollback: 2, at: expect.any(Date) }
      expect(await b.store.release(1)).toMatchObject({ kind: 'rollback', rollback, provenCommit: commit, mark })
      expect(await b.store.release(2)).not.toHaveProperty('mark')
      const read = async (filter: Partial<Parameters<typeof a.store.releases>[0]>) =>
        (await b.store.releases({ limit: 9, ...filter })).map(({ number }) => number)
      expect(await read({ proved: commit })).toEqual([2, 1])
      expect(await read({ proved: commit.slice(0, 8), environment: 'elsewhere' })).toEqual([2])
      expect(await read({ proved: 'c0ffee2' })).toEqual([])
      expect(await read({ marked: 'bad' })).toEqual([1])
      await a.store.transaction((tx) => tx.putMark(1, { is: 'good', by: { id: 'U3', name: 'Cy' } }))
      expect((await b.store.release(1))?.mark).toEqual({
        is: 'good',
        by: { id: 'U3', name: 'Cy' },
        at: expect.any(Date),
      })
      expect(await read({ marked: 'bad' })).toEqual([])
      const unknown = a.store.transaction((tx) => tx.putMark(99, { is: 'bad', by: { id: 'U3', name: 'Cy' } }))
      await expect(unknown).rejects.toThrow()
    },
  },
  {
    name: 'a state that may not follow is refused, and an environment is free when its release has ended',
    test: async ({ a }) => {
      await makeRelease(a)
      const leap = a.store.transaction((tx) => tx.changeRelease(1, { state: 'succeeded' }))
      await expect(leap).rejects.toThrow("can't become")
      const unknown = a.store.transaction((tx) => tx.changeRelease(9, { attempt: 1 }))
      await expect(unknown).rejects.toThrow('#9 does not exist')
      await a.store.transaction((tx) => tx.changeRelease(1, { state: 'cancelled', endedAt: tx.now }))
      expect(await a.store.current('api', 'production')).toBeUndefined()
      const next = await makeRelease(a, { replaces: 1 })
      expect(await a.store.release(1)).toMatchObject({ replacedBy: next.number })
      expect(await a.store.current('api', 'production')).toEqual(next)
      expect(await a.store.transaction((tx) => tx.lockRelease(9))).toBeUndefined()
    },
  },
  {
    name: 'who waits for a release’s lock sees the sign-offs and the state of meanwhile',
    test: async ({ a, b, someoneWaits }) => {
      await makeRelease(a)
      const locked = Promise.withResolvers<void>()
      const first = a.store.transaction(async (tx) => {
        await tx.lockRelease(1)
        locked.resolve()
        await someoneWaits()
        await tx.addSignOff(1, word())
        await tx.changeRelease(1, { state: 'refused' })
      })
      await locked.promise
      const seen = await b.store.transaction((tx) => tx.lockRelease(1))
      await first
      expect(seen).toMatchObject({ state: 'refused', signOffs: [word()] })
    },
  },
  {
    name: 'a change waits for the lock, and is refused by what was committed meanwhile',
    test: async ({ a, b, someoneWaits }) => {
      await makeRelease(a)
      const locked = Promise.withResolvers<void>()
      const first = a.store.transaction(async (tx) => {
        await tx.lockRelease(1)
        locked.resolve()
        await someoneWaits()
        await tx.changeRelease(1, { state: 'cancelled' })
      })
      await locked.promise
      const late = b.store.transaction((tx) => tx.changeRelease(1, { state: 'awaiting sign-off' }))
      await expect(late).rejects.toThrow("can't become")
      await first
      expect(await b.store.release(1)).toMatchObject({ state: 'cancelled' })
    },
  },
  {
    name: 'a disputed sign-off counts no longer, is kept, is disputed once, and may be given again',
    test: async ({ a, b }) => {
      await makeRelease(a)
      await a.store.transaction(async (tx) => {
        await tx.addSignOff(1, word({ note: 'fine' }))
        await tx.addSignOff(1, word({ kind: 'qa' }))
      })
      const [given] = (await a.store.release(1))?.signOffs ?? []
      if (given === undefined) throw new Error('no sign-off')
      const dispute = ({ store }: typeof a, signOff = given) => store.transaction((tx) => tx.disputeSignOff(1, signOff))
      expect(await dispute(a, { ...given, at: new Date(given.at.getTime() - 1) })).toBe(false)
      expect(await dispute(a, { ...given, fingerprint: 'g' })).toBe(false)
      const disputed = await Promise.all([dispute(a), dispute(b), dispute(a)])
      expect(disputed.filter(Boolean)).toHaveLength(1)
      const read = await b.store.release(1)
      expect(read?.signOffs.map(({ kind }) => kind)).toEqual(['qa'])
      expect(read?.disputed).toEqual([{ ...given, disputedAt: expect.any(Date) }])
      expect(await a.store.transaction((tx) => tx.addSignOff(1, word()))).toBe(true)
      const again = await a.store.release(1)
      expect(again?.signOffs.map(({ kind }) => kind)).toEqual(['qa', 'approval'])
      expect(again?.disputed).toEqual(read?.disputed)
    },
  },
  {
    name: 'one word is taken a person, kind and fingerprint',
    test: async ({ a, b }) => {
      await makeRelease(a)
      const given = await Promise.all([a, b, a].map(({ store }) => store.transaction((tx) => tx.addSignOff(1, word()))))
      expect(given.filter(Boolean)).toHaveLength(1)
      const more = await a.store.transaction(async (tx) => [
        await tx.addSignOff(1, word({ fingerprint: 'g' })),
        await tx.addSignOff(1, word({ fingerprint: 'g', note: 'again' })),
        await tx.addSignOff(1, word({ kind: 'qa' })),
      ])
      expect(more).toEqual([true, false, true])
      const read = await b.store.release(1)
      expect(read?.signOffs.map(({ kind, fingerprint }) => `${kind} ${fingerprint}`)).toEqual([
        'approval f',
        'approval g',
        'qa f',
      ])
    },
  },
  {
    name: 'who has tested a change is written once a person, with the release, and never again',
    test: async ({ a, b }) => {
      await makeRelease(a)
      const tested = (change: string, id: string, more: object = {}) => ({
        ...{ change, person: { id, name: `${id}\0` }, right: '@qa' },
        ...more,
      })
      await Promise.all([
        a.store.transaction((tx) => tx.addTested(1, [tested('c1', 'U1', { note: 'first' }), tested('c2', 'U1')])),
        b.store.transaction((tx) => tx.addTested(1, [tested('c2', 'U2', { isOwn: true }), tested('c3', 'U2')])),
      ])
      await a.store.transaction((tx) => tx.addTested(1, [tested('c1', 'U1', { note: 'again' }), tested('c1', 'U2')]))
      await expect(
        a.store.transaction(async (tx) => {
          await tx.addTested(1, [tested('c9', 'U1')])
          throw new Error('rolled back')
        }),
      ).rejects.toThrow('rolled back')
      await expect(a.store.transaction((tx) => tx.addTested(99, [tested('c1', 'U1')]))).rejects.toThrow()
      const read = (await b.store.release(1))?.tested ?? []
      expect(
        read
          .map(({ change, person, isOwn, note }) => [change, person.id, isOwn, note].filter(Boolean).join(' '))
          .sort(),
      ).toEqual(['c1 U1 first', 'c1 U2', 'c2 U1', 'c2 U2 true', 'c3 U2'])
      expect(read[0]).toMatchObject({ person: { name: read[0]?.person.id }, right: '@qa', at: expect.any(Date) })
      expect((await b.store.releases({ limit: 1 }))[0]?.tested).toEqual(read)
    },
  },
]
