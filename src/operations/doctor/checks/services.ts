/** What the worker connects to: repositories, remotes, the forge, platforms and each app's migrations. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Answer, ServiceError } from '../../../release/ports/answers.ts'
import type { BranchRules, Forge, ForgeWords } from '../../../release/ports/forge.ts'
import type { Git } from '../../../release/ports/git.ts'
import type { MigrationStatus, Migrator, MigratorWords } from '../../../release/ports/migrator.ts'
import type { Platform } from '../../../release/ports/platform.ts'
import { type App, appAt, type Environment, type MigrationSettings } from '../../../release/settings.ts'
import type { PlatformName } from '../../../release/stored-names.ts'
import { type Check, type Finding, fail, pass, warn } from '../doctor.ts'

/** A marker that no pull request has: the search only shows whether the token may read. */
const NO_MARKER = 'signoff:doctor'

type Platforms = Readonly<Record<PlatformName, Platform | undefined>>

/** Whether the token can read the repository, and whether a branch permission forbids merges or the pushes of hot-fixes. */
export function forgeChecks(app: App, forge: Forge): readonly Check[] {
  const { name: forgeName, credential } = forge.words
  const targets = app.environments.filter(({ promotes }) => promotes !== undefined)
  let asked: ReturnType<Forge['findPullRequest']> | undefined
  const reach = () => {
    asked ??= forge.findPullRequest(app, NO_MARKER)
    return asked
  }
  /** The first check has the line: that it does not answer is one problem, however much is asked of it. */
  const isAway = async () => {
    const answer = await reach()
    return !answer.ok && answer.failure === 'unreachable'
  }
  return [
    {
      name: `${forgeName} ${app.name}`,
      async run() {
        const answer = await reach()
        return answer.ok
          ? pass(`can read the pull requests of ${app.repository}`)
          : failureFinding(answer, `check ${credential}, and that it may read ${app.repository}`, {
              name: app.repository,
              key: 'repository',
            })
      },
    },
    ...targets.map(
      ({ branch, name }): Check => ({
        name: `${forgeName} branch ${branch} of ${app.name}`,
        async run() {
          if (await isAway()) return undefined
          const answer = await forge.branchRules(app, branch)
          if (!answer.ok) return failureFinding(answer, `check ${credential}`)
          return mergeFinding(answer.value, name, forge.words)
        },
      }),
    ),
    ...app.environments.map(
      ({ branch, name, hotfix }): Check => ({
        name: `hot-fixes ${app.name}/${name}`,
        async run() {
          if (await isAway()) return undefined
          const answer = await forge.branchRules(app, branch)
          if (!answer.ok) return failureFinding(answer, `check ${credential}`)
          const { push } = answer.value
          if (hotfix === 'pull_request') return pass('hot-fixes go by pull request, as releases.yml says')
          if (hotfix === undefined && push.is === 'forbidden') {
            return pass(`${push.rule}, so hot-fixes go by pull request`)
          }
          return push.is === 'forbidden'
            ? warn(
                `${push.rule}, so hot-fixes are refused`,
                'allow the user of Signoff to push in the branch permissions, or remove hotfix: push from releases.yml',
              )
            : pass(`no visible branch permission forbids pushes by Signoff to ${branch}`)
        },
      }),
    ),
  ]
}

/** Whether Signoff may merge into a branch, by a method that it can preview. */
function mergeFinding(
  { merge, methods, unreadable, asks = [] }: BranchRules,
  environment: string,
  words: ForgeWords,
): Finding {
  if (merge.is === 'forbidden') {
    return fail(
      `${merge.rule}, so ${environment} can't be released`,
      'allow the user of Signoff to merge in the branch permissions',
    )
  }
  if (methods !== undefined && !methods.mergeCommit && !methods.fastForward) {
    return fail(
      `merges only by ${methods.names.join(', ')}, which can't be previewed, so ${environment} can't be released`,
      `allow merge commits or fast-forwards for the branch at ${words.name}`,
    )
  }
  if (unreadable !== undefined) {
    return warn(
      `the token may not read the branch's rules and merge checks: it lacks ${unreadable}`,
      `give the token ${unreadable}, so that cards show what ${words.name} asks for; releases work without it`,
    )
  }
  const asked = asks.length === 0 ? '' : `; a merge needs ${asks.join(', ')}`
  return pass(`no visible branch permission forbids merges by Signoff${asked}`)
}

