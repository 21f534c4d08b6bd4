/** A migration that fails: what is told, where it leaves things, and how it goes on once the cause is fixed. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { offers } from '../support/channel.ts'
import {
  bitbucketEffects,
  herokuEffects,
  NOTHING_TO_TALK_OVER,
  reaches,
  startProduction,
} from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'
import { byHand } from '../support/world-state.ts'

const BAD_ROW = "insert into users (id, email) values (7, 'nobody')"
const FIXED = "update users set email = 'somebody@example.test' where id = 7"

describe('a migration that the data do not allow', () => {
  let team: Team
  let constraint: { revision: string }
  beforeAll(async () => {
    team = await startTeam({ ...NOTHING_TO_TALK_OVER, isolation: 'auto' })
    constraint = await team.repository.addRevision({
      revision: 'dead0000dead',
      message: 'emails have an at sign',
      sql: "ALTER TABLE users ADD CONSTRAINT users_email_at CHECK (email LIKE '%@%')",
    })
    for (const { url } of [team.databases.integration, team.databases.production]) await byHand(url, BAD_ROW)
  })
  afterAll(() => team?.close())

  it('ends the release as failed where nothing irreversible had begun, and says which revision and where the database stands', async () => {
    const before = await team.revisions('integration')
    await team.command(team.people.dana, '/deploy integration')
    const failed = await reaches(team, 1, 'failed')
    expect(failed.gate).toBe('migration_failed')
    expect(failed.steps.migrate).toBe('failed none')
    expect(failed.steps.push).toBeUndefined()

    await team.until.state(1, 'failed')
    const card = team.words(team.card(1))
    expect(card).toContain(constraint.revision.slice(0, 8))
    expect(card).toContain(before[0]?.slice(0, 8))
    expect(failed.because).toMatchObject({ revision: constraint.revision, applied: [] })
    expect(failed.because?.pending).toHaveLength(2)
    expect(await team.until.line(1, 'failed:migrate')).toMatch(/users_email_at[\s\S]*violated by some row/)
    expect(await team.revisions('integration')).toEqual(before)
    expect(herokuEffects(team.heroku, INTEGRATION)).toEqual({ pushes: [], releases: [] })
  })

  it('goes on by Plan again, as a release of its own, once the data are fixed', async () => {
    await byHand(team.databases.integration.url, FIXED)
    await team.click(team.people.lin, 'plan again')
    await team.until.succeeded(2)
    expect(await team.revisions('integration')).toEqual([constraint.revision])
    expect(herokuEffects(team.heroku, INTEGRATION).pushes).toEqual([await team.repository.head('master')])
    await team.until.replaced(1, 2)
    expect(team.words(team.card(1))).toContain('#2')
  })

  it('needs attention where the merge was done before it, and says that the database was not touched', async () => {
    const before = await team.revisions('production')
    await startProduction(team, 3)
    const stopped = await reaches(team, 3, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'migration_failed', steps: { merge: 'done some', migrate: 'failed none' } })
    await team.until.needsAttention(3)
    const card = team.words(team.card(3))
    expect(card).toContain(`PR #${team.bitbucket.pullRequests().at(-1)?.id}`)
    expect(stopped.because).toMatchObject({ applied: [] })
    expect(['retry', 'close'].every((pressed) => offers(team.card(3), pressed as 'retry' | 'close'))).toBe(true)
    expect(await team.revisions('production')).toEqual(before)
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).toEqual([])
  })

  it('goes on by Retry, from the migration on, and neither merges nor records again', async () => {
    await byHand(team.databases.production.url, FIXED)
    await team.click(team.people.dana, 'retry')
    await team.until.succeeded(3)
    expect(await bitbucketEffects(team)).toEqual({ merges: 1, comments: 1 })
    expect(await team.revisions('production')).toEqual([constraint.revision])
    const merged = await team.repository.head('production')
    expect(herokuEffects(team.heroku, PRODUCTION)).toEqual({ pushes: [merged], releases: [`${merged} by push`] })
    expect(team.heroku.runs(PRODUCTION)).toBe(merged)
  })

  it('that commits one by one stops half way: it is told which are in, and the environment stays busy', async () => {
    const env = await promisify(execFile)('git', [
      ...['--git-dir', team.repository.bare, 'show', 'master:migrations/env.py'],
    ])
    await team.repository.commit({
      files: {
        'migrations/env.py': env.stdout.replace(
          'configure(connection=connection)',
          'configure(connection=connection, transaction_per_migration=True)',
        ),
      },
      message: 'Commit each migration by itself',
    })
    const first = await team.repository.addRevision({
      revision: 'beef0001beef',
      message: 'add users nick',
      sql: 'ALTER TABLE users ADD nick text',
    })
    const second = await team.repository.addRevision({
      revision: 'cafe0002cafe',
      message: 'nicks are short',
      sql: 'ALTER TABLE users ADD CONSTRAINT users_id_small CHECK (id < 5)',
    })
    await team.command(team.people.dana, '/deploy integration')
    const stopped = await reaches(team, 4, 'needs attention')
    expect(stopped).toMatchObject({ gate: 'migration_failed', steps: { migrate: 'failed some' } })
    await team.until.needsAttention(4)
    expect(stopped.because).toMatchObject({ applied: [first.revision], pending: [second.revision] })
    expect(team.words(team.card(4))).toContain(first.revision.slice(0, 8))
    expect(await team.revisions('integration')).toEqual([first.revision])
    expect(await team.until.line(4, 'failed:migrate')).toContain(second.revision.slice(0, 8))

    // A Retry that fails as before is no less half way.
    await team.click(team.people.dana, 'retry')
    await team.until.line(4, 'failed:migrate', 2)
    expect(await team.until.needsAttention(4, 2)).toMatchObject({ steps: { migrate: 'failed some' } })

    await byHand(team.databases.integration.url, 'delete from users')
    await team.click(team.people.dana, 'retry')
    await team.until.succeeded(4)
    expect(await team.revisions('integration')).toEqual([second.revision])
  })
})
