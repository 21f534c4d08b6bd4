/** What a checkout of the app says about its releases, so that `signoff init` can propose answers. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { posix } from 'node:path'
import { promisify } from 'node:util'
import { herokuAppOf, isHerokuGitUrl } from '../../config/addresses.ts'
import { defined } from '../../lib/defined.ts'

const run = promisify(execFile)

export interface HerokuRemote {
  /** Of the git remote in the checkout. */
  readonly name: string
  readonly app: string
}

export interface MigrationFile {
  /** From `directory`. */
  readonly config: string
  /** In the repository; `.` is its root. */
  readonly directory: string
  readonly tool: 'alembic' | 'flask'
}

export interface Checkout {
  /** Absolute. */
  readonly root: string
  /** At Bitbucket, as workspace/slug. */
  readonly repository?: string
  /** By name; those of remotes too. */
  readonly branches: readonly string[]
  readonly herokuRemotes: readonly HerokuRemote[]
  readonly migrations: readonly MigrationFile[]
}

const TIMEOUT_MS = 10_000
const MOST_BYTES = 32 * 1024 * 1024

/** Looks at the git checkout that contains `directory`; undefined if there is none. Changes nothing and asks no server. */
export async function lookAtCheckout(directory: string): Promise<Checkout | undefined> {
  const git = async (...args: string[]) => {
    const options = { cwd: directory, timeout: TIMEOUT_MS, maxBuffer: MOST_BYTES }
    return (await run('git', args, options)).stdout.split('\n').filter((line) => line !== '')
  }
  const root = await git('rev-parse', '--show-toplevel').then(
    ([line]) => line,
    () => undefined,
  )
  if (root === undefined) return undefined
  const [remotes, refs, files] = await Promise.all([
    git('config', '--get-regexp', '^remote\\..*\\.url$').catch(() => []),
    git('for-each-ref', '--format=%(refname)', 'refs/heads', 'refs/remotes').catch(() => []),
    git('-C', root, 'ls-files', '--', '*.ini', 'pyproject.toml', '*/pyproject.toml', '*env.py').catch(() => []),
  ])
  const urls = remotes.map((line) => {
    const [key = '', ...url] = line.split(' ')
    return { name: key.slice('remote.'.length, -'.url'.length), url: url.join(' ') }
  })
  return {
    root,
    branches: branchesIn(refs),
    herokuRemotes: urls.flatMap(({ name, url }) => {
      const app = herokuAppIn(url)
      return app === undefined ? [] : [{ name, app }]
    }),
    migrations: await migrationsIn(root, files),
    ...defined({ repository: urls.map(({ url }) => bitbucketRepositoryIn(url)).find((found) => found !== undefined) }),
  }
}

/** `jurispect/api` of `https://bitbucket.org/jurispect/api.git`, `git@bitbucket.org:jurispect/api.git` and their like. */
export function bitbucketRepositoryIn(url: string): string | undefined {
  return /^(?:https:\/\/(?:[^@/]+@)?|(?:ssh:\/\/)?git@)bitbucket\.org[/:]([\w.-]+\/[\w.-]+?)(?:\.git)?\/?$/.exec(
    url,
  )?.[1]
}

/** `api-production` of `https://git.heroku.com/api-production.git` and `git@heroku.com:api-production.git`. */
export function herokuAppIn(url: string): string | undefined {
  if (isHerokuGitUrl(url)) return herokuAppOf(url)
  return /^git@heroku\.com:([a-z][a-z0-9-]*)(?:\.git)?$/.exec(url)?.[1]
}

function branchesIn(refs: readonly string[]): readonly string[] {
  const names = refs.flatMap((ref) => /^refs\/(?:heads|remotes\/[^/]+)\/(.+)$/.exec(ref)?.[1] ?? [])
  return [...new Set(names)].filter((name) => name !== 'HEAD').toSorted()
}

async function migrationsIn(root: string, files: readonly string[]): Promise<readonly MigrationFile[]> {
  const found = await Promise.all(
    files.map(async (path): Promise<readonly MigrationFile[]> => {
      if (path.endsWith('env.py')) return []
      const text = await readFile(posix.join(root, path), 'utf8').catch(() => '')
      const isConfig = path.endsWith('.ini') ? /^\[alembic\]/m : /^\[tool\.alembic\]/m
      if (!isConfig.test(text)) return []
      const folder = posix.dirname(path)
      const environment = files.includes(posix.join(folder, 'env.py'))
        ? await readFile(posix.join(root, folder, 'env.py'), 'utf8').catch(() => '')
        : ''
      // Flask-Migrate has its alembic.ini beside env.py, and runs from the folder above.
      if (/\bcurrent_app\b/.test(environment)) {
        const directory = posix.dirname(folder)
        return [{ config: posix.relative(directory, path), directory, tool: 'flask' }]
      }
      return [{ config: posix.basename(path), directory: folder, tool: 'alembic' }]
    }),
  )
  return found.flat()
}
