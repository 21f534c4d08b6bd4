/**
 * The store in memory, on a virtual clock: the ports Store, Inbox, Outbox, Jobs and EnvironmentLock as several processes on
 * one Postgres see them. For simulations of thousands of releases; test/adapters/store-contract.test.ts keeps it to what
 * the real store does. There are no timers: time passes when the harness moves the clock and calls `wake`.
 */

import { canonicalJson } from '../../../src/lib/canonical-json.ts'
import { countedRelease } from '../../../src/release/counted.ts'
import { choicesWithout, DIRECT_MESSAGE_KINDS } from '../../../src/release/direct-messages.ts'
import type { EventType, StoredEvent } from '../../../src/release/events.ts'
import { countedAt, figuresOfAll, figuresSince, usualRunMs } from '../../../src/release/figures.ts'
import type { Lock } from '../../../src/release/lock.ts'
import type { OutboxMessage } from '../../../src/release/messages.ts'
import type { Inbox, Outbox } from '../../../src/release/ports/deliveries.ts'
import type { EnvironmentLock, Job, Jobs } from '../../../src/release/ports/jobs.ts'
import type { ReleaseFilter, Store } from '../../../src/release/ports/store.ts'
import type { Release } from '../../../src/release/release.ts'
import type { PostedMessage } from '../../../src/release/terms.ts'
import { createAlarms } from './memory-alarms.ts'
import { createJobQueue, type JobRow } from './memory-jobs.ts'
import { createLeases } from './memory-leases.ts'
import { createLife, type Life, read, write } from './memory-life.ts'
import { createRowLocks, createSessionLocks } from './memory-locks.ts'
import { selectLocks } from './memory-locks-of-people.ts'
import { createInbox, createOutboxBell } from './memory-outbox.ts'
import { emptyTables, environmentKey, type OutboxRow, type Tables } from './memory-rows.ts'
import { createTransactions, type RunTransaction } from './memory-transaction.ts'

/** Milliseconds since the epoch; moved on by the harness only. */
export interface VirtualClock {
  now(): number
}

export interface MemoryStore {
  /** The ports as one process sees them. The name of a process that died may be used again. `always`: also while it is away. */
  connect(name: string, reach?: 'always'): StoreConnection
  /**
   * The earliest time at which something would happen by itself: a delayed job, a dead holder's job, a postponed message, the
   * end of the grace of a stop. Undefined: nothing waits. Time limits of `outbox.wait` and of jobs in hand are left out.
   */
  nextDue(): number | undefined
  /** To be called when the clock has been moved: what was due by then happens, in the microtasks that follow. */
  wake(): void
  /** Nobody reaches the store any more, and everyone's transactions and locks are lost; until `back`. */
  away(): void
  back(): void
  isAway(): boolean
  /** What is committed; for tests only, as all below. */
  releases(): readonly Release[]
  events(): readonly StoredEvent[]
  outboxRows(): readonly OutboxState[]
  jobs(): readonly JobState[]
  peoplesLocks(): readonly Lock[]
  /**
   * Makes the next commits of a connection fail: `before` commits nothing, `after` commits and loses the answer. Counts
   * transactions, also those of the inbox and the outbox; not `workerSeen`, nor a transaction that throws by itself.
   */
  failNext(connection: string, when: 'before' | 'after', count?: number): void
}

export interface OutboxState {
  readonly id: number
  readonly state: 'waiting' | 'confirmed' | 'given up'
  readonly tries: number
  readonly message: OutboxMessage
  readonly posted?: PostedMessage
}

export interface JobState {
  readonly id: string
  readonly job: Job
  readonly state: 'waiting' | 'active' | 'done' | 'failed'
  /** Of the one who has it in hand, or had it last; 0: nobody yet. */
  readonly attempt: number
  readonly holder?: string
}

export interface StoreConnection {
  readonly store: Store
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly jobs: Jobs
  readonly lock: EnvironmentLock
  /**
   * As SIGKILL: its locks are freed, its claims go stale after the heartbeat, no promise of its ports ever settles again,
   * nothing of it commits any more.
   */
  die(): void
  /**
   * As SIGSTOP for longer than the lease: its transactions, claims and locks are lost, but its signals abort only with its
   * next transaction; a claim's also when it is read from the claim, since who looks there looks at the time.
   */
  stall(): void
}

