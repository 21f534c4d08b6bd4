/** What proves a commit on the environment that it is promoted from, and what runs there instead. */
import { describe, expect, it } from 'vitest'
import type { Git } from '../../src/release/ports/git.ts'
import type { Release } from '../../src/release/release.ts'
import type { Environment } from '../../src/release/settings.ts'
import type { WorkerPorts } from '../../src/worker/ports.ts'
import { findProof, refreshProof, refreshProofsBy } from '../../src/worker/proof.ts'
import { anApp, anEnvironment, anIntegration, aPlan, aRelease, aStep, sha } from '../support/builders.ts'
import { fakePorts, fakeStore } from './fakes.ts'

/** master, oldest first, and a commit of no branch. */
const MASTER = ['aaaa001', 'aaaa002', 'aaaa003', 'aaaa004', 'aaaa005'].map((start) => sha(start))
const [FIRST = '', SECOND = '', THIRD = '', FOURTH = '', FIFTH = ''] = MASTER
const ELSEWHERE = sha('eeeeeee')

interface Outside {
  /** What the mirror has before a fetch; a fetch brings master. */
  readonly mirror?: readonly string[]
  /** Releases of integration, newest first. */
  readonly releases: readonly Release[]
  readonly production?: Partial<Environment>
}

function outside({ mirror = [...MASTER, ELSEWHERE], releases, production }: Outside) {
  const here = new Set(mirror)
  const asked: string[] = []
  const git: Partial<Git> = {
    has: async (_app, commit) => here.has(commit),
    fetch: async () => {
      asked.push('fetch')
      for (const commit of MASTER) here.add(commit)
      return { ok: true, value: {} }
    },
    isAncestor: async (_app, part, whole) => {
      asked.push('isAncestor')
      if (!here.has(part) || !here.has(whole)) throw new Error('not in the mirror')
      return MASTER.includes(whole) && MASTER.indexOf(part) <= MASTER.indexOf(whole)
    },
    commits: async (_app, { from: [from = ''], notFrom: [to = ''] }) => ({
      count: MASTER.indexOf(from) - MASTER.indexOf(to),
      commits: [],
      authors: [],
    }),
  }
  const environments = [anIntegration(), anEnvironment(production)]
  const app = anApp({ environments })
  const list = async ({ states, before, limit }: Parameters<WorkerPorts['store']['releases']>[0]) =>
    releases
      .filter(({ state, number }) => (states?.includes(state) ?? true) && (before === undefined || number < before))
      .slice(0, limit)
  /** The newest of all, and the newest that has succeeded. */
  const newest = async () => {
    const all = releases.toSorted((a, b) => b.number - a.number)
    return [...new Set([all[0], all.find(({ state }) => state === 'succeeded')])].filter((each) => each !== undefined)
  }
  const ports = { ...fakePorts({ git, store: { releases: list, newest } }, environments[1]), apps: [app] }
  const find = (commit: string, kind: Release['kind'] = 'deploy') =>
    findProof(ports, { app, environment: anEnvironment(production), kind }, commit)
  return { ports, find, asked }
}

/** A release of integration that has deployed this commit. */
function deployed(number: number, commit: string, change: Partial<Release> = {}): Release {
  const plan = aPlan({ bound: { environment: 'integration', result: { how: 'commit', commit, tree: sha('7ee') } } })
  const steps = [aStep('push'), aStep('confirm', { result: { commit } })]
  return aRelease({ number, environment: 'integration', state: 'succeeded', plan, steps, ...change })
}

