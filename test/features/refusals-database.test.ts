/** The database that was signed is the one that is migrated: by whatever variable the app reads it, and wherever its env file points to by then. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { announcements } from '../support/channel.ts'
import { nextNumber, reaches, sign } from '../support/seen-release.ts'
import { startTeam, type Team } from '../support/team.ts'
import { byHand, expectUnchanged, nothingToTalkOver, type WorldState, worldState } from '../support/world-state.ts'

let team: Team
let number = 0
beforeAll(async () => {
  team = await startTeam({ production: nothingToTalkOver })
})
afterAll(() => team?.close())

async function awaitsSignOff(): Promise<WorldState> {
  number = await nextNumber(team)
  await team.command(team.people.dana, '/deploy production')
  await team.until.awaitingSignOff(number)
  return worldState(team)
}

/** The release ends outdated because of this move, and its pull request is all that has gone. */
async function isOutdated(before: WorldState, moved: { from: string; to: string }): Promise<void> {
  const because = { gate: 'plan_outdated', moved: expect.arrayContaining([expect.objectContaining(moved)]) }
  expect((await team.until.outdated(number)).because).toMatchObject(because)
  for (const each of [moved.from, moved.to]) expect(team.words(team.card(number))).toContain(each)
  await expectUnchanged(team, { ...before, pullRequests: before.pullRequests.filter((one) => !one.endsWith('OPEN')) })
}

async function pointTo(variable: string, url: string): Promise<void> {
  await writeFile(join(team.directory, '.env_production'), `${variable}="${url}"\n`, { mode: 0o600 })
}

const identity = (url: string) => {
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}

/** As the sample application has it, but for the name of its variable. */
async function readFrom(variable: string): Promise<void> {
  const show = ['--git-dir', team.repository.bare, 'show', 'master:api/settings.py']
  const { stdout } = await promisify(execFile)('git', show)
  await team.repository.commit({
    files: { 'api/settings.py': stdout.replaceAll('DATABASE_URL', variable) },
    message: `Read ${variable}`,
  })
}

describe('an env file that comes to point to another database', () => {
  it('after the plan makes the release outdated, and neither database is touched', async () => {
    const { production, integration } = team.databases
    const before = await awaitsSignOff()
    await pointTo('DATABASE_URL', integration.url)
    await sign(team, number)
    await isOutdated(before, { from: identity(production.url), to: identity(integration.url) })
    await pointTo('DATABASE_URL', production.url)
  })
})

describe('a database that only alembic can look at', () => {
  beforeAll(async () => {
    await readFrom('USERS_STORE')
    await pointTo('USERS_STORE', team.databases.production.url)
  })

  it('whose revision has moved since the plan makes the release outdated before the channel is told', async () => {
    const { url } = team.databases.production
    const [at] = await team.revisions('production')
    await awaitsSignOff()
    await byHand(url, 'delete from alembic_version')
    const before = await worldState(team)
    await sign(team, number)
    await isOutdated(before, { from: at ?? '', to: 'empty' })
    expect(announcements(team.slack, number)).toEqual([])
    await byHand(url, `insert into alembic_version values ('${at}')`)
  })

  it('is looked at again right before the merge', async () => {
    const { production, integration } = team.databases
    const open = Promise.withResolvers<void>()
    await awaitsSignOff()
    team.bitbucket.fault({ route: 'comment', kind: 'delay', until: open.promise })
    const recording = team.bitbucket.arrived('comment')
    await sign(team, number)
    await recording
    await pointTo('USERS_STORE', integration.url)
    open.resolve()
    expect(await reaches(team, number, 'outdated')).toMatchObject({ gate: 'plan_outdated' })
    expect(team.bitbucket.pullRequests().at(-1)?.state).not.toBe('MERGED')
    await pointTo('USERS_STORE', production.url)
  })

  it('is migrated as it was signed', async () => {
    number = await nextNumber(team)
    await team.releaseProduction(number)
    expect(await team.revisions('production')).toEqual([await team.repository.headRevision('master')])
  })
})
