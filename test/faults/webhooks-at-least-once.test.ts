/**
 * Webhooks arrive at least once and in order, whatever dies and whatever answer is lost: real store, real requests. `die`
 * stands for what a process that dies there leaves behind: the store has what was committed, and the next one goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { startWebhooks, type Told, type WebhookPorts } from '../../src/adapters/webhooks/delivery.ts'
import { CLOCK, type Clock } from '../../src/lib/clock.ts'
import { setLock, unlock } from '../../src/release/locks.ts'
import type { WebhookQueue } from '../../src/release/ports/webhooks.ts'
import { makeRelease, type Opened, openedStore, stopPostgres } from '../adapters/store-opened.ts'
import { type Received, type Receiver, secretOf, startReceiver } from '../support/webhook-receiver.ts'

afterAll(stopPostgres)

const SECRET = secretOf('s')
const QUICK: Clock = { now: CLOCK.now, sleep: (ms, signal) => CLOCK.sleep(Math.min(ms, 20), signal) }
const ENVIRONMENTS = ['integration', 'production', 'staging']
const EVENTS_EACH = 5

async function receiver(): Promise<Receiver> {
  const started = await startReceiver([SECRET])
  onTestFinished(() => started.close())
  return started
}

const toldOf = (receivers: readonly Receiver[]): readonly Told[] =>
  receivers.map(({ url }, index) => ({
    id: String(index).repeat(64),
    name: `webhooks[${index + 1}]`,
    url,
    secrets: [SECRET],
  }))

interface Line {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

function start(queue: WebhookQueue, told: readonly Told[], more: Partial<WebhookPorts> = {}) {
  const lines: Line[] = []
  const say = (level: string) => (fields: object, message: string) => {
    lines.push({ level, message, fields: fields as Record<string, unknown> })
  }
  const delivery = startWebhooks({
    queue,
    told,
    clock: QUICK,
    log: { info: say('info'), warn: say('warn'), error: say('error') },
    clean: (value) => value,
    pace: { retryAfterMs: [10, 20], timeoutMs: 5_000 },
    ...more,
  })
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= delivery.stop()
    return stopped
  }
  onTestFinished(stop)
  return { ...delivery, stop, lines }
}

/** Several releases and a lock, whose events interleave. Returns their ids by what they are in order with. */
async function happen(opened: Opened): Promise<ReadonlyMap<string, readonly string[]>> {
  for (const environment of ENVIRONMENTS) await makeRelease(opened, { environment })
  const on = { is: 'environment', app: 'api', environment: 'production' } as const
  const actor = { person: { id: 'U1', name: 'Ada' }, right: 'test' }
  for (let attempt = 1; attempt <= EVENTS_EACH; attempt++) {
    await Promise.all(
      ENVIRONMENTS.map((_, index) =>
        opened.store.transaction(async (tx) => {
          tx.addEvent({ release: index + 1, type: 'release_approved', actor: 'bot', data: { attempt } })
        }),
      ),
    )
    await opened.store.transaction(async (tx) => {
      const set = await setLock(tx, { on, reason: `round ${attempt}` }, actor)
      if ('set' in set) await unlock(tx, set.set, actor)
    })
  }
  const rows = await opened.sql(
    `select distinct e.id as place, o.stream, o.message->>'id' as told
     from outbox o join event e on 'evt_' || left(e.hash, 32) = o.message->>'id' order by place`,
  )
  const streams = new Map<string, string[]>()
  for (const { stream, told } of rows) {
    streams.set(String(stream), [...(streams.get(String(stream)) ?? []), String(told)])
  }
  return streams
}

/** Every event came, none before one that was before it, and whatever came again came before the next. */
function expectInOrder(received: readonly Received[], streams: ReadonlyMap<string, readonly string[]>): void {
  for (const [stream, ids] of streams) {
    const places = received.map(({ id }) => ids.indexOf(id)).filter((place) => place >= 0)
    expect(new Set(places).size, stream).toBe(ids.length)
    expect(places, stream).toEqual(places.toSorted((a, b) => a - b))
  }
}

