/** The backport of a hot-fix where somebody has opened a pull request for it already. */
import { expect, it } from 'vitest'
import type { PullRequest } from '../../src/release/ports/forge.ts'
import { backportPicks } from '../../src/worker/backport.ts'
import { anApp, anEnvironment, aPlan, aRelease, aStep, sha } from '../support/builders.ts'
import { fakePorts, fakeStore } from './fakes.ts'

const HEAD = sha('4ead')
const MASTER = sha('3a57e4')

/** Backports a pick that master lacks; `source` is the branch of somebody's open pull request. */
async function backported(source: string) {
  const done: string[] = []
  const author = { name: 'Marek', email: 'marek@example.com' }
  const pick = { from: sha('7ad90f4'), made: sha('c7ad90f4'), title: 'Fix', author, files: { count: 0, list: [] } }
  const hotfix = {
    picks: [pick],
    at: '2026-11-22T08:15:00.000Z',
    alsoGoes: { count: 0, commits: [] },
    promoting: { branch: 'master', environment: 'integration' },
  }
  const plan = { ...aPlan({ bound: { kind: 'hotfix', database: null } }), hotfix }
  const steps = [aStep('pick', { state: 'done', effect: 'some', result: { commit: pick.made } })]
  const release = aRelease({ kind: 'hotfix', state: 'succeeded', plan, steps })
  const theirs: PullRequest = { id: 5, url: 'https://b.test/5', state: 'open', source, destination: 'master' }
  const { store } = fakeStore(release, (what) => void ('type' in what && done.push(what.type)))
  const ports = fakePorts({
    git: {
      fetch: async (_app, _url, branches) => {
        if (branches.some((name) => name.includes('('))) throw new TypeError('not a branch name that can be used')
        return {
          ok: true,
          value: Object.fromEntries(branches.map((name) => [name, name === 'master' ? MASTER : HEAD])),
        }
      },
      // More branches than are fetched together: theirs is not among them.
      fetchAll: async () => ({ ok: true, value: { master: MASTER } }),
      has: async () => true,
      hasChange: async (_app, _commit, head) => (head === HEAD ? 'the same change' : undefined),
      heads: async (_url, names) => ({ ok: true, value: Object.fromEntries(names.map((name) => [name, null])) }),
      push: async () => ({ push: 'moved', output: [] }),
    },
    forge: {
      findPullRequest: async () => ({ ok: true, value: undefined }),
      openPullRequests: async () => ({ ok: true, value: [theirs] }),
      createPullRequest: async () => {
        done.push('opened')
        return { ok: true, value: { ...theirs, id: 6 } }
      },
    },
    store: { ...store, events: async () => [] },
  })
  const lock = {
    withLock: async (_app: string, _environment: string, work: (lost: AbortSignal) => Promise<void>) =>
      work(new AbortController().signal),
  }
  const place = { app: anApp(), environment: anEnvironment() }
  await backportPicks({ ...ports, lock } as unknown as typeof ports, place, release)
  return done
}

it('W15: somebody’s pull request from a branch beyond the first 2,000 is found, and none is opened beside it', async () => {
  expect(await backported('zz/fix')).toEqual(['hotfix_carried'])
})

it('a branch whose name git is not given is not looked at', async () => {
  expect(await backported('fix(login)')).toEqual(['opened', 'hotfix_carried'])
})
