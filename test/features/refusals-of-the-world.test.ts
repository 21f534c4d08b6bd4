import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type GateCode, INTEGRATION, PRODUCTION, startTeam, type Team } from '../support/team.ts'
import { askAndBeRefused, byHand, leavesNothing } from '../support/world-state.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam()
})
afterAll(() => team?.close())

/** Dana asks, is refused privately, reads these facts, and nothing has changed anywhere. */
async function refuses(gate: GateCode, facts: readonly string[], command = '/deploy production') {
  const told = await leavesNothing(team, () => askAndBeRefused(team, team.people.dana, command, gate))
  for (const each of facts) expect(told).toContain(each)
  expect(team.card()).toBeUndefined()
}

async function setDatabase(environment: 'integration' | 'production', url: string) {
  await writeFile(join(team.directory, `.env_${environment}`), `DATABASE_URL="${url}"\n`, { mode: 0o600 })
}

describe('a service does not answer, or says no', () => {
  afterEach(async () => {
    team.bitbucket.clearFaults()
    team.heroku.clearFaults()
    await Promise.all([team.bitbucket.up(), team.heroku.up()])
    await setDatabase('production', team.databases.production.url)
  })

  it('names the repository that does not answer', async () => {
    await team.bitbucket.down()
    await refuses('repository_unreachable', [team.bitbucket.gitUrl])
  })

  it('names the remote that does not answer', async () => {
    await team.heroku.down()
    await refuses('remote_unreachable', ['heroku-production', 'git ls-remote heroku-production'])
  })

  it('names Bitbucket when its API does not answer', async () => {
    team.bitbucket.fault({ route: 'any', kind: 'http_500_before', times: 20 })
    await refuses('bitbucket_unreachable', ['Bitbucket'])
  })

  it('takes its pull request back when its answer was lost and Bitbucket stays away', async () => {
    team.bitbucket.fault({ route: 'create', kind: 'reset_after' })
    const away = team.bitbucket.arrived('create').then(() => {
      team.bitbucket.fault({ route: 'pull_requests', kind: 'http_500_before', times: 50 })
    })
    const opened = team.bitbucket.pullRequests().length
    await leavesNothing(team, async () => {
      await askAndBeRefused(team, team.people.dana, '/deploy production', 'bitbucket_unreachable')
      await away
      team.bitbucket.clearFaults()
    })
    expect(team.bitbucket.pullRequests().slice(opened)).toMatchObject([{ state: 'DECLINED' }])
  })

  it("names Heroku's API when only that does not answer", async () => {
    team.heroku.fault({ route: 'any', kind: 'http_500_before', times: 20 })
    await refuses('platform_unreachable', [PRODUCTION, 'Heroku'])
  })

  it('names the database that does not answer, and that its password may have been rotated', async () => {
    await setDatabase('production', 'postgresql://app:secret-word@127.0.0.1:1/gone')
    await refuses('database_unreachable', ['127.0.0.1:1/gone', 'env_file'])
    expect(team.transcript() + team.slack.transcript()).not.toContain('secret-word')
  })

  it('names the env file when the database refuses the password', async () => {
    const wrong = new URL(team.databases.production.url)
    wrong.password = 'rotated-word'
    await setDatabase('production', wrong.href)
    await refuses('credentials_refused', ['env_file', 'signoff doctor'])
    expect(team.slack.transcript()).not.toContain('rotated-word')
  })

  it('names the settings when Bitbucket’s API refuses the token', async () => {
    team.bitbucket.fault({ route: 'any', kind: 'unauthorized', times: 5 })
    await refuses('credentials_refused', ['Bitbucket', 'BITBUCKET_TOKEN'])
  })

  it('names the settings when Heroku refuses the key', async () => {
    team.heroku.fault({ route: 'any', kind: 'unauthorized', times: 5 })
    await refuses('credentials_refused', ['Heroku', 'HEROKU_API_KEY'])
  })

  it('refuses a database that is another environment’s, and goes on once the wrong env file is corrected', async () => {
    await setDatabase('integration', team.databases.production.url)
    await refuses('same_database', ['api integration', 'api production', 'env_file'], '/deploy integration')
    await refuses('same_database', ['api production', 'api integration', 'env_file'])
    await setDatabase('integration', team.databases.integration.url)
    await team.command(team.people.dana, '/deploy preview production')
    await team.hears(team.people.dana, 'Say how to run it')
  })
})

describe('the repository, the branch rules and the builds', () => {
  afterEach(async () => {
    await team.repository.branch('master', master)
    await team.repository.branch('production', production)
  })
  let master: string
  let production: string
  beforeAll(async () => {
    master = await team.repository.head('master')
    production = await team.repository.head('production')
  })

  it('names the files that do not merge', async () => {
    await team.repository.commit({ branch: 'production', files: { 'README.md': 'Ours\n' }, message: 'Say it here' })
    await refuses('merge_conflict', ['master', 'production', 'README.md'])
  })

  it('says which branch is missing', async () => {
    await team.repository.delete('production')
    await refuses('branch_missing', ['production'])
  })

  it('names the rule that forbids the merge', async () => {
    const rule = await team.bitbucket.forbidMerge({ pattern: 'production' })
    await refuses('merge_not_allowed', ['production', 'restrict_merges'])
    await team.bitbucket.allowMerge(rule)
  })

  it('says that there are several heads, with their files', async () => {
    const { revision: first, path } = await team.repository.addRevision({ message: 'add flags', sql: 'select 1' })
    const downRevision = (await team.repository.headRevision('production')) ?? ''
    const second = 'b0b0b0b0b0b0'
    await team.repository.addRevision({ message: 'add tags', sql: 'select 1', downRevision, revision: second })
    await refuses('migration_heads', [first, path, second, 'alembic merge heads'])
  })

  it('shows the last error line when alembic cannot read the migrations', async () => {
    const files = { 'migrations/env.py': 'import a_module_that_nobody_has\n' }
    await team.repository.commit({ files, message: 'Use a module' })
    await refuses('migrations_unreadable', ['a_module_that_nobody_has', 'migrations.alembic'])
  })

  it('says that the database is at a revision that the commit lacks', async () => {
    const { url } = team.databases.production
    await byHand(url, `update alembic_version set version_num = 'feedfeedfeed'`)
    await refuses('unknown_revision', ['feedfeed'])
    const back = await team.repository.headRevision('production')
    await byHand(url, `update alembic_version set version_num = '${back}'`)
  })

  it('names who pushed what to the remote by hand', async () => {
    const sha = await team.repository.commit({ branch: 'aside', files: { 'x.py': '1\n' }, message: 'Quick repair' })
    const held = (await team.heroku.holds(PRODUCTION)) ?? ''
    await team.heroku.pushBehind(PRODUCTION, sha, team.repository.bare)
    await refuses('remote_diverged', ['heroku-production', 'Quick repair', 'Ada Nowak'])
    await team.heroku.pushBehind(PRODUCTION, held)
    await team.repository.delete('aside')
  })

  it('says that there is nothing to release, and what runs', async () => {
    const merged = (await team.heroku.holds(INTEGRATION)) ?? ''
    await team.repository.branch('master', merged)
    await refuses('nothing_to_release', [merged.slice(0, 7), 'api integration', 'Heroku'], '/deploy integration')
    await refuses('nothing_to_release', [production.slice(0, 7), 'api production'])
  })
})
