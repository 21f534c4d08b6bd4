/**
 * The digests of an environment's entry: over the entry as written with its defaults filled in, and over what the app says
 * of its repository. Paths count as written: bot and worker may keep their files in different places.
 */
import { digest } from '../lib/canonical-json.ts'
import type { App, Environment, EnvironmentDigests } from '../release/settings.ts'

/** Form 1 is pinned by test/config/first-edition: no key that came later may get into it. */
export function digestsOf(
  app: Omit<App, 'environments'>,
  environment: Omit<Environment, 'digests'>,
): EnvironmentDigests {
  const of = (declared: object) =>
    digest({ app: app.name, repository: app.repository, gitUrl: app.gitUrl, environment: declared })
  const first = firstEdition(environment)
  const { channel: _, ...bound } = first
  return { form1: of(first), form2: `2:${of(bound)}`, isForm1Complete: true }
}

/** The keys of the first edition; canonical JSON leaves out those that are undefined. */
function firstEdition({ app, name, branch, promotes, pullRequest, remote, ...rest }: Omit<Environment, 'digests'>) {
  const { migrations, channel, announce, signOff } = rest
  return {
    app,
    name,
    branch,
    promotes,
    pullRequest,
    remote: {
      name: remote.name,
      url: remote.url,
      branch: remote.branch,
      platform: remote.platform,
      herokuApp: remote.herokuApp,
    },
    migrations: migrations && {
      config: migrations.config,
      envFile: migrations.envFile,
      alembic: migrations.alembic,
      lockTimeout: migrations.lockTimeout,
      statementTimeout: migrations.statementTimeout,
      talkItOver: migrations.talkItOver,
      approvers: migrations.approvers,
    },
    channel,
    announce,
    signOff: signOff && {
      qa: signOff.qa,
      approvals: signOff.approvals,
      approvers: signOff.approvers,
      qaBy: signOff.qaBy,
      emergencyBy: signOff.emergencyBy,
      requireChecks: signOff.requireChecks,
      expiresAfterMs: signOff.expiresAfterMs,
    },
  }
}
