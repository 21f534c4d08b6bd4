/** Rollbacks as the outside sees them: what runs afterwards, and that no branch and no database has changed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Plan } from '../../src/release/plan.ts'
import { branchHead, git } from '../../src/sandbox/bare-git.ts'
import { openRollbackDesk, type RollbackDesk } from '../support/rollback.ts'
import { herokuEffects, nextNumber, sign, somethingNew } from '../support/seen-release.ts'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'

async function planOf(team: Team, number: number): Promise<Plan> {
  const [row] = await team.query<{ plan: Plan }>(`select plan from release where number = ${number}`)
  if (row === undefined) throw new Error(`#${number} has no plan`)
  return row.plan
}

async function branches(team: Team): Promise<string> {
  const listed = await git(team.bitbucket.bare, ['for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads'])
  return String(listed.stdout)
}

/** Dana presses Go once she can read the plan. */
async function pressesGo(team: Team, number: number): Promise<void> {
  await team.hears(team.people.dana, `#${number}`, 'Go')
  await team.clickPrivately(team.people.dana, 'go')
}

/** Deploys integration with something new; gives the release's number and commit. */
async function deploysIntegration(team: Team, name: string): Promise<{ number: number; commit: string }> {
  const commit = await somethingNew(team, name)
  const number = await nextNumber(team)
  await team.command(team.people.dana, '/deploy integration')
  await team.until.succeeded(number)
  return { number, commit }
}

describe('a rollback on Heroku', () => {
  let team: Team
  let desk: RollbackDesk
  const runs: string[] = []
  beforeAll(async () => {
    team = await startTeam()
    desk = await openRollbackDesk(team)
    for (const number of [1, 2, 3]) {
      if (number === 3) {
        await team.repository.addRevision({ message: 'drop sessions', sql: 'ALTER TABLE users DROP COLUMN email' })
      } else await somethingNew(team, `note ${number}`)
      await team.command(team.people.dana, '/deploy production')
      await team.until.awaitingSignOff(number)
      if (number === 3) {
        await team.click(team.people.tom, 'talked over', number)
        await team.submit(team.people.tom, { note: 'With the API team' })
      }
      await sign(team, number)
      await team.until.succeeded(number)
      runs.push(team.heroku.runs(PRODUCTION) ?? '')
    }
  })
  afterAll(async () => {
    await desk?.close()
    await team?.close()
  })

  it('runs the slug of the release before again, also over pages of config releases; nothing else has changed', async () => {
    for (let count = 0; count < 12; count += 1) team.heroku.setConfigVar(PRODUCTION, `SETTING_${count}`)
    const before = [await branches(team), await team.revisions('production'), await team.heroku.holds(PRODUCTION)]
    const { pushes } = herokuEffects(team.heroku, PRODUCTION)
    const number = await desk.asks({ environment: 'production', lock: true })
    await team.until.awaitingSignOff(number)
    const { bound, rollback, commits, steps } = await planOf(team, number)
    expect(steps).toEqual(['announce', 'push', 'confirm', 'record', 'report'])
    expect(bound).toMatchObject({ kind: 'rollback', result: { how: 'commit', commit: runs[1] }, database: null })
    expect(bound.target.commit).toBeNull()
    expect(bound.rollback).toMatchObject({
      provedBy: 2,
      databases: [{ revisions: await team.revisions('production') }],
    })
    expect(rollback).toMatchObject({ from: { number: 3 }, to: { number: 2 }, unknowns: [] })
    expect(rollback?.migrations).toMatchObject([{ release: 3, message: 'drop sessions', risk: 'destroys' }])
    expect(commits.map(({ title }) => title)).toContain('Migration: drop sessions')
    await team.click(team.people.tom, 'talked over', number)
    await team.submit(team.people.tom, { note: 'The old code reads users.email: agreed' })
    await team.click(team.people.tom, 'approval', number)
    await team.until.succeeded(number)
    expect(team.heroku.runs(PRODUCTION)).toBe(runs[1])
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).toEqual(pushes)
    expect([await branches(team), await team.revisions('production'), await team.heroku.holds(PRODUCTION)]).toEqual(
      before,
    )
    const [comment] = team.bitbucket.commitComments(runs[2] ?? '')
    expect(comment?.raw).toContain('Logins fail')
  })

  it('leaves the environment locked by who asked for it, with the reason', async () => {
    const locks = await team.query('select holder_id, reason from environment_lock')
    expect(locks).toEqual([{ holder_id: team.people.dana, reason: '#3 was rolled back by #4: Logins fail' }])
  })

  it('marks what it took away as bad, and the next deploy says that it brings it back', async () => {
    const marks = await team.query('select release, mark, reason, rollback from release_mark')
    expect(marks).toEqual([{ release: 3, mark: 'bad', reason: 'Logins fail', rollback: 4 }])
    await somethingNew(team, 'after')
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(5)
    expect((await planOf(team, 5)).warnings).toContain('Contains what was rolled back from #3 because “Logins fail”')
    await team.command(team.people.dana, '/deploy cancel 5')
    await team.until.state(5, 'cancelled')
  })

  it('goes back one further the second time, and then has nothing to go back to', async () => {
    const number = await desk.asks({ environment: 'production', reason: 'Still broken' })
    await team.until.awaitingSignOff(number)
    const { rollback } = await planOf(team, number)
    expect(rollback).toMatchObject({ from: { number: 2 }, to: { number: 1 }, migrations: [{ release: 3 }] })
    await team.click(team.people.tom, 'talked over', number)
    await team.submit(team.people.tom, { note: 'Agreed' })
    await team.click(team.people.tom, 'approval', number)
    await team.until.succeeded(number)
    expect(team.heroku.runs(PRODUCTION)).toBe(runs[0])
    const none = await desk.asks({ environment: 'production' })
    await team.told(team.people.dana, 'nothing_to_roll_back', `#${none}`)
  })

  it('works while Bitbucket and the database are away, and says what it does not know', async () => {
    await team.bitbucket.down()
    const env = join(team.directory, '.env_production')
    await writeFile(env, 'DATABASE_URL="postgresql://signoff@127.0.0.1:1/api"\nPGSSLMODE=disable\n', { mode: 0o600 })
    await desk.service.act('mark good', { release: 2, by: team.people.tom, key: 'good 2' })
    const number = await desk.asks({ environment: 'production', to: 2 })
    await team.until.awaitingSignOff(number)
    expect((await planOf(team, number)).rollback?.unknowns).toMatchObject([{ what: 'database' }])
    await team.click(team.people.tom, 'talked over', number)
    await team.submit(team.people.tom, { note: 'Agreed' })
    await team.click(team.people.tom, 'approval', number)
    await team.until.succeeded(number)
    expect(team.heroku.runs(PRODUCTION)).toBe(runs[1])
    expect(team.thread(number).join('\n')).toContain('Not recorded at Bitbucket yet')
    await team.bitbucket.up()
    await team.query(`update pgboss.job set start_after = now() where data->>'kind' = 'record' and state = 'created'`)
    await team.waitFor('the record', async () => team.thread(number).some((line) => line.includes('is written now')))
  })

  it('is refused where the slug is gone, and on a stack that keeps none, each with what can be done', async () => {
    team.heroku.deleteSlugs(PRODUCTION, runs[0] ?? '')
    const { tom } = team.people
    await desk.service.act('mark good', { release: 1, by: tom, key: 'good 1' })
    const gone = await desk.asks({ environment: 'production', to: 1 })
    expect(await team.told(team.people.dana, 'slug_missing', `#${gone}`)).toContain('no slug of')
    team.heroku.setStack(PRODUCTION, 'container')
    const none = await desk.asks({ environment: 'production', to: 1 })
    const told = await team.told(team.people.dana, 'slug_missing', `#${none}`, 'container stack')
    expect(told).toContain('git revert')
  })
})

