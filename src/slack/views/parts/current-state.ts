/** Where branch, database and remote stand after a release stopped. */
import { THE_REMOTE, WHAT_RUNS } from '../../../release/bound.ts'
import { databasesOf } from '../../../release/plan.ts'
import type { DatabaseStanding } from '../../../release/refusals.ts'
import { hasStartedIrreversible, type Release } from '../../../release/release.ts'
import type { Environment } from '../../../release/settings.ts'
import { isIrreversible, STEP_NAMES } from '../../../release/steps.ts'
import type { StepName } from '../../../release/terms.ts'
import { commitLink, type Line } from './blocks.ts'
import { finalCommit, migrationCount, stepsInOrder } from './facts.ts'
import type { People } from './people.ts'
import { capital, counted, cut, eight, oneLine, together } from './text.ts'

type Effect = 'done' | 'partly' | 'none' | 'unknown'

function effectOf(release: Release, name: StepName): Effect | undefined {
  const row = stepsInOrder(release).find((one) => one.name === name)
  if (row === undefined) return undefined
  if (row.state === 'done') return 'done'
  if (row.state === 'pending' || row.effect === 'none') return 'none'
  return row.effect === 'some' ? 'partly' : 'unknown'
}

const PAST = { pick: 'picked', merge: 'merged', migrate: 'migrated', push: 'pushed' } as const

/** The facts needed to describe the current state. */
export type PlatformFacts = Pick<People, 'services'> & { readonly environment: Environment }

/** The commit that the environment was last seen to run, as rich text: `production still runs 5b8e6c0`. */
function stillRuns(release: Release, { services, environment }: PlatformFacts): Line {
  const runs = release.plan?.bound.remote.runs
  if (release.plan === undefined || runs === undefined) return []
  const because = release.problem?.because
  const what = services.platforms[environment.remote.platform].runsApart ? WHAT_RUNS : THE_REMOTE
  const moved = because?.gate === 'plan_outdated' ? because.moved.find((one) => one.what === what) : undefined
  if (moved !== undefined) {
    const isCommit = /^[0-9a-f]{7,40}$/.test(moved.to)
    return isCommit ? [`${release.environment} now runs `, commitLink(services, release.plan.webUrl, moved.to)] : []
  }
  if (release.plan.runsUnknown) return [`${release.environment} still runs what it ran before`]
  if (runs === null) return [`${release.environment} runs nothing yet`]
  return [`${release.environment} still runs `, commitLink(services, release.plan.webUrl, runs)]
}

/** The current state of branch, database and remote, a line each; one line if nothing has started. Unknowns say so. */
export function currentState(release: Release, facts: PlatformFacts): readonly Line[] {
  const verbs = STEP_NAMES.filter((name) => isIrreversible(name) && effectOf(release, name) !== undefined).map(
    (name) => PAST[name as keyof typeof PAST],
  )
  const runs = stillRuns(release, facts)
  if (!hasStartedIrreversible(release.steps)) {
    const nothing =
      verbs.length > 1
        ? `Nothing was ${verbs.slice(0, -1).join(', ')} or ${verbs.at(-1)}`
        : `Nothing was ${verbs[0] ?? 'changed'}`
    return [runs.length === 0 ? [`${nothing}.`] : [`${nothing}: `, ...runs, '.']]
  }
  return [...branchLine(release, facts), ...databaseLine(release), ...remoteLine(release, facts, runs)]
}

function branchLine(release: Release, { services }: PlatformFacts): Line[] {
  const merge = effectOf(release, 'merge')
  const pick = effectOf(release, 'pick')
  const made = finalCommit(release)
  const asWhat: Line = made === undefined ? ['.'] : [' as ', commitLink(services, release.plan?.webUrl, made), '.']
  const request = release.plan?.pullRequest
  const what = request === undefined ? 'The pull request' : together('PR', `#${request.id}`)
  if (merge === 'done' || merge === 'partly') return [[`${what} is merged`, ...asWhat]]
  if (merge === 'unknown') return [[`Not known: whether ${what} is merged.`]]
  const branch = release.plan === undefined ? 'the branch' : cut(oneLine(release.plan.bound.target.branch), 60)
  if (pick === 'done' || pick === 'partly') return [[`Picked onto ${branch}`, ...asWhat]]
  if (pick === 'unknown') return [[`Not known: whether the pick is on ${branch}.`]]
  return []
}

function databaseLine(release: Release): Line[] {
  const migrate = effectOf(release, 'migrate')
  const all = release.plan === undefined ? 0 : migrationCount(release.plan)
  if (migrate === undefined || all === 0) return []
  const applied = (count: number) => `${count} of ${counted(all, 'migration')} applied.`
  if (migrate === 'done') return [[`Database: ${applied(all)}`]]
  const because = release.problem?.because
  if (because?.gate === 'migration_failed') {
    const { name, others = [], database } = because
    if (name !== undefined) {
      const inOrder = databasesOf(release.plan?.bound ?? { database: null })
      const all = inOrder.flatMap((each) => [...others, { ...because, name }].filter((one) => one.name === each.name))
      return all.map((one) => [`${capital(databaseStands(one))}.`])
    }
    const at = database.slice(0, 3).map(eight).join(', ')
    return [[`Database: ${at === '' ? '' : `at ${at}, `}${applied(because.applied.length)}`]]
  }
  if (migrate === 'none') return [['Database: unchanged.']]
  return [['Not known: which migrations were applied.']]
}

/** `the users database is at a41c9e2f, 1 of 2 migrations applied`, of one of several databases. */
export function databaseStands({ name, database, applied, pending }: DatabaseStanding): string {
  const at = database.slice(0, 3).map(eight).join(', ')
  const count = counted(applied.length + pending.length, 'migration')
  const done = applied.length + pending.length === 0 ? 'nothing to apply' : `${applied.length} of ${count} applied`
  return `the ${name} database is at ${at === '' ? 'no revision yet' : at}, ${done}`
}

function remoteLine(release: Release, { services, environment }: PlatformFacts, runs: Line): Line[] {
  const push = effectOf(release, 'push')
  const confirm = effectOf(release, 'confirm')
  const commit = finalCommit(release)
  const remote = cut(oneLine(environment.remote.name), 60)
  const it: Line = [commit === undefined ? 'the commit' : commitLink(services, release.plan?.webUrl, commit)]
  if (release.problem?.because.gate === 'release_phase_failed')
    return [[`Pushed: ${remote} has `, ...it, ' but does not run it.']]
  if (push === undefined) return []
  if (push === 'unknown') return [[`Not known: whether ${remote} has `, ...it, '.']]
  if (push === 'none') return [runs.length === 0 ? ['Not pushed.'] : ['Not pushed: ', ...runs, '.']]
  if (release.state === 'cancelled' && confirm !== 'done')
    return [[`Pushed, not confirmed: ${remote} has `, ...it, ' and may run it.']]
  return [[`Pushed: ${remote} has `, ...it, confirm === 'done' ? ' and runs it.' : '.']]
}
