import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, it } from 'vitest'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'

const run = promisify(execFile)
const REASON = 'Digests go out in the night for half of our users.'

let team: Team
afterEach(async () => {
  await team?.close()
})

const inOrigin = async (...args: string[]) =>
  (await run('git', ['--git-dir', team.repository.bare, ...args])).stdout.trim()

/** The tree that a person at a shell gets. */
async function byHand(onto: string, commits: readonly string[]): Promise<string> {
  const clone = await mkdtemp(join(tmpdir(), 'signoff-by-hand-'))
  try {
    const inClone = (...args: string[]) =>
      run('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.test', ...args], { cwd: clone })
    await run('git', ['clone', '--quiet', team.repository.bare, clone])
    await inClone('checkout', '--quiet', onto)
    await inClone('cherry-pick', '-x', ...commits)
    return (await inClone('rev-parse', 'HEAD^{tree}')).stdout.trim()
  } finally {
    await rm(clone, { recursive: true, force: true })
  }
}

async function ask(user: string, text: string, values: Record<string, string | boolean> = {}): Promise<void> {
  await team.command(user, text)
  await team.submit(user, { Reason: REASON, 'Are you sure?': true, ...values })
}

it('one commit from master onto production: picked, migrated, pushed, confirmed and told; master is untouched', async () => {
  team = await startTeam()
  const { dana, lin, tom } = team.people
  const [master, before] = [await team.repository.head('master'), await team.repository.head('production')]
  const fix = await inOrigin('rev-list', '-1', '--grep=^Migration:', 'master')
  await ask(dana, `/hotfix ${fix.slice(0, 8)} production`)
  await team.told(dana, 'Hot-fix #1 of api to production is being planned.')
  await team.until('🩹 Hot-fix #1: api → production')
  await team.until('Also on master, so the next release keeps it')
  await team.until(REASON)
  await team.until('the database changes before the code does')
  await team.click(lin, 'QA passed')
  await team.until(/Given: QA by/)
  await team.click(tom, 'Approve')
  await team.until('Succeeded')

  const picked = await team.repository.head('production')
  expect(await inOrigin('rev-parse', `${picked}^`)).toBe(before)
  expect(await inOrigin('rev-parse', `${picked}^{tree}`)).toBe(await byHand(before, [fix]))
  expect(await inOrigin('log', '-1', '--format=%an %ae %ad', picked)).toBe(
    await inOrigin('log', '-1', '--format=%an %ae %ad', fix),
  )
  expect(await inOrigin('log', '-1', '--format=%cn', picked)).toBe('Signoff')
  const message = await inOrigin('log', '-1', '--format=%B', picked)
  expect(message).toContain(`(cherry picked from commit ${fix})\nSignoff-Release: api #1`)
  expect(await team.heroku.holds(PRODUCTION)).toBe(picked)
  expect(team.heroku.runs(PRODUCTION)).toBe(picked)
  expect(await team.repository.head('master')).toBe(master)
  expect(await team.revisions('production')).toEqual([await team.repository.headRevision('production')])
  expect(team.bitbucket.commitComments(picked)).toHaveLength(1)
  expect(team.bitbucket.pullRequests()).toEqual([])
  const events = await team.query<{ type: string; body: string }>('select type, body from event order by id')
  const done = events.filter(({ type }) => type === 'step_done').map(({ body }) => /"step":"(\w+)"/.exec(body)?.[1])
  expect(done).toEqual(['pick', 'record', 'sync', 'verify', 'migrate', 'push', 'confirm', 'report'])
  expect(team.transcript()).toContain('adhesive_bandage')
  if (process.env.SHOW) console.log(team.transcript())
})