describe('a rollback on a plain git remote', () => {
  let team: Team
  let desk: RollbackDesk
  let remote: string
  beforeAll(async () => {
    remote = await mkdtemp(join(tmpdir(), 'signoff-plain-remote-'))
    await git(remote, ['init', '--quiet', '--bare', '.'])
    team = await startTeam({
      integration(entry) {
        entry.remote = { name: 'plain', url: remote, branch: 'live', platform: 'git' }
      },
    })
    desk = await openRollbackDesk(team)
  })
  afterAll(async () => {
    await desk?.close()
    await team?.close()
    await rm(remote, { recursive: true, force: true })
  })

  it('sets the branch back to what was proven there, after its requester has pressed Go', async () => {
    const first = await deploysIntegration(team, 'one')
    const second = await deploysIntegration(team, 'two')
    expect(await branchHead(remote, 'live')).toBe(second.commit)
    const before = await branches(team)
    const number = await desk.asks({ environment: 'integration' })
    await pressesGo(team, number)
    await team.until.succeeded(number)
    expect(await branchHead(remote, 'live')).toBe(first.commit)
    expect(await branches(team)).toBe(before)
    expect(await team.stepsDone(number)).toEqual(['push', 'confirm', 'record', 'report'])
  })

  it('is refused by a remote that denies it, with what can be done', async () => {
    const { commit } = await deploysIntegration(team, 'three')
    await git(remote, ['config', 'receive.denyNonFastForwards', 'true'])
    const number = await desk.asks({ environment: 'integration' })
    await pressesGo(team, number)
    await team.until.state(number, 'failed')
    expect(await branchHead(remote, 'live')).toBe(commit)
    expect(team.thread(number).join('\n')).toContain('receive.denyNonFastForwards')
    await git(remote, ['config', 'receive.denyNonFastForwards', 'false'])
  })
})
