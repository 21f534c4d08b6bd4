/** What runs where, what is under way, and what holds releases back: the answer to `/deploy status`. */
import { defined } from '../lib/defined.ts'
import { deploysAutomatically } from './automatic.ts'
import { deployedNow } from './deployed.ts'
import { shownNotice } from './environment-frozen.ts'
import { freezeNotice } from './freezes.ts'
import { factsOfLock, isSamePlace, type LockFacts, type LockPlace } from './lock.ts'
import { openLocks } from './lock-service.ts'
import type { EnvironmentStatus } from './messages.ts'
import type { Store } from './ports/store.ts'
import type { ServiceWords } from './ports/words.ts'
import type { App, Environment } from './settings.ts'
import { hasEnded } from './terms.ts'
import { missingWorker } from './workers.ts'

/** `workerSeenAt`: when a worker was last seen, in ISO. `all`: the lock over all environments, while there is one. */
export interface EnvironmentsStatus {
  readonly environments: readonly EnvironmentStatus[]
  readonly workerSeenAt?: string
  readonly all?: LockFacts
}

/** Reads the store only. Changes nothing. `only`: of this environment. */
export async function environmentsStatus(
  {
    store,
    apps,
    services,
  }: {
    readonly store: Store
    readonly apps: readonly App[]
    readonly services: Pick<ServiceWords, 'platforms'>
  },
  only?: { readonly app: string; readonly environment: string },
): Promise<EnvironmentsStatus> {
  const wanted = apps
    .flatMap((each) => each.environments)
    .filter((each) => only === undefined || (each.app === only.app && each.name === only.environment))
  const [workers, locks, now, heads, newest] = await Promise.all([
    store.workers(),
    openLocks(store),
    store.now(),
    store.heads(),
    store.newest(wanted.map(({ app, name }) => ({ app, environment: name }))),
  ])
  const facts = (on: LockPlace) => {
    const lock = locks.find((one) => isSamePlace(one.on, on))
    return lock && factsOfLock(lock)
  }
  async function statusOf(environment: Environment): Promise<EnvironmentStatus> {
    const { app, name, remote } = environment
    const isHere = (one: { readonly app: string; readonly environment: string }) =>
      one.app === app && one.environment === name
    const ours = newest.filter(isHere)
    const underWay = ours.find(({ state }) => !hasEnded(state))
    const live = await deployedNow(store, environment, services.platforms[remote.platform], ours)
    const lock = facts({ is: 'environment', app, environment: name })
    const freeze = shownNotice(freezeNotice(environment.freezes ?? [], now))
    const head = heads.find((each) => each.app === app && each.environment === name)
    const automatic = deploysAutomatically(environment)
      ? { branch: environment.branch, afterChecks: environment.deploys === 'after checks', ...defined({ head }) }
      : undefined
    const noWorker = environment.group === undefined ? undefined : missingWorker(workers, now, environment)
    return { app, environment: name, ...defined({ live, under_way: underWay, lock, freeze, automatic, noWorker }) }
  }
  const environments = await Promise.all(wanted.map(statusOf))
  return { environments, ...defined({ workerSeenAt: workers[0]?.at.toISOString(), all: facts({ is: 'all' }) }) }
}
