import { afterAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/store/open.ts'
import { hasEnded, RELEASE_STATES } from '../../src/release/release.ts'
import { emptyDatabase, makeRelease, openedStore, request, stopPostgres, waiters } from './store-opened.ts'

afterAll(stopPostgres)

const rollback = new Error('on purpose')

describe('releases', () => {
  it('come back as they were written, absent fields absent', async () => {
    const { store, ...opened } = await openedStore()
    const made = await makeRelease(
      { store, ...opened },
      {
        reason: 'it burns\0',
        picks: ['abcd'],
        responseUrl: 'https://hooks.example/1',
      },
    )
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
    await store.transaction(async (tx) => {
      await tx.changeRelease(1, {
        state: 'awaiting sign-off',
        problem: { because: { gate: 'internal_error', detail: 'NUL \0 and half a pair \ud800' } },
        card: { channel: 'C1', ts: '1.2' },
        cancelRequestedBy: { id: 'U2', name: 'Bo' },
        expiresAt: at,
      })
      expect(
        await tx.addSignOff(1, { kind: 'qa', person: { id: 'U2', name: 'Bo' }, fingerprint: 'f', right: 'r' }),
      ).toBe(true)
      await tx.putStep(1, { name: 'merge', state: 'running', attempt: 1, effect: 'unknown', startedAt: at })
      await tx.putStep(1, { name: 'sync', state: 'pending', attempt: 1, effect: 'none' })
      await tx.putStep(1, {
        name: 'merge',
        state: 'done',
        attempt: 1,
        effect: 'some',
        startedAt: at,
        endedAt: at,
        result: { commit: 'c' },
      })
    })
    const changed = await store.release(1)
    expect(changed).toMatchObject({
      state: 'awaiting sign-off',
      problem: { because: { detail: 'NUL \0 and half a pair \ud800' } },
      card: { channel: 'C1', ts: '1.2' },
      cancelRequestedBy: { id: 'U2', name: 'Bo' },
      expiresAt: at,
      signOffs: [{ kind: 'qa', person: { id: 'U2', name: 'Bo' }, fingerprint: 'f', right: 'r', at: expect.any(Date) }],
      steps: [
        {
          name: 'merge',
          state: 'done',
          attempt: 1,
          effect: 'some',
          startedAt: at,
          endedAt: at,
          result: { commit: 'c' },
        },
        { name: 'sync', state: 'pending' },
      ],
    })
    await store.transaction((tx) => tx.changeRelease(1, { card: undefined, problem: undefined, expiresAt: undefined }))
    const cleared = await store.release(1)
    expect(cleared).not.toHaveProperty('card')
    expect(cleared).not.toHaveProperty('problem')
    expect(cleared).not.toHaveProperty('expiresAt')
  })

  it('are made once for two that race, and the other reads which one is under way', async () => {
    const opened = await openedStore()
    const other = await opened.again()
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        (at % 2 ? opened : other).store.transaction((tx) => tx.createRelease(request())),
      ),
    )
    expect(outcomes.filter((outcome) => 'made' in outcome)).toHaveLength(1)
    expect(outcomes.filter((outcome) => 'busy' in outcome && outcome.busy.number === 1)).toHaveLength(9)
  })

  it('are made once for the same request, also when it is asked twice at the same time', async () => {
    const { store } = await openedStore()
    const same = request({ requestKey: 'same' })
    const outcomes = await Promise.all([1, 2, 3].map(() => store.transaction((tx) => tx.createRelease(same))))
    expect(outcomes.map((outcome) => Object.keys(outcome)[0]).sort()).toEqual(['made', 'seen', 'seen'])
  })

  it('are refused a second time for a busy environment by the database itself', async () => {
    const opened = await openedStore()
    await makeRelease(opened)
    const second = opened.sql(
      `insert into release (number, app, environment, kind, state, requester_id, requester_name, configuration, request_key)
       select 99, app, environment, kind, 'needs attention', 'U', 'U', 'c', 'other' from release`,
    )
    await expect(second).rejects.toThrow('release_one_not_ended')
    const [index] = await opened.sql(`select indexdef from pg_indexes where indexname = 'release_one_not_ended'`)
    for (const state of RELEASE_STATES) expect(String(index?.indexdef).includes(`'${state}'`)).toBe(!hasEnded(state))
  })

  it('are numbered without gaps, whatever is rolled back', async () => {
    const { store, ...opened } = await openedStore()
    const failing = store.transaction(async (tx) => {
      await tx.createRelease(request())
      throw rollback
    })
    await expect(failing).rejects.toBe(rollback)
    const numbers = await Promise.all(
      Array.from(
        { length: 8 },
        async (_, at) => (await makeRelease({ store, ...opened }, { environment: `e${at}` })).number,
      ),
    )
    expect(numbers.sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect((await store.releases({ limit: 3 })).map((release) => release.number)).toEqual([8, 7, 6])
    expect(
      (await store.releases({ limit: 9, before: 3, states: ['planning'] })).map((release) => release.number),
    ).toEqual([2, 1])
    expect(await store.releases({ limit: 9, environment: 'nowhere' })).toEqual([])
  })

  it('refuse a state that may not follow', async () => {
    const opened = await openedStore()
    await makeRelease(opened)
    await expect(opened.store.transaction((tx) => tx.changeRelease(1, { state: 'succeeded' }))).rejects.toThrow(
      'may not become',
    )
    await opened.store.transaction((tx) => tx.changeRelease(1, { state: 'cancelled', endedAt: tx.now }))
    expect(await opened.store.current('api', 'production')).toBeUndefined()
    const next = await makeRelease(opened, { replaces: 1 })
    expect(await opened.store.release(1)).toMatchObject({ replacedBy: next.number })
    expect(await opened.store.current('api', 'production')).toEqual(next)
  })

  it('show to whoever waited for the lock the sign-offs that were given meanwhile', async () => {
    const opened = await openedStore()
    await makeRelease(opened)
    let locked = () => {}
    const hasLock = new Promise<void>((resolve) => {
      locked = resolve
    })
    const first = opened.store.transaction(async (tx) => {
      await tx.lockRelease(1)
      locked()
      await expect.poll(() => waiters(opened)).toHaveLength(1)
      await tx.addSignOff(1, { kind: 'approval', person: { id: 'U2', name: 'Bo' }, fingerprint: 'f', right: 'r' })
    })
    await hasLock
    const seen = await opened.store.transaction(async (tx) => (await tx.lockRelease(1))?.signOffs.length)
    await first
    expect(seen).toBe(1)
  })

  it('take one word a person, kind and fingerprint', async () => {
    const { store, ...opened } = await openedStore()
    await makeRelease({ store, ...opened })
    const word = { kind: 'approval', person: { id: 'U2', name: 'Bo' }, fingerprint: 'f', right: 'r' } as const
    const given = await Promise.all([1, 2, 3].map(() => store.transaction((tx) => tx.addSignOff(1, word))))
    expect(given.filter(Boolean)).toHaveLength(1)
    expect(await store.transaction((tx) => tx.addSignOff(1, { ...word, fingerprint: 'g' }))).toBe(true)
    expect((await store.release(1))?.signOffs).toHaveLength(2)
  })
})

