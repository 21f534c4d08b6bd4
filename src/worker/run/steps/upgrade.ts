import type { Backend, LockHolder, LockWait, MigrationStatus, UpgradeAnswer } from '../../../release/ports/migrator.ts'
import type { MigrationSettings } from '../../../release/settings.ts'
import type { Stopped } from '../../../release/transitions/index.ts'
import { migratorError } from '../../service-errors.ts'
import { type StepContext, stopped } from './step.ts'

/** The pauses after a lock timeout, as multiples of the usual pause: 10 s, 30 s and 60 s. */
const PAUSES = [5, 15, 30]

/** What `upgradeWithRetry` is told about the upgrade. */
interface Upgrading {
  readonly migration: MigrationSettings
  /** The database's name, if the plan has several. */
  readonly name: string | undefined
  readonly checkout: string
  /** Stops unless the look shows what was signed. Called before each try. */
  readonly confirm: (status: MigrationStatus) => Stopped | undefined
  /** Some of the pending revisions may commit in their middle. */
  readonly mayCommitInside: boolean
  /** Called with the sessions of all tries so far, at each new one. */
  readonly onBackends: (backends: readonly Backend[]) => void
}

/**
 * Applies the pending revisions if `confirm` finds nothing against it, and reports in the thread who holds a lock that they
 * wait for. After a lock timeout it retries, at most three times, unless a revision may have committed in its middle: a
 * statement without its lock did nothing. A cancel ends the retries.
 */
export async function upgradeWithRetry(run: StepContext, upgrading: Upgrading): Promise<UpgradeAnswer | Stopped> {
  const { ports, release, signal } = run
  const { migration, name, checkout, mayCommitInside } = upgrading
  const ofDatabase = name === undefined ? '' : `:${name}`
  const backends: Backend[] = []
  for (let tried = 0; ; tried++) {
    const writing: Promise<void>[] = []
    const write = (written: Promise<void>, what: string) =>
      writing.push(
        written.catch((err: unknown) => ports.log.warn({ release: release.number, step: 'migrate', err }, what)),
      )
    let lines = 0
    const onWait = (wait: LockWait) => {
      const key = `lock:${release.attempt}:${tried}:${lines++}${ofDatabase}`
      write(run.tell(key, describeWait(wait, name)), 'a wait for a lock could not be reported in the thread')
    }
    const onBackend = (backend: Backend) => {
      backends.push(backend)
      upgrading.onBackends([...backends])
      write(run.note({ backends: [...backends] }), 'a session of the migration could not be stored')
    }
    let different: Stopped | undefined
    const confirm = async (status: MigrationStatus) => {
      different = upgrading.confirm(status)
      return different === undefined
    }
    const answer = await ports.migrator.upgrade(migration, checkout, { signal, confirm, onWait, onBackend })
    await Promise.all(writing)
    if (different !== undefined) return different
    if (answer.upgrade === 'failed' && answer.look !== undefined) {
      return stopped(migratorError(migration, answer.look).refused, 'as before')
    }
    const pause = PAUSES[tried]
    if (answer.upgrade !== 'failed' || answer.lockTimeout !== true || pause === undefined) return answer
    if (mayCommitInside || answer.committedInside !== undefined) return answer
    const pauseMs = pause * ports.times.pause
    const again = `a lock${name === undefined ? '' : ` in ${name}`} was not free within ${migration.lockTimeout}, so nothing was changed. Try ${tried + 2} of ${PAUSES.length + 1} starts in ${seconds(pauseMs)}`
    await run.tell(`lock-again:${release.attempt}:${tried}${ofDatabase}`, again)
    await ports.clock.sleep(pauseMs, signal)
    const now = await ports.store.release(release.number)
    if (signal.aborted || now?.cancelRequestedBy !== undefined) return answer
  }
}

function describeWait({ waitedMs, holders }: LockWait, name: string | undefined): string {
  const who = holders.slice(0, 3).map(describeHolder)
  const left = holders.length - who.length
  const of = name === undefined ? '' : ` of ${name}`
  return `the migration${of} has waited ${seconds(waitedMs)} for a lock held by ${who.join(' and ')}${left > 0 ? ` and ${left} more` : ''}`
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
