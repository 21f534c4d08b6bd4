/** The two stores that the contract is held against, each as two processes see it. */
import { setTimeout as delay, setImmediate as microtasks } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Inbox, Outbox } from '../../src/release/ports/deliveries.ts'
import type { EnvironmentLock, Jobs } from '../../src/release/ports/jobs.ts'
import type { Store } from '../../src/release/ports/store.ts'
import { createMemoryStore } from '../support/simulation/memory-store.ts'
import { type Opened, openedStore, waiters } from './store-opened.ts'
import { soon } from './store-working.ts'

export interface Ports {
  readonly store: Store
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly jobs: Jobs
  readonly lock: EnvironmentLock
}

export interface Tested {
  /** Two processes on one store. */
  readonly a: Ports
  readonly b: Ports
  /** Time passes for what waits in the store: jobs, messages, deliveries. */
  pass(ms: number): Promise<void>
  /** Resolves when a transaction waits for another one. */
  someoneWaits(): Promise<void>
  /** Takes the jobs in hand from their holders, as after a time without a sign of life. They wait for the next attempt. */
  takeJobsAway(): Promise<void>
  /** Lets the time of all leases pass without a renewal, as for holders that are suspended. */
  endLeases(): Promise<void>
}

/** One thing that both stores do. */
export interface Behaviour {
  readonly name: string
  /** Its processes work on jobs. */
  readonly works?: true
  test(tested: Tested): Promise<void>
}

export interface StoreKind {
  readonly name: string
  /** A store of its own for one test. `works`: its processes are to work on jobs. */
  open(options: { works: boolean }): Promise<Tested>
}

/** Behaviours without jobs share one database, emptied in between: opening one costs more than they do. */
export function postgresKind(sharedUntil: (end: () => Promise<void>) => void): StoreKind {
  let shared: Promise<{ a: Opened; b: Ports }> | undefined
  const openShared = async () => {
    const a = await openedStore({}, sharedUntil)
    return { a, b: await a.again() }
  }
  return {
    name: 'Postgres',
    open: async ({ works }) => {
      if (works) {
        const a = await openedStore({ role: 'worker', timing: soon })
        return tested(a, await a.again())
      }
      shared ??= openShared()
      const { a, b } = await shared
      await empty(a)
      return tested(a, b)
    },
  }
}

async function empty({ sql }: Opened): Promise<void> {
  await sql(`
    alter table event disable trigger events_are_only_added;
    truncate head, release, release_mark, release_figures, sign_off, disputed_sign_off, change_tested, step, event, inbox, outbox, button_token, subject_token, channel_id, worker, database_identity, environment_lease, environment_lock, lock_delivery, free_watch restart identity;
    alter table event enable trigger events_are_only_added;
    update event_chain set count = 0, hash = repeat('0', 64);
    update release_number set last = 0;
    delete from pgboss.job`)
}

function tested(a: Opened, b: Ports): Tested {
  return {
    a,
    b,
    pass: async (ms) => {
      const time = `interval '${ms} milliseconds'`
      await a.sql(`
        update pgboss.job set start_after = start_after - ${time} where state in ('created', 'retry');
        update inbox set received_at = received_at - ${time}, claimed_until = claimed_until - ${time};
        update outbox set not_before = not_before - ${time}, put_in_at = put_in_at - ${time}`)
    },
    someoneWaits: () => expect.poll(() => waiters(a), { interval: 10 }).toHaveLength(1),
    takeJobsAway: async () => {
      await a.sql(`
        update pgboss.job set state = 'retry', start_after = now() + interval '1 second', heartbeat_on = null
        where state = 'active'`)
    },
    endLeases: async () => {
      await a.sql('update environment_lease set expires_at = clock_timestamp()')
    },
  }
}

export const memoryKind: StoreKind = {
  name: 'memory',
  open: async () => {
    let now = Date.UTC(2026, 10, 22, 10)
    const memory = createMemoryStore({ now: () => now })
    const a = memory.connect('a')
    const b = memory.connect('b')
    return {
      a,
      b,
      pass: async (ms) => {
        now += ms
        memory.wake()
        await microtasks()
      },
      someoneWaits: () => microtasks(),
      takeJobsAway: async () => {
        a.stall()
        b.stall()
      },
      endLeases: async () => {
        a.stall()
        b.stall()
      },
    }
  },
}

/** Lets time pass until that comes; for what the store brings about some time after. */
export async function passUntil<T>({ pass }: Tested, coming: Promise<T>): Promise<T> {
  let isHere = false
  const waited = coming.finally(() => {
    isHere = true
  })
  for (let tries = 0; !isHere && tries < 400; tries += 1) {
    await pass(10_000)
    await Promise.race([waited, delay(50)])
  }
  return waited
}

/** Whether a promise still waits when everything that could bring it about has had its time. */
export async function stillWaits(coming: Promise<unknown>): Promise<boolean> {
  return Promise.race([coming.then(() => false), delay(150).then(() => true)])
}
