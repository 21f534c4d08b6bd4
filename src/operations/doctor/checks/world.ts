/** What the worker reaches: repositories, remotes, Bitbucket, Heroku and each app's alembic. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Answer, ServiceError } from '../../../release/ports/answers.ts'
import type { Bitbucket } from '../../../release/ports/bitbucket.ts'
import type { Git } from '../../../release/ports/git.ts'
import type { Heroku } from '../../../release/ports/heroku.ts'
import type { MigrationStatus, Migrations } from '../../../release/ports/migrations.ts'
import type { App, Environment } from '../../../release/settings.ts'
import { type Check, type Finding, good, odd, wrong } from '../doctor.ts'

/** A marker that no pull request of ours has: what is asked for is only whether we may look. */
const NO_MARKER = 'signoff:doctor'

const BITBUCKET_SETTING = 'BITBUCKET_TOKEN, or BITBUCKET_EMAIL and BITBUCKET_API_TOKEN'

/** Whether the token reads the repository, and whether a rule that can be read forbids our merges, or the pushes of hot-fixes. */
export function bitbucketChecks(app: App, bitbucket: Bitbucket): readonly Check[] {
  const targets = app.environments.filter(({ promotes }) => promotes !== undefined)
  return [
    {
      name: `Bitbucket ${app.name}`,
      async look() {
        const answer = await bitbucket.findPullRequest(app, NO_MARKER)
        return answer.ok
          ? good(`reads the pull requests of ${app.repository}`)
          : notGiven(answer, `see ${BITBUCKET_SETTING}, and that it may read ${app.repository}`)
      },
    },
    ...targets.map(
      ({ branch, name }): Check => ({
        name: `Bitbucket branch ${branch} of ${app.name}`,
        async look() {
          const answer = await bitbucket.mergeForbiddenBy(app, branch)
          if (!answer.ok) return notGiven(answer, `see ${BITBUCKET_SETTING}`)
          return answer.value === undefined
            ? good('no rule that can be read forbids our merge')
            : wrong(`${answer.value}, so ${name} can not be released`, 'let our user merge in the branch permissions')
        },
      }),
    ),
    ...app.environments.map(
      ({ branch, name }): Check => ({
        name: `hot-fixes ${app.name}/${name}`,
        async look() {
          const answer = await bitbucket.pushForbiddenBy(app, branch)
          if (!answer.ok) return notGiven(answer, `see ${BITBUCKET_SETTING}`)
          return answer.value === undefined
            ? good(`no rule that can be read forbids our push to ${branch}`)
            : odd(`${answer.value}, so they are refused`, 'let our user push in the branch permissions')
        },
      }),
    ),
  ]
}

/** The repository with the branches that environments follow, and each environment's remote, by ls-remote. */
export function remoteChecks(app: App, git: Git): readonly Check[] {
  return [
    {
      name: `repository ${app.name}`,
      limitMs: 30_000,
      async look(signal) {
        const branches = [...new Set(app.environments.map(({ branch }) => branch))]
        const answer = await git.heads(app.gitUrl, branches, signal)
        if (!answer.ok) return notGiven(answer, `see ${BITBUCKET_SETTING}`)
        const missing = branches.filter((branch) => answer.value[branch] == null)
        return missing.length === 0
          ? good(`holds ${branches.join(', ')}`)
          : wrong(`has no branch ${missing.join(', ')}`, 'create it, or mend branch in releases.yml')
      },
    },
    ...app.environments.map(
      (environment): Check => ({
        name: `remote ${environment.app}/${environment.name}`,
        limitMs: 30_000,
        async look(signal) {
          const { url, branch, name, platform } = environment.remote
          const answer = await git.heads(url, [branch], signal)
          if (!answer.ok) {
            return notGiven(
              answer,
              platform === 'heroku' ? 'see HEROKU_API_KEY' : 'see remote.url and our access to it',
            )
          }
          const holds = answer.value[branch]
          return good(
            holds == null
              ? `${name} answers; it has no ${branch} yet, the first release makes it`
              : `${name} holds ${holds.slice(0, 12)}`,
          )
        },
      }),
    ),
  ]
}