/** Whether the repository has the environments' branches, and whether each remote answers, by ls-remote. */
export function remoteChecks(
  app: App,
  { git, forge, platforms }: { readonly git: Git; readonly forge: Forge; readonly platforms: Platforms },
): readonly Check[] {
  return [
    {
      name: `repository ${app.name}`,
      limitMs: 30_000,
      async run(signal) {
        const branches = [...new Set(app.environments.map(({ branch }) => branch))]
        const answer = await git.heads(app.gitUrl, branches, signal)
        if (!answer.ok) {
          const named = { name: app.gitUrl, key: 'repository' }
          return failureFinding(answer, `check ${forge.words.credential}`, named)
        }
        const missing = branches.filter((branch) => answer.value[branch] == null)
        return missing.length === 0
          ? pass(`has ${branches.join(', ')}`)
          : fail(`has no branch ${missing.join(', ')}`, 'create it, or fix branch in releases.yml')
      },
    },
    ...app.environments.map(
      (environment): Check => ({
        name: `remote ${environment.app}/${environment.name}`,
        limitMs: 30_000,
        async run(signal) {
          const { url, branch, name, platform } = environment.remote
          const answer = await git.heads(url, [branch], signal)
          if (!answer.ok) return remoteFinding(answer, environment, platforms[platform])
          const holds = answer.value[branch]
          return pass(
            holds == null
              ? `${name} answers; it has no ${branch} yet, the first release creates it`
              : `${name} has ${holds.slice(0, 12)}`,
          )
        },
      }),
    ),
  ]
}

/** Whether the credential can read the platform's releases. None when the platform runs whatever its remote has. */
export function platformChecks({ remote }: Environment, platforms: Platforms): readonly Check[] {
  const platform = platforms[remote.platform]
  if (platform === undefined || !platform.words.runsApart) return []
  const { name, advice } = platform.words
  const app = appAt(remote)
  return [
    {
      name: `${name} ${app}`,
      async run() {
        const answer = await platform.releases(remote, 1)
        if (!answer.ok) return failureFinding(answer, advice.app(app), { name: app, key: 'remote.app' })
        const unconfirmable = await platform.unconfirmable?.(remote)
        if (unconfirmable?.ok && unconfirmable.value !== undefined) {
          const fix = 'deploy it once by git push, or let the key read its builds'
          return fail(`can't prove which commit it runs: ${unconfirmable.value}`, fix)
        }
        const [last] = answer.value
        return pass(
          last === undefined ? 'answers; it has no release yet' : `answers; its last release is v${last.version}`,
        )
      },
    },
  ]
}

/** Reads the migration status of the current commit of an environment's branch. */
export type ReadMigrationStatus = (
  app: App,
  environment: Environment,
  migration: MigrationSettings,
  signal: AbortSignal,
) => Promise<Answer<{ readonly status: Awaited<ReturnType<Migrator['status']>> }>>

/**
 * Reads the status in a temporary checkout under `directory`, which it deletes afterwards. Runs the app's own env.py
 * there.
 */
export function createMigrationStatusReader(ports: {
  readonly git: Git
  readonly migrator: Pick<Migrator, 'status'>
  readonly directory: string
}): ReadMigrationStatus {
  return async (app, { branch }, migration, signal) => {
    const fetched = await ports.git.fetch(app, app.gitUrl, [branch], signal)
    if (!fetched.ok) return fetched
    const commit = fetched.value[branch]
    if (commit == null) return { ok: false, failure: 'wrong', detail: `the repository has no branch ${branch}` }
    await mkdir(ports.directory, { recursive: true })
    const checkout = await mkdtemp(join(ports.directory, 'doctor-'))
    try {
      await ports.git.checkout(app, commit, checkout)
      return { ok: true, value: { status: await ports.migrator.status(migration, checkout, signal) } }
    } finally {
      await rm(checkout, { recursive: true, force: true })
    }
  }
}

/**
 * Whether the migrator is installed, reads the app's revisions and reaches its database. None when there are no
 * migrations. `problemOf` returns what is wrong with a program (a name on PATH or a path), or undefined.
 */