describe('proves it', () => {
  it.each<[string, readonly Release[], string, readonly number[]]>([
    ['the commit itself', [deployed(3, THIRD)], THIRD, [3]],
    ['one that contains it', [deployed(5, FIFTH)], THIRD, [5]],
    ['several, newest first', [deployed(5, FIFTH), deployed(4, FOURTH), deployed(2, SECOND)], THIRD, [5, 4]],
    ['three are enough', [9, 8, 7, 6].map((number) => deployed(number, THIRD)), THIRD, [9, 8, 7]],
    ['an earlier one, while an older commit runs now', [deployed(6, FIRST), deployed(5, FIFTH)], THIRD, [5]],
    ['not one that lacks it', [deployed(2, SECOND)], THIRD, []],
    ['not one from another branch', [deployed(2, ELSEWHERE)], THIRD, []],
    ['not one that failed', [deployed(5, FIFTH, { state: 'failed' })], THIRD, []],
    ['not one that was closed', [deployed(5, FIFTH, { state: 'closed' })], THIRD, []],
    ['not one that is marked as bad', [{ ...deployed(5, FIFTH), mark: { is: 'bad' } } as Release], THIRD, []],
    ['nothing where there are none', [], THIRD, []],
  ])('%s', async (_, releases, commit, by) => {
    const proof = await outside({ releases }).find(commit)
    expect(proof).toMatchObject({ on: 'integration', commit })
    expect(proof?.by.map(({ number }) => number)).toEqual(by)
  })

  it('fetches a commit that another worker has deployed, and asks git once for each commit', async () => {
    const { find, asked } = outside({ mirror: [SECOND], releases: [deployed(6, FIFTH), deployed(5, FIFTH)] })
    expect((await find(SECOND))?.by.map(({ number }) => number)).toEqual([6, 5])
    expect(asked).toEqual(['fetch', 'isAncestor'])
  })

  it('is not looked for with order: off, for a hot-fix, and where nothing is promoted', async () => {
    expect(await outside({ releases: [], production: { order: 'off' } }).find(THIRD)).toBeUndefined()
    expect(await outside({ releases: [] }).find(THIRD, 'hotfix')).toBeUndefined()
    const { ports } = outside({ releases: [] })
    const integration = { app: anApp(), environment: anIntegration(), kind: 'deploy' } as const
    expect(await findProof(ports, integration, THIRD)).toBeUndefined()
  })
})

describe('what runs instead', () => {
  it.each<[string, readonly Release[], object | undefined]>([
    ['an older commit', [deployed(1, FIRST)], { commit: FIRST, behind: 2 }],
    ['one that the repository does not have', [deployed(1, sha('fffffff'))], { commit: sha('fffffff') }],
    ['not known: nothing was ever looked at', [], undefined],
    [
      'not known: a push has no proven end',
      [deployed(1, FIRST, { state: 'closed', steps: [aStep('push')] })],
      undefined,
    ],
    [
      'nothing',
      [
        aRelease({
          number: 1,
          state: 'rejected',
          plan: aPlan({ bound: { remote: { ...aPlan().bound.remote, runs: null } } }),
        }),
      ],
      { commit: null },
    ],
  ])('%s', async (_, releases, runs) => {
    const proof = await outside({ releases }).find(THIRD)
    expect(proof).toEqual({ on: 'integration', commit: THIRD, by: [], ...(runs && { runs }) })
  })
})

describe('a look', () => {
  const waiting = aRelease({ plan: aPlan({ bound: { source: { branch: 'master', commit: THIRD } } }) })

  async function look(first: Release, releases: readonly Release[]) {
    const written: string[] = []
    const fake = fakeStore(first, (what) => void written.push('kind' in what ? what.kind : what.type))
    const { ports } = outside({ releases })
    const store = { ...fake.store, releases: ports.store.releases, current: async () => fake.release() }
    const all = { ...ports, store: { ...store } as WorkerPorts['store'] }
    return { all, written, release: fake.release }
  }

  it('redraws the card when the commit is proven since, and then no more', async () => {
    const { all, written, release } = await look(waiting, [deployed(5, FIFTH)])
    await refreshProof(all, release())
    expect(release().proof).toEqual({ on: 'integration', commit: THIRD, by: [{ number: 5, commit: FIFTH }] })
    await refreshProof(all, release())
    expect(written).toEqual(['card'])
  })

  it('is made at once by the release that proves it', async () => {
    const { all, written, release } = await look(waiting, [deployed(5, FIFTH)])
    await refreshProofsBy(all, deployed(5, FIFTH))
    expect([written, release().proof?.by.length]).toEqual([['card'], 1])
    await refreshProofsBy(all, { ...deployed(5, FIFTH), environment: 'staging' })
    expect(written).toEqual(['card'])
  })

  it('changes nothing of a release that has gone on', async () => {
    const { all, written } = await look({ ...waiting, state: 'approved' }, [deployed(5, FIFTH)])
    await refreshProof(all, waiting)
    expect(written).toEqual([])
  })
})
