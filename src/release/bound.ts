/** Compares what a plan binds with what was observed. No I/O. */
import { isAutomatic } from './automatic.ts'
import { type BoundDatabase, type Plan, standingsOf } from './plan.ts'
import { type Release, step } from './release.ts'
import type { StepName } from './terms.ts'

/** The state of git, the platform and the database as observed. A fact that was not looked up is absent. */
export interface ObservedFacts {
  readonly source?: string | null
  readonly target?: string | null
  readonly holds?: string | null
  /** The commit that the platform runs, where that may differ from what its remote holds. */
  readonly runs?: string | null
  /** In the order in which the plan binds them. */
  readonly databases?: readonly ObservedDatabase[]
  readonly configuration?: string
}

export interface ObservedDatabase {
  readonly identity: string
  readonly revisions: readonly string[]
}

export interface Moved {
  readonly what: string
  readonly from: string
  readonly to: string
}

/** The remote's two entries in `Moved.what`. They are stored. */
export const THE_REMOTE = 'the remote'
export const WHAT_RUNS = 'what runs'

function hasStarted(release: Release, name: StepName): boolean {
  const row = step(release, name)
  return row !== undefined && row.state !== 'pending'
}

/** The commit that the release deploys: the plan's own or, for a merge, the one that the merge step created. */
export function producedCommit(release: Release): string | undefined {
  const result = release.plan?.bound.result
  if (result !== undefined && result.how !== 'merge') return result.commit
  return step(release, 'merge')?.result?.commit
}

/** Platforms may give only the first digits of a commit, at one time and not at another. */
function isSameCommit(one: string | null | undefined, other: string | null | undefined): boolean {
  if (one == null || other == null || Math.min(one.length, other.length) < 7) return false
  return one.startsWith(other) || other.startsWith(one)
}

const same = (a: readonly string[], b: readonly string[]) => [...a].sort().join() === [...b].sort().join()
const revisionOf = (database: string) => `${database}'s revision`
const list = (revisions: readonly string[]) => (revisions.length === 0 ? 'empty' : revisions.join(', '))

/**
 * Whether newer commits no longer count: a new head requested the release by itself, and the database has begun to follow
 * it. Its code must follow too, and the newer commits get a release of their own.
 */
function goesOnWithoutNewer(release: Release): boolean {
  return isAutomatic(release) && hasStarted(release, 'migrate')
}

/**
 * Returns the bound facts that have moved: those with neither the value that the plan bound nor one that a started step
 * of this release may have set. The source counts until it is merged or pushed, and never with a pinned pull request.
 */
export function movedFacts(plan: Plan, release: Release, observed: ObservedFacts, pinned: boolean): readonly Moved[] {
  const { bound } = plan
  const produced = producedCommit(release)
  const moved: Moved[] = []

  function check(what: string, seen: string | null | undefined, allowed: readonly (string | null | undefined)[]) {
    if (seen === undefined || allowed.includes(seen)) return
    moved.push({ what, from: allowed[0] ?? 'absent', to: seen ?? 'absent' })
  }

  const targetMayMove = hasStarted(release, 'merge') || hasStarted(release, 'pick')
  const pushStarted = hasStarted(release, 'push')
  const isPushed = step(release, 'push')?.effect === 'some'
  const isOneBranch = bound.source.branch === bound.target.branch
  if (!pinned && !targetMayMove && !isPushed && !isOneBranch) {
    check(bound.source.branch, observed.source, [bound.source.commit])
  }
  if (!(isOneBranch && (isPushed || goesOnWithoutNewer(release)))) {
    check(bound.target.branch, observed.target, [bound.target.commit, ...(targetMayMove ? [produced] : [])])
  }
  check(THE_REMOTE, observed.holds, [bound.remote.holds, ...(pushStarted ? [produced] : [])])
  const running = [bound.remote.runs, ...(pushStarted ? [produced] : [])]
  if (!running.some((each) => isSameCommit(each, observed.runs))) check(WHAT_RUNS, observed.runs, running)
  check('the configuration', observed.configuration, [bound.configuration])

  standingsOf(bound).forEach((database, index) => {
    const now = observed.databases?.[index]
    if (now !== undefined) checkDatabase({ pending: [], head: null, ...database }, now)
  })
  return moved

  function checkDatabase(
    { name, identity, revisions, pending, head }: Omit<BoundDatabase, 'migrationsTree'>,
    now: ObservedDatabase,
  ): void {
    const called = name === undefined ? 'the database' : `the ${name} database`
    check(called, now.identity, [identity])
    const result = step(release, 'migrate')?.result
    const left =
      name === undefined ? result?.revisions : result?.databases?.find((each) => each.name === name)?.revisions
    const isStarted = hasStarted(release, 'migrate')
    const allowed = [revisions, ...(isStarted ? [head === null ? [] : [head], ...(left ? [left] : [])] : [])]
    if (allowed.some((each) => same(each, now.revisions))) return
    // An interrupted upgrade may stop between revisions, since each may be committed on its own.
    const mayBePart = now.revisions.every((each) => pending.includes(each) || revisions.includes(each))
    if (isStarted && now.revisions.length > 0 && mayBePart) return
    moved.push({ what: revisionOf(called), from: list(revisions), to: list(now.revisions) })
  }
}
