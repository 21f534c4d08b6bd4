/**
 * What QA is asked about where each change needs it: a merged pull request, or a commit that belongs to none. Grouped by
 * git's facts alone. No I/O.
 */
import type { PersonName } from './terms.ts'

/** Who wrote a commit, as git has it. */
export interface Author {
  readonly name: string
  readonly email: string
}

export interface PlannedChange {
  /** The ids of its commits, which are bound. The first stands for the change: of a pull request, the commit of its merge. */
  readonly commits: readonly string[]
  readonly title: string
  /** The number of the pull request that brought it. */
  readonly pullRequest?: number
  /** Who wrote it, the person with the most commits of it first. Merge commits don't count. */
  readonly authors: readonly Author[]
  /** The release is one change: it is the first one, or has no commits that are new to the remote. */
  readonly isWhole?: true
}

/** A person's word that they have tested one change of the plan. It is never taken back. */
export interface Tested {
  /** The id that stands for the change. */
  readonly change: string
  readonly person: PersonName
  /** Where the permission came from, as of a sign-off. */
  readonly right: string
  /** They have written commits of it themselves. */
  readonly isOwn?: true
  readonly note?: string
  readonly at: Date
}

/** A release, as far as QA of its changes goes. */
export interface TestedRelease {
  readonly plan?: { readonly changes?: readonly PlannedChange[] }
  readonly tested?: readonly Tested[]
}

/** A commit as it is grouped. */
export interface HistoryCommit {
  readonly sha: string
  readonly parents: readonly string[]
  /** The whole message, or at least its first lines. */
  readonly message: string
  readonly author: Author
}

/** What the message of a merge says of its pull request; undefined where it says nothing. */
export type ReadMerge = (message: string) => { readonly number: number; readonly title: string } | undefined

/** More of either than a dialog can show. */
export const MOST_CHANGES = 200
export const MOST_GROUPS = 80
/** How many options Slack takes in a group of checkboxes. */
export const GROUP_SIZE = 10

/** The id that stands for a change, by which it is ticked. */
export function changeId({ commits }: PlannedChange): string {
  return commits[0] ?? ''
}

/**
 * Groups a range of commits into changes, each commit at most once, newest first. `tips` are the heads whose first parents
 * lead to the merges; an earlier one comes first. A merge that names no pull request is no change; its commits are.
 */
export function changesOf(
  history: readonly HistoryCommit[],
  tips: readonly string[],
  readMerge: ReadMerge,
): readonly PlannedChange[] {
  const left = new Map(history.map((commit) => [commit.sha, commit]))
  const changes: PlannedChange[] = []

  /** From the oldest to the tip, which comes out last. */
  function lineTo(tip: string): HistoryCommit[] {
    const line: HistoryCommit[] = []
    for (let at = left.get(tip); at !== undefined; at = left.get(at.parents[0] ?? '')) line.push(at)
    return line
  }

  /** Takes everything that came with the other parents of a merge. */
  function takeSides(merge: HistoryCommit): HistoryCommit[] {
    const taken: HistoryCommit[] = []
    const next = merge.parents.slice(1)
    for (let sha = next.pop(); sha !== undefined; sha = next.pop()) {
      const commit = left.get(sha)
      if (commit === undefined) continue
      left.delete(sha)
      taken.push(commit)
      next.push(...commit.parents)
    }
    return taken
  }

  for (const tip of tips) {
    const lines = [lineTo(tip)]
    for (let line = lines.at(-1); line !== undefined; line = lines.at(-1)) {
      const commit = line.at(-1)
      if (commit === undefined) {
        lines.pop()
        continue
      }
      if (!left.has(commit.sha)) {
        line.pop()
        continue
      }
      const merged = readMerge(commit.message)
      const side = merged === undefined ? commit.parents.slice(1).find((sha) => left.has(sha)) : undefined
      if (side !== undefined) {
        // Merged by hand: what it brought is grouped before it, as if it were a line of its own.
        lines.push(lineTo(side))
        continue
      }
      line.pop()
      left.delete(commit.sha)
      const own = [commit, ...takeSides(commit)]
      const authors = authorsOf(own)
      // A merge alone, such as of what is released already, has nothing to test.
      if (authors.length === 0) continue
      changes.push({
        commits: own.map(({ sha }) => sha),
        title: merged?.title ?? firstLine(commit.message),
        ...(merged && { pullRequest: merged.number }),
        authors,
      })
    }
  }
  return changes.toReversed()
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]?.trim() ?? ''
}

function authorsOf(commits: readonly HistoryCommit[]): readonly Author[] {
  const counts = new Map<string, { readonly author: Author; count: number }>()
  for (const { author, parents } of commits) {
    if (parents.length > 1) continue
    const known = counts.get(author.email.toLowerCase())
    if (known === undefined) counts.set(author.email.toLowerCase(), { author, count: 1 })
    else known.count += 1
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count).map(({ author }) => author)
}

/** The changes of one author, the first of each, in the order of their newest change. Those of a whole release have none. */
export interface AuthorsChanges {
  /** Absent: the release is one change. */
  readonly author?: Author
  readonly changes: readonly PlannedChange[]
}

export function byAuthor(changes: readonly PlannedChange[]): readonly AuthorsChanges[] {
  const groups = new Map<string, { author?: Author; changes: PlannedChange[] }>()
  for (const change of changes) {
    const [author] = change.isWhole ? [] : change.authors
    const key = author?.email.toLowerCase() ?? ''
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { ...(author && { author }), changes: [change] })
    else group.changes.push(change)
  }
  return [...groups.values()]
}

/** How many groups of checkboxes the changes need. */
export function groupCount(changes: readonly PlannedChange[]): number {
  return byAuthor(changes).reduce((sum, group) => sum + Math.ceil(group.changes.length / GROUP_SIZE), 0)
}

/** Who has tested a change, in order. */
export function testedBy({ tested = [] }: TestedRelease, change: PlannedChange): readonly Tested[] {
  return tested.filter((each) => each.change === changeId(change))
}

/** The changes of the plan that nobody has tested; none where QA is not asked for each change. */
export function untestedChanges({ plan, tested }: TestedRelease): readonly PlannedChange[] {
  const done = new Set((tested ?? []).map(({ change }) => change))
  return (plan?.changes ?? []).filter((change) => !done.has(changeId(change)))
}

/** Whose changes are untested, and which: who is asked to test them, or to find somebody who does. */
export function untestedBy(release: TestedRelease): readonly AuthorsChanges[] {
  return byAuthor(untestedChanges(release))
}

/** How many of the changes are untested, and whose. */
export interface OwedChanges {
  readonly untested: number
  readonly of: number
  /** Those with untested changes; none for a release that is one change. */
  readonly authors: readonly (Author & { readonly untested: number })[]
}

export function owedChanges(release: TestedRelease): OwedChanges {
  const authors = untestedBy(release).flatMap(({ author, changes }) =>
    author === undefined ? [] : [{ ...author, untested: changes.length }],
  )
  return { untested: untestedChanges(release).length, of: release.plan?.changes?.length ?? 0, authors }
}

/** Whether the person with this address has written commits of the change. */
export function isOwn({ authors }: PlannedChange, email: string | undefined): boolean {
  return email !== undefined && authors.some((author) => author.email.toLowerCase() === email.toLowerCase())
}
