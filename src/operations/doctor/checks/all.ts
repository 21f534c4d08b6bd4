/** All checks of a role, in the order in which they are printed. */
import { defined } from '../../../lib/defined.ts'
import type { Directory } from '../../../release/ports/directory.ts'
import type { Forge } from '../../../release/ports/forge.ts'
import type { Git } from '../../../release/ports/git.ts'
import type { HostIsolation, MigratorWords } from '../../../release/ports/migrator.ts'
import type { Platform } from '../../../release/ports/platform.ts'
import type { WorkerSeen } from '../../../release/ports/store.ts'
import type { App, Environment } from '../../../release/settings.ts'
import type { PlatformName } from '../../../release/stored-names.ts'
import type { Place } from '../../disk.ts'
import type { Check } from '../doctor.ts'
import { configurationChecks } from './configuration.ts'
import { diskChecks, envFileChecks, gitCheck, nodeCheck, stoppedStoreCheck, storeChecks } from './host.ts'
import { isolationChecks } from './isolation.ts'
import { migratorChecks, type ReadMigrationStatus } from './migrations.ts'
import { peopleChecks } from './people.ts'
import { forgeChecks, platformChecks, remoteChecks } from './services.ts'
import { channelAndGroupChecks, homeCheck, type SlackProbe, slackChecks } from './slack.ts'
import { type CheckedWebhook, webhookChecks } from './webhooks.ts'

export interface CheckedParts {
  readonly apps: readonly App[]
  /** The group of the worker on this host. */
  readonly group?: string
  /** Where this role writes on this host. */
  readonly places: readonly Place[]
  /** Each throws when the store can't be reached. `sessions`: throws too where locks don't hold, as behind a pooler. */
  readonly store: {
    now(): Promise<Date>
    workers(): Promise<readonly WorkerSeen[]>
    /** When somebody has last opened App Home. */
    readonly homeOpened?: () => Promise<Date | undefined>
    readonly sessions?: () => Promise<void>
  }
  /** True when the store is the embedded one and the service is not running. */
  readonly isStoreStopped?: boolean
  /** For the roles bot and all. */
  readonly bot?: {
    readonly slack: SlackProbe
    /** The scopes of manifest.yml. */
    readonly scopes: readonly string[]
    readonly directory: Directory
    /** What Slack refuses of our token, such as `missing_scope at users.info, which needs users:read`. */
    readonly refusal?: () => string | undefined
    /** By which people invite the bot. */
    readonly botName?: string
    readonly webhooks?: readonly CheckedWebhook[]
  }
  /** For the roles worker and all. */
  readonly worker?: {
    readonly git: Git
    readonly forge: Forge
    readonly platforms: Readonly<Record<PlatformName, Platform | undefined>>
    readonly migrator: { readonly words: MigratorWords }
    readonly readMigrationStatus: ReadMigrationStatus
    /** How this host keeps the app's code apart. */
    readonly isolate?: { found(): Promise<HostIsolation> }
    /** What is wrong with the migrator's program, given as a name on PATH or a path. */
    readonly programProblem?: (program: string) => Promise<string | undefined>
  }
}

export function doctorChecks({
  apps,
  group,
  places,
  store,
  isStoreStopped = false,
  bot,
  worker,
}: CheckedParts): readonly Check[] {
  const environments = apps.flatMap((app) => app.environments)
  const each = (checks: (app: App, environment: Environment) => readonly Check[]) =>
    apps.flatMap((app) => app.environments.flatMap((environment) => checks(app, environment)))
  return [
    nodeCheck(),
    ...(worker === undefined ? [] : [gitCheck()]),
    ...diskChecks(places),
    ...(isStoreStopped ? [stoppedStoreCheck] : [...storeChecks(store), ...configurationChecks(environments, store)]),
    ...(bot === undefined
      ? []
      : [
          ...slackChecks(bot.slack, bot.scopes),
          ...(store.homeOpened === undefined || isStoreStopped ? [] : [homeCheck(store.homeOpened)]),
          ...channelAndGroupChecks(environments, bot.directory, bot.botName, bot.refusal),
          ...each((_, environment) => peopleChecks(environment, bot.directory, bot.refusal)),
          ...webhookChecks(bot.webhooks ?? []),
        ]),
    ...(worker === undefined ? [] : workerChecks(appsOf(apps, group), worker)),
  ]
}

/** The apps with the environments that a worker of this group releases. */
function appsOf(apps: readonly App[], group: string | undefined): readonly App[] {
  return apps
    .map((app) => ({ ...app, environments: app.environments.filter((each) => each.group === group) }))
    .filter(({ environments }) => environments.length > 0)
}

function workerChecks(
  apps: readonly App[],
  {
    git,
    forge,
    platforms,
    migrator,
    isolate,
    readMigrationStatus,
    programProblem,
  }: NonNullable<CheckedParts['worker']>,
): readonly Check[] {
  const each = (checks: (app: App, environment: Environment) => readonly Check[]) =>
    apps.flatMap((app) => app.environments.flatMap((environment) => checks(app, environment)))
  return [
    ...each((_, environment) => envFileChecks(environment)),
    ...(isolate === undefined
      ? []
      : isolationChecks(
          apps.flatMap(({ environments }) => environments),
          () => isolate.found(),
        )),
    ...apps.flatMap((app) => [...remoteChecks(app, { git, forge, platforms }), ...forgeChecks(app, forge)]),
    ...each((_, environment) => platformChecks(environment, platforms)),
    ...each((app, environment) =>
      migratorChecks(app, environment, {
        words: migrator.words,
        readStatus: readMigrationStatus,
        ...defined({ problemOf: programProblem }),
      }),
    ),
  ]
}
