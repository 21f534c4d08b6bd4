/** Several migrations of one environment: planned, shown, discussed and run together, in their order. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nextNumber, reaches } from '../support/seen-release.ts'
import { startTeam, type Team } from '../support/team.ts'

/** A second configuration below a folder, in the same database, with a version table of its own. */
const ENV_PY = `from alembic import context
from sqlalchemy import create_engine, pool
import os

with create_engine(os.environ['DATABASE_URL'], poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection, version_table='search_version')
    with context.begin_transaction():
        context.run_migrations()
`

const revision = (id: string, after: string | null, sql: string) => `"""search ${id}"""
from alembic import op

revision = '${id}'
down_revision = ${after === null ? 'None' : `'${after}'`}


def upgrade():
    op.execute(${JSON.stringify(sql)})
`

const file = (id: string) => `search/versions/${id}.py`

let team: Team
beforeAll(async () => {
  const several = (entry: Record<string, unknown>, more: object) => {
    const only = entry.migrations as Record<string, unknown>
    const users = { ...only, name: 'users' }
    const search = { ...only, name: 'search', directory: 'search', config: 'alembic.ini', ...more }
    entry.migrations = [users, search]
  }
  team = await startTeam({
    integration: (entry) => several(entry, {}),
    production: (entry) => several(entry, { approvers: ['@search'], talk_it_over: ['adds'] }),
  })
  team.slack.addGroup({ handle: 'search', users: [team.people.lin] })
  await team.repository.commit({
    message: 'Keep the search schema with alembic',
    files: {
      'search/alembic.ini': '[alembic]\nscript_location = .\nversion_locations = versions\n',
      'search/env.py': ENV_PY,
      [file('5ea1')]: revision('5ea1', null, 'CREATE TABLE words (word text)'),
    },
  })
})
afterAll(() => team?.close())

async function query<T extends object>(of: 'integration' | 'production', sql: string): Promise<readonly T[]> {
  const client = new pg.Client({ connectionString: team.databases[of].url })
  await client.connect()
  try {
    return (await client.query<T>(sql)).rows
  } finally {
    await client.end()
  }
}

const searchAt = async (of: 'integration' | 'production') =>
  (await query<{ version_num: string }>(of, 'select version_num from search_version')).map((row) => row.version_num)

describe('W16, W12: a list of migrations', () => {
  it('is planned and bound together, needs Talked over for each set of approvers, and runs in its order', async () => {
    const { dana, lin, tom } = team.people
    const head = await team.repository.headRevision('master')
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(1)
    const [bound] = await team.query<{ database: { name: string; pending: string[] }[] }>(
      `select plan->'bound'->'database' as database from release where number = 1`,
    )
    expect(bound?.database).toMatchObject([
      { name: 'users', pending: [head] },
      { name: 'search', pending: ['5ea1'] },
    ])
    const card = team.words(team.card(1))
    expect(card).toContain('2 migrations')
    expect(card).toMatch(/Needs \*?Talked over\*? for search from @search/)
    await team.click(lin, 'talked over', 1)
    await team.submit(lin, { note: 'Agreed with everybody who searches.' })
    await team.until.signed(1, 'talked over', lin)
    await team.click(lin, 'qa', 1)
    await team.until.signed(1, 'qa', lin)
    await team.click(tom, 'approval', 1)
    await team.until.succeeded(1)
    expect(await team.revisions('production')).toEqual([head])
    expect(await searchAt('production')).toEqual(['5ea1'])
    expect(await team.until.line(1, 'done:migrate')).toMatch(/users to \w+: 1.migration applied; search to 5ea1/)
  })

  it('says where each database is when the second fails, and Retry runs only what is left', async () => {
    const { dana } = team.people
    await query('integration', 'CREATE TABLE words (other int)')
    const number = await nextNumber(team)
    await team.command(dana, '/deploy integration')
    const stopped = await reaches(team, number, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'migration_failed', steps: { migrate: 'failed some' } })
    const line = await team.until.line(number, 'failed:migrate')
    expect(line).toContain('revision 5ea1 of the search database failed')
    const head = await team.repository.headRevision('master')
    expect(line).toContain(`The users database is at ${head?.slice(0, 8)}`)
    await team.until.state(number, 'needs attention')
    expect(team.words(team.card(number))).toMatch(
      /the search database is at no revision yet, 0 of 1.migration applied/i,
    )
    await query('integration', 'DROP TABLE words')
    await team.click(dana, 'retry', number)
    await team.until.succeeded(number)
    expect(await searchAt('integration')).toEqual(['5ea1'])
    expect(await team.revisions('integration')).toEqual([head])
  })

  it('with nothing pending in any of them needs nobody to talk', async () => {
    const { dana } = team.people
    await team.repository.commit({ files: { 'NOTES.md': 'one\n' }, message: 'Note one thing' })
    const number = await nextNumber(team)
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(number)
    expect(team.words(team.card(number))).not.toContain('Talked over')
    expect(team.words(team.card(number))).toContain('No migrations')
    await team.click(dana, 'cancel', number)
    await team.until.state(number, 'cancelled')
  })

  it('is refused where two entries would write their revisions into one table', async () => {
    const { dana } = team.people
    await team.repository.commit({
      message: 'Search has no table of its own any more',
      files: { 'search/env.py': ENV_PY.replace(", version_table='search_version'", '') },
    })
    const number = await nextNumber(team)
    await team.command(dana, '/deploy integration')
    expect(await reaches(team, number, 'refused')).toMatchObject({ gate: 'same_database' })
  })
})
