import type { ServiceError } from '../../../release/ports/answers.ts'
import type { BranchRules, Forge, ForgeWords } from '../../../release/ports/forge.ts'
import type { Git } from '../../../release/ports/git.ts'
import type { Platform } from '../../../release/ports/platform.ts'
import { type App, appAt, type Environment } from '../../../release/settings.ts'
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
export function failureFinding(
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
