/** Commits and trees as git has them: named by what they hold, the same everywhere. */
import { createHash } from 'node:crypto'
import type { ChangedFile, PlannedCommit } from '../../../src/release/plan.ts'
import type { CommitFacts, MergePreview } from '../../../src/release/ports/git.ts'

/** Path → text. */
export type Files = Readonly<Record<string, string>>

export interface Commit extends CommitFacts {
  readonly message: string
  readonly author: { readonly name: string; readonly email: string }
  /** ISO 8601. */
  readonly at: string
  /** Counts commits in the order in which they were made. */
  readonly order: number
}

export interface NewCommit {
  readonly files: Files
  readonly parents: readonly string[]
  readonly message: string
  readonly author: { readonly name: string; readonly email: string }
  readonly at: string
}

export interface Objects {
  write(commit: NewCommit): string
  get(sha: string): Commit
  known(sha: string): boolean
  named(prefix: string): readonly string[]
  /** The files of a commit or a tree. */
  files(commitOrTree: string): Files
  /** A commit and everything before it. */
  history(sha: string): ReadonlySet<string>
  isAncestor(ancestor: string, descendant: string): boolean
  merge(ours: string, theirs: string): MergePreview
  /** The files with one commit's change on top; undefined: they conflict. */
  apply(onto: Files, pick: string): Files | undefined
  changes(from: string | null, to: string): readonly ChangedFile[]
  /** Equal for commits that change the same. */
  patch(sha: string): string
}

const hash = (text: string) => createHash('sha1').update(text).digest('hex')
const title = (message: string) => message.split('\n', 1)[0] ?? ''

export function planned({ sha, message, author, at, parents }: Commit): PlannedCommit {
  return { sha, title: title(message), author, at, isMerge: parents.length > 1 }
}

export function treeId(files: Files): string {
  const paths = Object.keys(files).sort()
  return hash(`tree ${paths.map((path) => `${path}\0${files[path]}`).join('\0')}`)
}

export function createObjects(): Objects {
  const commits = new Map<string, Commit>()
  const trees = new Map<string, Files>()
  const histories = new Map<string, ReadonlySet<string>>()

  function get(sha: string): Commit {
    const commit = commits.get(sha)
    if (commit === undefined) throw new Error(`${sha} is not a commit`)
    return commit
  }

  function keep(files: Files): string {
    const id = treeId(files)
    trees.set(id, files)
    return id
  }

  function files(id: string): Files {
    const found = trees.get(commits.get(id)?.tree ?? id)
    if (found === undefined) throw new Error(`${id} is neither a commit nor a tree`)
    return found
  }

  function history(sha: string): ReadonlySet<string> {
    const known = histories.get(sha)
    if (known !== undefined) return known
    const all = new Set([sha, ...get(sha).parents.flatMap((parent) => [...history(parent)])])
    histories.set(sha, all)
    return all
  }

  function base(a: string, b: string): string | undefined {
    const before = history(a)
    const common = [...history(b)].filter((sha) => before.has(sha))
    return common.sort((x, y) => get(y).order - get(x).order)[0]
  }

  function threeWay(from: Files, ours: Files, theirs: Files): { merged: Files; conflicts: readonly string[] } {
    const merged: Record<string, string> = {}
    const conflicts: string[] = []
    for (const path of new Set([...Object.keys(from), ...Object.keys(ours), ...Object.keys(theirs)])) {
      const [was, here, there] = [from[path], ours[path], theirs[path]]
      if (here !== there && was !== here && was !== there) conflicts.push(path)
      const result = was === here ? there : here
      if (result !== undefined) merged[path] = result
    }
    return { merged, conflicts }
  }

  const before = (commit: Commit): Files => (commit.parents[0] === undefined ? {} : files(commit.parents[0]))

  return {
    get,
    files,
    history,
    known: (sha) => commits.has(sha),
    named: (prefix) => [...commits.keys()].filter((sha) => sha.startsWith(prefix)),
    write(commit) {
      const tree = keep(commit.files)
      const { parents, message, author, at } = commit
      const sha = hash(`commit ${tree} ${parents.join(' ')} ${message} ${author.name} ${author.email} ${at}`)
      if (!commits.has(sha)) commits.set(sha, { sha, tree, parents, message, author, at, order: commits.size })
      return sha
    },
    isAncestor: (ancestor, descendant) => history(descendant).has(ancestor),
    merge(ours, theirs) {
      const from = base(ours, theirs)
      const { merged, conflicts } = threeWay(from === undefined ? {} : files(from), files(ours), files(theirs))
      if (conflicts.length > 0) return { clean: false, files: conflicts, messages: [`CONFLICT in ${conflicts[0]}`] }
      return { clean: true, tree: keep(merged) }
    },
    apply(onto, pick) {
      const commit = get(pick)
      const { merged, conflicts } = threeWay(before(commit), onto, files(pick))
      return conflicts.length > 0 ? undefined : merged
    },
    changes(from, to) {
      const [old, now] = [from === null ? {} : files(from), files(to)]
      const paths = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort()
      return paths.filter((path) => old[path] !== now[path]).map((path) => ({ path, added: 1, removed: 1 }))
    },
    patch(sha) {
      const commit = get(sha)
      const [old, now] = [before(commit), files(sha)]
      const paths = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort()
      return paths
        .filter((path) => old[path] !== now[path])
        .map((path) => `${path}:${old[path] ?? ''}>${now[path] ?? ''}`)
        .join('|')
    },
  }
}

/** Where the migrations are. */
export const FOLDER = 'migrations'

/** A revision's file, which names the revision that it follows. */
export function revisionFiles(revision: string, down?: string): Files {
  return { [`${FOLDER}/${revision}.py`]: `down_revision = ${down ?? 'None'}` }
}
