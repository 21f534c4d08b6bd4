/**
 * Promise 1, at most one effect, when a host dies: a migration that commits in its middle is not run again by itself, and
 * what planning had opened without storing it does not stay.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../support/postgres.ts'
import { type SignoffProcess, startProcess } from '../support/processes.ts'
import { herokuEffects, NOTHING_TO_TALK_OVER, nextTakesUp, reaches } from '../support/seen-release.ts'
import { INTEGRATION, QUICK, startTeam, type Team } from '../support/team.ts'
import { byHand, expectUnchanged, worldState } from '../support/world-state.ts'

describe('Promise 1, at most one effect: a worker that dies', () => {
  let team: Team
  let worker: SignoffProcess
  let revision: string
  beforeAll(async () => {
    team = await startTeam({
      unstarted: true,
      isolation: 'auto',
      production: (entry) => {
        NOTHING_TO_TALK_OVER.production(entry)
        entry.pull_request = 'pinned'
      },
    })
    const added = await team.repository.addRevision({
      message: 'title in two halves',
      upgrade: [
        'with op.get_context().autocommit_block():',
        `    op.execute("INSERT INTO documents (id, title) SELECT count(*) + 1, 'first half' FROM documents")`,
        '    op.execute("SELECT pg_sleep(300)")',
        `op.execute("INSERT INTO documents (id, title) SELECT count(*) + 1, 'second half' FROM documents")`,
      ].join('\n'),
    })
    revision = added.revision
    worker = await startProcess(team, 'worker', { pace: QUICK })
    await team.start('bot')
  })
  afterAll(async () => {
    await worker?.kill()
    await team?.close()
  })

  const url = () => team.databases.integration.url
  const halves = async () => {
    const rows = await ask<{ title: string }>(
      url(),
      "select title from documents where title like '% half' order by id",
    )
    return rows.map(({ title }) => title)
  }
  const asleep = "query like '%pg_sleep(300)%' and state = 'active' and application_name = 'signoff'"

  it('between its pull request and its plan leaves neither open, nor its branch, once the release has ended', async () => {
    const { dana } = team.people
    const before = await worldState(team)
    team.bitbucket.fault({ route: 'create', kind: 'hang_after' })
    await team.command(dana, '/deploy production')
    await team.waitFor('its pull request', () => team.bitbucket.pullRequests()[0]?.state === 'OPEN')
    expect((await worldState(team)).branches.filter((each) => each.startsWith('signoff/'))).toHaveLength(1)
    await worker.kill()
    await team.command(dana, '/deploy cancel 1')
    await reaches(team, 1, 'cancelled')
    worker = await startProcess(team, 'worker', { pace: QUICK })
    await expectUnchanged(team, before)
    expect(team.bitbucket.pullRequests()).toMatchObject([{ state: 'DECLINED' }])
  })

  it('in a migration that commits in its middle: it is called unknown, and is neither run again nor followed by a push', async () => {
    await team.command(team.people.dana, '/deploy integration')
    const isAsleep = `select 1 from pg_stat_activity where ${asleep}`
    await team.waitFor('the migration to be in its middle', async () => (await ask(url(), isAsleep)).length === 1)
    await worker.kill()
    // The host's power is gone: its alembic with it, and the database ends what has lost its client.
    await ask(url(), `select pg_terminate_backend(pid) from pg_stat_activity where ${asleep}`)
    await nextTakesUp(team, async () => {
      worker = await startProcess(team, 'worker', { pace: QUICK })
    })
    const stopped = await team.until.needsAttention(2)
    expect(stopped).toMatchObject({ gate: 'migration_unknown', steps: { migrate: 'unknown unknown' } })
    expect(team.words(team.card(2))).toContain(revision)
    expect(await halves()).toEqual(['first half'])
    expect(herokuEffects(team.heroku, INTEGRATION).pushes).toEqual([])
  })

  it('has that go on by Retry from where a person has left the database, without running it', async () => {
    await byHand(url(), "insert into documents (id, title) select count(*) + 1, 'second half' from documents")
    await byHand(url(), `update alembic_version set version_num = '${revision}'`)
    await team.click(team.people.dana, 'retry')
    await reaches(team, 2, 'succeeded')
    expect(await halves()).toEqual(['first half', 'second half'])
    expect(herokuEffects(team.heroku, INTEGRATION).pushes).toEqual([await team.repository.head('master')])
    const pushes = herokuEffects(team.heroku, INTEGRATION).pushes.length
    console.log(`cut off in a migration: halves run ${(await halves()).length - 1}, pushes ${pushes}`)
  })
})
