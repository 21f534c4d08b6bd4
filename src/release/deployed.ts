/** What an environment runs now, as far as its stored releases prove it. Nothing is looked up or guessed. */

import { defined } from '../lib/defined.ts'
import { producedCommit, THE_REMOTE, WHAT_RUNS } from './bound.ts'
import type { PlatformWords } from './ports/platform.ts'
import type { Store } from './ports/store.ts'
import { type Deployed, type Release, step } from './release.ts'
import type { Environment } from './settings.ts'
import type { ReleaseState } from './terms.ts'

type Runs = Pick<PlatformWords, 'runsApart'>

/** The newest release mostly tells it; after that, pages. */
const FIRST_PAGE = 1
const PAGE = 5
/** States in which the stored problem is the latest observation. In any other a retry may have changed it. */
const STOPPED: readonly ReleaseState[] = ['needs attention', 'closed']

/**
 * The newest fact from the environment's releases; undefined if none has one. `newest`: those of `Store.newest`, where they
 * were read together with others'.
 */
export async function deployedNow(
  store: Store,
  environment: Environment,
  platform: Runs,
  newest?: readonly Release[],
): Promise<Deployed | undefined> {
  const { app, name } = environment
  const known = newest ?? (await store.newest([{ app, environment: name }]))
  const last = known.find(({ state }) => state === 'succeeded')
  for (let before: number | undefined; ; ) {
    const limit = before === undefined ? FIRST_PAGE : PAGE
    const releases =
      before === undefined
        ? known.slice(0, FIRST_PAGE)
        : await store.releases({ app, environment: name, limit, before })
    for (const release of releases) {
      const fact = deployedAfter(release, platform)
      if (fact?.is !== 'seen') {
        if (fact !== undefined) return fact
        continue
      }
      const proven = last && deployedAfter(last, platform)
      return proven?.is === 'proven' && proven.commit === fact.commit ? proven : fact
    }
    before = releases.at(-1)?.number
    if (releases.length < limit || before === undefined) return undefined
  }
}

/** The newest fact from one release; undefined if it has no plan. */
export function deployedAfter(release: Release, { runsApart }: Runs): Deployed | undefined {
  const { number, state, plan } = release
  if (plan === undefined) return undefined
  const { webUrl } = plan
  const confirmed = step(release, 'confirm')
  if (state === 'succeeded' || confirmed?.state === 'done') {
    const commit = confirmed?.result?.commit ?? producedCommit(release)
    const at = (release.endedAt ?? confirmed?.endedAt ?? release.requestedAt).toISOString()
    if (commit !== undefined)
      return { is: 'proven', commit, number, at, webUrl, by: release.requester, ...judged(release) }
  }
  const because = release.problem?.because
  if (because?.gate === 'release_phase_failed' && STOPPED.includes(state)) {
    if (plan.runsUnknown) return { is: 'not known', number, state, since: 'not told' }
    const at = (confirmed?.endedAt ?? release.requestedAt).toISOString()
    return { is: 'held', holds: because.commit, commit: plan.bound.remote.runs, number, at, webUrl }
  }
  const push = step(release, 'push')
  const hasPushed = push !== undefined && (push.state === 'running' || push.state === 'done' || push.effect !== 'none')
  if (hasPushed && push.state !== 'pending') return { is: 'not known', number, state, since: 'its push' }
  const moved = because?.gate === 'plan_outdated' ? because.moved : []
  const moves = moved.filter(({ what }) => what === THE_REMOTE || what === WHAT_RUNS)
  if (moves.length > 0) {
    const runs = moves.find(({ what }) => what === (runsApart ? WHAT_RUNS : THE_REMOTE))?.to
    if (runs === undefined || !/^[0-9a-f]{40}$/.test(runs)) {
      return { is: 'not known', number, state, since: 'the remote moved' }
    }
    return { is: 'seen', commit: runs, number, at: (release.endedAt ?? release.requestedAt).toISOString(), webUrl }
  }
  if (plan.runsUnknown) return { is: 'not known', number, state, since: 'not told' }
  const at = (release.plannedAt ?? release.requestedAt).toISOString()
  return { is: 'seen', commit: plan.bound.remote.runs, number, at, webUrl }
}

/** Whether it was a rollback, and whether somebody has marked it as bad. */
function judged({ plan, requester, mark }: Release) {
  const to = plan?.rollback?.to.number
  return defined({
    rolledBack: to === undefined ? undefined : { to, by: requester },
    bad: mark?.is === 'bad' ? { by: mark.by, ...defined({ reason: mark.reason }) } : undefined,
  })
}
