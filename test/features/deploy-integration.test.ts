import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionsOf, announcements } from '../support/channel.ts'
import { INTEGRATION, startTeam, type Team } from '../support/team.ts'
import { type WatchedAlembic, watchedAlembic } from '../support/watched-alembic.ts'

describe('/deploy integration', () => {
  let team: Team
  let alembic: WatchedAlembic
  beforeAll(async () => {
    alembic = await watchedAlembic()
    team = await startTeam({
      integration: (entry) => {
        // Its Python notes each start in a file outside the checkout, which isolated code can't write.
        Object.assign(entry.migrations as object, { alembic: alembic.path, isolation: 'off' })
      },
    })
  })
  afterAll(async () => {
    await team?.close()
    await alembic?.remove()
  })

  it('brings master to the remote, migrates first, asks nobody and opens no pull request', async () => {
    const master = await team.repository.head('master')
    await team.command(team.people.dana, '/deploy integration')
    await team.hears(team.people.dana, '#1', 'api', 'integration')
    await team.until.succeeded(1)

    expect(await team.heroku.holds(INTEGRATION)).toBe(master)
    expect(team.heroku.runs(INTEGRATION)).toBe(master)
    expect(await team.revisions('integration')).toEqual([await team.repository.headRevision('master')])
    expect(await team.stepsDone(1)).toEqual(['sync', 'verify', 'migrate', 'push', 'confirm', 'report'])
    expect(await team.query('select 1 from sign_off')).toEqual([])
    expect(team.bitbucket.pullRequests()).toEqual([])
    expect(actionsOf(team.card(1) ?? { blocks: [] })).not.toEqual(expect.arrayContaining(['qa_passed', 'approve']))
    expect(announcements(team.slack)).toEqual([])
    expect(await team.repository.head('master')).toBe(master)
  })

  it('refuses when everything is there already, and starts no Python to find that out', async () => {
    const [before, releases] = [await alembic.starts(), team.heroku.releases(INTEGRATION).length]
    expect(before).toBeGreaterThan(0)
    await team.command(team.people.dana, '/deploy integration')
    await team.told(team.people.dana, 'nothing_to_release', '#2', 'Heroku')
    expect(await alembic.starts()).toBe(before)
    expect(team.heroku.releases(INTEGRATION).length).toBe(releases)
    expect(team.card(2)).toBeUndefined()
  })

  it('brings code without a migration, and starts no Python for it', async () => {
    const before = await alembic.starts()
    const sha = await team.repository.commit({ files: { 'NOTES.md': 'one more\n' }, message: 'Note one more thing' })
    await team.command(team.people.lin, '/deploy api to integration')
    await team.until.succeeded(3)
    expect(team.heroku.runs(INTEGRATION)).toBe(sha)
    expect(await team.stepsDone(3)).toEqual(['sync', 'verify', 'push', 'confirm', 'report'])
    expect(await alembic.starts()).toBe(before)
  })

  it('looks at the database directly, so a database that lags is seen', async () => {
    const migrated = await team.repository.addRevision({
      message: 'add notes',
      sql: 'create table notes (id int)',
    })
    await team.command(team.people.dana, '/deploy integration')
    await team.until.succeeded(4)
    expect(await team.revisions('integration')).toEqual([migrated.revision])
    expect(await team.stepsDone(4)).toContain('migrate')
  })
})
