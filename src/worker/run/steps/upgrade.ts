import type { LockHolder, LockWait, UpgradeAnswer } from '../../../release/ports/migrator.ts'
import type { Stopped } from '../../../release/transitions/index.ts'
import type { StepContext } from './step.ts'

/** The pauses after a lock timeout, as multiples of the usual pause: 10 s, 30 s and 60 s. */
const PAUSES = [5, 15, 30]

/**
 * Applies the pending revisions, and reports in the thread who holds a lock that it waits for. After a lock timeout it
 * retries, at most three times, which is safe: a statement without its lock did nothing. Before each retry it calls
 * `recheck`; a result of that, or a cancel, ends the retries.
 */
export async function upgradeWithRetry(
  run: StepContext,
  checkout: string,
  recheck: () => Promise<Stopped | undefined>,
): Promise<UpgradeAnswer | Stopped> {
  const { ports, environment, release, signal } = run
  for (let tried = 0; ; tried++) {
    const posting: Promise<void>[] = []
    const onWait = (wait: LockWait) => {
      const key = `lock:${release.attempt}:${tried}:${posting.length}`
      const posted = run.tell(key, describeWait(wait))
      posting.push(
        posted.catch((err: unknown) =>
          ports.log.warn(
            { release: release.number, step: 'migrate', err },
            'a wait for a lock could not be reported in the thread',
          ),
        ),
      )
    }
    const answer = await ports.migrator.upgrade(environment, checkout, { signal, onWait })
    await Promise.all(posting)
    const pause = PAUSES[tried]
    if (answer.upgrade !== 'failed' || answer.lockTimeout !== true || pause === undefined) return answer
    const pauseMs = pause * ports.times.pause
    const limit = environment.migrations?.lockTimeout ?? ''
    const again = `a lock was not free within ${limit}, so nothing was changed. Try ${tried + 2} of ${PAUSES.length + 1} starts in ${seconds(pauseMs)}`
    await run.tell(`lock-again:${release.attempt}:${tried}`, again)
    await ports.clock.sleep(pauseMs, signal)
    const now = await ports.store.release(release.number)
    if (signal.aborted || now?.cancelRequestedBy !== undefined) return answer
    const stopped = await recheck()
    if (stopped !== undefined) return stopped
  }
}

function describeWait({ waitedMs, holders }: LockWait): string {
  const who = holders.slice(0, 3).map(describeHolder)
  const left = holders.length - who.length
  return `the migration has waited ${seconds(waitedMs)} for a lock held by ${who.join(' and ')}${left > 0 ? ` and ${left} more` : ''}`
}

function describeHolder({ application, openMs, queryStart }: LockHolder): string {
  const name = application === '' ? 'an unnamed connection' : `“${application}”`
  const facts = [
    ...(openMs === undefined ? [] : [`transaction open for ${seconds(openMs)}`]),
    ...(queryStart === undefined ? [] : [`last query started at ${queryStart.slice(11, 19)} UTC`]),
  ]
  return facts.length === 0 ? name : `${name} (${facts.join(', ')})`
}

function seconds(ms: number): string {
  const whole = Math.round(ms / 1000)
  if (whole < 1) return 'under 1\u00a0s'
  return whole < 120 ? `${whole}\u00a0s` : `${Math.round(whole / 60)}\u00a0min`
}
