import type { LockHolder, LockWait, UpgradeAnswer } from '../../../release/ports/migrator.ts'
import type { StepContext, Stopped } from './step.ts'

/** Between the tries after a lock time-out, as multiples of the usual pause: 10 s, 30 s and 60 s. */
const PAUSES = [5, 15, 30]

/**
 * Applies what is pending; tells in the thread who holds a lock that it waits for. Where a lock does not become free
 * within the environment's limit it tries again, three times at most: a statement that got no lock did nothing.
 * `mayGoOn` is asked before each further try; what it gives ends the tries. So does a cancel.
 */
export async function upgradePatiently(
  run: StepContext,
  checkout: string,
  mayGoOn: () => Promise<Stopped | undefined>,
): Promise<UpgradeAnswer | Stopped> {
  const { ports, environment, release, signal } = run
  for (let tried = 0; ; tried++) {
    const told: Promise<void>[] = []
    const onWait = (wait: LockWait) => {
      const key = `lock:${release.attempt}:${tried}:${told.length}`
      const saying = run.tell(key, waitingWords(wait))
      told.push(saying.catch((err: unknown) => ports.log.warn({ err }, 'a wait for a lock could not be told')))
    }
    const answer = await ports.migrator.upgrade(environment, checkout, { signal, onWait })
    await Promise.all(told)
    const pause = PAUSES[tried]
    if (answer.upgrade !== 'failed' || answer.lockTimeout !== true || pause === undefined) return answer
    const pauseMs = pause * ports.times.pause
    const limit = environment.migrations?.lockTimeout ?? ''
    const again = `a lock was not free within ${limit}, so nothing was done; try ${tried + 2} of ${PAUSES.length + 1} follows in ${seconds(pauseMs)}`
    await run.tell(`lock-again:${release.attempt}:${tried}`, again)
    await ports.clock.sleep(pauseMs, signal)
    const now = await ports.store.release(release.number)
    if (signal.aborted || now?.cancelRequestedBy !== undefined) return answer
    const stopped = await mayGoOn()
    if (stopped !== undefined) return stopped
  }
}

function waitingWords({ waitedMs, holders }: LockWait): string {
  const who = holders.slice(0, 3).map(holderWords)
  const left = holders.length - who.length
  return `the migration waits for a lock, for ${seconds(waitedMs)} so far; it is held by ${who.join(', and by ')}${left > 0 ? `, and ${left} more` : ''}`
}

function holderWords({ application, openMs, queryStart }: LockHolder): string {
  const name = application === '' ? 'a connection without a name' : `“${application}”`
  const facts = [
    ...(openMs === undefined ? [] : [`its transaction is open for ${seconds(openMs)}`]),
    ...(queryStart === undefined ? [] : [`its last query began at ${queryStart.slice(11, 19)} UTC`]),
  ]
  return facts.length === 0 ? name : `${name} (${facts.join(', ')})`
}

function seconds(ms: number): string {
  const whole = Math.round(ms / 1000)
  if (whole < 1) return 'under 1\u00a0s'
  return whole < 120 ? `${whole}\u00a0s` : `${Math.round(whole / 60)}\u00a0min`
}
