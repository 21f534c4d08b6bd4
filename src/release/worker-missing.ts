/** Keeps cards right about releases that no living worker can take. */
import type { Store } from './ports/store.ts'
import { type App, findApp, findEnvironment } from './settings.ts'
import type { ReleaseState } from './terms.ts'
import { missingWorker } from './workers.ts'

/** The states in which a worker has to do the next thing. */
const NEEDS_WORKER: readonly ReleaseState[] = ['planning', 'approved', 'running']

/**
 * Draws the card of each release whose workers have died, and again once one is back; a release without a card gets one. Safe to
 * repeat, also in several bots. To be called every few seconds.
 */
export async function showMissingWorkers({
  store,
  apps,
}: {
  readonly store: Store
  readonly apps: readonly App[]
}): Promise<void> {
  const waiting = await store.releases({ states: NEEDS_WORKER, limit: 500 })
  if (waiting.length === 0) return
  const workers = await store.workers()
  const now = await store.now()
  for (const seen of waiting) {
    const app = findApp(apps, seen.app)
    const environment = app && findEnvironment(app, seen.environment)
    if (environment === undefined) continue
    const isMissing = missingWorker(workers, now, environment) !== undefined
    if (isMissing === (seen.workerMissingShown ?? false)) continue
    await store.transaction(async (tx) => {
      const release = await tx.lockRelease(seen.number)
      if (release === undefined || !NEEDS_WORKER.includes(release.state)) return
      if (isMissing === (release.workerMissingShown ?? false)) return
      await tx.changeRelease(release.number, { workerMissingShown: isMissing })
      await tx.send({ kind: 'card', release: release.number })
    })
  }
}
