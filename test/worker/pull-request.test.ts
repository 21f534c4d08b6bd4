import { describe, expect, it } from 'vitest'
import type { Answer } from '../../src/release/ports/answers.ts'
import type { Forge, PullRequest } from '../../src/release/ports/forge.ts'
import type { Release } from '../../src/release/release.ts'
import { sharesItsBranches } from '../../src/release/settings.ts'
import { openPullRequest, pullRequestMarker, tidyPullRequest } from '../../src/worker/plan/pull-request.ts'
import { anApp, anEnvironment, anIntegration, aPlan, aRelease, sha } from '../support/builders.ts'
import { fakePorts } from './fakes.ts'

const production = anEnvironment()
const app = anApp({ environments: [anIntegration(), production] })
const plan = aPlan({ bound: { kind: 'deploy' } })
const ended = aRelease({ state: 'cancelled', plan })

type Described = PullRequest & { readonly description: string }

interface Case {
  readonly there?: readonly Described[]
  /** What creating gives, one answer after another; left out: a new pull request. */
  readonly creates?: readonly ((request: Described) => Answer<PullRequest | undefined>)[]
  readonly pinned?: boolean
}

/** Opens a pull request at a forge in memory; gives what was created, pushed and stored in the plan. */
async function open({ there = [], creates = [], pinned = false }: Case, of = plan) {
  const all: Described[] = [...there]
  const created: Described[] = []
  const pushed: string[] = []
  const ports = fakePorts({
    forge: {
      findPullRequest: async (_app, marker) => ({
        ok: true,
        value: all.find(({ description }) => description.includes(marker)),
      }),
      openPullRequests: async () => ({ ok: true, value: all.filter(({ state }) => state === 'open') }),
      createPullRequest: async (_app, request) => {
        const id = all.length + 1
        const made: Described = { ...request, id, url: `https://forge.test/${id}`, state: 'open' }
        const answer = creates[created.length]
        created.push(made)
        if (answer !== undefined) return answer(made)
        all.push(made)
        return { ok: true, value: made }
      },
    } satisfies Partial<Forge>,
    git: {
      heads: async () => ({ ok: true, value: {} }),
      push: async (_app, _url, { branch, commit }) => {
        pushed.push(`${branch} ${commit}`)
        return { push: 'moved' } as never
      },
    },
  })
  const release = aRelease({ plan: of })
  const { signal } = new AbortController()
  const opened = await openPullRequest(ports, { app, environment: production, plan: of, release, pinned, signal })
  return { opened, created, pushed, marker: pullRequestMarker(app, release) }
}

const branchNotFound = (): Answer<never> => ({
  ok: false,
  failure: 'wrong',
  detail: '400: branch not found',
  hadNoEffect: true,
})
const others: Described = {
  id: 1,
  url: '',
  state: 'open',
  source: 'master',
  destination: 'production',
  description: 'By hand',
}
const PINNED = `signoff/${aRelease({}).number}-production`

describe('W3: a pull request belongs to one release', () => {
  it('comes from the source branch where no other for the same branches is open', async () => {
    const { opened, created, pushed } = await open({ there: [{ ...others, source: 'topic' }] })
    expect(created).toMatchObject([{ source: 'master', destination: 'production' }])
    expect({ opened, pushed }).toEqual({ opened: { pullRequest: { id: 2, url: 'https://forge.test/2' } }, pushed: [] })
  })

  it('comes from a branch of its own where one for the same branches is open', async () => {
    const { opened, created, pushed } = await open({ there: [others] })
    expect(created).toMatchObject([{ source: PINNED }])
    expect(pushed).toEqual([`${PINNED} ${plan.bound.source.commit}`])
    expect(opened).toMatchObject({ pullRequest: { id: 2, pinnedBranch: PINNED } })
  })

  it('comes from a branch of its own where the forge gives another one back', async () => {
    const { opened, created } = await open({ creates: [() => ({ ok: true, value: undefined })] })
    expect(created.map(({ source }) => source)).toEqual(['master', PINNED])
    expect(opened).toMatchObject({ pullRequest: { pinnedBranch: PINNED } })
  })

  it('is found again with its branch after its answer was lost', async () => {
    const before = await open({ there: [others] })
    const again = await open({ there: [others, ...before.created] })
    expect(again.created).toEqual([])
    expect(again.opened).toEqual(before.opened)
  })

  it('is known to be shared where two environments merge the same branch into the same one', () => {
    const eu = anEnvironment({ name: 'eu' })
    const us = anEnvironment({ name: 'us' })
    const two = anApp({ environments: [anIntegration(), eu, us] })
    expect(sharesItsBranches([two], two, eu)).toBe(true)
    const other = anEnvironment({ name: 'us', branch: 'us' })
    const apart = anApp({ environments: [anIntegration(), eu, other] })
    expect(sharesItsBranches([apart], apart, eu)).toBe(false)
    expect(sharesItsBranches([apart], apart, anIntegration())).toBe(false)
    const second = anApp({
      name: 'api2',
      environments: [anIntegration({ app: 'api2' }), anEnvironment({ app: 'api2' })],
    })
    expect(sharesItsBranches([app, second], app, production)).toBe(true)
    expect(sharesItsBranches([app, { ...second, gitUrl: 'https://elsewhere.test/x.git' }], app, production)).toBe(false)
  })
})