/** Whether the key reads the app of each environment on Heroku. None for others. */
export function herokuChecks(environment: Environment, heroku: Heroku): readonly Check[] {
  const { herokuApp } = environment.remote
  if (herokuApp === undefined) return []
  return [
    {
      name: `Heroku ${herokuApp}`,
      async look() {
        const answer = await heroku.releases(herokuApp, 1)
        if (!answer.ok)
          return notGiven(answer, `see HEROKU_API_KEY, and that its user is a collaborator of ${herokuApp}`)
        const [last] = answer.value
        return good(
          last === undefined ? 'answers; it has no release yet' : `answers; its last release is v${last.version}`,
        )
      },
    },
  ]
}

/** A look at the migrations of an environment's branch as it is now. */
export type MigrationsLook = (
  app: App,
  environment: Environment,
  signal: AbortSignal,
) => Promise<Answer<{ readonly status: Awaited<ReturnType<Migrations['status']>> }>>

/**
 * Checks the environment's branch out into a directory of its own under `directory`, lets the app's own env.py be run
 * there, and takes the directory away again.
 */
export function createMigrationsLook(ports: {
  readonly git: Git
  readonly migrations: Migrations
  readonly directory: string
}): MigrationsLook {
  return async (app, environment, signal) => {
    const { branch } = environment
    const fetched = await ports.git.fetch(app, app.gitUrl, [branch], signal)
    if (!fetched.ok) return fetched
    const commit = fetched.value[branch]
    if (commit == null) return { ok: false, failure: 'wrong', detail: `the repository has no branch ${branch}` }
    await mkdir(ports.directory, { recursive: true })
    const checkout = await mkdtemp(join(ports.directory, 'doctor-'))
    try {
      await ports.git.checkout(app, commit, checkout)
      return { ok: true, value: { status: await ports.migrations.status(environment, checkout, signal) } }
    } finally {
      await rm(checkout, { recursive: true, force: true })
    }
  }
}

/**
 * Whether alembic is there, reads the app's revisions and reaches its database. None where there are no migrations.
 *
 * @param problemOf says what is wrong with a program (a name on PATH or a path); undefined: it is there
 */
export function alembicChecks(
  app: App,
  environment: Environment,
  ports: { readonly look: MigrationsLook; readonly problemOf?: (program: string) => Promise<string | undefined> },
): readonly Check[] {
  const { migrations } = environment
  if (migrations === undefined) return []
  return [
    {
      name: `alembic ${environment.app}/${environment.name}`,
      limitMs: 120_000,
      async look(signal) {
        const problem = await ports.problemOf?.(migrations.alembic)
        if (problem !== undefined) return wrong(problem, 'install it, or mend migrations.alembic in releases.yml')
        const looked = await ports.look(app, environment, signal)
        if (!looked.ok) return notGiven(looked, 'see the check of the repository')
        const { status } = looked.value
        if (status.ok) return ofStatus(status.value)
        switch (status.why) {
          case 'unreadable':
            return wrong(
              `can not read the app's revisions: ${status.detail}`,
              "migrations.alembic must be one with the app's own dependencies",
            )
          case 'database unreachable':
            return wrong(`the database does not answer: ${status.detail}`, 'see the address in env_file')
          case 'database refused':
            return wrong(`the database refuses: ${status.detail}`, 'its password may have been rotated: renew env_file')
        }
      },
    },
  ]
}

function ofStatus({ heads, unknown, pending }: MigrationStatus): Finding {
  if (heads.length > 1) {
    return wrong(`several heads: ${heads.map(({ revision }) => revision).join(', ')}`, 'merge them (alembic merge)')
  }
  if (unknown.length > 0) {
    return wrong(`the database holds ${unknown.join(', ')}, which the branch lacks`, 'bring the branch up to date')
  }
  return good(
    pending.length === 0 ? 'reads the revisions; none is pending' : `reads the revisions; ${pending.length} pending`,
  )
}

function notGiven({ failure, detail }: ServiceError, mend: string): Finding {
  const says = { unreachable: 'does not answer', refused: 'refuses our credentials', wrong: 'can not be used' }[failure]
  return wrong(`${says}: ${detail}`, failure === 'unreachable' ? 'see whether this host reaches it' : mend)
}
