import { describe, expect, it } from 'vitest'
import type { RollbackCommand } from '../../src/release/rollback.ts'
import { requestRollback } from '../../src/slack/rollback.ts'
import { aRelease } from '../support/builders.ts'

/** What the service is asked for when a modal with these values is sent. */
async function sent(values: Record<string, string>): Promise<RollbackCommand> {
  const asked: RollbackCommand[] = []
  const service = {
    async requestRollback(command: RollbackCommand) {
      asked.push(command)
      return { release: aRelease() }
    },
  }
  const by = { app: 'api', environment: 'production', by: 'U01DANA', key: 'submission:V1', ends: [43] }
  await requestRollback(service, values, by)
  const [only, another] = asked
  if (only === undefined || another !== undefined) throw new Error(`asked ${asked.length} times`)
  return only
}

describe('the modal of a rollback, when it is sent', () => {
  it('asks for what was picked, and ends only what the modal said', async () => {
    expect(await sent({ to: '40', reason: 'Logins fail', lock: 'lock' })).toEqual({
      app: 'api',
      environment: 'production',
      to: 40,
      reason: 'Logins fail',
      lock: true,
      by: 'U01DANA',
      key: 'submission:V1',
      ends: [43],
    })
  })

  it('locks nothing where the box is not ticked', async () => {
    expect(await sent({ to: '40', reason: 'Logins fail' })).toMatchObject({ lock: false })
  })

  it.each(['', 'forty', '4.5', '1e999'])('never takes the default for what can’t be read: %j', async (to) => {
    expect(await sent({ to, reason: 'Logins fail' })).toMatchObject({ to: 0 })
  })
})
