/** What QA is asked about, where the environment asks for it for each change. */
import { changesOf, groupCount, MOST_CHANGES, MOST_GROUPS, type PlannedChange } from '../../release/changes.ts'
import type { HotfixPlan, Plan } from '../../release/plan.ts'
import type { App, Environment } from '../../release/settings.ts'
import type { WorkerPorts } from '../ports.ts'
import type { Refused } from '../service-errors.ts'

/** More are not read: a range of this length is no release whose changes people test one by one. */
const MOST_COMMITS = 10_000

/** What the plan deploys, as far as the changes need it. */
export interface Going {
  /** The heads that are deployed, the source first. */
  readonly tips: readonly string[]
  /** What the remote holds; null: the first release. */
  readonly live: string | null
  readonly commits: Plan['commits']
  readonly count: number
  readonly authors: Plan['authors']
  readonly hotfix?: HotfixPlan | undefined
}

/**
 * The changes of a plan, never none; undefined where QA is not asked for each change. Refuses more of them than a dialog can
 * show. A hot-fix has its picks; a first release is one change, and so is one without new commits.
 */
export async function planChanges(
  ports: WorkerPorts,
  { app, environment }: { readonly app: App; readonly environment: Environment },
  going: Going,
): Promise<{ changes: readonly PlannedChange[] } | Refused | undefined> {
  if (environment.signOff?.qa !== 'each change') return undefined
  const { tips, live, hotfix, count } = going
  if (hotfix !== undefined) return withinDialog(hotfix.picks.map(pickedChange))
  if (live === null) return { changes: [wholeRelease(going, 'The whole first release')] }
  const { commits, isAll } = await ports.git.history(app, { from: tips, notFrom: [live], limit: MOST_COMMITS })
  if (!isAll) return tooMany({ changes: count, groups: 0 })
  const changes = changesOf(commits, tips, ports.forge.words.readMerge)
  return changes.length === 0
    ? { changes: [wholeRelease(going, 'The whole release: it has no new commits')] }
    : withinDialog(changes)
}

function pickedChange({ made, title, author }: HotfixPlan['picks'][number]): PlannedChange {
  return { commits: [made], title, authors: [author] }
}

function wholeRelease({ commits, tips, authors }: Going, title: string): PlannedChange {
  const ids = commits.length > 0 ? commits.map(({ sha }) => sha) : tips.slice(0, 1)
  return { commits: ids, title, authors, isWhole: true }
}

function withinDialog(changes: readonly PlannedChange[]): { changes: readonly PlannedChange[] } | Refused {
  const groups = groupCount(changes)
  return changes.length > MOST_CHANGES || groups > MOST_GROUPS
    ? tooMany({ changes: changes.length, groups })
    : { changes }
}

function tooMany(counts: { readonly changes: number; readonly groups: number }): Refused {
  return { refused: { gate: 'too_many_changes', ...counts, most: MOST_CHANGES, mostGroups: MOST_GROUPS } }
}
