/** What a card says while no living worker can take its release. */
import { describe, expect, it } from 'vitest'
import { showMissingWorkers } from '../../src/release/worker-missing.ts'
import { aTeam } from './service-team.ts'

const net = { group: 'production-net' }
const seen = { id: 'net', configurations: {}, host: 'host-1', ...net }

/** A team whose production belongs to a group with one worker. */
async function grouped() {
  const team = await aTeam(net)
  await team.store.workerSeen(seen)
  const look = () => showMissingWorkers(team)
  const isShown = async (number: number) => (await team.release(number)).workerMissingShown ?? false
  return { team, look, isShown }
}

describe('a release whose workers die', () => {
  it.each(['planning', 'approved', 'running'] as const)(
    'while %s is shown as waiting once, and again when one comes',
    async (state) => {
      const { team, look, isShown } = await grouped()
      await team.ask()
      if (state !== 'planning') await team.store.transaction((tx) => tx.changeRelease(1, { state: 'approved' }))
      if (state === 'running') await team.run(1)
      await look()
      expect([await isShown(1), await team.redrawn()]).toEqual([false, []])
      await team.sql(`update worker set at = now() - interval '21 seconds' where id = 'net'`)
      await look()
      await look()
      expect([await isShown(1), await team.redrawn()]).toEqual([true, [1]])
      await team.store.workerSeen(seen)
      await look()
      expect(await isShown(1)).toBe(false)
    },
  )

  it('is named with its group and who last could, when it is requested', async () => {
    const { team } = await grouped()
    await team.sql(`update worker set at = now() - interval '1 minute' where id = 'net'`)
    const lastSeen = expect.stringMatching(/Z$/)
    expect(await team.ask()).toMatchObject({ noWorker: { group: 'production-net', host: 'host-1', lastSeen } })
    expect(await team.ask({ environment: 'integration' })).not.toHaveProperty('noWorker')
    expect((await team.service.status()).environments.map(({ noWorker }) => noWorker?.group)).toEqual([
      undefined,
      'production-net',
    ])
  })

  it('is not touched while people decide', async () => {
    const { team, look, isShown } = await grouped()
    await team.awaiting()
    await team.sql('delete from worker')
    await look()
    expect(await isShown(1)).toBe(false)
  })
})