export function createMemoryStore(clock: VirtualClock): MemoryStore {
  const tables = emptyTables()
  const now = () => clock.now()
  const alarms = createAlarms()
  const jobs = createJobQueue(tables, now, alarms)
  const bell = createOutboxBell(tables, now)
  const locks = createRowLocks()
  const sessions = createSessionLocks()
  const leases = createLeases(now, sessions)
  const transaction = createTransactions({
    tables,
    locks,
    now,
    holdClaim: jobs.holdClaim,
    holdLease: leases.hold,
    committed: (what) => {
      if (what.messages) bell.sign()
      if (what.jobs) jobs.dispatch()
    },
  })
  const lives = new Map<string, Life>()
  /** How many faults keep it away. */
  let reasons = 0
  const isCutOff = () => reasons > 0

  function loseAll(life: Life, leasesEnd: 'in their time' | 'now' = 'in their time') {
    for (const end of [...life.transactions]) end()
    leases.leave(life, leasesEnd)
    sessions.free(life)
  }

  return {
    connect: (name, reach) => {
      if (lives.get(name)?.isDead === false) throw new Error(`${name} is connected already.`)
      const life = createLife(name, () => reach !== 'always' && isCutOff())
      lives.set(name, life)
      return {
        store: createStore(tables, now, life, transaction),
        inbox: createInbox(tables, now, life),
        outbox: bell.of(life, transaction, sessions),
        jobs: jobs.of(life),
        lock: {
          withLease: (app, environment, work) => leases.withLease(life, { app, environment }, work),
          withLock: (app, environment, work) =>
            sessions.withLock(life, `environment ${environmentKey({ app, environment })}`, work),
        },
        die: () => {
          if (life.isDead) return
          life.isDead = true
          loseAll(life)
          jobs.died(life)
        },
        stall: () => {
          if (life.isDead) return
          loseAll(life, 'now')
          jobs.stalled(life)
        },
      }
    },

    nextDue: () => {
      const postponed = [...tables.waiting.values()]
        .map(({ notBefore }) => notBefore)
        .filter((moment) => moment > now())
      const due = [jobs.nextDue(), alarms.next(), ...(isCutOff() ? [] : postponed)].filter(
        (moment) => moment !== undefined,
      )
      return due.length === 0 ? undefined : Math.min(...due)
    },

    wake: () => {
      alarms.ring(now())
      jobs.wake()
      bell.wake()
    },

    away: () => {
      reasons += 1
      if (reasons > 1) return
      jobs.away()
      for (const life of lives.values()) if (!life.isDead) loseAll(life)
    },

    back: () => {
      reasons -= 1
      if (reasons === 0) jobs.back()
    },

    isAway: isCutOff,

    releases: () => [...tables.releases.values()].map(({ whole }) => whole),
    events: () => tables.events,
    outboxRows: () => [...tables.outbox.values()].sort((a, b) => a.id - b.id).map(outboxState),
    jobs: () => [...tables.jobs.values()].map(jobState),
    peoplesLocks: () => tables.peoplesLocks.locks,

    failNext: (name, when, count = 1) => {
      const life = lives.get(name)
      if (life === undefined) throw new Error(`Nobody is connected as ${name}.`)
      life.faults.push(...Array.from({ length: count }, () => when))
    },
  }
}

function outboxState({ id, state, tries, message, posted }: OutboxRow): OutboxState {
  return { id, state, tries, message, ...(posted && { posted }) }
}

function jobState({ id, job, state, attempt, hold }: JobRow): JobState {
  return { id, job, state, attempt, ...(hold && { holder: hold.worker.life.name }) }
}

