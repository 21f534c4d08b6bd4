import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import type { Claim, Job, Jobs } from '../../src/release/ports/jobs.ts'
import type { Store } from '../../src/release/ports/store.ts'
import { makeRelease, type Opened, openedStore } from './store-opened.ts'

export const soon = { superviseSeconds: 1, pollSeconds: 0.5, retrySeconds: 1 }
export const run = (attempt = 1, release = 1): Job => ({ kind: 'run', release, attempt })

export const enqueue = (opened: { store: Store }, job: Job, afterMs = 0) =>
  opened.store.transaction((tx) => tx.enqueue(job, { afterMs }))

/** A queue of claims that a worker has taken, to be awaited one by one. */
export async function working(opened: { jobs: Jobs }, handle: (claim: Claim) => Promise<void> = async () => undefined) {
  const claims: Claim[] = []
  let wake = Promise.withResolvers<void>()
  const worker = await opened.jobs.work(async (claim) => {
    claims.push(claim)
    wake.resolve()
    wake = Promise.withResolvers<void>()
    await handle(claim)
  })
  onTestFinished(() => worker.stop(0))
  let read = 0
  return {
    ...worker,
    claims,
    next: async (): Promise<Claim> => {
      for (;;) {
        const claim = claims[read]
        if (claim !== undefined) {
          read += 1
          return claim
        }
        await wake.promise
      }
    },
  }
}

export async function storeWithRelease(role: 'worker' | 'bot' = 'worker'): Promise<Opened> {
  const opened = await openedStore({ role, timing: soon })
  await makeRelease(opened)
  return opened
}

export const aborted = (signal: AbortSignal) =>
  signal.aborted ? Promise.resolve() : once(signal, 'abort').then(() => undefined)
