/** Twenty apps released at once, by one bot and two workers that share nothing but the store. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTeam, type Team } from '../support/team.ts'

const git = async (...args: string[]) => (await promisify(execFile)('git', args)).stdout.trim()
const APPS = Array.from({ length: 20 }, (_, at) => `site${at}`)

let team: Team
let head: string
beforeAll(async () => {
  team = await startTeam({ unstarted: true })
  const { bare } = team.bitbucket
  head = await git('--git-dir', bare, 'rev-parse', 'master')
  const old = await git('--git-dir', bare, 'rev-parse', 'master~1')
  const file = team.env.RELEASES_FILE ?? ''
  const releases = JSON.parse(await readFile(file, 'utf8')) as { apps: Record<string, unknown> }
  for (const app of APPS) {
    const url = remoteOf(app)
    await git('clone', '--quiet', '--bare', '--shared', bare, url)
    await git('--git-dir', url, 'update-ref', 'refs/heads/master', old)
    releases.apps[app] = {
      repository: `team/${app}`,
      git_url: team.bitbucket.gitUrl,
      environments: {
        live: { branch: 'master', remote: { name: 'live', url, platform: 'git' }, channel: '#product' },
      },
    }
  }
  await writeFile(file, JSON.stringify(releases))
  await team.start('bot')
  for (const worker of ['one', 'two']) {
    Object.assign(team.env, { DATA_DIR: join(team.directory, `data-${worker}`) })
    await team.start('worker')
  }
})
afterAll(() => team?.close())

const remoteOf = (app: string) => join(team.directory, `${app}.git`)
const heldBy = (app: string) => git('--git-dir', remoteOf(app), 'rev-parse', 'master')

it('growth at once: all of them are released, each once, and their cards say so', async () => {
  const { dana } = team.people
  await Promise.all(APPS.map((app) => team.command(dana, `/deploy ${app} live`)))
  const ended = () => team.query<{ app: string; state: string }>('select app, state from release order by app')
  await team.eventually(async () =>
    expect(await ended()).toEqual(APPS.toSorted().map((app) => ({ app, state: 'succeeded' }))),
  )
  expect(await Promise.all(APPS.map(heldBy))).toEqual(APPS.map(() => head))
  const pushes = await team.query<{ count: number }>(
    "select count(*)::int as count from step where name = 'push' and state = 'done' group by release",
  )
  expect(pushes).toEqual(APPS.map(() => ({ count: 1 })))
  const workers = await team.query('select id from worker')
  expect(workers).toHaveLength(2)
  await team.eventually(() => {
    for (const number of APPS.keys()) expect(team.words(team.card(number + 1))).toContain('Succeeded')
  })
})
