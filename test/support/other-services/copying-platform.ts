/** A platform that deploys by copying a tree: a hook of its git remote copies what was pushed into a folder. */
import { execFile } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Platform, PlatformRelease } from '../../../src/release/ports/platform.ts'
import { gitEnvironment } from '../../../src/sandbox/bare-git.ts'
import type { GitRepository } from '../git-repository.ts'

const run = promisify(execFile)

export interface CopyingPlatform extends Platform {
  /** What runs: the files of the last commit that could be copied. */
  readonly folder: string
}

/** A commit that has a file `DO_NOT_COPY` can't be deployed. */
export async function createCopyingPlatform(remote: GitRepository, directory: string): Promise<CopyingPlatform> {
  const folder = join(directory, 'runs')
  const log = join(directory, 'releases')
  const copy = join(directory, 'copy')
  await writeFile(log, '')
  await writeFile(
    copy,
    `#!/bin/sh
if git cat-file -e "$1:DO_NOT_COPY" 2>/dev/null; then echo "failed $1" >> '${log}'; exit 0; fi
rm -rf '${folder}' && mkdir '${folder}' && git archive "$1" | tar -x -C '${folder}' && echo "succeeded $1" >> '${log}'
`,
  )
  await chmod(copy, 0o755)
  await remote.hook('post-receive', `while read -r old new ref; do '${copy}' "$new"; done`)

  async function releases(): Promise<readonly PlatformRelease[]> {
    const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '')
    const current = lines.findLastIndex((line) => line.startsWith('succeeded'))
    const all = lines.map((line, index): PlatformRelease => {
      const [status, commit = ''] = line.split(' ')
      return {
        id: String(index),
        version: index + 1,
        status: status === 'succeeded' ? 'succeeded' : 'failed',
        current: index === current,
        commit,
        artifact: commit,
      }
    })
    return all.toReversed()
  }

  return {
    folder,
    words: {
      name: 'Copier',
      settings: ['COPIER_KEY'],
      runsApart: true,
      buildsOnPush: false,
      artifact: 'copy',
      commands: { running: (app) => `ls ${app}`, releaseOutput: (app, release) => `cat ${app}/${release}` },
      advice: { remote: 'see COPIER_KEY', app: () => 'see COPIER_KEY' },
    },
    limits: { pushArrivesWithinMs: 1_000, releaseAppearsWithinMs: 1_000, confirmedWithinMs: 5_000 },
    releases: async (_remote, limit) => ({ ok: true, value: (await releases()).slice(0, limit) }),
    async confirm({ name }, commit) {
      const ours = (await releases()).find((release) => release.commit === commit)
      if (ours === undefined) return { ok: true, value: { is: 'not yet', detail: 'nothing was copied yet' } }
      const platformRelease = `v${ours.version}`
      if (ours.status === 'failed') return { ok: true, value: { is: 'failed', platformRelease } }
      const summary = `Confirmed: ${name} has a copy of ${commit.slice(0, 7)}`
      return { ok: true, value: { is: 'running', summary, platformRelease } }
    },
    async releaseAgain(_remote, artifact) {
      await run(copy, [artifact], { cwd: remote.directory, env: gitEnvironment() })
      const [made] = await releases()
      return made === undefined
        ? { ok: false, failure: 'wrong', detail: 'no copy was made' }
        : { ok: true, value: made }
    },
  }
}
