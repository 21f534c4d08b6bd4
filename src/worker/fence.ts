/** The fence between a job and its effects: effects start only while this worker holds the job and, in a run, the lease. */
import { ClaimLost } from '../release/ports/jobs.ts'
import type { Migrator } from '../release/ports/migrator.ts'
import type { Platform } from '../release/ports/platform.ts'
import type { PlatformName } from '../release/stored-names.ts'
import type { WorkerPorts } from './ports.ts'

/** The store did not answer during a step. The job is retried, and the next attempt looks up what the step did. */
export class StoreFailed extends Error {
  override readonly name = 'StoreFailed'
}

/** Calls the store and turns its failure into StoreFailed, to distinguish it from a failure of the step. */
export async function storeAnswers<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof ClaimLost) throw error
    throw new StoreFailed('the store did not answer during a step', { cause: error })
  }
}

/**
 * The same ports with a check before each effect: `mayBegin` throws if the effect must not start. A suspended worker may
 * lose its job between any two lines, and must not repeat what another worker has started since.
 */
export function fenced(ports: WorkerPorts, mayBegin: () => void | Promise<void>): WorkerPorts {
  const { git, forge, platforms, migrator, store } = ports

  function guard<Args extends unknown[], T>(act: (...args: Args) => Promise<T>): (...args: Args) => Promise<T> {
    return async (...args) => {
      await mayBegin()
      return act(...args)
    }
  }

  /** The effect comes after the look that `upgrade` makes, which takes a second or more. */
  const upgrade: Migrator['upgrade'] = (migration, checkout, options = {}) =>
    migrator.upgrade(migration, checkout, {
      ...options,
      async confirm(status) {
        const isConfirmed = (await options.confirm?.(status)) ?? true
        await mayBegin()
        return isConfirmed
      },
    })

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
    migrator: { ...migrator, upgrade: guard(upgrade) },
  }
}

function eachPlatform(
  platforms: WorkerPorts['platforms'],
  change: (platform: Platform) => Platform,
): WorkerPorts['platforms'] {
  const changed = Object.entries(platforms).map(([name, platform]) => [name, platform && change(platform)])
  return Object.fromEntries(changed) as Record<PlatformName, Platform | undefined>
}
