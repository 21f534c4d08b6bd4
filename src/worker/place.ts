/** A release's app and environment in this worker's releases.yml. */
import type { Refused } from '../release/refusals.ts'
import { type App, type Environment, findApp, findEnvironment } from '../release/settings.ts'

export interface Place {
  readonly app: App
  readonly environment: Environment
}

/** The app and environment of a release; undefined if this worker's releases.yml does not declare them. */
export function placeOf(
  { apps }: { readonly apps: readonly App[] },
  release: { readonly app: string; readonly environment: string },
): Place | undefined {
  const app = findApp(apps, release.app)
  const environment = app && findEnvironment(app, release.environment)
  return app && environment ? { app, environment } : undefined
}

/** The refusal of an environment that the bot's releases.yml declares and this worker's does not. */
export function configurationDiffers({ app, environment }: { app: string; environment: string }): Refused {
  return { refused: { gate: 'configuration_differs', app, environment } }
}
