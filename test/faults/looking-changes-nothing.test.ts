/**
 * Promise 9, looking changes nothing: people look in every way there is, at a release whose migration attacks whatever it is
 * given. What the outside holds is read from behind the services, each database row by row.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askForHotfix, inOrigin, startHotfixTeam } from '../support/hotfix.ts'
import { ask } from '../support/postgres.ts'
import type { Team } from '../support/team.ts'
import { expectUnchanged, worldState } from '../support/world-state.ts'

/** By the connection that it is given, by one of its own, and by another program. */
const ATTACK = `import os, subprocess
bind = op.get_bind()
for attempt in ("DELETE FROM documents", "DROP TABLE documents CASCADE"):
    try:
        bind.execute(sa.text(attempt))
        bind.connection.commit()
    except Exception:
        pass
    try:
        url = os.environ['DATABASE_URL']
        with sa.create_engine(url, isolation_level='AUTOCOMMIT').connect() as own:
            own.execute(sa.text(attempt))
        subprocess.call(['psql', url, '-c', attempt], timeout=20)
    except Exception:
        pass
op.execute('ALTER TABLE documents ADD COLUMN attacked text')`

let team: Team
beforeAll(async () => {
  // Not isolated: nothing but what the app's code is given keeps it from the databases.
  team = await startHotfixTeam({ isolation: 'off' })
  await team.repository.addRevision({ message: 'attack what it is given', upgrade: ATTACK })
})
afterAll(() => team?.close())

/** Every table with its columns and rows, and every sequence with where it stands. */
async function contents(url: string): Promise<readonly string[]> {
  const tables = await ask<{ name: string; columns: string }>(
    url,
    `select table_schema || '.' || table_name as name, string_agg(column_name || ' ' || data_type, ', ' order by column_name) as columns
     from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema') group by 1 order by 1`,
  )
  const rows = await Promise.all(
    tables.map(async ({ name, columns }) => {
      const all = await ask<{ row: string }>(url, `select t::text as row from ${name} t order by 1`)
      return `${name} (${columns}): ${all.map(({ row }) => row).join(' ')}`
    }),
  )
  const sequences = await ask<{ at: string }>(
    url,
    `select sequencename || ' ' || coalesce(last_value, 0) as at from pg_sequences order by 1`,
  )
  return [...rows, ...sequences.map(({ at }) => at)]
}

async function outside() {
  const { integration, production } = team.databases
  return {
    world: await worldState(team),
    rows: await Promise.all([integration, production].map(({ url }) => contents(url))),
  }
}

describe('Promise 9, looking changes nothing', () => {
  it('a preview of each environment, and all that can be asked besides, leaves the world row by row as it was', async () => {
    const { dana } = team.people
    const before = await outside()
    expect(before.rows.flat().join()).toContain('documents')
    for (const environment of ['integration', 'production']) {
      await team.command(dana, `/deploy preview ${environment}`)
      await team.hears(dana, `/deploy api ${environment}`)
    }
    for (const command of ['status', 'history', 'report', 'help']) {
      await team.toldNext(dana, () => team.command(dana, `/deploy ${command}`))
    }
    expect(await outside()).toEqual(before)
    expect(await team.query('select 1 from release')).toEqual([])
    expect(await team.query('select 1 from event')).toEqual([])
    expect(team.slack.messages('product')).toEqual([])
  })

  it('a plan opens its pull request, and nothing else; a cancel leaves nothing', async () => {
    const { dana } = team.people
    const before = await outside()
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(1)
    const { world, rows } = await outside()
    expect(rows).toEqual(before.rows)
    expect(world).toEqual({ ...before.world, pullRequests: [expect.stringMatching(/^#\d+ OPEN$/)] })
    await team.click(dana, 'cancel', 1)
    await team.until.state(1, 'cancelled')
    await expectUnchanged(team, before.world)
  })

  it("a hot-fix's plan leaves the world as it was: it is picked when it is released", async () => {
    const { dana } = team.people
    const before = await outside()
    const fix = await inOrigin(team, 'rev-list', '-1', '--grep=add documents language', 'master')
    await askForHotfix(team, dana, `/hotfix ${fix} production`)
    await team.until.awaitingSignOff(2)
    expect(await outside()).toEqual(before)
  })
})