const settled = (opened: Opened) =>
  expect
    .poll(async () => (await opened.sql(`select count(*)::int as n from outbox where state = 'waiting'`))[0]?.n, {
      timeout: 60_000,
      interval: 50,
    })
    .toBe(0)

describe('webhooks', () => {
  const POINTS = [
    'before the try is written',
    'before the request',
    'after the answer',
    'after the delivery is written',
  ]

  it.each(POINTS)('arrive at least once and in order when a bot dies %s', async (point) => {
    const opened = await openedStore()
    const { webhooks } = opened
    const good = await receiver()
    const told = toldOf([good])
    await webhooks.name(told)
    const streams = await happen(opened)
    let deaths = 0
    let calls = 0
    /** Every second time. */
    const die = (at: string) => {
      if (at !== point || calls++ % 2 === 0) return
      deaths += 1
      throw new Error('died')
    }
    const dying: WebhookQueue = {
      ...webhooks,
      async trying(id) {
        die('before the try is written')
        const isWaiting = await webhooks.trying(id)
        die('before the request')
        return isWaiting
      },
      async delivered(id) {
        die('after the answer')
        await webhooks.delivered(id)
        die('after the delivery is written')
      },
    }
    start(dying, told)
    await settled(opened)
    expect(deaths).toBeGreaterThan(3)
    expectInOrder(good.received, streams)
    expect(good.received.every(({ verifiedBy }) => verifiedBy.length === 1)).toBe(true)
  })

  it('arrive at least once and in order over lost answers, errors, and two bots that take over from each other', async () => {
    const opened = await openedStore()
    const flaky = await receiver()
    const good = await receiver()
    const told = toldOf([flaky, good])
    await opened.webhooks.name(told)
    const streams = await happen(opened)
    let seed = 7
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed / 2_147_483_647
    }
    flaky.answer = async (_, response) => {
      const drawn = random()
      if (drawn < 0.25) return 500
      if (drawn < 0.5) {
        // It was handled, and nobody hears so.
        response.destroy()
        return 'handled'
      }
      if (drawn < 0.7) await sleep(30)
      return 204
    }
    const other = (await opened.again()).webhooks
    // Each loses its session now and then, in the middle of whatever it does.
    const lose = setInterval(() => {
      void opened.sql(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid in (select pid from pg_locks where locktype = 'advisory' and granted)`,
      )
    }, 150)
    onTestFinished(() => clearInterval(lose))
    start(opened.webhooks, told)
    start(other, told)
    await settled(opened)
    clearInterval(lose)
    for (const { received } of [flaky, good]) expectInOrder(received, streams)
    const bodies = new Map<string, string>()
    for (const { id, raw } of flaky.received) {
      expect(bodies.get(id) ?? raw, 'a body is the same over all tries').toBe(raw)
      bodies.set(id, raw)
    }
    expect(flaky.received.length).toBeGreaterThan(bodies.size)
  })

  it('for a URL that hangs hold back no other URL; and of one URL, no other release', async () => {
    const opened = await openedStore()
    const [hanging, half, good] = [await receiver(), await receiver(), await receiver()]
    const told = toldOf([hanging, half, good])
    await opened.webhooks.name(told)
    const streams = await happen(opened)
    hanging.answer = () => new Promise(() => undefined)
    const [stuck = ''] = streams.get('release 2') ?? []
    half.answer = ({ id }) => (id === stuck ? new Promise(() => undefined) : 204)
    const delivery = start(opened.webhooks, told, { pace: { timeoutMs: 60_000 } })
    const others = [...streams].filter(([stream]) => stream !== 'release 2')
    const count = others.reduce((sum, [, ids]) => sum + ids.length, 0)
    await expect.poll(() => half.received.length, { timeout: 30_000 }).toBe(count + 1)
    await expect.poll(() => good.received.length, { timeout: 30_000 }).toBe(count + EVENTS_EACH)
    // Four at once, of different releases and locks, and none behind one that has no answer.
    expect(hanging.received.map(({ id }) => [...streams.values()].findIndex(([first]) => first === id))).not.toContain(
      -1,
    )
    expect(hanging.received.length).toBe(Math.min(4, streams.size))
    expectInOrder(half.received, new Map(others))
    await delivery.stop()
  })

  it('are given up after 24 hours, which the log says, and the next ones follow', async () => {
    const opened = await openedStore()
    const bad = await receiver()
    const told = toldOf([bad])
    await opened.webhooks.name(told)
    await happen(opened)
    bad.answer = ({ body }) => (body.data.release?.number === 2 ? 500 : 204)
    const tries: string[] = []
    const delivery = start(opened.webhooks, told, { pace: {}, tried: (_, outcome) => tries.push(outcome) })
    await expect.poll(() => delivery.failing().get('webhooks[1]') ?? tries.length, { timeout: 30_000 }).toBeTruthy()
    await expect.poll(() => tries.includes('failed'), { timeout: 30_000 }).toBe(true)
    // Of release 2: those of others may be under way.
    const [failed] = await opened.sql(`select id from outbox where reason is not null and state = 'waiting'`)
    await opened.sql(
      `update outbox set first_tried_at = now() - interval '25 hours', not_before = now() where id = ${failed?.id}`,
    )
    await expect
      .poll(async () => (await opened.sql(`select state from outbox where id = ${failed?.id}`))[0]?.state, {
        timeout: 30_000,
      })
      .toBe('given up')
    expect(await opened.sql(`select reason from outbox where state = 'given up'`)).toEqual([
      { reason: 'it answered 500' },
    ])
    await expect.poll(() => tries.includes('given up')).toBe(true)
    const line = delivery.lines.find(({ level }) => level === 'error')
    expect(line).toMatchObject({
      message: 'a webhook was given up after 24 hours: its URL has missed this event',
      fields: { webhook: 'webhooks[1]', type: 'release.approved', release: 2, why: 'it answered 500' },
    })
    // The next one of that release has 24 hours of its own.
    await expect
      .poll(
        async () =>
          (await opened.sql(`select tries from outbox where state = 'waiting' and release = 2 order by id limit 1`))[0]
            ?.tries,
        { timeout: 30_000 },
      )
      .toBeGreaterThan(0)
  })

  it('end for a URL that answers 410, and go on to others', async () => {
    const opened = await openedStore()
    const [gone, good] = [await receiver(), await receiver()]
    const told = toldOf([gone, good])
    await opened.webhooks.name(told)
    const streams = await happen(opened)
    gone.answer = () => 410
    const delivery = start(opened.webhooks, told)
    await settled(opened)
    expectInOrder(good.received, streams)
    expect(gone.received.length).toBeLessThanOrEqual(4)
    expect(delivery.lines.find(({ level }) => level === 'error')?.message).toContain('410 Gone')
  })

  it('are taken over by another bot within 15 s when the one that delivers is cut off', async () => {
    const opened = await openedStore()
    const good = await receiver()
    const told = toldOf([good])
    await opened.webhooks.name(told)
    const first = await opened.again()
    start(first.webhooks, told, { clock: CLOCK })
    await makeRelease(opened)
    const approve = (attempt: number) =>
      opened.store.transaction(async (tx) => {
        tx.addEvent({ release: 1, type: 'release_approved', actor: 'bot', data: { attempt } })
      })
    await approve(1)
    await expect.poll(() => good.received.length, { timeout: 30_000 }).toBe(1)
    start(opened.webhooks, told, { clock: CLOCK })
    const from = performance.now()
    await first.close()
    await approve(2)
    await expect.poll(() => good.received.length, { timeout: 30_000, interval: 100 }).toBe(2)
    expect(performance.now() - from).toBeLessThan(15_000)
  })
})
