import type { Bitbucket } from './bitbucket/bitbucket.ts'
import type { AppDatabase } from './databases.ts'
import type { Heroku } from './heroku/heroku.ts'
import type { MigrationProgram } from './migrations.ts'
import type { MigrationName } from './sample-app.ts'

/** The file with the address of a database of the app. */
export const envFileName = (environment: AppDatabase, name: MigrationName) =>
  name === 'users' ? `.env_${environment}` : `.env_${environment}_${name}`

export type IntegrationDeploys = 'on request' | 'automatically' | 'after checks'
export type ProductionQa = 'the release' | 'each change'

/** What can be tried beside the release document's own rules. */
export interface Variations {
  /** When integration is deployed. */
  readonly deploys?: IntegrationDeploys | undefined
  /** What QA is asked about before a release to production. */
  readonly qa?: ProductionQa | undefined
}

/** The sandbox's releases.yml: the release document's two environments with this machine's addresses. */
export function releasesFile(
  given: Variations & {
    repository: string
    apps: Readonly<Record<'integration' | 'production', string>>
    bitbucket: Bitbucket
    heroku: Heroku
    program: MigrationProgram
    migrations: readonly MigrationName[]
    /** What is told of everything. */
    webhook: { url: string; secretEnv: string }
  },
): string {
  const { repository, apps, bitbucket, heroku, program, deploys = 'on request', qa = 'the release', webhook } = given
  const entry = (environment: AppDatabase) => (name: MigrationName) =>
    `          - name: ${name}
            config: alembic_${name}.ini
            env_file: ${envFileName(environment, name)}
            alembic: ${program.path}
            lock_timeout: 5s
            # Its database is a socket that only this user may open, which no other user could reach.
            isolation: off`
  const migrations = (environment: AppDatabase) =>
    `        migrations:\n${given.migrations.map(entry(environment)).join('\n')}`
  const day = (after: number) => new Date(Date.now() + after * 24 * 60 * 60_000).toISOString().slice(0, 10)
  return `# Written by the sandbox at each start.
# Far enough away not to be met by accident.
freezes:
  - { name: office move, from: ${day(10)}, to: ${day(12)} }
webhooks:
  - { url: "${webhook.url}", secret_env: ${webhook.secretEnv} }
apps:
  api:
    repository: ${repository}
    git_url: ${bitbucket.gitUrl}
    environments:
      integration:
        branch: master
        deploys: ${deploys}
        remote:
          name: heroku-integration
          url: ${heroku.gitUrl(apps.integration)}
          platform: heroku
          app: ${apps.integration}
${migrations('integration')}
        channel: "#engineering"
      production:
        branch: production
        promotes: integration
        remote:
          name: heroku-production
          url: ${heroku.gitUrl(apps.production)}
          platform: heroku
          app: ${apps.production}
${migrations('production')}
        channel: "#product"
        announce: required
        sign_off:
          qa: ${qa === 'each change' ? qa : 1}
          approvals: 1
          approvers: ["@release-approvers"]
          qa_by: ["@qa"]
          emergency_by: ["@release-approvers"]
          expires_after: 24h
`
}
