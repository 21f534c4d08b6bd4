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
import type { App } from './settings.ts'

/** `workerSeenAt`: when a worker was last seen, in ISO. `all`: the lock over all environments, while there is one. */
export interface EnvironmentsStatus {
  readonly environments: readonly EnvironmentStatus[]
  readonly workerSeenAt?: string
  readonly all?: LockFacts
}

/** Reads the store only. Changes nothing. */
export async function environmentsStatus({
  store,
  apps,
  services,
}: {
  readonly store: Store
  readonly apps: readonly App[]
  readonly services: Pick<ServiceWords, 'platforms'>
}): Promise<EnvironmentsStatus> {
  const [[last], locks, now, heads] = await Promise.all([store.workers(), openLocks(store), store.now(), store.heads()])
  const facts = (on: LockPlace) => {
    const lock = locks.find((one) => isSamePlace(one.on, on))
    return lock && factsOfLock(lock)
  }
  const environments: EnvironmentStatus[] = []
  for (const environment of apps.flatMap((each) => each.environments)) {
    const { app, name, remote } = environment
    const [live, underWay] = await Promise.all([
      deployedNow(store, environment, services.platforms[remote.platform]),
      store.current(app, name),
    ])
    const lock = facts({ is: 'environment', app, environment: name })
    const freeze = shownNotice(freezeNotice(environment.freezes ?? [], now))
    const head = heads.find((each) => each.app === app && each.environment === name)
    const automatic = deploysAutomatically(environment)
      ? { branch: environment.branch, afterChecks: environment.deploys === 'after checks', ...defined({ head }) }
      : undefined
    environments.push({
      app,
      environment: name,
      ...defined({ live, under_way: underWay, lock, freeze, automatic }),
    })
  }
  return { environments, ...defined({ workerSeenAt: last?.at.toISOString(), all: facts({ is: 'all' }) }) }
}
