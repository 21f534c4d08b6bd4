import type { Answer } from '../../release/ports/answers.ts'
import type { NamedCommits } from '../../release/ports/git.ts'
import type { App } from '../../release/settings.ts'
import { askForBranches } from './branches-over-http.ts'
import type { Credentials } from './environment.ts'
import { toServiceError } from './errors.ts'
import { listByGit } from './ls-remote.ts'
import { type Mirror, type Mirrors, referenceFor } from './mirror.ts'
import type { GitProcesses } from './process.ts'
import { type Remote, remoteAccess } from './remote-access.ts'
import { branchName, isBranchName, objectId } from './values.ts'

export type Heads = Readonly<Record<string, string | null>>

export interface Remotes {
  /** Throws for a URL that is not allowed. */
  at(url: string): Remote
  heads(url: string, branches: readonly string[], signal?: AbortSignal): Promise<Answer<Heads>>
  fetch(app: App, url: string, branches: readonly string[], signal?: AbortSignal): Promise<Answer<Heads>>
  /** Every branch with a valid name, at most the first 2,000 by name. */
  fetchAll(app: App, url: string, signal?: AbortSignal): Promise<Answer<Readonly<Record<string, string>>>>
  /** As the port says. */
  fetchNamed(app: App, url: string, prefix: string, signal?: AbortSignal): Promise<Answer<NamedCommits>>
}

// A branch may move between ls-remote and the fetch. One that moves every time is a broken client.
const TRIES = 4
// All branches are arguments of one command.
const MOST_BRANCHES = 2_000

// A first fetch may take long, but never without data. A push may be silent: Heroku builds during it.
const ENDS_WHEN_SILENT = ['-c', 'http.lowSpeedLimit=1', '-c', 'http.lowSpeedTime=120']

const FETCH = [
  ...ENDS_WHEN_SILENT,
  'fetch',
  '--quiet',
  '--no-tags',
  '--no-write-fetch-head',
  '--no-auto-maintenance',
  '--no-recurse-submodules',
]

// The answers of git's upload-pack to a commit that it doesn't have, or doesn't give because no branch is at it.
const NOT_GIVEN = /not our ref|unadvertised object|no such remote ref|couldn't find remote ref/

