import type { Answer } from '../../release/ports/answers.ts'
import type { NamedCommits } from '../../release/ports/git.ts'
import type { App } from '../../release/settings.ts'
import { type Credentials, gitEnvironment, lfsEnvironment } from './environment.ts'
import { toServiceError } from './errors.ts'
import { type Mirror, type Mirrors, referenceFor } from './mirror.ts'
import type { GitEnded, GitProcesses } from './process.ts'
import { createScrubber } from './scrubber.ts'
import { branchName, type GitAddress, gitAddress, isBranchName, objectId } from './values.ts'

export type Heads = Readonly<Record<string, string | null>>

/** A remote for one call: how to reach it, and how to keep its secret out of messages. */
export interface Remote {
  readonly address: GitAddress
  readonly scrub: (text: string) => string
  /** Runs git with only this remote's transport and credentials. */
  git(args: readonly string[], options: RemoteOptions): Promise<GitEnded>
  /** Runs git-lfs with the same. */
  lfs(args: readonly string[], options: RemoteOptions): Promise<GitEnded>
}

interface RemoteOptions {
  readonly directory: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  readonly onLine?: (line: string) => void
  /** Writes each exchanged packet to stderr, without headers and credentials. */
  readonly tracePackets?: boolean
}

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

const PACKET = / packet: +[\w-]+[<>] /

export function createRemotes(options: {
  processes: GitProcesses
  mirrors: Mirrors
  credentials: (url: URL) => Credentials | undefined
  timeoutMs: number
  fetchMs: number
  log: (message: string, facts: Record<string, unknown>) => void
}): Remotes {
  function at(url: string): Remote {
    const address = gitAddress(url)
    const credentials = address.web && options.credentials(address.web)
    const runIn =
      (environment: Readonly<Record<string, string>>): Remote['git'] =>
      (args, call) =>
        options.processes.run({
          args,
          // Outside of any repository unless the call names one.
          ...call,
          environment: {
            ...environment,
            GIT_DIR: call.directory === '/' ? '/nonexistent' : call.directory,
            ...(call.tracePackets && { GIT_TRACE_PACKET: '1' }),
          },
        })
    return {
      address,
      scrub: createScrubber(credentials),
      git: runIn(gitEnvironment({ address, credentials })),
      lfs: runIn(lfsEnvironment({ address, credentials })),
    }
  }

  /**
   * The lines of ls-remote. With the dumb protocol, git reads a one-line web page as an empty list of branches, and plans
   * depend on "no such branch". So over HTTP, an empty list counts only if the server speaks git's protocol.
   */
  async function list(
    remote: Remote,
    what: readonly string[],
    branches: readonly string[],
    signal?: AbortSignal,
  ): Promise<Answer<readonly string[]>> {
    const names = branches.map((name) => `refs/heads/${name}`)
    const isWeb = remote.address.web !== undefined
    const ended = await remote.git(['ls-remote', ...what, '--quiet', '--', remote.address.address, ...names], {
      directory: '/',
      timeoutMs: options.timeoutMs,
      signal,
      tracePackets: isWeb,
    })
    const own = ended.stderr.filter((line) => !PACKET.test(line))
    if (ended.exitCode !== 0 || ended.stopped)
      return { ok: false, ...toServiceError({ ...ended, stderr: own }, remote.scrub) }
    if (isWeb && ended.stdout === '' && own.length === ended.stderr.length) {
      return { ok: false, failure: 'wrong', detail: 'the server does not speak git’s protocol' }
    }
    return { ok: true, value: ended.stdout.split('\n') }
  }

  async function look(remote: Remote, branches: readonly string[], signal?: AbortSignal): Promise<Answer<Heads>> {
    if (branches.length === 0) return { ok: true, value: {} }
    const listed = await list(remote, ['--refs'], branches, signal)
    if (!listed.ok) return listed
    const found = new Map<string, string>()
    for (const line of listed.value) {
      const [, commit, name] = /^([0-9a-f]{40})\trefs\/heads\/(.+)$/.exec(line) ?? []
      if (commit !== undefined && name !== undefined) found.set(name, commit)
    }
    return {
      ok: true,
      value: Object.fromEntries(branches.map((name) => [name, found.get(name) ?? null])),
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
    for (const line of listed.value) {
      const [, commit, name] = /^([0-9a-f]{40})\trefs\/heads\/(.+)$/.exec(line) ?? []
      if (commit === undefined || name === undefined) continue
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
      for (let tried = 0; tried < TRIES; tried += 1) {
        const looked = await look(remote, names, signal)
        if (!looked.ok) return looked
        const wanted = Object.entries(looked.value).filter(([, commit]) => commit !== null)
        const isWhole = () => holdsWhole(mirror, Object.values(looked.value))
        const keep = () =>
          mirror.setReferences(
            Object.fromEntries(names.map((n) => [referenceFor(remote.address.address, n), looked.value[n] ?? null])),
          )
        if (await isWhole()) {
          await keep()
          return looked
        }
        const fetched = await remote.git(
          [...FETCH, '--', remote.address.address, ...wanted.map(([name]) => `refs/heads/${name}`)],
          { directory: mirror.directory, timeoutMs: options.fetchMs, signal },
        )
        const gone = fetched.stderr.some((line) => line.includes("couldn't find remote ref"))
        if ((fetched.exitCode !== 0 || fetched.stopped) && !gone) {
          return { ok: false, ...toServiceError(fetched, remote.scrub) }
        }
        // A branch that has only advanced since ls-remote has brought what was listed then.
        if (await isWhole()) {
          await keep()
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

/** Whether the mirror has these commits with all their history and files, not only the commit objects. */
async function holdsWhole(mirror: Mirror, commits: readonly (string | null)[]): Promise<boolean> {
  const asked = commits.filter((commit) => commit !== null)
  if (asked.length === 0) return true
  // Our references are complete already, so that this checks only what is new.
  const ended = await mirror.git(['rev-list', '--objects', '--quiet', ...asked, '--not', '--glob=refs/signoff/*'])
  return ended.exitCode === 0
}
