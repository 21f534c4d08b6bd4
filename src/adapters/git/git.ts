import { resolve } from 'node:path'
import type { Git } from '../../release/ports/git.ts'
import { checkOut, prepareCheckout } from './checkout.ts'
import type { Credentials } from './environment.ts'
import { lastAuthorOf } from './file-author.ts'
import { fetchLfs } from './lfs.ts'
import { createMirrors, failure } from './mirror.ts'
import { commitsNamed, forgetPicks, hasChange, isReachable, keptPicks, pickCommits } from './pick.ts'
import { createGitProcesses } from './process.ts'
import { createPushes } from './push.ts'
import {
  folderAt,
  previewMerge,
  readChangedFiles,
  readCommit,
  readCommits,
  readFileAt,
  readHistory,
} from './reading.ts'
import { createRemotes } from './remote.ts'
import { undoneChanges } from './undone.ts'
import { objectId } from './values.ts'

export interface GitOptions {
  /** The folder of the bare mirrors; created if absent. */
  readonly mirrors: string
  /** Returns a remote's user and password; called only with http and https URLs. Undefined: none. */
  readonly credentials: (url: URL) => Credentials | undefined
  readonly log?: (message: string, facts: Record<string, unknown>) => void
  readonly timeouts?: {
    /** Default 20 minutes: a build on Heroku may take 15. */
    readonly pushMs?: number
    /** Default 30 minutes: the first fetch of a large repository. */
    readonly fetchMs?: number
    /** Everything else; default 2 minutes. */
    readonly otherMs?: number
    /** Between SIGTERM and SIGKILL to a process group; default 2 seconds. */
    readonly graceMs?: number
  }
}

/**
 * The `Git` port over git itself (2.39 or later). `close` ends every running git with its child processes, and resolves
 * when all have ended; later calls fail.
 */
export function createGit(options: GitOptions): Git & { close(): Promise<void> } {
  const { pushMs = 20 * 60_000, otherMs: timeoutMs = 2 * 60_000, graceMs = 2000 } = options.timeouts ?? {}
  const fetchMs = options.timeouts?.fetchMs ?? 30 * 60_000
  const log = options.log ?? (() => {})
  const processes = createGitProcesses({ graceMs })
  const mirrors = createMirrors({ directory: resolve(options.mirrors), processes, timeoutMs })
  const closing = new AbortController()
  const { credentials } = options
  const { signal } = closing
  const remotes = createRemotes({ processes, mirrors, credentials, timeoutMs, fetchMs, closing: signal, log })
  const pushes = createPushes({ mirrors, remotes, pushMs, timeoutMs, log })

  return {
    heads: remotes.heads,
    fetch: remotes.fetch,
    async has(app, commit) {
      const mirror = await mirrors.of(app)
      const type = await mirror.read(['cat-file', '--batch-check=%(objecttype)'], { input: `${objectId(commit)}\n` })
      return type.trim() === 'commit'
    },
    async commit(app, commit) {
      return readCommit(await mirrors.of(app), objectId(commit), timeoutMs)
    },
    async commits(app, range) {
      return readCommits(await mirrors.of(app), range, timeoutMs)
    },
    async history(app, range) {
      return readHistory(await mirrors.of(app), range, timeoutMs)
    },
    async isAncestor(app, ancestor, descendant) {
      if (objectId(ancestor) === objectId(descendant)) return true
      const args = ['merge-base', '--is-ancestor', ancestor, descendant]
      const ended = await (await mirrors.of(app)).git(args)
      if (ended.exitCode !== 0 && ended.exitCode !== 1) throw failure(args, ended)
      return ended.exitCode === 0
    },
    async previewMerge(app, ours, theirs) {
      return previewMerge(await mirrors.of(app), ours, theirs)
    },
    async undoneChanges(app, range) {
      return undoneChanges(await mirrors.of(app), range)
    },
    async changedFiles(app, from, to, limit) {
      return readChangedFiles(await mirrors.of(app), { from, to, limit }, timeoutMs)
    },
    async folderAt(app, commit, path) {
      return folderAt(await mirrors.of(app), commit, path)
    },
    async fileAt(app, commit, path) {
      return readFileAt(await mirrors.of(app), commit, path)
    },
    async lastAuthor(app, commits, path) {
      return lastAuthorOf(await mirrors.of(app), commits, path)
    },
    async checkout(app, commit, directory) {
      const mirror = await mirrors.of(app)
      const fetch = { mirror, remote: remotes.at(app.gitUrl), timeoutMs: fetchMs }
      const { links, lfs, submodules } = await checkOut(mirror, commit, resolve(directory), (files) =>
        fetchLfs(fetch, commit, files),
      )
      if (links.length > 0)
        log('a checkout omitted symbolic links that lead outside or nowhere', { app: app.name, leftOut: links })
      return { lfs, submodules }
    },
    async prepareCheckout(app, commit, directory) {
      await prepareCheckout(await mirrors.of(app), commit, resolve(directory))
    },
    fetchAll: remotes.fetchAll,
    fetchNamed: remotes.fetchNamed,
    async commitsNamed(app, prefix) {
      return commitsNamed(await mirrors.of(app), prefix)
    },
    async isReachable(app, commit, tips) {
      return isReachable(await mirrors.of(app), commit, tips)
    },
    async hasChange(app, commit, head) {
      return hasChange(await mirrors.of(app), commit, head)
    },
    async pick(app, wanted) {
      return pickCommits(await mirrors.of(app), wanted)
    },
    async keptPicks(app) {
      return keptPicks(await mirrors.of(app))
    },
    async forgetPicks(app, names) {
      await forgetPicks(await mirrors.of(app), names)
    },
    push: pushes.push,
    deleteBranch: pushes.deleteBranch,
    async close() {
      closing.abort()
      await processes.close()
    },
  }
}
