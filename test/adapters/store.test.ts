import { afterAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/store/open.ts'
import { hasEnded, RELEASE_STATES } from '../../src/release/terms.ts'
import { anyEvent } from '../support/builders.ts'
import { emptyDatabase, makeRelease, openedStore, request, stopPostgres } from './store-opened.ts'

afterAll(stopPostgres)

describe('releases', () => {
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
})

describe('events', () => {
  it('can’t be changed, removed or cut, not even by SQL', async () => {
    const opened = await openedStore()
    await opened.store.transaction(async (tx) => tx.addEvent(anyEvent({ type: 'noted', actor: 'bot', data: {} })))
    for (const text of [
      `update event set actor = 'U9'`,
      'delete from event',
      'truncate event',
      'truncate event cascade',
    ]) {
      await expect(opened.sql(text)).rejects.toThrow('events are only added')
    }
    expect(await opened.sql('select actor from event')).toEqual([{ actor: 'bot' }])
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
      'Start the service first',
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

  it('refuses a store with as many migrations, of which one is of another program', async () => {
    const opened = await openedStore()
    await opened.sql(`update kysely_migration set name = '999 later' where name like '001 %'`)
    await expect(opened.again()).rejects.toThrow('could not be brought')
  })
})
