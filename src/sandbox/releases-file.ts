import type { Bitbucket } from './bitbucket/bitbucket.ts'
import type { Heroku } from './heroku/heroku.ts'
import type { MigrationProgram } from './migrations.ts'

/** The sandbox's releases.yml: the release document's two environments with this machine's addresses. */
export function releasesFile(given: {
  repository: string
  apps: Readonly<Record<'integration' | 'production', string>>
  bitbucket: Bitbucket
  heroku: Heroku
  program: MigrationProgram
}): string {
  const { repository, apps, bitbucket, heroku, program } = given
  const migrations = (name: string) => `        migrations:
          config: alembic_users.ini
          env_file: .env_${name}
          alembic: ${program.path}
          lock_timeout: 5s
          # Its database is a socket that only this user may open, which no other user could reach.
          isolation: off`
  const day = (after: number) => new Date(Date.now() + after * 24 * 60 * 60_000).toISOString().slice(0, 10)
  return `# Written by the sandbox at each start.
# Far enough away not to be met by accident.
freezes:
  - { name: office move, from: ${day(10)}, to: ${day(12)} }
apps:
  api:
    repository: ${repository}
    git_url: ${bitbucket.gitUrl}
    environments:
      integration:
        branch: master
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
          qa: 1
          approvals: 1
          approvers: ["@release-approvers"]
          qa_by: ["@qa"]
          emergency_by: ["@release-approvers"]
          expires_after: 24h
`
}
