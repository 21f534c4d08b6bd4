/** O9: what metrics read of the store, whenever they are asked for: right, and bounded by what has not ended. */
import { afterAll, describe, expect, it } from 'vitest'
import type { HeadState } from '../../src/release/automatic.ts'
import { hasEnded, RELEASE_STATES } from '../../src/release/terms.ts'
import { makeRelease, openedStore, stopPostgres } from './store-opened.ts'

afterAll(stopPostgres)

describe('O9: the releases that have not ended', () => {
  it('are told with the time since they came into their state, and no longer once they have ended', async () => {
    const { store, waiting } = await openedStore()
    expect(await waiting.releases()).toEqual([])
    const { number, app, environment } = await makeRelease({ store })
    const about = { app, environment }
    expect(await waiting.releases()).toEqual([{ ...about, state: 'planning', forMs: expect.any(Number) }])
    await store.transaction((tx) => tx.changeRelease(number, { state: 'approved' }))
    await store.transaction((tx) => tx.changeRelease(number, { state: 'running' }))
    const before = await store.now()
    await store.transaction(async (tx) => {
      await tx.changeRelease(number, { state: 'needs attention' })
      tx.addEvent({
        release: number,
        type: 'attention_needed',
        actor: 'worker',
        data: { gate: 'push_unknown', attempt: 1 },
      })
    })
    // What does not change the state does not make it younger.
    await store.transaction(async (tx) => {
      tx.addEvent({
        release: number,
        type: 'cancel_asked',
        actor: 'U1',
        data: { state: 'running', name: 'Ann', right: '' },
      })
    })
    const [stopped] = await waiting.releases()
    const sinceMs = (await store.now()).getTime() - before.getTime()
    expect(stopped).toEqual({ ...about, state: 'needs attention', forMs: expect.any(Number) })
    expect(stopped?.forMs).toBeGreaterThanOrEqual(0)
    expect(stopped?.forMs).toBeLessThanOrEqual(sinceMs)
    await store.transaction((tx) => tx.changeRelease(number, { state: 'closed', endedAt: tx.now }))
    expect(await waiting.releases()).toEqual([])
  })

  it('E5: are told as overdue from their time to start until they start', async () => {
    const { store, sql, waiting } = await openedStore()
    const { number, app, environment } = await makeRelease({ store })
    const startsIn = (interval: string) =>
      sql(`update release set start_at = now() + $1::interval, start_time_zone = 'UTC'`, [interval])
    await startsIn('1 minute')
    await store.transaction((tx) => tx.changeRelease(number, { state: 'awaiting sign-off' }))
    expect(await waiting.overdueStarts()).toEqual([])
    await startsIn('-90 seconds')
    const about = { app, environment, forMs: expect.any(Number) }
    expect(await waiting.overdueStarts()).toEqual([{ ...about, state: 'awaiting sign-off' }])
    await store.transaction((tx) => tx.changeRelease(number, { state: 'scheduled' }))
    const [late] = await waiting.overdueStarts()
    expect(late).toEqual({ ...about, state: 'scheduled' })
    expect(Math.floor((late?.forMs ?? 0) / 1_000)).toBe(90)
    await store.transaction((tx) => tx.changeRelease(number, { state: 'approved' }))
    expect(await waiting.overdueStarts()).toEqual([])
  })

  it('are found by their index among 20,000 that have ended', async () => {
    const opened = await openedStore()
    await makeRelease(opened)
    await opened.sql(`
      insert into release (number, app, environment, kind, state, requester_id, requester_name, configuration, request_key,
        requested_at, ended_at)
      select n, 'api', 'production', 'deploy', 'succeeded', 'U1', 'Ann', 'c', 'key ' || n, now(), now()
      from generate_series(1000, 21000) n`)
    await opened.sql('analyze release')
    const open = RELEASE_STATES.filter((state) => !hasEnded(state)).map((state) => `'${state}'`)
    const rows = await opened.sql(`explain select app from release r where r.state in (${open.join(', ')})`)
    expect(JSON.stringify(rows)).toContain('release_one_not_ended')
    expect(await opened.waiting.releases()).toHaveLength(1)
  })
})

describe('O9: the last worker', () => {
  it('is unknown before one was seen, which is no worker seen just now', async () => {
    const { store, waiting } = await openedStore()
    expect(await waiting.workerSeenMs()).toBeUndefined()
    await store.workerSeen({ id: 'one', configurations: {} })
    const ms = await waiting.workerSeenMs()
    expect(ms).toBeGreaterThanOrEqual(0)
    expect(ms).toBeLessThan(30_000)
  })
})

describe('A13: the heads that wait', () => {
  it('are told while they are due or wait for their builds, and no longer', async () => {
    const { store, waiting } = await openedStore()
    const at = { app: 'api', environment: 'integration', configuration: '2:c', commit: 'a'.repeat(40) }
    const put = (state: HeadState) =>
      store.transaction((tx) => tx.putHead({ ...at, state, seenAt: new Date(tx.now.getTime() - 60_000), watchers: [] }))
    await put('builds')
    const [found] = await waiting.heads()
    expect(found).toEqual({ app: 'api', environment: 'integration', state: 'builds', forMs: expect.any(Number) })
    expect(found?.forMs).toBeGreaterThanOrEqual(60_000)
    await put('due')
    expect((await waiting.heads()).map(({ state }) => state)).toEqual(['due'])
    await put('done')
    expect(await waiting.heads()).toEqual([])
  })
})