function createStore(tables: Tables, now: () => number, life: Life, transaction: RunTransaction): Store {
  const whole = (number: number | undefined) => (number === undefined ? undefined : tables.releases.get(number)?.whole)
  return {
    transaction: (work, options) => transaction(life, work, options),
    now: () => read(life, () => new Date(now())),
    release: (number) => read(life, () => whole(number)),
    releases: (filter) => read(life, () => select(tables, filter)),
    current: (app, environment) => read(life, () => whole(tables.current.get(environmentKey({ app, environment })))),
    newest: (of) =>
      read(life, () => {
        const found = of.flatMap((place) => {
          const ofPlace = select(tables, { ...place, limit: Number.POSITIVE_INFINITY })
          return [ofPlace[0], ofPlace.find(({ state }) => state === 'succeeded')]
        })
        return [...new Set(found)].filter((each) => each !== undefined).sort((a, b) => b.number - a.number)
      }),
    hotfixesToFollowUp: ({ since, until }) =>
      read(life, () =>
        select(tables, { states: ['succeeded', 'closed', 'cancelled'], limit: Number.POSITIVE_INFINITY })
          .filter(({ number, kind, endedAt }) => {
            const events = tables.eventsOf.get(number) ?? []
            const has = (type: EventType) => events.some((event) => event.type === type)
            const isTime = endedAt !== undefined && endedAt >= since && endedAt <= until
            const isOurs = events.some(({ type, data }) => type === 'hotfix_carried' && 'source' in data)
            const needs = (isTime && !has('hotfix_followed_up')) || (isOurs && !has('hotfix_branch_settled'))
            return kind === 'hotfix' && needs
          })
          .map(({ number }) => number),
      ),
    events: (number) => read(life, () => [...(tables.eventsOf.get(number) ?? [])]),
    chainHead: () =>
      read(life, () => ({ count: tables.events.length, hash: tables.events.at(-1)?.hash ?? '0'.repeat(64) })),

    buttonToken: (release, action, { asks = false } = {}) => {
      const key = `${release} ${action}${asks ? ' asks' : ''}`
      const known = tables.tokens.get(key)
      if (known !== undefined) return read(life, () => known)
      return write(life, () => {
        const token = tables.tokens.get(key) ?? `token-${tables.tokens.size + 1}`
        tables.tokens.set(key, token)
        tables.buttons.set(token, { release, action, asks })
        return token
      })
    },
    resolveButton: (token) => read(life, () => tables.buttons.get(token)),
    subjectToken: (subject, action) => {
      const key = canonicalJson({ subject, action })
      const known = tables.tokens.get(key)
      if (known !== undefined) return read(life, () => known)
      return write(life, () => {
        const token = tables.tokens.get(key) ?? `token-${tables.tokens.size + 1}`
        tables.tokens.set(key, token)
        tables.subjects.set(token, { subject, action })
        return token
      })
    },
    resolveSubject: (token) => read(life, () => tables.subjects.get(token)),
    noteChannel: (name, id) => write(life, () => void tables.channelIds.set(name, id)),
    notedChannel: (name) => read(life, () => tables.channelIds.get(name)),

    workerSeen: ({ id, configurations }) =>
      read(life, () => {
        tables.workers.set(id, { id, at: new Date(now()), configurations: { ...configurations } })
      }),
    workers: () => read(life, () => [...tables.workers.values()].sort((a, b) => b.at.getTime() - a.at.getTime())),

    heads: () => read(life, () => [...tables.heads.values()]),

    noteDatabase: (identity, app, environment) =>
      write(life, () => {
        const noted = tables.databases.get(identity) ?? { app, environment }
        tables.databases.set(identity, noted)
        return noted
      }),

    locks: (filter) => read(life, () => selectLocks(tables.peoplesLocks, filter)),
    lock: (id) => read(life, () => tables.peoplesLocks.locks.find((one) => one.id === id)),
    directMessageRefusal: (person) =>
      read(life, () =>
        ['all', person]
          .flatMap((one) => tables.directMessageRefusals.get(one) ?? [])
          .sort((a, b) => b.at.getTime() - a.at.getTime())
          .at(0),
      ),
    directMessages: (person) =>
      read(life, () =>
        choicesWithout(DIRECT_MESSAGE_KINDS.filter((kind) => tables.directMessagesOff.has(`${person} ${kind}`))),
      ),

    figures: (asked) =>
      read(life, () => {
        const { app, environment } = asked
        const all = countedIn(tables).filter(
          (one) => (app ?? one.app) === one.app && (environment ?? one.environment) === one.environment,
        )
        const { since, until } = { since: figuresSince(asked).getTime(), until: asked.until.getTime() }
        const isIn = (at: number | undefined) => at !== undefined && at > since && at <= until
        const counted = all.filter((one) => isIn(countedAt(one)) || isIn(one.attentionAt))
        return { figures: figuresOfAll(counted, asked), isComplete: true }
      }),
    usualRunMs: ({ app, environment, kind, plan }) =>
      read(life, () => {
        if (plan === undefined) return undefined
        const last = countedIn(tables).filter((one) => one.app === app && one.environment === environment)
        return usualRunMs({ kind, steps: plan.steps }, last.reverse())
      }),
  }
}

/** The real store keeps a row for each; this one counts them when it is asked. */
function countedIn(tables: Tables) {
  return [...tables.releases.values()].map(({ whole }) =>
    countedRelease(whole, tables.eventsOf.get(whole.number) ?? []),
  )
}

function select(tables: Tables, filter: ReleaseFilter): readonly Release[] {
  const { app, environment, requester, states, emergencySince, proved, marked, before, limit } = filter
  const rows = [...tables.releases.values()].map((row) => row.whole)
  return rows
    .filter(
      (release) =>
        (app === undefined || release.app === app) &&
        (environment === undefined || release.environment === environment) &&
        (requester === undefined || release.requester.id === requester) &&
        (states === undefined || states.includes(release.state)) &&
        (emergencySince === undefined ||
          release.signOffs.some(({ kind, at }) => kind === 'emergency' && at > emergencySince)) &&
        (proved === undefined || release.provenCommit?.startsWith(proved) === true) &&
        (marked === undefined || release.mark?.is === marked) &&
        (before === undefined || release.number < before),
    )
    .sort((a, b) => b.number - a.number)
    .slice(0, limit)
}
