/** What a refusal must leave as it was: everything outside Slack and the store that a release could change. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'
import { expect } from 'vitest'
import { nextNumber, seenRelease } from './seen-release.ts'
import { type GateCode, INTEGRATION, PRODUCTION, type Team } from './team.ts'

const run = promisify(execFile)

export interface WorldState {
  /** origin's branches, `name commit` a line; ours under signoff/ are among them. */
  readonly branches: readonly string[]
  /** Pull requests that are open or merged; one that was declined again leaves nothing. */
  readonly pullRequests: readonly string[]
  readonly comments: number
  readonly apps: readonly { holds: string | undefined; runs: string | undefined; releases: number }[]
  readonly revisions: readonly (readonly string[])[]
}

/** For `production` of a team: whatever its migrations do, nobody owes that it was talked over. */
export function nothingToTalkOver(entry: Record<string, unknown>): void {
  entry.migrations = { ...(entry.migrations as object), talk_it_over: [] }
}

/** Read from the truth behind the services, whether or not they answer. */
export async function worldState(team: Team): Promise<WorldState> {
  const format = '--format=%(refname:short) %(objectname)'
  const branches = await run('git', ['--git-dir', team.bitbucket.bare, 'for-each-ref', format, 'refs/heads'])
  const pullRequests = team.bitbucket.pullRequests()
  return {
    branches: branches.stdout.trim().split('\n'),
    pullRequests: pullRequests.filter(({ state }) => state !== 'DECLINED').map(({ id, state }) => `#${id} ${state}`),
    comments: pullRequests.reduce((count, { id }) => count + team.bitbucket.comments(id).length, 0),
    apps: await Promise.all(
      [INTEGRATION, PRODUCTION].map(async (app) => ({
        holds: await team.heroku.holds(app),
        runs: team.heroku.runs(app),
        releases: team.heroku.releases(app).length,
      })),
    ),
    revisions: await Promise.all([team.revisions('integration'), team.revisions('production')]),
  }
}

/** Waits until the world is as `before`: what planning had opened is taken away again by a job of its own. */
export async function expectUnchanged(team: Team, before: WorldState): Promise<void> {
  await team.eventually(async () => expect(await worldState(team)).toEqual(before))
}

/** Runs a story and proves that the world is afterwards as it was before. */
export async function leavesNothing<T>(team: Team, story: () => Promise<T>): Promise<T> {
  const before = await worldState(team)
  const told = await story()
  await expectUnchanged(team, before)
  return told
}

/** Asks for a release that is refused before it has a card; gives what the person read privately of exactly that one. */
export async function askAndBeRefused(team: Team, user: string, command: string, gate: GateCode): Promise<string> {
  const number = await nextNumber(team)
  await team.command(user, command)
  const words = await team.told(user, gate, `#${number}`)
  expect(await seenRelease(team, number)).toMatchObject({ state: 'refused', gate })
  return words
}

/** Runs one statement in a database, as somebody does by hand. */
export async function byHand(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
