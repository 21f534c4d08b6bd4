/** The release document, followed by a script that never waits: what a release costs without Signoff. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gitEnvironment } from '../../../src/sandbox/bare-git.ts'
import type { Workplace } from '../stage/workplace.ts'

const run = promisify(execFile)
const SCRIPT = fileURLToPath(new URL('./document.sh', import.meta.url))

export interface Developer {
  /** Releases what waits on master; gives how many milliseconds it took. */
  follow(migrations: 'migrate' | 'as-it-is'): Promise<number>
}

/** A developer with a clone, all remotes set up, and everything fetched. */
export async function createDeveloper({ directory, bitbucket, heroku, herokuApps }: Workplace): Promise<Developer> {
  const clone = join(directory, 'clone')
  const identity = { GIT_AUTHOR_NAME: 'Dana', GIT_AUTHOR_EMAIL: 'dana@example.test' }
  const committer = { GIT_COMMITTER_NAME: 'Dana', GIT_COMMITTER_EMAIL: 'dana@example.test' }
  const env = gitEnvironment({ ...identity, ...committer })
  const withPassword = (address: string, user: string, password: string) => {
    const url = new URL(address)
    Object.assign(url, { username: user, password })
    return url.href
  }
  const origin = withPassword(bitbucket.gitUrl, 'x-token-auth', bitbucket.token)
  const remote = withPassword(heroku.gitUrl(herokuApps.production), 'heroku', heroku.apiKey)
  const git = (...args: string[]) => run('git', args, { cwd: clone, env, maxBuffer: 2 ** 26 })
  await run('git', ['clone', '--quiet', '--branch', 'production', origin, clone], { env, maxBuffer: 2 ** 26 })
  await git('remote', 'add', 'heroku-production', remote)
  await git('fetch', '--quiet', '--all')
  return {
    async follow(migrations) {
      const began = performance.now()
      await run('bash', [SCRIPT, migrations], { cwd: clone, env, maxBuffer: 2 ** 26 })
      return performance.now() - began
    },
  }
}
