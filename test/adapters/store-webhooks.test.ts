import { afterAll, describe, expect, it } from 'vitest'
import type { LockPlace } from '../../src/release/lock.ts'
import { setLock } from '../../src/release/locks.ts'
import type { WebhookRequest } from '../../src/release/ports/webhooks.ts'
import { makeRelease, type Opened, openedStore, stopPostgres } from './store-opened.ts'

afterAll(stopPostgres)

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)
const ANNA = { id: 'U1', name: 'Ada' }

/** An event that webhooks tell of; `attempt` tells several apart. */
const approved = (opened: Opened, release: number, attempt = 1) =>
  opened.store.transaction(async (tx) => {
    tx.addEvent({ release, type: 'release_approved', actor: 'bot', data: { attempt } })
  })

async function twoReleases(): Promise<Opened> {
  const opened = await openedStore()
  await opened.webhooks.name([{ id: A }])
  await makeRelease(opened)
  await makeRelease(opened, { environment: 'integration' })
  return opened
}

const seen = (requests: readonly WebhookRequest[]) => requests.map(({ stream, message }) => `${stream} ${message.type}`)

describe('the queue of webhooks', () => {
  it('gets a row in the transaction of the event, with the release as it leaves it, and none where that is rolled back', async () => {
    const opened = await twoReleases()
    await opened.store.transaction(async (tx) => {
      await tx.changeRelease(1, { state: 'awaiting sign-off' })
      tx.addEvent({ release: 1, type: 'preflight_passed', actor: 'worker', data: { attempt: 1 } })
      tx.addEvent({ release: 1, type: 'release_approved', actor: 'bot', data: { attempt: 1 } })
    })
    const fails = opened.store.transaction(async (tx) => {
      tx.addEvent({ release: 2, type: 'release_approved', actor: 'bot', data: { attempt: 1 } })
      throw new Error('no')
    })
    await expect(fails).rejects.toThrow('no')
    const [request, ...others] = await opened.webhooks.due([A], 10)
    expect(others).toEqual([])
    const [event] = (await opened.store.events(1)).filter(({ type }) => type === 'release_approved')
    expect(request).toMatchObject({
      endpoint: A,
      stream: 'release 1',
      release: 1,
      tries: 0,
      sinceFirstTryMs: 0,
      message: {
        id: `evt_${event?.hash.slice(0, 32)}`,
        type: 'release.approved',
        timestamp: event?.at.toISOString(),
        data: { by: null, release: { number: 1, state: 'awaiting sign-off' } },
      },
    })
  })

  it('keeps the order of two events of one transaction', async () => {
    const opened = await twoReleases()
    await opened.store.transaction(async (tx) => {
      tx.addEvent({ release: 1, type: 'release_approved', actor: 'bot', data: { attempt: 1 } })
      tx.addEvent({ release: 1, type: 'run_started', actor: 'worker', data: { attempt: 1 } })
    })
    const [first] = await opened.webhooks.due([A], 10)
    expect(first?.message.type).toBe('release.approved')
    await opened.webhooks.delivered(first?.id ?? 0)
    expect(seen(await opened.webhooks.due([A], 10))).toEqual(['release 1 release.started'])
  })

  it('has a row for each URL that is told, and only of the events that it wants', async () => {
    const opened = await twoReleases()
    await opened.webhooks.name([{ id: A }, { id: B, events: ['release.started', 'lock.set'] }])
    await approved(opened, 1)
    await opened.store.transaction(async (tx) => {
      tx.addEvent({ release: 2, type: 'run_started', actor: 'worker', data: { attempt: 1 } })
    })
    expect(seen(await opened.webhooks.due([A], 10))).toEqual([
      'release 1 release.approved',
      'release 2 release.started',
    ])
    const [only, ...others] = await opened.webhooks.due([B], 10)
    expect(only?.message.type).toBe('release.started')
    expect(others).toEqual([])
    // Both URLs are told of one event by one id.
    expect(only?.message.id).toBe((await opened.webhooks.due([A], 10))[1]?.message.id)
  })

  it('gives one request of each release at a time, in the order of the record, and holds no other release back', async () => {
    const opened = await twoReleases()
    for (const attempt of [1, 2]) for (const release of [1, 2]) await approved(opened, release, attempt)
    const [first, other] = await opened.webhooks.due([A], 10)
    expect([first?.release, other?.release]).toEqual([1, 2])
    await opened.webhooks.trying(first?.id ?? 0)
    // It is still the one whose turn it is: nobody knows whether it arrived.
    expect((await opened.webhooks.due([A], 10)).map(({ id, tries }) => [id, tries])).toEqual([
      [first?.id, 1],
      [other?.id, 0],
    ])
    await opened.webhooks.postpone(first?.id ?? 0, 60_000, 'it answered 500')
    expect((await opened.webhooks.due([A], 10)).map(({ release }) => release)).toEqual([2])
    await opened.sql(`update outbox set not_before = now() where kind = 'webhook'`)
    await opened.webhooks.delivered(first?.id ?? 0)
    const next = await opened.webhooks.due([A], 10)
    expect(next.map(({ release }) => release)).toEqual([2, 1])
    expect(next[1]?.id).toBeGreaterThan(first?.id ?? 0)
  })

  it('has the locks of one place in an order of their own, which no release holds up', async () => {
    const opened = await twoReleases()
    const lock = (on: LockPlace, reason: string) =>
      opened.store.transaction((tx) => setLock(tx, { on, reason }, { person: ANNA, right: 'test' }))
    await approved(opened, 1)
    await lock({ is: 'environment', app: 'api', environment: 'production' }, 'one')
    await lock({ is: 'environment', app: 'api', environment: 'production' }, 'two')
    await lock({ is: 'all' }, 'everything')
    const due = await opened.webhooks.due([A], 10)
    expect(seen(due)).toEqual(['release 1 release.approved', 'lock api/production lock.set', 'lock all lock.set'])
    expect(due[1]?.message.data).toMatchObject({
      by: { id: 'U1', name: 'Ada' },
      lock: { app: 'api', environment: 'production', reason: 'one', holder: { id: 'U1', name: 'Ada' }, ended: null },
    })
    expect(due[2]?.message.data).toMatchObject({ lock: { app: null, environment: null } })
  })

  it('neither holds up what waits for Slack nor is held up by it', async () => {
    const opened = await twoReleases()
    await approved(opened, 1)
    expect(await opened.outbox.due(10)).toEqual([])
    expect((await opened.waiting.outbox()).waiting).toBe(0)
    await opened.store.transaction((tx) => tx.send({ kind: 'card', release: 1 }))
    expect((await opened.outbox.due(10)).map(({ message }) => message.kind)).toEqual(['card'])
    expect(await opened.webhooks.due([A], 10)).toHaveLength(1)
    let both = false
    await opened.outbox.deliverAlone(async () => {
      both = await opened.webhooks.deliverAlone(async () => undefined)
    })
    expect(both).toBe(true)
  })

  it('is given up whole for a URL that is gone, which gets nothing until it is named again', async () => {
    const opened = await twoReleases()
    await opened.webhooks.name([{ id: A }, { id: B }])
    await approved(opened, 1)
    await approved(opened, 1, 2)
    expect(await opened.webhooks.gone(A, 'it answered 410')).toBe(2)
    await approved(opened, 2)
    expect(await opened.webhooks.due([A], 10)).toEqual([])
    expect(await opened.webhooks.due([B], 10)).toHaveLength(2)
    await opened.webhooks.keepNaming([{ id: A }])
    await approved(opened, 2, 2)
    expect((await opened.webhooks.backlogs()).find(({ endpoint }) => endpoint === A)).toMatchObject({
      waiting: 0,
      givenUp: 2,
      isGone: true,
    })
    await opened.webhooks.name([{ id: A }])
    await approved(opened, 2, 3)
    expect(await opened.webhooks.due([A], 10)).toHaveLength(1)
  })

  it('ends for a URL that no bot has named for ten minutes, and not while one does', async () => {
    const opened = await twoReleases()
    await opened.webhooks.name([{ id: A }, { id: B }])
    await approved(opened, 1)
    await opened.sql(`update webhook_endpoint set named_at = now() - interval '11 minutes'`)
    await opened.webhooks.keepNaming([{ id: B }])
    await opened.forget()
    expect(
      await opened.sql(`select endpoint, state, reason from outbox where kind = 'webhook' order by endpoint`),
    ).toEqual([
      { endpoint: A, state: 'given up', reason: 'its URL is no longer in releases.yml' },
      { endpoint: B, state: 'waiting', reason: null },
    ])
    await approved(opened, 2)
    expect((await opened.webhooks.backlogs()).map(({ endpoint, waiting }) => [endpoint, waiting])).toEqual([[B, 2]])
  })

  it('says what waits, for how long, and why the last try failed', async () => {
    const opened = await twoReleases()
    await approved(opened, 1)
    const [request] = await opened.webhooks.due([A], 1)
    await opened.webhooks.trying(request?.id ?? 0)
    await opened.webhooks.postpone(request?.id ?? 0, 5_000, 'it answered 503')
    await opened.sql(`update outbox set put_in_at = now() - interval '2 hours' where kind = 'webhook'`)
    const [backlog] = await opened.webhooks.backlogs()
    expect(backlog).toMatchObject({ endpoint: A, waiting: 1, failing: 'it answered 503', givenUp: 0, isGone: false })
    expect(backlog?.oldestAgeMs).toBeGreaterThan(7_000_000)
  })

  it('forgets what was delivered 30 days ago, as far as its release has ended', async () => {
    const opened = await twoReleases()
    await approved(opened, 1)
    await approved(opened, 2)
    for (const { id } of await opened.webhooks.due([A], 10)) await opened.webhooks.delivered(id)
    await opened.sql(`update release set state = 'failed' where number = 1`)
    await opened.sql(`update outbox set settled_at = now() - interval '31 days'`)
    await opened.forget()
    expect(await opened.sql(`select release from outbox`)).toEqual([{ release: 2 }])
  })

  it('gives nothing to a process whose version is too old', async () => {
    const opened = await twoReleases()
    await approved(opened, 1)
    const [request] = await opened.webhooks.due([A], 1)
    await opened.sql(`update store_version set minimum = minimum + 1`)
    expect(await opened.webhooks.due([A], 1)).toEqual([])
    await expect(opened.webhooks.trying(request?.id ?? 0)).rejects.toThrow(/newer version/i)
  })

  it('wakes who waits, at a new request and when a postponed one is due', async () => {
    const opened = await twoReleases()
    const never = new AbortController().signal
    await opened.webhooks.wait(0, never)
    await opened.webhooks.due([A], 1)
    await opened.webhooks.wait(0, never)
    await opened.webhooks.due([A], 1)
    const from = performance.now()
    const woken = opened.webhooks.wait(20_000, never)
    await approved(opened, 1)
    await woken
    expect(performance.now() - from).toBeLessThan(10_000)
    const [request] = await opened.webhooks.due([A], 1)
    await opened.webhooks.postpone(request?.id ?? 0, 300, 'x')
    await opened.webhooks.wait(20_000, never)
    expect(await opened.webhooks.due([A], 1)).toHaveLength(1)
    expect(performance.now() - from).toBeLessThan(15_000)
  })
})