export function createRemotes(options: {
  processes: GitProcesses
  mirrors: Mirrors
  credentials: (url: URL) => Credentials | undefined
  timeoutMs: number
  fetchMs: number
  /** Aborts when the port is closed. */
  closing: AbortSignal
  log: (message: string, facts: Record<string, unknown>) => void
}): Remotes {
  const at = remoteAccess(options)

  /** The commits of references by their full names. Over HTTP this process asks, and git only what it can't tell. */
  async function list(
    remote: Remote,
    what: readonly string[],
    branches: readonly string[],
    signal?: AbortSignal,
  ): Promise<Answer<ReadonlyMap<string, string>>> {
    const names = branches.map((name) => `refs/heads/${name}`)
    if (remote.address.web === undefined)
      return listByGit(remote, what, names, { timeoutMs: options.timeoutMs, signal })
    const answer = await askForBranches({
      address: remote.address,
      credentials: remote.credentials,
      prefixes: names.length === 0 ? ['refs/heads/'] : names,
      timeoutMs: options.timeoutMs,
      signal: signal === undefined ? options.closing : AbortSignal.any([options.closing, signal]),
    })
    if (answer.is === 'ask git') return listByGit(remote, what, names, { timeoutMs: options.timeoutMs, signal })
    if (answer.is === 'failed') return { ok: false, ...toServiceError(answer.ended, remote.scrub) }
    return { ok: true, value: answer.commits }
  }

  async function look(remote: Remote, branches: readonly string[], signal?: AbortSignal): Promise<Answer<Heads>> {
    if (branches.length === 0) return { ok: true, value: {} }
    const listed = await list(remote, ['--refs'], branches, signal)
    if (!listed.ok) return listed
    const commits = listed.value
    return {
      ok: true,
      value: Object.fromEntries(branches.map((name) => [name, commits.get(`refs/heads/${name}`) ?? null])),
    }
  }

  /** The branches that `fetchAll` fetches by name, and the heads of the others. */
  async function branchesOf(
    remote: Remote,
    signal?: AbortSignal,
  ): Promise<Answer<{ readonly names: readonly string[]; readonly others: readonly string[] }>> {
    const listed = await list(remote, ['--heads', '--refs'], [], signal)
    if (!listed.ok) return listed
    const names: string[] = []
    const others: string[] = []
    for (const [reference, commit] of listed.value) {
      if (!reference.startsWith('refs/heads/')) continue
      const name = reference.slice('refs/heads/'.length)
      if (isBranchName(name) && names.length < MOST_BRANCHES) names.push(name)
      else others.push(commit)
    }
    return { ok: true, value: { names, others } }
  }

  /** Fetches commits by their ids. False: the remote has none of that id, or doesn't give it. */
  async function fetchIds(
    app: App,
    remote: Remote,
    ids: readonly string[],
    signal?: AbortSignal,
  ): Promise<Answer<boolean>> {
    const mirror = await options.mirrors.of(app)
    const fetched = await remote.git([...FETCH, '--', remote.address.address, ...ids.map(objectId)], {
      directory: mirror.directory,
      timeoutMs: options.fetchMs,
      signal,
    })
    if (fetched.exitCode === 0 && !fetched.stopped) return { ok: true, value: true }
    if (fetched.stderr.some((line) => NOT_GIVEN.test(line))) return { ok: true, value: false }
    return { ok: false, ...toServiceError(fetched, remote.scrub) }
  }

  const remotes: Remotes = {
    at,
    async heads(url, branches, signal) {
      return look(at(url), branches.map(branchName), signal)
    },

    async fetchAll(app, url, signal) {
      const listed = await branchesOf(at(url), signal)
      if (!listed.ok) return listed
      const fetched = await remotes.fetch(app, url, listed.value.names, signal)
      if (!fetched.ok) return fetched
      const there = Object.entries(fetched.value).filter((entry): entry is [string, string] => entry[1] !== null)
      return { ok: true, value: Object.fromEntries(there) }
    },

    async fetchNamed(app, url, prefix, signal) {
      if (!/^[0-9a-f]{4,40}$/.test(prefix)) throw new TypeError('not the beginning of a commit id')
      const remote = at(url)
      const listed = await branchesOf(remote, signal)
      if (!listed.ok) return listed
      const { names, others } = listed.value
      const nothing = { commits: [], branches: { searched: names.length, count: names.length + others.length } }
      const heads = [...new Set(others.filter((commit) => commit.startsWith(prefix)))]
      const ids = heads.length > 0 ? heads : others.length > 0 && prefix.length === 40 ? [prefix] : []
      if (ids.length === 0) return { ok: true, value: nothing }
      const fetched = await fetchIds(app, remote, ids, signal)
      if (!fetched.ok) return fetched
      const foundBy = heads.length > 0 ? 'head of a branch' : 'its id'
      return { ok: true, value: fetched.value ? { ...nothing, commits: ids, foundBy } : nothing }
    },

    async fetch(app, url, branches, signal) {
      const remote = at(url)
      const names = branches.map(branchName)
      const mirror = await options.mirrors.of(app)
      const referenceOf = (name: string) => referenceFor(remote.address.address, name)
      for (let tried = 0; tried < TRIES; tried += 1) {
        const looked = await look(remote, names, signal)
        if (!looked.ok) return looked
        const wanted = names.flatMap((name) => {
          const commit = looked.value[name]
          return commit == null ? [] : [[name, commit] as const]
        })
        const areAllThere = wanted.length === names.length
        const isKept = async () =>
          areAllThere && (await isAt(mirror, new Map(wanted.map(([name, commit]) => [referenceOf(name), commit]))))
        const isWhole = () => holdsWhole(mirror, Object.values(looked.value))
        const keep = () =>
          mirror.setReferences(Object.fromEntries(names.map((n) => [referenceOf(n), looked.value[n] ?? null])))
        if (await isWhole()) {
          if (!(await isKept())) await keep()
          return looked
        }
        // git puts a reference only at a commit that has come whole.
        const fetched = await remote.git(
          [...FETCH, '--', remote.address.address, ...wanted.map(([n]) => `+refs/heads/${n}:${referenceOf(n)}`)],
          { directory: mirror.directory, timeoutMs: options.fetchMs, signal },
        )
        const isOver = fetched.exitCode === 0 && !fetched.stopped
        // Another fetch of the same branches may hold a reference, or a killed one its lock: the commits are there.
        const isMoved = fetched.stderr.some((line) => /couldn't find remote ref|cannot lock ref/.test(line))
        if (!isOver && !isMoved) return { ok: false, ...toServiceError(fetched, remote.scrub) }
        const isDone = isOver && (await isKept())
        // A branch that has only advanced since the look has what was listed then.
        if (isDone || (await isWhole())) {
          if (!isDone) await keep()
          await mirror.tidy().catch((error: unknown) => {
            options.log('a mirror could not be repacked; the next fetch tries again', {
              app: app.name,
              error: String(error),
            })
          })
          return looked
        }
      }
      return { ok: false, failure: 'wrong', detail: 'the branches moved during each fetch' }
    },
  }
  return remotes
}

/** Whether these references of the mirror are at these commits. */
async function isAt(mirror: Mirror, commits: ReadonlyMap<string, string>): Promise<boolean> {
  const found = await Promise.all([...commits.keys()].map((name) => mirror.reference(name)))
  return [...commits.values()].every((commit, index) => found[index] === commit)
}

/** Whether the mirror has these commits with all their history and files, not only the commit objects. */
async function holdsWhole(mirror: Mirror, commits: readonly (string | null)[]): Promise<boolean> {
  const asked = commits.filter((commit) => commit !== null)
  if (asked.length === 0) return true
  // Our references are complete already, so that this checks only what is new.
  const ended = await mirror.git(['rev-list', '--objects', '--quiet', ...asked, '--not', '--glob=refs/signoff/*'])
  return ended.exitCode === 0
}
