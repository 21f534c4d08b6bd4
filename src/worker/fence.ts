/** What stands between a job and the world: effects begin only while the job is this worker's. */
import { ClaimLost } from '../release/ports/jobs.ts'
import type { Platform } from '../release/ports/platform.ts'
import type { PlatformName } from '../release/stored-names.ts'
import type { WorkerPorts } from './ports.ts'

/** The store did not answer in the middle of a step: what the step has done is looked up when the job is taken up again. */
export class StoreFailed extends Error {
  override readonly name = 'StoreFailed'
}

/** Asks the store; a failure of its own is told apart from one of the step. */
export async function storeAnswers<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof ClaimLost) throw error
    throw new StoreFailed('the store did not answer in the middle of a step', { cause: error })
  }
}

/**
 * The same ports, whose effects ask first whether they may still begin: `mayBegin` throws when not. A worker that stood still
 * may have lost its job between any two lines, and what another worker has begun meanwhile must not be begun again.
 */
export function fenced(ports: WorkerPorts, mayBegin: () => void): WorkerPorts {
  const { git, forge, platforms, migrator, store } = ports

  function guard<Args extends unknown[], T>(act: (...args: Args) => Promise<T>): (...args: Args) => Promise<T> {
    return async (...args) => {
      mayBegin()
      return act(...args)
    }
  }

  return {
    ...ports,
    store: { ...store, release: (number) => storeAnswers(() => store.release(number)) },
    git: { ...git, push: guard(git.push), deleteBranch: guard(git.deleteBranch) },
    forge: {
      ...forge,
      createPullRequest: guard(forge.createPullRequest),
      merge: guard(forge.merge),
      decline: guard(forge.decline),
      comment: guard(forge.comment),
    },
    platforms: eachPlatform(platforms, (platform) => ({ ...platform, releaseAgain: guard(platform.releaseAgain) })),
    migrator: { ...migrator, upgrade: guard(migrator.upgrade) },
  }
}

function eachPlatform(
  platforms: WorkerPorts['platforms'],
  change: (platform: Platform) => Platform,
): WorkerPorts['platforms'] {
  const changed = Object.entries(platforms).map(([name, platform]) => [name, platform && change(platform)])
  return Object.fromEntries(changed) as Record<PlatformName, Platform | undefined>
}
