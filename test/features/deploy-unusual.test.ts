/** What is not a release like every week's: each is told for what it is, and takes just the steps that it needs. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Plan } from '../../src/release/plan.ts'
import { ask } from '../support/postgres.ts'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'
import { virtualEnvironment } from '../support/watched-alembic.ts'

const git = async (...args: string[]) => (await promisify(execFile)('git', args)).stdout.trim()

describe('environments as they can be found', () => {
  let team: Team
  let plainRemote: string
  let venv: Awaited<ReturnType<typeof virtualEnvironment>>
  let oldRevision: string | undefined
  beforeAll(async () => {
    plainRemote = await mkdtemp(join(tmpdir(), 'signoff-plain-remote-'))
    await git('init', '--quiet', '--bare', plainRemote)
    venv = await virtualEnvironment({ name: 'only_in_the_venv', text: 'DIALECT = "postgresql"\n' })
    team = await startTeam({
      integration: (entry) => {
        entry.remote = { name: 'plain', url: plainRemote, branch: 'live', platform: 'git' }
        Object.assign(entry.migrations as object, { alembic: venv.path })
      },
    })
    oldRevision = await team.repository.headRevision('production')
  })
  afterAll(async () => {
    await team?.close()
    await venv?.remove()
    await rm(plainRemote, { recursive: true, force: true })
  })

  const steps = async (number: number) => (await team.stepsDone(number)).join(' ')

  it('deploys only, where people had merged by hand and Heroku lags', async () => {
    const merged = await team.repository.merge({ from: 'master', into: 'production' })
    await team.releaseProduction(1)
    expect(team.heroku.runs(PRODUCTION)).toBe(merged)
    expect(team.bitbucket.pullRequests()).toEqual([])
    expect(await steps(1)).toBe('record sync verify migrate push confirm report')
    const [comment] = team.bitbucket.commitComments(merged)
    expect(comment?.raw).toMatch(/lin[\s\S]*tom/)
  })

  it('makes a new Heroku release of what Heroku holds and does not run, after a rollback by hand', async () => {
    const held = await team.heroku.holds(PRODUCTION)
    const before = team.heroku.releases(PRODUCTION)
    team.heroku.rollback(PRODUCTION, before[1]?.version ?? 0)
    expect(team.heroku.runs(PRODUCTION)).not.toBe(held)
    await team.releaseProduction(2)
    expect(await team.heroku.holds(PRODUCTION)).toBe(held)
    expect(team.heroku.runs(PRODUCTION)).toBe(held)
    expect(team.heroku.releases(PRODUCTION).length).toBe(before.length + 2)
    expect(team.heroku.log.at(-1)).toMatchObject({ kind: 'release settled', status: 'succeeded' })
    expect(await steps(2)).toBe('record sync verify push confirm report')
    expect(team.bitbucket.pullRequests()).toEqual([])
  })

  it('migrates only, where the code is there and the database lags', async () => {
    const before = team.heroku.releases(PRODUCTION).length
    const lag = `alter table documents drop column language; update alembic_version set version_num = '${oldRevision}'`
    await ask(team.databases.production.url, lag)
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(3)
    const [migration] = await team.query<{ revision: string }>(
      "select plan->'migrations'->0->>'revision' as revision from release where number = 3",
    )
    expect(migration?.revision).toBe(await team.repository.headRevision('production'))
    await team.click(team.people.lin, 'qa')
    await team.until.signed(3, 'qa')
    expect(await team.click(team.people.tom, 'approval')).toContain('migration')
    await team.until.succeeded(3)
    expect(await team.revisions('production')).toEqual([await team.repository.headRevision('production')])
    expect(team.heroku.releases(PRODUCTION).length).toBe(before)
    expect(await steps(3)).toBe('record sync verify migrate confirm report')
  })

  it('serves a plain git remote, an app that reads its .env, and an alembic of a virtual environment', async () => {
    const settings = await git('--git-dir', team.repository.bare, 'show', 'master:api/settings.py')
    const fromFileOnly = settings.replace(
      'os.environ.get(name) or read_env_file().get(name)',
      'read_env_file().get(name)',
    )
    expect(fromFileOnly).not.toBe(settings)
    await team.repository.commit({ files: { 'api/settings.py': fromFileOnly }, message: 'Read the .env alone' })
    const migrated = await team.repository.addRevision({
      message: 'add a note',
      upgrade:
        "import only_in_the_venv\nassert only_in_the_venv.DIALECT == op.get_bind().dialect.name\nop.execute('create table note (id int)')",
    })
    await team.command(team.people.dana, '/deploy integration')
    await team.until.succeeded(4)
    expect(await git('--git-dir', plainRemote, 'rev-parse', 'live')).toBe(migrated.sha)
    expect(await team.revisions('integration')).toEqual([migrated.revision])
    expect(await steps(4)).toBe('sync verify migrate push confirm report')
    expect(await team.until.line(4, 'done:confirm')).toContain('plain')
  })
})

describe('the first release ever', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({ firstRelease: true })
  })
  afterAll(() => team?.close())

  it('is called so, with how much goes, and makes the branch at the remote and the schema in the database', async () => {
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(1)
    const [stored] = await team.query<{ plan: Plan }>('select plan from release')
    expect(stored?.plan).toMatchObject({ firstRelease: true, bound: { remote: { holds: null, runs: null } } })
    expect(stored?.plan.commitCount).toBeGreaterThanOrEqual(10)
    expect(team.words(team.card(1))).toMatch(new RegExp(`\\b${stored?.plan.commitCount}\\b`))
    await team.click(team.people.lin, 'qa')
    await team.click(team.people.tom, 'approval')
    await team.until.succeeded(1)
    const merged = await team.repository.head('production')
    expect(await team.heroku.holds(PRODUCTION)).toBe(merged)
    expect(team.heroku.runs(PRODUCTION)).toBe(merged)
    expect(await team.revisions('production')).toEqual([await team.repository.headRevision('master')])
  })
})