export function migratorChecks(
  app: App,
  environment: Environment,
  ports: {
    readonly words: MigratorWords
    readonly readStatus: ReadMigrationStatus
    readonly problemOf?: (program: string) => Promise<string | undefined>
  },
): readonly Check[] {
  const { name, programSetting } = ports.words
  return environment.migrations.map((migration) => {
    return {
      name: `${name} ${[environment.app, environment.name, migration.name].filter(Boolean).join('/')}`,
      limitMs: 120_000,
      async run(signal) {
        const problem = await ports.problemOf?.(migration.program)
        if (problem !== undefined) return fail(problem, `install it, or fix ${programSetting} in releases.yml`)
        const read = await ports.readStatus(app, environment, migration, signal)
        if (!read.ok) return failureFinding(read, 'see the check of the repository')
        const { status } = read.value
        if (status.ok) return statusFinding(status.value, ports.words)
        switch (status.why) {
          case 'not isolated':
            return fail(`can't be isolated as required: ${status.detail}`, 'see the check of the isolation')
          case 'unreadable':
            return fail(
              `can't read the app's revisions: ${status.detail}`,
              `set ${programSetting} to the program installed with the app's dependencies`,
            )
          case 'database unreachable':
            return fail(`the database does not answer: ${status.detail}`, 'check the database URL in env_file')
          case 'database refused':
            return fail(
              `the database refuses the login: ${status.detail}`,
              'update env_file; the password may have been rotated',
            )
        }
      },
    }
  })
}

function statusFinding(status: MigrationStatus, { merge }: MigratorWords): Finding {
  const { heads, unknown, pending, hasOtherTimeLimits, skippedWrites = [] } = status
  if (heads.length > 1) {
    return fail(`several heads: ${heads.map(({ revision }) => revision).join(', ')}`, `merge the heads (${merge})`)
  }
  if (unknown.length > 0) {
    return fail(`the database has ${unknown.join(', ')}, which the branch does not have`, 'update the branch')
  }
  if (hasOtherTimeLimits) {
    return warn(
      "the app's env.py sets its own time limits, so lock_timeout and statement_timeout have no effect",
      'remove lock_timeout and statement_timeout from its connection, so that a waiting migration can’t stop all traffic',
    )
  }
  const [write] = skippedWrites
  if (write !== undefined) {
    return warn(`env.py writes whenever it is run, which a look prevents: ${write}`, 'move that into a revision')
  }
  return pass(
    pending.length === 0 ? 'can read the revisions; none pending' : `can read the revisions; ${pending.length} pending`,
  )
}

/** During an incident a platform's git may refuse the credential that its API takes. */
async function remoteFinding(
  error: ServiceError,
  { remote }: Environment,
  platform: Platform | undefined,
): Promise<Finding> {
  const { advice, name, runsApart, statusPage } = platform?.words ?? {}
  const fix = advice?.remote ?? 'check remote.url'
  const isRefused = error.failure === 'refused' && error.denied === undefined
  if (isRefused && platform !== undefined && runsApart === true && statusPage !== undefined) {
    const api = await platform.releases(remote, 1)
    if (api.ok) {
      const what = `refuses the credentials, which ${name}'s API accepts: ${error.detail}`
      return fail(what, `${name}'s git may have an incident, see ${statusPage}; else ${fix}`)
    }
  }
  return failureFinding(error, fix, { name: remote.app ?? remote.url, key: 'remote.url' })
}

/** `named`: what was asked about, and its key in releases.yml. A wrong name is more common than a wrong credential. */
function failureFinding(
  { failure, detail, denied }: ServiceError,
  fix: string,
  named?: { readonly name: string; readonly key: string },
): Finding {
  if (named !== undefined && denied !== undefined) {
    const what = denied === 'not found' ? `${named.name} was not found` : `no access to ${named.name}`
    return fail(`${what}: ${detail}`, `check ${named.key} in releases.yml first; if it is right, ${fix}`)
  }
  const what = { unreachable: 'does not answer', refused: 'refuses the credentials', wrong: 'error' }[failure]
  return fail(`${what}: ${detail}`, failure === 'unreachable' ? 'check that this host can reach it' : fix)
}
