/** The environments of the test and its releases.yml: one environment for each state that an upgrade can meet. */
import { join } from 'node:path'
import type { Bitbucket } from '../../src/sandbox/bitbucket/bitbucket.ts'
import type { Heroku } from '../../src/sandbox/heroku/heroku.ts'

/** Environments, as `app environment`, that Heroku deploys. All others are plain git remotes. */
export const ON_HEROKU = ['api integration', 'web pushing', 'web closing', 'web rolling'] as const

/** Environments with a database. */
export const MIGRATED = ['api production', 'api eu', 'web migrating'] as const

/** Environments with a branch of their own. The others follow master. */
export const BRANCHES = ['production', 'eu', 'us', 'ca', 'apac', 'patch', 'careful'] as const

export const nameOf = (environment: string) => environment.split(' ').at(-1) ?? ''

export function isOne(list: readonly string[], one: string): boolean {
  return list.includes(one)
}

type Entry = Readonly<Record<string, unknown>>
interface ReleasesFile {
  readonly apps: Readonly<Record<string, { readonly environments: Readonly<Record<string, Entry>> } & Entry>>
}

/** In the form of the version before. The version after must read the same from it. */
export function releasesFile({
  bitbucket,
  heroku,
  directory,
}: {
  bitbucket: Bitbucket
  heroku: Heroku
  directory: string
}): ReleasesFile {
  const channel = '#product'
  const remoteOf = (environment: string) => {
    const name = nameOf(environment)
    return isOne(ON_HEROKU, environment)
      ? { name: `heroku-${name}`, url: heroku.gitUrl(name), platform: 'heroku', app: name }
      : { name: `git-${name}`, url: join(directory, 'remotes', `${name}.git`), platform: 'git' }
  }
  const following = (branch: string, environment: string, more: Entry = {}): Entry => ({
    branch,
    remote: remoteOf(environment),
    channel,
    ...more,
  })
  const api = (name: string, more: Entry) => ({ [name]: following(name, `api ${name}`, more) })
  const web = (name: string, more: Entry = {}) => ({ [name]: following('master', `web ${name}`, more) })
  const migrations = (name: string, more: Entry = {}) => ({
    migrations: { config: 'alembic_users.ini', env_file: `.env_${name}`, ...more },
  })
  const approvers = ['@release-approvers']
  const approval = { sign_off: { qa: 0, approvals: 1, approvers } }
  const promotes = { promotes: 'integration' }
  const application = { repository: 'jurispect/jurispect_api', git_url: bitbucket.gitUrl }
  return {
    apps: {
      api: {
        ...application,
        environments: {
          integration: following('master', 'api integration'),
          ...api('production', {
            ...promotes,
            ...migrations('production', { talk_it_over: ['adds'] }),
            announce: 'required',
            sign_off: { qa: 1, approvals: 1, approvers },
          }),
          ...api('eu', { ...promotes, ...migrations('eu', { talk_it_over: [] }), ...approval }),
          ...api('us', { ...promotes, pull_request: 'pinned', ...approval }),
          ...api('ca', { ...promotes, pull_request: 'pinned', ...approval }),
          ...api('apac', { ...promotes, ...approval }),
          ...api('patch', { ...promotes, ...approval }),
          ...api('careful', {}),
        },
      },
      web: {
        ...application,
        environments: {
          ...web('pushing'),
          ...web('migrating', migrations('migrating', { lock_timeout: '20min' })),
          ...web('recording', approval),
          ...web('closing'),
          ...web('failing'),
          ...web('approved', approval),
          ...web('announced', { announce: 'required' }),
          ...web('announcing', { announce: 'required' }),
          ...web('rejecting', approval),
          ...web('urgent', approval),
          ...web('queued', approval),
          ...web('checked', { sign_off: { ...approval.sign_off, require_checks: true } }),
          ...web('left', { sign_off: { ...approval.sign_off, approvals: 2 } }),
          ...web('again'),
          ...web('rolling'),
        },
      },
    },
  }
}
