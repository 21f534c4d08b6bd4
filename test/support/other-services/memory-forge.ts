/** A forge whose pull requests and comments are in memory; its merges are git's own, in a bare repository. */
import type { Forge, MergeAnswer, PullRequest } from '../../../src/release/ports/forge.ts'
import { FORGE_UNREACHABLE } from '../../../src/release/stored-names.ts'
import { branchHead, commitTree, mergeTree, moveBranch } from '../../../src/sandbox/bare-git.ts'

type Stored = { -readonly [K in keyof PullRequest]: PullRequest[K] } & { readonly description: string }

export interface MemoryForge extends Forge {
  readonly pullRequests: readonly PullRequest[]
  readonly comments: readonly { readonly on: string; readonly text: string }[]
}

const WEB = 'https://shelf.example'
const AUTHOR = { name: 'Shelf', email: 'shelf@example.test' }

export function createMemoryForge(bare: string): MemoryForge {
  const pullRequests: Stored[] = []
  const comments: { on: string; text: string }[] = []
  const good = <T>(value: T) => ({ ok: true, value }) as const
  const placeOf = (on: { pullRequest: number } | { commit: string }) =>
    'pullRequest' in on ? `request ${on.pullRequest}` : on.commit

  function the(id: number): Stored {
    const found = pullRequests.find((each) => each.id === id)
    if (found === undefined) throw new Error(`there is no request ${id}`)
    return found
  }

  async function merge(id: number, message: string): Promise<MergeAnswer> {
    const request = the(id)
    const [ours, theirs] = await Promise.all([branchHead(bare, request.destination), branchHead(bare, request.source)])
    if (request.state !== 'open' || ours === undefined || theirs === undefined) {
      return { merge: 'refused', detail: `the request is ${request.state}` }
    }
    const merged = await mergeTree(bare, ours, theirs)
    if (merged.kind === 'conflicts') return { merge: 'refused', detail: 'it conflicts' }
    const date = `${Math.floor(Date.now() / 1_000)} +0000`
    const { tree } = merged
    const commit = await commitTree(bare, { tree, parents: [ours, theirs], message, author: AUTHOR, date })
    if (!(await moveBranch(bare, request.destination, commit, ours))) return { merge: 'moved' }
    Object.assign(request, { state: 'merged', mergeCommit: commit })
    return { merge: 'merged', commit }
  }

  return {
    words: {
      name: 'Shelf',
      settings: ['SHELF_TOKEN'],
      credential: 'SHELF_TOKEN',
      addressSetting: 'SHELF_URL',
      unreachable: FORGE_UNREACHABLE,
      branchRules: 'Branches',
      mergeSettings: 'Merging',
      readMerge: () => undefined,
      pages: {
        repository: (repository) => `${WEB}/${repository}`,
        commit: (webUrl, commit) => `${webUrl}?commit=${commit}`,
        compare: (webUrl, { from, to }) => `${webUrl}?from=${from}&to=${to}`,
        file: (webUrl, commit, path) => `${webUrl}?commit=${commit}&file=${path}`,
      },
    },
    limits: { mergeArrivesWithinMs: 1_000, pushArrivesWithinMs: 1_000, commentLength: 32_768 },
    pullRequests,
    comments,
    findPullRequest: async (_app, marker) =>
      good(pullRequests.find(({ description }) => description.includes(marker)) as PullRequest | undefined),
    async createPullRequest({ repository }, { description, source, destination }) {
      const id = pullRequests.length + 1
      const url = `${WEB}/${repository}/requests/${id}`
      const made: Stored = { id, url, state: 'open', source, destination, description }
      pullRequests.push(made)
      return good(made)
    },
    pullRequest: async (_app, id) => good(the(id)),
    openPullRequests: async (_app, destination) =>
      good(pullRequests.filter((each) => each.state === 'open' && each.destination === destination)),
    merge: (_app, id, { message }) => merge(id, message),
    async decline(_app, id) {
      the(id).state = 'declined'
      return good(undefined)
    },
    async findComment(_app, on, marker) {
      const index = comments.findIndex((each) => each.on === placeOf(on) && each.text.includes(marker))
      return good(index === -1 ? undefined : `${WEB}/comments/${index}`)
    },
    async comment(_app, on, text) {
      comments.push({ on: placeOf(on), text })
      return good(`${WEB}/comments/${comments.length - 1}`)
    },
    checks: async () => good([]),
    mergeRequirements: async () => good({ missing: [] }),
    branchRules: async () => good({ push: { is: 'allowed' }, merge: { is: 'allowed' } } as const),
  }
}
