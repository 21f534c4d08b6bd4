/** Whether this host and the running workers have the same entries in releases.yml. */
import { isSameConfiguration } from '../../../release/configuration.ts'
import type { WorkerSeen } from '../../../release/ports/store.ts'
import type { Environment } from '../../../release/settings.ts'
import { isAlive } from '../../../release/workers.ts'
import { type Check, fail, pass, warn } from '../doctor.ts'

/** One check per environment: when the entries differ, its releases are refused with `configuration_differs`. */
export function configurationChecks(
  environments: readonly Environment[],
  store: { now(): Promise<Date>; workers(): Promise<readonly WorkerSeen[]> },
): readonly Check[] {
  let seen: Promise<readonly WorkerSeen[]> | undefined
  const runningWorkers = () => {
    seen ??= Promise.all([store.now(), store.workers()]).then(([now, workers]) =>
      workers.filter((each) => isAlive(each, now)),
    )
    return seen
  }
  return environments.map((environment) => ({
    name: `releases.yml ${environment.app}/${environment.name}`,
    async run() {
      const { group } = environment
      const running = await runningWorkers().catch(() => undefined)
      // The check of the store has its line.
      if (running === undefined) return undefined
      const workers = running.filter((each) => each.group === group)
      if (workers.length === 0 && group === undefined)
        return warn('no worker is running, so its releases.yml is not compared', 'start a worker')
      if (workers.length === 0)
        return warn(
          `no worker of group ${group} is running, so its releases wait`,
          `start one with signoff start --role worker --group ${group}`,
        )
      const others = workers.map(({ configurations }) => configurations[`${environment.app}/${environment.name}`])
      if (others.every((other) => isSameConfiguration(other, environment)))
        return pass('this host and the worker have the same entry')
      return others.includes(undefined)
        ? fail(
            'missing in the releases.yml of the worker',
            'deploy the same releases.yml to both hosts, and restart the worker',
          )
        : fail(
            "this host and the worker have different entries, so it can't be released",
            'deploy the same releases.yml to both hosts, and restart both',
          )
    },
  }))
}
