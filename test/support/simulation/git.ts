/** Git servers with branches, and a worker's mirror of them, behind the port. */
import type { Answer } from '../../../src/release/ports/answers.ts'
import type { Git, PushAnswer } from '../../../src/release/ports/git.ts'
import { type Objects, planned, treeId } from './objects.ts'
import type { TruthLog } from './truth.ts'
import type { VirtualTime } from './virtual-time.ts'

/** One repository on a server: branch → commit. */
export interface GitServer {
  readonly name: string
  readonly branches: Map<string, string>
  /** Why a push to this branch is refused; undefined: it is taken. */
  refuses?: (branch: string, commit: string) => string | undefined
  /** Told of each push that was taken. */
  pushed?: (branch: string, commit: string) => void
}

export interface GitWorld {
  readonly objects: Objects
  readonly time: VirtualTime
  readonly truth: TruthLog
  /** By URL. */
  readonly servers: ReadonlyMap<string, GitServer>
  /** What each checkout directory holds: a commit or a tree. */
  readonly checkouts: Map<string, string>
}

/** How long servers take, in ms. */
const ASK_MS = 200
const PUSH_MS = 10_000

/** The commits that one worker host has. */
export type Mirror = Set<string>

export function createGit(world: GitWorld, mirror: Mirror): Git {
  const { objects, time, truth, servers } = world

  function serverAt(url: string): GitServer {
    const server = servers.get(url)
    if (server === undefined) throw new Error(`there is no repository at ${url}`)
    return server
  }

  function mirrored(sha: string) {
    if (!mirror.has(sha)) throw new Error(`${sha} is not in the mirror`)
    return objects.get(sha)
  }

  function bring(shas: Iterable<string>) {
    for (const sha of shas) for (const each of objects.history(sha)) mirror.add(each)
  }

  async function heads(url: string, branches: readonly string[]): Promise<Answer<Record<string, string | null>>> {
    const server = serverAt(url)
    await time.sleep(ASK_MS)
    return {
      ok: true,
      value: Object.fromEntries(branches.map((branch) => [branch, server.branches.get(branch) ?? null])),
    }
  }

  function range(from: readonly string[], notFrom: readonly string[]): readonly string[] {
    const left = new Set(notFrom.flatMap((sha) => [...objects.history(mirrored(sha).sha)]))
    const all = new Set(from.flatMap((sha) => [...objects.history(mirrored(sha).sha)]))
    return [...all].filter((sha) => !left.has(sha)).sort((a, b) => objects.get(b).order - objects.get(a).order)
  }

  return {
    heads,
    async fetch(_app, url, branches) {
      const answer = await heads(url, branches)
      if (answer.ok) bring(Object.values(answer.value).filter((sha) => sha !== null))
      return answer
    },
    async fetchAll(_app, url) {
      await time.sleep(ASK_MS)
      const value = Object.fromEntries(serverAt(url).branches)
      bring(Object.values(value))
      return { ok: true, value }
    },
    async fetchNamed(_app, url) {
      await time.sleep(ASK_MS)
      const count = serverAt(url).branches.size
      return { ok: true, value: { commits: [], branches: { searched: count, count } } }
    },
    has: async (_app, sha) => mirror.has(sha),
    async commit(_app, sha) {
      const { tree, parents } = mirrored(sha)
      return { sha, tree, parents }
    },
    async commits(_app, { from, notFrom, limit }) {
      const found = range(from, notFrom).map((sha) => planned(objects.get(sha)))
      const authors = new Map(
        found.flatMap(({ isMerge, author }) => (isMerge ? [] : [[author.email, author] as const])),
      )
      return { count: found.length, commits: found.slice(0, limit), authors: [...authors.values()] }
    },
    async history(_app, { from, notFrom, limit }) {
      const found = range(from, notFrom).map((sha) => objects.get(sha))
      const commits = found
        .slice(0, limit)
        .map(({ sha, parents, message, author }) => ({ sha, parents, message, author }))
      return { commits, isAll: found.length <= limit }
    },
    isAncestor: async (_app, ancestor, descendant) => {
      mirrored(ancestor)
      return objects.isAncestor(ancestor, mirrored(descendant).sha)
    },
    previewMerge: async (_app, ours, theirs) => objects.merge(mirrored(ours).sha, mirrored(theirs).sha),
    undoneChanges: async () => [],
    async changedFiles(_app, from, to, limit) {
      const list = objects.changes(from, to)
      return { count: list.length, list: list.slice(0, limit) }
    },
    async folderAt(_app, commit, path) {
      const inside = Object.entries(objects.files(commit)).filter(([each]) => each.startsWith(`${path}/`))
      return inside.length === 0 ? undefined : treeId(Object.fromEntries(inside))
    },
    fileAt: async (_app, commit, path) => objects.files(commit)[path],
    async lastAuthor(_app, commits, path) {
      const changed = range(commits, []).find((sha) => {
        const { parents } = objects.get(sha)
        return parents.length < 2 && objects.changes(parents[0] ?? null, sha).some((file) => file.path === path)
      })
      return changed === undefined ? undefined : objects.get(changed).author.name
    },
    async checkout(_app, commit, directory) {
      world.checkouts.set(directory, commit)
      return { lfs: [], submodules: [] }
    },
    prepareCheckout: async () => undefined,

    async push(_app, url, { commit, branch, expected, setsBack = false }, { signal } = {}): Promise<PushAnswer> {
      mirrored(commit)
      if (expected !== null && !setsBack && !objects.isAncestor(expected, commit)) {
        return { push: 'rejected', why: 'not a fast-forward', output: [] }
      }
      const server = serverAt(url)
      const answer = serve()
      const cut = new Promise<PushAnswer>((resolve) => {
        signal?.addEventListener('abort', () => resolve({ push: 'unknown', output: [] }), { once: true })
      })
      return Promise.race([answer, cut])

      /** The server's side, which goes on whatever becomes of who asked. */
      async function serve(): Promise<PushAnswer> {
        await time.sleep(PUSH_MS)
        const now = server.branches.get(branch) ?? null
        if (now === commit) return { push: 'already', output: [] }
        if (now !== expected) return { push: 'rejected', why: 'stale', output: [] }
        const refusal = server.refuses?.(branch, commit)
        if (refusal !== undefined) return { push: 'rejected', why: 'hook', output: [`remote: ! ${refusal}`] }
        server.branches.set(branch, commit)
        const kind = branch.startsWith('signoff/') ? 'branch' : server.name === 'origin' ? 'pick' : 'push'
        truth.happened({ kind, key: `${server.name} ${branch} ${commit}`, where: server.name, commit })
        server.pushed?.(branch, commit)
        await time.sleep(PUSH_MS)
        return { push: 'moved', output: [] }
      }
    },
    async deleteBranch(_app, url, branch, expected) {
      await time.sleep(ASK_MS)
      const { branches } = serverAt(url)
      const now = branches.get(branch)
      if (now === undefined) return { ok: true, value: undefined }
      if (now !== expected) return { ok: false, failure: 'wrong', detail: `${branch} is at another commit than ours` }
      branches.delete(branch)
      return { ok: true, value: undefined }
    },

    commitsNamed: async (_app, prefix) => objects.named(prefix).filter((sha) => mirror.has(sha)),
    isReachable: async (_app, commit, tips) => tips.some((tip) => objects.isAncestor(commit, tip)),
    async hasChange(_app, commit, head) {
      if (objects.isAncestor(commit, head)) return 'the commit'
      const wanted = objects.patch(commit)
      const others = range([head], [commit]).filter((sha) => objects.get(sha).parents.length < 2)
      return others.some((sha) => objects.patch(sha) === wanted) ? 'the same change' : undefined
    },
    async pick(_app, { onto, commits, at, trailer }) {
      const made: { from: string; made: string; tree: string }[] = []
      let head = mirrored(onto).sha
      for (const from of commits) {
        const original = mirrored(from)
        const files = objects.apply(objects.files(head), from)
        if (files === undefined) return { pick: 'conflict', commit: from, files: [], lines: [] }
        if (treeId(files) === objects.get(head).tree) return { pick: 'empty', commit: from }
        const message = `${original.message}\n\n(cherry picked from commit ${from})\n${trailer}`
        head = objects.write({ files, parents: [head], message, author: original.author, at: at.toISOString() })
        made.push({ from, made: head, tree: objects.get(head).tree })
        mirror.add(head)
      }
      return { pick: 'made', commits: made }
    },
    keptPicks: async () => [],
    forgetPicks: async () => undefined,
  }
}
