/** The job queue in memory, with the times, the attempts and the fencing of the real one. */
import { attemptsOf, idOf } from '../../../src/adapters/store/jobs.ts'
import { type Claim, ClaimLost, type Job, type Jobs } from '../../../src/release/ports/jobs.ts'
import type { Alarms } from './memory-alarms.ts'
import { answer, type Life, notice, read } from './memory-life.ts'
import type { Tables } from './memory-rows.ts'

/** After so long without a sign of life a job is taken from its worker. */
export const HEARTBEAT_MS = 10_000
/** How long a job may take. */
const EXPIRES_MS = { plan: 30 * 60_000, run: 6 * 3_600_000 }
const AT_ONCE = { plan: 4, run: 8 }
/** A worker that has not reached the store for so long counts its jobs as lost, before they can be given to another. */
const SAFE_MS = HEARTBEAT_MS - 2_000
const LONGEST_DELAY_MS = 60_000
const AFTER_GRACE_MS = 5_000

export interface JobRow {
  readonly id: string
  readonly job: Job
  readonly queue: 'plan' | 'run'
  /** The environment of a run. */
  readonly place?: string
  state: 'waiting' | 'active' | 'done' | 'failed'
  /** Of the one who holds it or has held it last; 0 before. */
  attempt: number
  startAfter: number
  hold?: Hold
  /** Transactions under way that count on the claim, and what waits for their end. */
  counting: number
  whenFree: (() => void)[]
}

interface Hold {
  readonly worker: WorkerAt
  readonly claim: Claim
  readonly expiresAt: number
  staleAt?: number
  lose(reason: Error): void
}

interface WorkerAt {
  readonly life: Life
  readonly handle: (claim: Claim) => Promise<void>
  readonly inHand: Set<Hold>
  takesMore: boolean
  whenIdle: (() => void)[]
}

export function newJobRow(job: Job, now: number, afterMs: number, place: string | undefined): JobRow {
  return {
    id: idOf(job),
    job,
    queue: job.kind === 'run' ? 'run' : 'plan',
    ...(place !== undefined && { place }),
    state: 'waiting',
    attempt: 0,
    startAfter: now + afterMs,
    counting: 0,
    whenFree: [],
  }
}

export interface JobQueue {
  of(life: Life): Jobs
  /** As TransactionParts.holdClaim. */
  holdClaim(claim: Claim): () => void
  /** Hands what is due to who works, in the next moment. */
  dispatch(): void
  /** Takes from their holders what is theirs no more, and hands out what is due. */
  wake(): void
  nextDue(): number | undefined
  died(life: Life): void
  /** Nobody reaches the store, until `back`. */
  away(): void
  back(): void
  /** The process has been stopped for longer than its claims last. */
  stalled(life: Life): void
}

