/** The sync step; and the document's "check that the diff between production and heroku-production is correct", as a table. */
import { expect, it } from 'vitest'
import type { CommitFacts } from '../../../src/release/ports/git.ts'
import { sync, verify } from '../../../src/worker/run/steps/sync-and-verify.ts'
import { aCommit, anApp, anEnvironment, aPlan, sha } from '../../support/builders.ts'
import { fakeRun, COMMIT as MERGE } from '../fakes.ts'

const plan = aPlan()
const { result, remote, commits } = plan.bound
const SIGNED: CommitFacts = {
  sha: MERGE,
  tree: sha('7ee'),
  parents: result.how === 'merge' ? result.parents : [],
}

/** The step's outcome, where git says this of the commit that goes, of the remote, and of what the remote lacks. */
async function verified(said: { facts?: Partial<CommitFacts>; holds?: string | null; going?: readonly string[] } = {}) {
  const { facts, holds = remote.holds, going = [MERGE, ...commits] } = said
  const { run } = fakeRun(
    {
      git: {
        commit: async () => ({ ...SIGNED, ...facts }),
        heads: async () => ({ ok: true, value: { [remote.branch]: holds } }),
        commits: async () => ({
          count: going.length,
          commits: going.map((each) => ({ ...aCommit('0', ''), sha: each })),
          authors: [],
        }),
      },
    },
    { plan, commit: MERGE },
  )
  return verify.perform(run)
}

it.each([
  ['both', undefined, { is: 'done', effect: 'none' }],
  ['origin', anApp().gitUrl, { is: 'stopped', because: { gate: 'repository_unreachable' }, effect: 'none' }],
  [
    'the remote',
    anEnvironment().remote.url,
    { is: 'stopped', because: { gate: 'remote_unreachable' }, effect: 'none' },
  ],
])('sync fetches origin and the remote: %s', async (_what, away, outcome) => {
  const fetched: unknown[] = []
  const { run } = fakeRun({
    git: {
      fetch: async (_app, url, branches) => {
        fetched.push([url, branches])
        return url === away ? { ok: false, failure: 'wrong', detail: 'no' } : { ok: true, value: {} }
      },
    },
  })
  expect(await sync.perform(run)).toMatchObject(outcome)
  expect(fetched).toEqual([
    [anApp().gitUrl, [plan.bound.target.branch]],
    [anEnvironment().remote.url, [remote.branch]],
  ])
})

it('holds the diff against the plan, and says what goes', async () => {
  expect(await verified()).toMatchObject({ is: 'done', effect: 'none', result: { commit: MERGE } })
})

it('goes on where the remote holds the commit already', async () => {
  expect(await verified({ holds: MERGE })).toMatchObject({ is: 'done' })
})

it.each([
  ['another tree', { facts: { tree: sha('bad') } }, /different tree/],
  ['other parents', { facts: { parents: [sha('bad'), sha('9f2c1ab')] } }, /different parents/],
  ['parents the other way round', { facts: { parents: SIGNED.parents.toReversed() } }, /different parents/],
  ['a remote that somebody has pushed to', { holds: sha('bad') }, /heroku-production holds bad/],
  ['a remote whose branch is gone', { holds: null }, /heroku-production holds nothing/],
  ['a commit more than planned', { going: [MERGE, ...commits, sha('bad')] }, /not those of the plan/],
  ['a commit less than planned', { going: [MERGE, ...commits.slice(1)] }, /not those of the plan/],
  ['another commit in the place of one', { going: [MERGE, ...commits.slice(1), sha('bad')] }, /not those of the plan/],
])('stops before anything is deployed for %s', async (_what, said, words) => {
  const stopped = await verified(said)
  expect(stopped).toMatchObject({ is: 'stopped', effect: 'none', because: { gate: 'unexpected_diff' } })
  expect(JSON.stringify(stopped)).toMatch(words)
})
