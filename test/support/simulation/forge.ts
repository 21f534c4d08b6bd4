/** Bitbucket with one repository: pull requests whose merges are real merge commits, and comments. */
import { bitbucketLimits, bitbucketWords } from '../../../src/adapters/bitbucket/words.ts'
import type { CheckStatus, MergeRequirement } from '../../../src/release/plan.ts'
import type { Forge, MergeAnswer, PullRequest } from '../../../src/release/ports/forge.ts'
import type { GitServer } from './git.ts'
import type { Objects } from './objects.ts'
import type { TruthLog } from './truth.ts'
import type { VirtualTime } from './virtual-time.ts'

const ASK_MS = 200
const MERGE_MS = 2_000
const NOBODY = { name: 'Bitbucket', email: 'noreply@bitbucket.example' }

type Stored = { -readonly [K in keyof PullRequest]: PullRequest[K] } & { readonly description: string }

export interface SimulatedForge extends Forge {
  readonly pullRequests: readonly PullRequest[]
  /** What was written: the place, then the text. */
  readonly comments: readonly { readonly on: string; readonly text: string }[]
  /** The builds of every commit from now. */
  checksAre(checks: readonly CheckStatus[]): void
  /** What every pull request still needs from now. */
  needs(missing: readonly MergeRequirement[]): void
}

export function createForge(world: {
  origin: GitServer
  objects: Objects
  time: VirtualTime
  truth: TruthLog
}): SimulatedForge {
  const { origin, objects, time, truth } = world
  const pullRequests: Stored[] = []
  const comments: { on: string; text: string }[] = []
  let checks: readonly CheckStatus[] = []
  let missing: readonly MergeRequirement[] = []

  const seen = ({ description: _description, ...pullRequest }: Stored): PullRequest => ({ ...pullRequest })
  const place = (on: { pullRequest: number } | { commit: string }) =>
    'pullRequest' in on ? `PR ${on.pullRequest}` : `commit ${on.commit}`
  const address = (index: number) => `https://bitbucket.org/jurispect/jurispect_api/comments/${index}`

  function the(id: number): Stored {
    const found = pullRequests.find((each) => each.id === id)
    if (found === undefined) throw new Error(`there is no pull request ${id}`)
    return found
  }

  /** Bitbucket's own merge, of the branches as they are now. */
  function mergeNow(pullRequest: Stored, message: string): MergeAnswer {
    if (pullRequest.state !== 'open') return { merge: 'refused', detail: `the pull request is ${pullRequest.state}` }
    const [ours, theirs] = [origin.branches.get(pullRequest.destination), origin.branches.get(pullRequest.source)]
    if (ours === undefined || theirs === undefined) return { merge: 'refused', detail: 'a branch is gone' }
    const merged = objects.merge(ours, theirs)
    if (!merged.clean) return { merge: 'refused', detail: 'the branches conflict' }
    const at = new Date(time.now()).toISOString()
    const files = objects.files(merged.tree)
    const commit = objects.write({ files, parents: [ours, theirs], message, author: NOBODY, at })
    origin.branches.set(pullRequest.destination, commit)
    pullRequest.state = 'merged'
    pullRequest.mergeCommit = commit
    truth.happened({ kind: 'merge', key: `PR ${pullRequest.id}`, where: pullRequest.destination, commit })
    return { merge: 'merged', commit }
  }

  return {
    words: bitbucketWords,
    limits: bitbucketLimits,
    pullRequests,
    comments,
    checksAre(now) {
      checks = now
    },
    needs(now) {
      missing = now
    },
    async findPullRequest(_app, marker) {
      await time.sleep(ASK_MS)
      const found = pullRequests.find(({ description }) => description.includes(marker))
      return { ok: true, value: found && seen(found) }
    },
    async createPullRequest(_app, { description, source, destination }) {
      await time.sleep(ASK_MS)
      const id = 400 + pullRequests.length + 1
      const url = `https://bitbucket.org/jurispect/jurispect_api/pull-requests/${id}`
      const made: Stored = { id, url, state: 'open', source, destination, description }
      pullRequests.push(made)
      truth.happened({ kind: 'pull request', key: description.split('\n', 1)[0] ?? '', where: destination })
      await time.sleep(ASK_MS)
      return { ok: true, value: seen(made) }
    },
    async pullRequest(_app, id) {
      await time.sleep(ASK_MS)
      return { ok: true, value: seen(the(id)) }
    },
    async openPullRequests(_app, destination) {
      await time.sleep(ASK_MS)
      const open = pullRequests.filter((each) => each.state === 'open' && each.destination === destination)
      return { ok: true, value: open.map(seen) }
    },
    async merge(_app, id, { message }) {
      await time.sleep(MERGE_MS)
      const answer = mergeNow(the(id), message)
      await time.sleep(ASK_MS)
      return answer
    },
    async decline(_app, id) {
      await time.sleep(ASK_MS)
      const pullRequest = the(id)
      if (pullRequest.state !== 'open') return { ok: false, failure: 'wrong', detail: 'it is not open' }
      pullRequest.state = 'declined'
      truth.happened({ kind: 'declined', key: `PR ${id}`, where: pullRequest.destination })
      return { ok: true, value: undefined }
    },
    async findComment(_app, on, marker) {
      await time.sleep(ASK_MS)
      const index = comments.findIndex((each) => each.on === place(on) && each.text.includes(marker))
      return { ok: true, value: index === -1 ? undefined : address(index) }
    },
    async comment(_app, on, text) {
      await time.sleep(ASK_MS)
      comments.push({ on: place(on), text })
      truth.happened({ kind: 'comment', key: `${place(on)} ${text.split('\n', 1)[0]}`, where: place(on) })
      const url = address(comments.length - 1)
      await time.sleep(ASK_MS)
      return { ok: true, value: url }
    },
    checks: async () => {
      await time.sleep(ASK_MS)
      return { ok: true, value: checks }
    },
    mergeRequirements: async () => ({ ok: true, value: { missing } }),
    branchRules: async () => ({ ok: true, value: { push: { is: 'allowed' }, merge: { is: 'allowed' } } }),
  }
}
