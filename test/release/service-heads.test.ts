/** The head of a branch that is to be deployed automatically and has to wait: what the bot asks Slack meanwhile. */
import { afterAll, describe, expect, it } from 'vitest'
import { createHeadDeployer } from '../../src/release/deploy-heads.ts'
import type { Freeze } from '../../src/release/settings.ts'
import { stopPostgres } from '../adapters/store-opened.ts'
import { anApp, LIN, SERVICES, sha } from '../support/builders.ts'
import { aTeam, made } from './service-team.ts'

afterAll(stopPostgres)

const ALWAYS: Freeze = { name: 'year-end', from: '2020-01-01', to: '2090-01-01', timeZone: 'UTC' }

async function aDueHead(freezes: readonly Freeze[] = []) {
  const team = await aTeam()
  const environment = { ...team.integration, deploys: 'automatically' as const, freezes }
  const at = { app: environment.app, environment: environment.name, configuration: environment.digests.form2 }
  await team.store.transaction((tx) =>
    tx.putHead({ ...at, state: 'due', commit: sha('9f2c1ab'), seenAt: tx.now, watchers: ['worker'] }),
  )
  let asked = 0
  const channel = async (name: string) => {
    asked += 1
    return team.directory.channel(name)
  }
  const waits: unknown[] = []
  const log = { info: (fields: object) => void waits.push('gate' in fields && fields.gate), error: () => undefined }
  const ports = { store: team.store, directory: { channel }, services: SERVICES, log }
  const deploy = createHeadDeployer({ ...ports, apps: [anApp({ environments: [environment] })] })
  return { team, waits, asked: () => asked, round: () => deploy() }
}

/** Each news of the store is a round: while releases run, some a second. */
const ROUNDS = 40

describe('a head that has to wait', () => {
  it('for a lock costs none of Slack’s calls, which people’s requests need', async () => {
    const { team, waits, asked, round } = await aDueHead()
    const lock = {
      on: { is: 'environment' as const, app: 'api', environment: 'integration' },
      reason: 'a slow query',
      by: LIN.id,
      key: 'lock',
    }
    await team.service.locks.lock(lock)
    for (let left = ROUNDS; left > 0; left -= 1) await round()
    expect([waits, asked()]).toEqual([['environment_locked'], 0])
  })

  it('for the end of a freeze neither', async () => {
    const { waits, asked, round } = await aDueHead([ALWAYS])
    for (let left = ROUNDS; left > 0; left -= 1) await round()
    expect([waits, asked()]).toEqual([['environment_frozen'], 0])
  })

  it('for a release under way neither', async () => {
    const { team, waits, asked, round } = await aDueHead()
    made(await team.ask({ environment: 'integration' }))
    for (let left = ROUNDS; left > 0; left -= 1) await round()
    expect([waits, asked()]).toEqual([['environment_busy'], 0])
  })

  it('for nothing is released, and Slack is asked once', async () => {
    const { team, waits, asked, round } = await aDueHead()
    await round()
    await round()
    expect([waits, asked()]).toEqual([[], 1])
    expect(await team.store.releases({ limit: 2 })).toMatchObject([
      { environment: 'integration', requester: { name: 'Signoff' } },
    ])
  })
})
