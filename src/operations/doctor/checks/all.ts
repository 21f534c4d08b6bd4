/** All checks of a role, in the order in which they are printed. */
import { defined } from '../../../lib/defined.ts'
import type { Directory } from '../../../release/ports/directory.ts'
import type { Forge } from '../../../release/ports/forge.ts'
import type { Git } from '../../../release/ports/git.ts'
import type { MigratorWords } from '../../../release/ports/migrator.ts'
import type { Platform } from '../../../release/ports/platform.ts'
import type { WorkerSeen } from '../../../release/ports/store.ts'
import type { App, Environment } from '../../../release/settings.ts'
import type { PlatformName } from '../../../release/stored-names.ts'
import type { Check } from '../doctor.ts'
import { configurationChecks } from './configuration.ts'
import { envFileChecks, gitCheck, nodeCheck, storeChecks, storeOfStoppedService } from './host.ts'
import { peopleChecks } from './people.ts'
import { placesChecks, type SlackProbe, slackChecks } from './slack.ts'
import { forgeChecks, type MigrationsLook, migratorChecks, platformChecks, remoteChecks } from './world.ts'

export interface CheckedParts {
  readonly apps: readonly App[]
  /** The store's time; throws where it can't be reached. */
  readonly store: { now(): Promise<Date>; workers(): Promise<readonly WorkerSeen[]> }
  /** Set where the store comes with the service, and the service is not running. */
  readonly notStarted?: boolean
  /** For the roles bot and all. */
  readonly bot?: {
    readonly slack: SlackProbe
    /** The scopes of manifest.yml. */
    readonly scopes: readonly string[]
    readonly directory: Directory
  }
  /** For the roles worker and all. */
  readonly worker?: {
    readonly git: Git
    readonly forge: Forge
    readonly platforms: Readonly<Record<PlatformName, Platform | undefined>>
    readonly migrator: { readonly words: MigratorWords }
    readonly migrations: MigrationsLook
    /** What is wrong with the migrator's program: a name on PATH, or a path. */
    readonly programProblem?: (program: string) => Promise<string | undefined>
  }
}

export function doctorChecks({ apps, store, notStarted = false, bot, worker }: CheckedParts): readonly Check[] {
  const environments = apps.flatMap((app) => app.environments)
  const each = (checks: (app: App, environment: Environment) => readonly Check[]) =>
    apps.flatMap((app) => app.environments.flatMap((environment) => checks(app, environment)))
  return [
    nodeCheck(),
    ...(worker === undefined ? [] : [gitCheck()]),
    ...(notStarted ? [storeOfStoppedService] : [...storeChecks(store), ...configurationChecks(environments, store)]),
    ...(bot === undefined
      ? []
      : [
          ...slackChecks(bot.slack, bot.scopes),
          ...placesChecks(environments, bot.directory),
          ...each((_, environment) => peopleChecks(environment, bot.directory)),
        ]),
    ...(worker === undefined ? [] : worldChecks(apps, worker, each)),
  ]
}

function worldChecks(
  apps: readonly App[],
  { git, forge, platforms, migrator, migrations, programProblem }: NonNullable<CheckedParts['worker']>,
  each: (checks: (app: App, environment: Environment) => readonly Check[]) => readonly Check[],
): readonly Check[] {
  return [
    ...each((_, environment) => envFileChecks(environment)),
    ...apps.flatMap((app) => [...remoteChecks(app, { git, forge, platforms }), ...forgeChecks(app, forge)]),
    ...each((_, environment) => platformChecks(environment, platforms)),
    ...each((app, environment) =>
      migratorChecks(app, environment, {
        words: migrator.words,
        look: migrations,
        ...defined({ problemOf: programProblem }),
      }),
    ),
  ]
}