describe('W24: a forge whose copy lacks the branch for some seconds', () => {
  it('is asked again', async () => {
    const { opened, created } = await open({ creates: [branchNotFound, branchNotFound] })
    expect(created).toHaveLength(3)
    expect(opened).toMatchObject({ pullRequest: { id: 1 } })
  })

  it('is believed after some tries', async () => {
    const { opened, created } = await open({ creates: Array.from({ length: 9 }, () => branchNotFound) })
    expect(created).toHaveLength(5)
    expect(opened).toMatchObject({ refused: { gate: 'bitbucket_unreachable', answered: true } })
  })

  it('is not asked again where it may have opened one, though its answer can’t be read', async () => {
    const unreadable = (): Answer<never> => ({ ok: false, failure: 'wrong', detail: '201 with truncated JSON' })
    expect(await open({ creates: [unreadable] })).toMatchObject({
      created: { length: 1 },
      opened: { refused: { gate: 'bitbucket_unreachable' } },
    })
  })

  it('is not asked again where it refuses the token', async () => {
    const refused = (): Answer<never> => ({ ok: false, failure: 'refused', detail: '403' })
    expect(await open({ creates: [refused] })).toMatchObject({
      created: { length: 1 },
      opened: { refused: { gate: 'credentials_refused' } },
    })
  })
})

describe("W26: a pull request's description", () => {
  const long = (text: string) => ({
    sha: sha('abc'),
    title: text,
    author: { name: 'A'.repeat(500), email: 'a@example.test' },
    at: '2026-11-22T10:00:00Z',
    isMerge: false,
  })

  it.each([
    ['long titles', 't'.repeat(65_000)],
    ['titles that are all markdown', '*'.repeat(65_000)],
    ['titles of characters outside the first plane', '🚀'.repeat(30_000)],
  ])('cuts %s and names', async (_what, title) => {
    const commits = Array.from({ length: 60 }, () => long(title))
    const { created, marker } = await open({}, { ...plan, commits, commitCount: 60 })
    const [{ description } = others] = created
    expect(description.length).toBeLessThan(32_768)
    expect(description.startsWith(marker)).toBe(true)
    expect(description).toContain('and 10 more')
    expect(description).not.toMatch(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/)
  })
})

/** One pull request, described by the marker of a release, and what was declined when another release had ended. */
async function declinedAfter(marker: string, underWay: readonly Release[] = []): Promise<readonly number[]> {
  const id = plan.pullRequest?.id ?? 0
  const one: PullRequest = { id, url: '', state: 'open', source: 'master', destination: 'production' }
  const declined: number[] = []
  const ports = fakePorts({
    forge: {
      findPullRequest: async (_app, asked) => ({
        ok: true,
        value: asked === marker && declined.length === 0 ? one : undefined,
      }),
      decline: async (_app, number) => {
        declined.push(number)
        return { ok: true, value: undefined }
      },
    },
    git: { heads: async () => ({ ok: true, value: {} }) },
    store: { releases: async () => underWay },
  })
  expect(await tidyPullRequest(ports, app, production, ended)).toBeUndefined()
  return declined
}

it('declines the pull request of a release that has ended', async () => {
  expect(await declinedAfter(pullRequestMarker(app, ended))).toEqual([plan.pullRequest?.id])
  expect(await declinedAfter(pullRequestMarker(app, ended), [ended])).toEqual([plan.pullRequest?.id])
})

it('leaves alone what has become a later release’s: Bitbucket may give the one that is open for the same branches', async () => {
  expect(await declinedAfter(pullRequestMarker(app, { ...ended, number: ended.number + 1 }))).toEqual([])
})

it('W3: leaves alone what a release under way still merges', async () => {
  const underWay = aRelease({ number: ended.number - 1, state: 'awaiting sign-off', plan })
  expect(await declinedAfter(pullRequestMarker(app, ended), [underWay])).toEqual([])
})