export function createJobQueue(tables: Tables, now: () => number, alarms: Alarms): JobQueue {
  /** The next one in turn first. */
  const workers: WorkerAt[] = []
  let isDispatching = false
  let awaySince: number | undefined

  const live = () => [...tables.jobs.values()].filter(({ state }) => state === 'waiting' || state === 'active')

  function dispatch(): void {
    if (isDispatching) return
    isDispatching = true
    queueMicrotask(() => {
      isDispatching = false
      if (awaySince !== undefined) return
      for (const row of live()) {
        if (row.state !== 'waiting' || row.startAfter > now() || isPlaceRun(row)) continue
        const worker = workers.find((each) => each.takesMore && !each.life.isDead && hasRoom(each, row.queue))
        if (worker !== undefined) start(row, worker)
      }
    })
  }

  function isPlaceRun({ place }: JobRow): boolean {
    return place !== undefined && live().some((other) => other.state === 'active' && other.place === place)
  }

  function hasRoom({ inHand }: WorkerAt, queue: JobRow['queue']): boolean {
    const taken = [...inHand].filter(({ claim }) => (claim.job.kind === 'run') === (queue === 'run'))
    return taken.length < AT_ONCE[queue]
  }

  function start(row: JobRow, worker: WorkerAt): void {
    workers.splice(workers.indexOf(worker), 1)
    workers.push(worker)
    row.state = 'active'
    row.attempt += 1
    const lost = new AbortController()
    let isOver = false
    const claim: Claim = {
      job: row.job,
      id: row.id,
      attempt: row.attempt,
      get signal() {
        // As with the real one: who looks, looks at the time.
        if (row.hold !== hold && !isOver) lost.abort(claimLost(claim))
        return lost.signal
      },
    }
    const hold: Hold = {
      worker,
      claim,
      expiresAt: now() + EXPIRES_MS[row.queue],
      lose: (reason) => {
        if (!isOver) lost.abort(reason)
      },
    }
    row.hold = hold
    worker.inHand.add(hold)
    void (async () => {
      await undefined
      if (worker.life.isDead) return
      const isDone = await (async () => worker.handle(claim))().then(
        () => true,
        () => false,
      )
      if (worker.life.isDead) return
      isOver = true
      worker.inHand.delete(hold)
      if (awaySince !== undefined) {
        // Nobody could be told; its heart does not beat any more.
        hold.staleAt = now() + HEARTBEAT_MS
        return
      }
      whenFree(row, () => {
        if (row.hold !== hold) return
        if (isDone) settle(row, 'done')
        else fail(row)
      })
      if (worker.inHand.size === 0) for (const go of worker.whenIdle.splice(0)) go()
      dispatch()
    })()
  }

  function settle(row: JobRow, state: JobRow['state']): void {
    row.state = state
    delete row.hold
    dispatch()
  }

  function fail(row: JobRow): void {
    row.startAfter = now() + Math.min(LONGEST_DELAY_MS, 1000 * 2 ** (row.attempt - 1))
    settle(row, row.attempt < attemptsOf(row.job) ? 'waiting' : 'failed')
  }

  /** Takes a job from its holder, who notices when it hears from the store. */
  function takeAway(row: JobRow, hold: Hold): void {
    whenFree(row, () => {
      if (row.hold !== hold) return
      hold.worker.life.unnoticed.push(() => hold.lose(claimLost(hold.claim)))
      fail(row)
    })
  }

  function held(life: Life): { row: JobRow; hold: Hold }[] {
    return live().flatMap((row) => (row.hold?.worker.life === life ? [{ row, hold: row.hold }] : []))
  }

  async function stop(worker: WorkerAt, graceMs: number): Promise<void> {
    worker.takesMore = false
    await idle(worker, graceMs)
    for (const hold of worker.inHand) hold.lose(new Error('The worker stops.'))
    // What still has not ended is left to the end of the process, and its job to the next worker.
    await idle(worker, AFTER_GRACE_MS)
  }

  function idle(worker: WorkerAt, ms: number): Promise<void> {
    if (worker.inHand.size === 0 || ms <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = alarms.at(now() + ms, resolve)
      worker.whenIdle.push(() => {
        cancel()
        resolve()
      })
    })
  }

  return {
    of: (life) => ({
      isLive: (job) =>
        read(life, () => {
          const state = tables.jobs.get(idOf(job))?.state
          return state === 'waiting' || state === 'active'
        }),
      work: (handle) =>
        answer(life, async () => {
          notice(life)
          const worker: WorkerAt = { life, handle, inHand: new Set(), takesMore: true, whenIdle: [] }
          workers.unshift(worker)
          dispatch()
          return { stop: (graceMs) => answer(life, () => stop(worker, graceMs)) }
        }),
    }),

    holdClaim: (claim) => {
      const row = tables.jobs.get(claim.id)
      if (row?.state !== 'active' || row.attempt !== claim.attempt) throw claimLost(claim)
      row.counting += 1
      return () => {
        row.counting -= 1
        if (row.counting === 0) for (const go of row.whenFree.splice(0)) go()
      }
    },

    dispatch,

    wake: () => {
      if (awaySince !== undefined) return
      for (const row of live()) {
        const { hold } = row
        if (hold === undefined) continue
        if (Math.min(hold.expiresAt, hold.staleAt ?? hold.expiresAt) > now()) continue
        takeAway(row, hold)
        if (hold.staleAt === undefined) notice(hold.worker.life)
      }
      dispatch()
    },

    nextDue: () => {
      if (awaySince !== undefined) return undefined
      const due = live().flatMap(({ state, startAfter, hold }) =>
        state === 'waiting'
          ? startAfter > now()
            ? [startAfter]
            : []
          : hold?.staleAt === undefined
            ? []
            : [hold.staleAt],
      )
      return due.length === 0 ? undefined : Math.min(...due)
    },

    away: () => {
      const since = now()
      awaySince = since
      alarms.at(since + SAFE_MS, () => {
        if (awaySince !== since) return
        for (const { hold } of live()) hold?.lose(claimLost(hold.claim))
      })
    },

    back: () => {
      const wasLong = awaySince !== undefined && now() - awaySince >= SAFE_MS
      awaySince = undefined
      for (const row of live()) if (wasLong && row.hold !== undefined) takeAway(row, row.hold)
      dispatch()
    },

    died: (life) => {
      for (const { hold } of held(life)) hold.staleAt = now() + HEARTBEAT_MS
      for (const worker of workers.filter((each) => each.life === life)) workers.splice(workers.indexOf(worker), 1)
      dispatch()
    },

    stalled: (life) => {
      for (const { row, hold } of held(life)) takeAway(row, hold)
      for (const worker of workers.filter((each) => each.life === life)) {
        workers.splice(workers.indexOf(worker), 1)
        workers.push(worker)
      }
    },
  }
}

function whenFree(row: JobRow, act: () => void): void {
  if (row.counting === 0) act()
  else row.whenFree.push(act)
}

function claimLost(claim: Claim): ClaimLost {
  return new ClaimLost(`The job ${claim.job.kind} is no longer this worker's.`)
}
