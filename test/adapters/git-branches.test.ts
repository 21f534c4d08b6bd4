/** Repositories with more branches than are fetched by name, and with names that are not taken. Real git. */
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGit } from '../../src/adapters/git/git.ts'
import type { App } from '../../src/release/settings.ts'
import { git as plainGit } from '../../src/sandbox/bare-git.ts'
import { previewPicks } from '../../src/worker/plan/picks.ts'
import { anEnvironment, at } from '../support/builders.ts'
import { createGitRepositories, type GitRepository, serveGit } from '../support/git-repository.ts'
import { fakePorts } from '../worker/fakes.ts'

let repositories: Awaited<ReturnType<typeof createGitRepositories>>
let served: Awaited<ReturnType<typeof serveGit>>
let origin: GitRepository
let git: ReturnType<typeof createGit>
let app: App
let base: string

beforeEach(async () => {
  repositories = await createGitRepositories()
  origin = await repositories.repository('origin')
  served = await serveGit({ directory: repositories.directory, user: 'u', password: 'p' })
  const environments = [anEnvironment()]
  app = { name: 'api', repository: 'team/api', gitUrl: `${served.origin}/origin.git`, environments }
  const mirrors = join(repositories.directory, 'mirrors')
  git = createGit({ mirrors, credentials: () => ({ username: 'u', password: 'p' }) })
  base = await origin.commit('base', { branch: 'production' })
})
afterEach(async () => {
  await git.close()
  await served.close()
  await repositories.close()
})

const MANY = 2_010

/** Branches `b0001` to `b2010`, so that what begins with a later letter is not among the first 2,000. */
async function manyBranches(): Promise<void> {
  const lines = Array.from(
    { length: MANY },
    (_, at) => `create refs/heads/b${String(at + 1).padStart(4, '0')} ${base}\n`,
  )
  await plainGit(origin.directory, ['update-ref', '--stdin'], { input: lines.join('') })
}

function plan(...picks: string[]) {
  const [environment = anEnvironment()] = app.environments
  const ports = fakePorts({
    git,
    forge: { branchRules: async () => ({ ok: true, value: { push: { is: 'allowed' }, merge: { is: 'allowed' } } }) },
  })
  return previewPicks(ports, {
    app,
    environment,
    picks,
    number: 14,
    at: at('09:00'),
    target: { branch: 'production', commit: base },
    holds: base,
    runs: base,
    signal: new AbortController().signal,
  })
}

describe('W15: with over 2,000 branches', () => {
  it('a commit at the head of a branch that was not searched is found, also by its beginning', async () => {
    await manyBranches()
    const fix = await origin.commit('fix', { branch: 'zz/fix', parents: [base] })
    expect(await plan(fix.slice(0, 10))).toMatchObject({ hotfix: { picks: [{ from: fix }] }, warnings: [] })
    expect(await plan(fix)).toMatchObject({ hotfix: { picks: [{ from: fix }] }, warnings: [] })
  })

  it('a commit below such a head is looked up by its id, and the card says so', async () => {
    await manyBranches()
    const fix = await origin.commit('fix', { branch: 'zz/fix', parents: [base] })
    await origin.commit('more', { branch: 'zz/fix' })
    const planned = await plan(fix)
    expect(planned).toMatchObject({ hotfix: { picks: [{ from: fix }] } })
    expect('warnings' in planned && planned.warnings).toEqual([
      `${fix.slice(0, 7)} was fetched by its id: it is on none of the 2,000 branches that were searched, of 2,012`,
    ])
  })

  it('what can’t be found is told as what was searched, and never as what the repository has', async () => {
    await manyBranches()
    const fix = await origin.commit('fix', { branch: 'zz/fix', parents: [base] })
    await origin.commit('more', { branch: 'zz/fix' })
    const branches = { searched: 2_000, count: 2_012 }
    const beginning = fix.slice(0, 8)
    expect(await plan(beginning)).toMatchObject({ refused: { gate: 'unknown_commit', asked: beginning, branches } })
    const nowhere = 'f'.repeat(40)
    expect(await plan(nowhere)).toMatchObject({ refused: { gate: 'unknown_commit', asked: nowhere, branches } })
  })
})

describe('W15: with a branch whose name is not taken', () => {
  it.each(['fix(login)', 'a{b}', 'semi;colon', '🎉'])('%s: its head is found', async (name) => {
    const fix = await origin.commit('fix', { branch: name, parents: [base] })
    expect(await plan(fix.slice(0, 10))).toMatchObject({ hotfix: { picks: [{ from: fix }] } })
    const unknown = await plan('f'.repeat(40))
    expect(unknown).toMatchObject({ refused: { branches: { searched: 1, count: 2 } } })
  })
})

describe('with branches that are all searched', () => {
  it('a commit on no branch is refused as before, and is not looked up by its id', async () => {
    const lost = await origin.commit('lost', { branch: 'gone', parents: [base] })
    await origin.branch('gone', null)
    const refused = await plan(lost)
    expect(refused).toEqual({ refused: { gate: 'unknown_commit', asked: lost, why: 'not there', candidates: [] } })
  })
})
