/** What both stores do: the real one on Postgres, and the one in memory that the simulations run on. */
import { afterAll, describe, it } from 'vitest'
import { figures } from './store-contract-figures.ts'
import { jobs } from './store-contract-jobs.ts'
import { leases } from './store-contract-leases.ts'
import { locks } from './store-contract-locks.ts'
import { inbox, outbox } from './store-contract-messages.ts'
import { releases } from './store-contract-releases.ts'
import { memoryKind, postgresKind } from './store-contract-stores.ts'
import { smallThings, transactions } from './store-contract-transactions.ts'
import { stopPostgres } from './store-opened.ts'

const ends: (() => Promise<void>)[] = []

afterAll(async () => {
  for (const end of ends.reverse()) await end()
  await stopPostgres()
})

const rooms = { releases, transactions, locks, 'small things': smallThings, outbox, inbox, jobs, leases, figures }

describe.each([postgresKind((end) => ends.push(end)), memoryKind])('the store on $name', (kind) => {
  for (const [room, behaviours] of Object.entries(rooms)) {
    describe(room, () => {
      // Not `it.each`, which cuts long names.
      for (const { name, works = false, test } of behaviours) it(name, async () => test(await kind.open({ works })))
    })
  }
})
