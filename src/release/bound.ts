/** Whether what a plan binds is still so. Pure: the world is handed in. */
import type { Plan } from './plan.ts'
import { type Release, step } from './release.ts'
import type { StepName } from './terms.ts'

/** What was seen of the world; a fact that was not looked at is left out. */
export interface ObservedFacts {
  readonly source?: string | null
  readonly target?: string | null
  readonly holds?: string | null
  /** What the platform runs, where that may differ from what its remote holds. */
  readonly runs?: string | null
  readonly revisions?: readonly string[]
  readonly database?: string
  readonly configuration?: string
}

export interface Moved {
  readonly what: string
  readonly from: string
  readonly to: string
}

/** The names of what a card must not call unmoved. */
export const THE_REMOTE = 'the remote'
export const WHAT_RUNS = 'what runs'

function hasBegun(release: Release, name: StepName): boolean {
  const row = step(release, name)
  return row !== undefined && row.state !== 'pending'
}

/** The commit that this run has made of origin's branch, where the plan could not know it: the merge. */
export function producedCommit(release: Release): string | undefined {
  const result = release.plan?.bound.result
  if (result?.how === 'commit') return result.commit
  return step(release, 'merge')?.result?.commit
}

const same = (a: readonly string[], b: readonly string[]) => [...a].sort().join() === [...b].sort().join()
const list = (revisions: readonly string[]) => (revisions.length === 0 ? 'empty' : revisions.join(', '))

/**
 * What is neither where the plan saw it nor where a step of this release has put it (or may have put it, once it has
 * begun). The source matters until it is merged or pushed; with a pinned pull request it may move on.
 */
export function movedFacts(plan: Plan, release: Release, world: ObservedFacts, pinned: boolean): readonly Moved[] {
  const { bound } = plan
  const made = producedCommit(release)
  const moved: Moved[] = []

  function check(what: string, seen: string | null | undefined, allowed: readonly (string | null | undefined)[]) {
    if (seen === undefined || allowed.includes(seen)) return
    moved.push({ what, from: allowed[0] ?? 'absent', to: seen ?? 'absent' })
  }

  const targetMoves = hasBegun(release, 'merge') || hasBegun(release, 'pick')
  const pushBegun = hasBegun(release, 'push')
  const isPushed = step(release, 'push')?.effect === 'some'
  const isOneBranch = bound.source.branch === bound.target.branch
  if (!pinned && !targetMoves && !isPushed && !isOneBranch) {
    check(bound.source.branch, world.source, [bound.source.commit])
  }
  if (!(isPushed && isOneBranch)) {
    check(bound.target.branch, world.target, [bound.target.commit, ...(targetMoves ? [made] : [])])
  }
  check(THE_REMOTE, world.holds, [bound.remote.holds, ...(pushBegun ? [made] : [])])
  check(WHAT_RUNS, world.runs, [bound.remote.runs, ...(pushBegun ? [made] : [])])
  check('the configuration', world.configuration, [bound.configuration])

  if (bound.database !== null) {
    const { revisions, pending, head, identity } = bound.database
    check('the database', world.database, [identity])
    const left = step(release, 'migrate')?.result?.revisions
    const allowed = [revisions]
    if (hasBegun(release, 'migrate')) allowed.push(head === null ? [] : [head], ...(left ? [left] : []))
    const now = world.revisions
    if (now && !allowed.some((each) => same(each, now)) && !(hasBegun(release, 'migrate') && isOnTheWay(now))) {
      moved.push({ what: "the database's revision", from: list(revisions), to: list(now) })
    }

    /** Where an upgrade that was cut off may have left it: revisions may be committed one by one. */
    function isOnTheWay(now: readonly string[]) {
      return now.length > 0 && now.every((each) => pending.includes(each) || revisions.includes(each))
    }
  }
  return moved
}
