/** Two releases, or a release and a person, for the same two branches: each has a pull request of its own. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NOTHING_TO_TALK_OVER, pressWithReason, sign } from '../support/seen-release.ts'
import { startTeam, type Team } from '../support/team.ts'

const pullRequest = (team: Team, number: number) =>
  team.bitbucket.pullRequests().findLast(({ title }) => title.startsWith(`Release #${number}:`))

describe.each(['the open one', 'the open one, changed'] as const)('W3: where Bitbucket gives back %s', (gives) => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({ ...NOTHING_TO_TALK_OVER, unstarted: true })
    team.bitbucket.openTwice(gives)
    // A second production, deployed to a plain git remote.
    const remote = join(team.directory, 'us.git')
    await promisify(execFile)('git', ['init', '--quiet', '--bare', remote])
    const file = join(team.directory, 'releases.yml')
    const releases = JSON.parse(await readFile(file, 'utf8'))
    const { production } = releases.apps.api.environments
    const { migrations: _, ...us } = production
    releases.apps.api.environments.us = { ...us, remote: { name: 'us', url: remote, platform: 'git' } }
    await writeFile(file, JSON.stringify(releases))
    await team.start('all')
  })
  afterAll(() => team?.close())

  it('two environments that promote the same branch have two pull requests', async () => {
    const { dana, lin } = team.people
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(1)
    await team.command(dana, '/deploy us')
    await team.until.awaitingSignOff(2)
    const [first, second] = [pullRequest(team, 1), pullRequest(team, 2)]
    expect(first?.id).not.toBe(second?.id)
    expect([first?.source.branch, second?.source.branch]).toEqual(['signoff/1-production', 'signoff/2-us'])

    await pressWithReason(team, lin, 'rejection', 'not this one')
    await team.until.state(2, 'rejected')
    await team.eventually(() => expect(pullRequest(team, 2)?.state).toBe('DECLINED'))
    expect(pullRequest(team, 1)?.state).toBe('OPEN')
    await sign(team, 1)
    await team.until.succeeded(1)
    expect(pullRequest(team, 1)?.state).toBe('MERGED')
    expect(team.bitbucket.comments(second?.id ?? 0)).toEqual([])
    expect(team.bitbucket.comments(first?.id ?? 0)).toHaveLength(1)
  })
})

describe('W3: where a person’s pull request for the same branches is open', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam(NOTHING_TO_TALK_OVER)
    team.bitbucket.openTwice('the open one, changed')
  })
  afterAll(() => team?.close())

  it('it stays as it is', async () => {
    const theirs = await openByHand(team)
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(1)
    expect(pullRequest(team, 1)?.source.branch).toBe('signoff/1-production')
    await pressWithReason(team, team.people.lin, 'rejection', 'not today')
    await team.until.state(1, 'rejected')
    await team.eventually(() => expect(pullRequest(team, 1)?.state).toBe('DECLINED'))
    const now = team.bitbucket.pullRequests().find(({ id }) => id === theirs)
    expect(now).toMatchObject({ state: 'OPEN', title: 'By hand', description: 'Mine' })
  })
})

describe('W24: where Bitbucket does not know the branch yet', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam(NOTHING_TO_TALK_OVER)
  })
  afterAll(() => team?.close())

  it('the release is planned all the same, with one pull request', async () => {
    team.bitbucket.fault({ route: 'create', kind: 'branch_not_found', times: 2 })
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(1)
    expect(team.bitbucket.pullRequests()).toHaveLength(1)
  })
})

async function openByHand({ bitbucket }: Team): Promise<number> {
  const answer = await fetch(`${bitbucket.apiUrl}/repositories/jurispect/jurispect_api/pullrequests`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bitbucket.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      title: 'By hand',
      description: 'Mine',
      source: { branch: { name: 'master' } },
      destination: { branch: { name: 'production' } },
    }),
  })
  return ((await answer.json()) as { id: number }).id
}
