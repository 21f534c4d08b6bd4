/**
 * The command `signoff config check`: the problems of releases.yml, the rules that it sets with their defaults, and the
 * releases under way that it would stop. Reads only, and needs no secret.
 */
import { dirname } from 'node:path'
import { readReleasesText } from '../config/configuration.ts'
import { readReleases } from '../config/releases-file.ts'
import { type PlacedWebhook, webhookName } from '../config/webhooks.ts'
import { isSameConfiguration } from '../release/configuration.ts'
import { frozenAt, nextFreezes, wallClock } from '../release/freezes.ts'
import type { Release } from '../release/release.ts'
import {
  type App,
  type Environment,
  findApp,
  findEnvironment,
  type MigrationSettings,
  promotedFrom,
  type Releases,
} from '../release/settings.ts'
import { hasEnded, RELEASE_STATES } from '../release/terms.ts'
import { openStoreToRead, StoreNotFound } from './store-to-read.ts'

/** More than environments are ever under way at once: each has at most one release that has not ended. */
const MOST_RELEASES = 10_000

export interface ConfigCheck {
  readonly lines: readonly string[]
  /** 1: the file has problems. 2: there is no file. */
  readonly exitCode: 0 | 1 | 2
}

/** Checks the file at `path`. `releasesUnderWay` gives the releases that have not ended, or why they can't be compared. */
export async function checkConfiguration(
  path: string,
  releasesUnderWay: () => Promise<readonly Release[] | { readonly notCompared: string }>,
  now = new Date(),
): Promise<ConfigCheck> {
  const text = readReleasesText(path)
  if (!text.ok) return { lines: [`✗ ${text.problem}`], exitCode: 2 }
  const file = readReleases(text.text, dirname(path))
  const problems = file.report([])
  const warnings = file.warnings.map((warning) => `! ${warning}`)
  if (file.releases === undefined) return { lines: [...problems.map((line) => `✗ ${line}`), ...warnings], exitCode: 1 }
  const { apps } = file.releases
  const count = apps.reduce((sum, { environments }) => sum + environments.length, 0)
  return {
    lines: [
      `✓ releases.yml: no problems in ${count} ${count === 1 ? 'environment' : 'environments'}`,
      ...warnings,
      ...effectiveRules(file.releases, now),
      ...webhookLines(file.webhooks),
      '',
      ...comparison(await releasesUnderWay(), apps),
    ],
    exitCode: 0,
  }
}

/** The releases of the configured store that have not ended. The store is neither started nor migrated. */
export async function releasesUnderWay(
  location: Parameters<typeof openStoreToRead>[0],
): Promise<readonly Release[] | { readonly notCompared: string }> {
  try {
    const opened = await openStoreToRead(location)
    try {
      const states = RELEASE_STATES.filter((state) => !hasEnded(state))
      return await opened.store.releases({ states, limit: MOST_RELEASES })
    } finally {
      await opened.close()
    }
  } catch (error) {
    if (error instanceof StoreNotFound) return { notCompared: error.message }
    return { notCompared: error instanceof Error ? error.message : "Can't read the store." }
  }
}

function effectiveRules({ apps }: Releases, now: Date): readonly string[] {
  return apps.flatMap((app) =>
    app.environments.flatMap((environment) => [
      '',
      `${app.name} ${environment.name}`,
      ...[...rulesOf(app, environment), ...freezesOf(environment, now)].map(
        ([name, value]) => `  ${name.padEnd(12)}${value}`,
      ),
    ]),
  )
}

/** Without their URLs, which may have a token in them. */
function webhookLines(webhooks: readonly PlacedWebhook[]): readonly string[] {
  if (webhooks.length === 0) return []
  const lines = webhooks.map((webhook) => {
    const { events, secretEnv } = webhook
    return `  ${webhookName(webhook)}: ${events?.join(', ') ?? 'every event'}; signed with ${secretEnv.join(' and ')}`
  })
  return ['', 'webhooks', ...lines]
}