describe('a transaction', () => {
  it('that loses a deadlock is run again, and both come through', async () => {
    const opened = await openedStore()
    await makeRelease(opened)
    await makeRelease(opened, { environment: 'integration' })
    const ready = [1, 2].map(() => Promise.withResolvers<void>())
    let runs = 0
    const both = async (mine: number, others: number) =>
      opened.store.transaction(async (tx) => {
        runs += 1
        await tx.lockRelease(mine)
        ready[mine - 1]?.resolve()
        await ready[others - 1]?.promise
        await tx.lockRelease(others)
        tx.addEvent({ release: mine, type: 'planned', actor: 'worker', data: {} })
      })
    await Promise.all([both(1, 2), both(2, 1)])
    expect(runs).toBe(3)
    expect(await opened.store.chainHead()).toMatchObject({ count: 2 })
  })
})

describe('small things', () => {
  it('a button keeps its token, and only ours resolves', async () => {
    const { store } = await openedStore()
    const tokens = await Promise.all([1, 2, 3].map(() => store.buttonToken(1, 'approve')))
    expect(new Set(tokens).size).toBe(1)
    expect(await store.resolveButton(tokens[0] ?? '')).toEqual({ release: 1, action: 'approve' })
    expect(await store.resolveButton('guess')).toBeUndefined()
    expect(await store.buttonToken(1, 'reject')).not.toBe(tokens[0])
  })

  it('workers are listed, the last seen first', async () => {
    const { store } = await openedStore()
    await store.workerSeen({ id: 'a', configurations: { 'api/production': 'x' } })
    await store.workerSeen({ id: 'b', configurations: {} })
    await store.workerSeen({ id: 'a', configurations: { 'api/production': 'y' } })
    expect(await store.workers()).toEqual([
      { id: 'a', at: expect.any(Date), configurations: { 'api/production': 'y' } },
      { id: 'b', at: expect.any(Date), configurations: {} },
    ])
  })

  it('a database belongs to the environment that noted it first', async () => {
    const { store } = await openedStore()
    expect(await store.noteDatabase('host:5432/db', 'api', 'production')).toEqual({
      app: 'api',
      environment: 'production',
    })
    expect(await store.noteDatabase('host:5432/db', 'api', 'integration')).toEqual({
      app: 'api',
      environment: 'production',
    })
  })
})

describe('opening', () => {
  it('migrates once, from four processes at once', async () => {
    const { url } = await emptyDatabase()
    const opened = await Promise.all(
      (['all', 'bot', 'worker', 'all'] as const).map((role) => openStore({ pool: { connectionString: url }, role })),
    )
    const made = await Promise.all(
      opened.map(({ store }, at) => store.transaction((tx) => tx.createRelease(request({ environment: `e${at}` })))),
    )
    expect(made.every((outcome) => 'made' in outcome)).toBe(true)
    await Promise.all(opened.map((each) => each.close()))
  })

  it('for reading says when the store was never set up, and reads when it was', async () => {
    const { url } = await emptyDatabase()
    await expect(openStore({ pool: { connectionString: url }, migrate: false })).rejects.toThrow(
      'start the service first',
    )
    const opened = await openedStore()
    await makeRelease(opened)
    const reader = await opened.again({ migrate: false })
    expect(await reader.store.releases({ limit: 5 })).toHaveLength(1)
    await reader.ping()
  })

  it('refuses a store that a newer program has changed', async () => {
    const opened = await openedStore()
    await opened.sql(`insert into kysely_migration (name, timestamp) values ('999 later', '2030')`)
    await expect(opened.again()).rejects.toThrow('could not be brought')
    await expect(opened.again({ migrate: false })).rejects.toThrow('newer version')
  })
})
