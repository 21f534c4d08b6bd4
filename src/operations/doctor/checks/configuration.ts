/** Whether the workers that run have the same entries in their releases.yml as this host has in its own. */
import { isSameConfiguration } from '../../../release/configuration.ts'
import type { WorkerSeen } from '../../../release/ports/store.ts'
import type { Environment } from '../../../release/settings.ts'
import { type Check, good, odd, wrong } from '../doctor.ts'

/** A worker says every ten seconds what its file holds; one that was silent for this long is gone. */
const SILENT_MS = 30_000

/** One check an environment: a release of one whose entries differ is refused, as `configuration_differs`. */
export function configurationChecks(
  environments: readonly Environment[],
  store: { now(): Promise<Date>; workers(): Promise<readonly WorkerSeen[]> },
): readonly Check[] {
  let asked: Promise<readonly WorkerSeen[]> | undefined
  const running = () => {
    asked ??= Promise.all([store.now(), store.workers()]).then(([now, workers]) =>
      workers.filter(({ at }) => now.getTime() - at.getTime() <= SILENT_MS),
    )
    return asked
  }
  return environments.map((environment) => ({
    name: `releases.yml ${environment.app}/${environment.name}`,
    async look() {
      const workers = await running()
      if (workers.length === 0) return odd('no worker runs, so its file can not be compared', 'start a worker')
      const others = workers.map(({ configurations }) => configurations[`${environment.app}/${environment.name}`])
      if (others.every((other) => isSameConfiguration(other, environment)))
        return good('the same here and at the worker')
      return others.includes(undefined)
        ? wrong('the worker does not know it', 'bring both hosts to the same releases.yml, and restart the worker')
        : wrong(
            'this host and the worker have different entries, so it can not be released',
            'bring both hosts to the same releases.yml, and restart both',
          )
    },
  }))
}