function rulesOf(app: App, environment: Environment): readonly (readonly [string, string])[] {
  const { branch, deploys, remote, migrations, signOff, hotfix, order, group } = environment
  const source = promotedFrom(app, environment)
  const from = source && `; merges ${source.branch} of ${source.name}, pull request ${environment.pullRequest}`
  const platform = remote.app === undefined ? remote.platform : `${remote.platform} app ${remote.app}`
  return [
    ['repository', app.repository],
    ['branch', `${branch}${from ?? ''}`],
    ...(deploys === undefined ? [] : [['deploys', deploys] as const]),
    ['remote', `${remote.name}, branch ${remote.branch}, ${platform}`],
    ['hot-fix', hotfix === undefined ? "by the branch's rules" : hotfix.replace('_', ' ')],
    ...(order === undefined ? [] : [['order', orderRule(order, source?.name ?? '')] as const]),
    ['channel', `${environment.channel}; announcement ${environment.announce}`],
    ...(group === undefined ? [] : [['workers', `only those with --group ${group}`] as const]),
    ...(signOff === undefined
      ? [['sign-off', 'none: every full member may release'] as const]
      : ([
          ['QA', needs(signOff.qa, signOff.qaBy)],
          ['approval', needs(signOff.approvals, signOff.approvers, ', never the requester')],
          ['emergency', people(signOff.emergencyBy ?? signOff.approvers)],
          ['checks', signOff.requireChecks ? 'must have passed' : 'not required'],
          ['expires', `after ${hours(signOff.expiresAfterMs)}`],
        ] as const)),
    ...(migrations.length === 0 ? [['migrations', 'none'] as const] : migrations.map(migrationRules)),
  ]
}

function orderRule(order: NonNullable<Environment['order']>, source: string): string {
  if (order === 'off') return `not looked at: whether commits are proven on ${source}`
  return order === 'required'
    ? `commits must be proven on ${source} first`
    : `shows whether commits are proven on ${source}`
}

/** The next three, or that there is none. */
function freezesOf({ freezes = [] }: Environment, now: Date): readonly (readonly [string, string])[] {
  if (freezes.length === 0) return [['freezes', 'none']]
  const next = nextFreezes(freezes, now, 3).map(({ name, from, to }) => {
    const { timeZone } = freezes[0] ?? { timeZone: 'UTC' }
    return `${wallClock(from, timeZone)} to ${wallClock(to, timeZone)} ${timeZone}: ${name}`
  })
  const frozen = frozenAt(freezes, now)
  const isEndless = frozen !== undefined && frozen.until === undefined
  const lines = [
    ...(next.length === 0 ? ['none in the future'] : next),
    ...(isEndless ? ['these leave no time in the next year in which anything but an emergency can start'] : []),
  ]
  return lines.map((line, index) => [index === 0 ? 'freezes' : '', line])
}

function migrationRules(migration: MigrationSettings): readonly [string, string] {
  const { name, config, directory, lockTimeout, statementTimeout, talkItOver } = migration
  const where = directory === '.' ? config : `${config} in ${directory}`
  const timeouts = `lock timeout ${lockTimeout}, statement timeout ${statementTimeout}`
  const rules = `${where}; ${timeouts}; talk over: ${talkItOver.join(', ') || 'nothing'}`
  return ['migrations', name === undefined ? rules : `${name}: ${rules}`]
}

function needs(count: number | 'each change', who: readonly string[] | undefined, but = ''): string {
  if (count === 'each change') return `each change, by ${people(who)}`
  return count === 0 ? 'not required' : `${count} of ${people(who)}${but}`
}

function people(who: readonly string[] | undefined): string {
  return who === undefined ? 'every full member' : who.join(', ')
}

function hours(ms: number): string {
  const minutes = ms / 60_000
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`
}

function comparison(
  underWay: readonly Release[] | { readonly notCompared: string },
  apps: readonly App[],
): readonly string[] {
  if ('notCompared' in underWay) {
    return [`! Releases under way were not compared with this file: ${underWay.notCompared}`]
  }
  const stopped = underWay.toSorted((a, b) => a.number - b.number).flatMap((release) => stoppedBy(release, apps))
  const [release] = underWay
  if (stopped.length > 0) return ['! With this file, these releases under way can’t continue:', ...stopped]
  if (release === undefined) return ['✓ No release is under way.']
  const many = underWay.length === 1 ? `#${release.number}, which is` : `the ${underWay.length} releases that are`
  return [`✓ This file changes nothing for ${many} under way.`]
}

function stoppedBy(release: Release, apps: readonly App[]): readonly string[] {
  const app = findApp(apps, release.app)
  const environment = app && findEnvironment(app, release.environment)
  if (environment !== undefined && isSameConfiguration(release.configuration, environment)) return []
  const what = environment === undefined ? 'is not in this file' : 'has another entry in this file'
  const then =
    release.state === 'running' || release.state === 'needs attention'
      ? 'its run would stop (configuration_differs)'
      : 'its plan and sign-offs would be void (configuration_differs)'
  return [`  #${release.number} ${release.state}: ${release.app} ${release.environment} ${what}; ${then}`]
}
