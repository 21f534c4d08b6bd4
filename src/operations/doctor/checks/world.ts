/** What the worker reaches: repositories, remotes, the forge, platforms and each app's migrations. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Answer, ServiceError } from '../../../release/ports/answers.ts'
import type { Forge } from '../../../release/ports/forge.ts'
import type { Git } from '../../../release/ports/git.ts'
import type { MigrationStatus, Migrator, MigratorWords } from '../../../release/ports/migrator.ts'
import type { Platform } from '../../../release/ports/platform.ts'
import { type App, appAt, type Environment } from '../../../release/settings.ts'
import type { PlatformName } from '../../../release/stored-names.ts'
import { type Check, type Finding, good, odd, wrong } from '../doctor.ts'

/** A marker that no pull request of ours has: what is asked for is only whether we may look. */
const NO_MARKER = 'signoff:doctor'

type Platforms = Readonly<Record<PlatformName, Platform | undefined>>

/** Whether the token reads the repository, and whether a rule that can be read forbids our merges, or the pushes of hot-fixes. */
export function forgeChecks(app: App, forge: Forge): readonly Check[] {
  const { name: forgeName, credential } = forge.words
  const targets = app.environments.filter(({ promotes }) => promotes !== undefined)
  return [
    {
      name: `${forgeName} ${app.name}`,
      async look() {
        const answer = await forge.findPullRequest(app, NO_MARKER)
        return answer.ok
          ? good(`reads the pull requests of ${app.repository}`)
          : notGiven(answer, `see ${credential}, and that it may read ${app.repository}`)
      },
    },
    ...targets.map(
      ({ branch, name }): Check => ({
        name: `${forgeName} branch ${branch} of ${app.name}`,
        async look() {
          const answer = await forge.mergeForbiddenBy(app, branch)
          if (!answer.ok) return notGiven(answer, `see ${credential}`)
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
          const answer = await forge.pushForbiddenBy(app, branch)
          if (!answer.ok) return notGiven(answer, `see ${credential}`)
          return answer.value === undefined
            ? good(`no rule that can be read forbids our push to ${branch}`)
            : odd(`${answer.value}, so they are refused`, 'let our user push in the branch permissions')
        },
      }),
    ),
  ]
}

/** The repository with the branches that environments follow, and each environment's remote, by ls-remote. */
export function remoteChecks(
  app: App,
  { git, forge, platforms }: { readonly git: Git; readonly forge: Forge; readonly platforms: Platforms },
): readonly Check[] {
  return [
    {
      name: `repository ${app.name}`,
      limitMs: 30_000,
      async look(signal) {
        const branches = [...new Set(app.environments.map(({ branch }) => branch))]
        const answer = await git.heads(app.gitUrl, branches, signal)
        if (!answer.ok) return notGiven(answer, `see ${forge.words.credential}`)
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
          if (!answer.ok) return notGiven(answer, platforms[platform]?.words.advice.remote ?? 'see remote.url')
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

/** Whether the credential reads the releases of what is deployed. None where the platform runs what its remote holds. */
export function platformChecks({ remote }: Environment, platforms: Platforms): readonly Check[] {
  const platform = platforms[remote.platform]
  if (platform === undefined || !platform.words.runsApart) return []
  const { name, advice } = platform.words
  const app = appAt(remote)
  return [
    {
      name: `${name} ${app}`,
      async look() {
        const answer = await platform.releases(remote, 1)
        if (!answer.ok) return notGiven(answer, advice.app(app))
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
) => Promise<Answer<{ readonly status: Awaited<ReturnType<Migrator['status']>> }>>

/**
 * Checks the environment's branch out into a directory of its own under `directory`, lets the app's own env.py be run
 * there, and takes the directory away again.
 */
export function createMigrationsLook(ports: {
  readonly git: Git
  readonly migrator: Pick<Migrator, 'status'>
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
      return { ok: true, value: { status: await ports.migrator.status(environment, checkout, signal) } }
    } finally {
      await rm(checkout, { recursive: true, force: true })
    }
  }
}

/**
 * Whether the migrator is there, reads the app's revisions and reaches its database. None where there are no migrations.
 *
 * @param problemOf says what is wrong with a program (a name on PATH or a path); undefined: it is there
 */
export function migratorChecks(
  app: App,
  environment: Environment,
  ports: {
    readonly words: MigratorWords
    readonly look: MigrationsLook
    readonly problemOf?: (program: string) => Promise<string | undefined>
  },
): readonly Check[] {
  const { migrations } = environment
  if (migrations === undefined) return []
  const { name, programSetting } = ports.words
  return [
    {
      name: `${name} ${environment.app}/${environment.name}`,
      limitMs: 120_000,
      async look(signal) {
        const problem = await ports.problemOf?.(migrations.program)
        if (problem !== undefined) return wrong(problem, `install it, or mend ${programSetting} in releases.yml`)
        const looked = await ports.look(app, environment, signal)
        if (!looked.ok) return notGiven(looked, 'see the check of the repository')
        const { status } = looked.value
        if (status.ok) return ofStatus(status.value, ports.words)
        switch (status.why) {
          case 'unreadable':
            return wrong(
              `can not read the app's revisions: ${status.detail}`,
              `${programSetting} must be one with the app's own dependencies`,
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

function ofStatus({ heads, unknown, pending }: MigrationStatus, { merge }: MigratorWords): Finding {
  if (heads.length > 1) {
    return wrong(`several heads: ${heads.map(({ revision }) => revision).join(', ')}`, `merge them (${merge})`)
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
