import { branchHead, commitTree, deleteBranch, git, isAncestor, mergeTree, moveBranch } from '../bare-git.ts'
import { brokenMergeRule, type Refused } from './merge-rules.ts'
import { type BitbucketStore, type Identity, now, type PullRequest } from './state.ts'

export type Done<T> = { kind: 'done'; value: T } | Refused

const refused = (message: string, status: 400 | 403 | 409 = 400): Refused => ({ kind: 'refused', status, message })

const MAX_MESSAGE = 128 * 1024

export type PullRequests = ReturnType<typeof createPullRequests>

/** Pull requests over a real bare repository: open ones follow their branches, and git creates the merge commits. */
export function createPullRequests(options: { bare: string; store: BitbucketStore }) {
  const { bare, store } = options
  const { state } = store
  let last: Promise<unknown> = Promise.resolve()

  // One change at a time: a read during a merge would mistake it for someone's push.
  function inTurn<T>(change: () => Promise<T>): Promise<T> {
    const changed = last.then(change)
    last = changed.catch(() => {})
    return changed
  }

  async function refreshOne(one: PullRequest): Promise<void> {
    if (one.state !== 'OPEN') return
    const source = await branchHead(bare, one.source.branch)
    const destination = await branchHead(bare, one.destination.branch)
    if (source === undefined || destination === undefined) return
    if (source === one.source.sha && destination === one.destination.sha) return
    // If someone pushed the source to the destination by hand, Bitbucket closes the pull request as merged.
    if (await isAncestor(bare, source, destination)) {
      close(one, 'MERGED', null)
      store.record({ kind: 'pull request merged by a push', pullRequest: one.id, commit: destination })
      return
    }
    Object.assign(one, { updatedOn: now() })
    one.source.sha = source
    one.destination.sha = destination
    store.save()
  }

  function close(one: PullRequest, to: 'MERGED' | 'DECLINED', by: Identity | null): void {
    Object.assign(one, { state: to, closedBy: by, updatedOn: now() })
  }

  async function mergeNow(
    one: PullRequest,
    by: Identity,
    wish: { message?: string; closeSourceBranch?: boolean; strategy?: string },
  ): Promise<Done<PullRequest>> {
    await refreshOne(one)
    if (one.state !== 'OPEN') return refused('This pull request is already closed.')
    const allowed: readonly string[] = state.strategies[one.destination.branch] ?? ['merge_commit']
    const strategy = wish.strategy ?? allowed[0] ?? 'merge_commit'
    if (!allowed.includes(strategy)) return refused(`Merge strategy '${strategy}' is not allowed for this branch.`)
    if (Buffer.byteLength(wish.message ?? '') > MAX_MESSAGE) return refused('message: must be at most 128 KiB')
    const [source, destination] = [
      await branchHead(bare, one.source.branch),
      await branchHead(bare, one.destination.branch),
    ]
    if (source === undefined || destination === undefined)
      return refused('A branch of this pull request no longer exists.')
    const behind = await git(bare, ['rev-list', '--count', destination, `^${source}`])
    const broken = brokenMergeRule(store, one, by, Number(behind.stdout))
    if (broken !== undefined) return broken

    const merged = await mergeTree(bare, destination, source)
    if (merged.kind === 'conflicts') {
      return refused("You can't merge until you resolve all merge conflicts.")
    }
    const isForward = strategy === 'fast_forward'
    if (isForward && !(await isAncestor(bare, destination, source))) {
      return refused('A fast forward merge is not possible: the destination has commits that the source lacks.')
    }
    const standard = `Merged in ${one.source.branch} (pull request #${one.id})\n\n${one.title}\n`
    const parents = strategy === 'merge_commit' ? [destination, source] : [destination]
    const commit = isForward
      ? source
      : await commitTree(bare, {
          tree: merged.tree,
          parents,
          message: wish.message ?? standard,
          author: { name: by.displayName, email: by.email },
          date: `${Math.floor(Date.now() / 1000)} +0000`,
        })
    if (!(await moveBranch(bare, one.destination.branch, commit, destination))) {
      return refused('One of the refs involved changed while attempting to merge.', 409)
    }
    close(one, 'MERGED', by)
    one.source.sha = source
    one.destination.sha = destination
    one.mergeCommit = commit
    if (wish.closeSourceBranch ?? one.closeSourceBranch) await deleteBranch(bare, one.source.branch)
    store.record({ kind: 'pull request merged', pullRequest: one.id, commit, parents, by: by.displayName })
    return { kind: 'done', value: one }
  }

  return {
    find: (id: number): PullRequest | undefined => state.pullRequests.find((one) => one.id === id),

    /** Updates the open pull requests to the current heads of their branches. */
    refresh: (): Promise<void> =>
      inTurn(async () => {
        for (const one of state.pullRequests) await refreshOne(one)
      }),

    /** Opens a pull request; if one for the same branches is already open, as `sameBranches` says. */
    async create(
      by: Identity,
      wish: {
        title: string
        description: string
        source: string
        destination: string
        closeSourceBranch: boolean
        draft: boolean
      },
    ): Promise<Done<PullRequest>> {
      const [source, destination] = [await branchHead(bare, wish.source), await branchHead(bare, wish.destination)]
      if (source === undefined) return refused(`source: branch not found: ${wish.source}`)
      if (destination === undefined) return refused(`destination: branch not found: ${wish.destination}`)
      if (await isAncestor(bare, source, destination)) return refused('There are no changes to be pulled')
      const open = state.pullRequests.find(
        ({ state: now, ...other }) =>
          now === 'OPEN' && other.source.branch === wish.source && other.destination.branch === wish.destination,
      )
      if (open !== undefined && state.sameBranches !== 'another') {
        if (state.sameBranches === 'the open one, changed') {
          Object.assign(open, { title: wish.title, description: wish.description, updatedOn: now() })
          store.record({ kind: 'pull request updated', pullRequest: open.id, by: by.displayName })
        }
        return { kind: 'done', value: open }
      }
      const one: PullRequest = {
        id: Math.max(0, ...state.pullRequests.map((other) => other.id)) + 1,
        title: wish.title,
        description: wish.description,
        state: 'OPEN',
        source: { branch: wish.source, sha: source },
        destination: { branch: wish.destination, sha: destination },
        author: by,
        closedBy: null,
        mergeCommit: null,
        closeSourceBranch: wish.closeSourceBranch,
        approvedBy: [],
        draft: wish.draft,
        reason: '',
        createdOn: now(),
        updatedOn: now(),
      }
      state.pullRequests.push(one)
      const ends = { source: wish.source, destination: wish.destination }
      store.record({ kind: 'pull request created', pullRequest: one.id, ...ends, by: by.displayName })
      return { kind: 'done', value: one }
    },

    decline: (one: PullRequest, by: Identity, reason: string): Promise<Done<PullRequest>> =>
      inTurn(async () => {
        await refreshOne(one)
        if (one.state !== 'OPEN') return refused('This pull request is already closed.')
        close(one, 'DECLINED', by)
        one.reason = reason
        store.record({ kind: 'pull request declined', pullRequest: one.id, by: by.displayName })
        return { kind: 'done', value: one }
      }),

    /** Merges by the wished strategy: a merge commit has the parents [destination, source]. A second merge is refused. */
    merge: (one: PullRequest, by: Identity, wish: Parameters<typeof mergeNow>[2]): Promise<Done<PullRequest>> =>
      inTurn(() => mergeNow(one, by, wish)),
  }
}
