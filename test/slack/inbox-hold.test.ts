/** What a bot is handling is held from other bots, by each of its sweeps, and not for ever. */
import { expect, it } from 'vitest'
import type { Inbox } from '../../src/release/ports/deliveries.ts'
import { createIntake, type IntakePorts } from '../../src/slack/inbox.ts'
import { commandOf, OURS } from '../support/simulation/clicks.ts'

const MINUTE = 60_000
const never = () => new Promise<never>(() => undefined)

/** An intake whose handling never ends. */
function hanging() {
  const held: (readonly string[])[] = []
  const inbox: Inbox = {
    receive: async () => true,
    handled: async () => undefined,
    hold: async (ids) => void held.push(ids),
    left: async () => [],
  }
  let now = 0
  const clock = { now: () => now, sleep: async () => undefined }
  const service = new Proxy({}, { get: () => never })
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const intake = createIntake({ inbox, ours: OURS, clock, service, log, apps: [] } as unknown as IntakePorts)
  async function swept(afterMs = 0): Promise<readonly string[] | undefined> {
    now += afterMs
    await intake.sweep()
    return held.at(-1)
  }
  return { intake, swept }
}

it('holds a delivery while it is handled, and leaves it to others when that does not end', async () => {
  const { intake, swept } = hanging()
  void intake.take(commandOf('deploy', 'status', 'U1', 'one'), async () => undefined)
  await expect.poll(() => swept()).toHaveLength(1)
  expect(await swept(MINUTE / 2)).toHaveLength(1)
  expect(await swept(MINUTE)).toEqual([])
})
