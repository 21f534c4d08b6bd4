/** O14: more deliveries at once than can be handled: each is acknowledged first, few are handled, and nothing of them stays. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { Inbox } from '../../src/release/ports/deliveries.ts'
import { createIntake, type IntakePorts } from '../../src/slack/inbox.ts'
import { OURS } from '../support/simulation/clicks.ts'

/** 300 a second for ten seconds. */
const BURST = 3_000

const opened = (id: number) => ({
  type: 'event_callback',
  event_id: `Ev${id}`,
  team_id: OURS.team,
  api_app_id: OURS.app,
  event: { type: 'app_home_opened', tab: 'home', user: `U${id}`, channel: 'D1', view: { hash: large(id) } },
})

/** 10 kB, of which nothing is shared: a burst of them is 30 MB, so that what stays of it is seen. */
const large = (id: number) => Buffer.alloc(10_000, `${id} `).toString('latin1')

/** An intake whose handling ends when it is let. */
function setUp() {
  const gate = Promise.withResolvers<void>()
  const handled: string[] = []
  const warned: string[] = []
  let held: readonly string[] = []
  let [running, atMost] = [0, 0]
  const inbox: Inbox = {
    receive: async () => true,
    handled: async (id) => void handled.push(id),
    hold: async (ids) => {
      held = ids
    },
    left: async () => [],
  }
  const home = {
    async opened() {
      running += 1
      atMost = Math.max(atMost, running)
      await gate.promise
      running -= 1
    },
  }
  const clock = { now: () => 0, sleep: () => new Promise<void>(() => undefined) }
  const log = { info: () => undefined, warn: (_: object, text: string) => warned.push(text), error: () => undefined }
  const intake = createIntake({ inbox, ours: OURS, clock, home, log, apps: [] } as unknown as IntakePorts)
  return {
    intake,
    handled,
    warned,
    open: gate.resolve,
    atMost: () => atMost,
    async held() {
      await intake.sweep()
      return held
    },
  }
}

/** Resolves once the whole burst is acknowledged; `ended`: once it is handled, or left. */
async function takeBurst({ intake }: ReturnType<typeof setUp>) {
  let acknowledged = 0
  const taken = Array.from({ length: BURST }, (_, id) =>
    intake.take(opened(id), async () => {
      acknowledged += 1
    }),
  )
  const ended = Promise.all(taken).then(() => undefined)
  await expect.poll(() => acknowledged).toBe(BURST)
  return { ended }
}

describe('O14: a burst', () => {
  it('is acknowledged whole before any of it is handled, and a few are handled at a time', async () => {
    const world = setUp()
    const { ended } = await takeBurst(world)
    expect(world.handled).toEqual([])
    world.open()
    await ended
    expect(world.atMost()).toBeLessThanOrEqual(8)
    expect(world.atMost()).toBeGreaterThan(1)
  })

  it('is kept here up to a bound, and the rest is left in the store, which is said once', async () => {
    const world = setUp()
    const { ended } = await takeBurst(world)
    expect((await world.held()).length).toBeLessThanOrEqual(2_008)
    expect(world.warned).toEqual([expect.stringContaining('the sweep handles the rest')])
    world.open()
    await ended
    expect(world.handled).toHaveLength(2_008)
  })

  it('leaves nothing in memory once it is over', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    function usedMb(): number {
      collect()
      return process.memoryUsage().heapUsed / 1_000_000
    }
    const world = setUp()
    const before = usedMb()
    const { ended } = await takeBurst(world)
    expect(usedMb() - before).toBeGreaterThan(15)
    world.open()
    await ended
    expect(await world.held()).toEqual([])
    await expect.poll(() => usedMb() - before).toBeLessThan(5)
  })
})
