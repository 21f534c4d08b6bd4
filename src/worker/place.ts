/** A release's app and environment in this worker's releases.yml. */
import type { Refused } from '../release/refusals.ts'
import { type App, type Environment, findApp, findEnvironment } from '../release/settings.ts'

export interface Place {
  readonly app: App
  readonly environment: Environment
}

interface OfWorker {
  readonly apps: readonly App[]
  readonly group?: string
}

/** The app and environment of a release; undefined if this worker's releases.yml does not declare them. */
export function declaredPlace(
  { apps }: Pick<OfWorker, 'apps'>,
  release: { readonly app: string; readonly environment: string },
): Place | undefined {
  const app = findApp(apps, release.app)
  const environment = app && findEnvironment(app, release.environment)
  return app && environment ? { app, environment } : undefined
}

/** The same; undefined also if this worker does not release the environment, and may lack its secrets. */
export function placeOf(
  worker: OfWorker,
  release: { readonly app: string; readonly environment: string },
): Place | undefined {
  const place = declaredPlace(worker, release)
  return place && isOurs(worker, place.environment) ? place : undefined
}

/** Whether this worker releases the environment. */
export function isOurs({ group }: Pick<OfWorker, 'group'>, environment: Environment): boolean {
  return environment.group === group
}

/** The environments that this worker releases. */
export function ourEnvironments(worker: OfWorker): readonly Environment[] {
  return worker.apps.flatMap(({ environments }) => environments).filter((each) => isOurs(worker, each))
}

/** The refusal of an environment that the bot's releases.yml gives to this worker and its own does not. */
export function configurationDiffers({ app, environment }: { app: string; environment: string }): Refused {
  return { refused: { gate: 'configuration_differs', app, environment } }
}
