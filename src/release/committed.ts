/** Tells of audit events once they are committed, for logs and metrics. */
import type { ReleaseEvent } from './events.ts'
import type { Outbox } from './ports/deliveries.ts'
import type { Store, Transaction } from './ports/store.ts'
import type { Release } from './release.ts'

/** An event that is committed. */
export interface Committed {
  readonly event: ReleaseEvent
  /** Its release as the transaction left it; undefined if the event belongs to none, or the store could not tell. */
  readonly release?: Release
  /** The store's time. */
  readonly at: Date
}

export type HearCommitted = (committed: Committed) => void

/**
 * The same store, which calls `hear` with each event after its transaction is committed, once and in order. An event whose
 * commit got no answer may be left out: the record alone is complete.
 */
export function watchEvents(store: Store, hear: HearCommitted): Store {
  return {
    ...store,
    async transaction(work, options) {
      const watch = watchTransaction()
      const result = await store.transaction((tx) => work(watch.begin(tx)), options)
      await tell(store, watch.committed(), hear)
      return result
    },
  }
}

/** The same outbox: what follows from Slack's confirmations is committed by the outbox and not by the store. */
export function watchConfirmations(outbox: Outbox, store: Pick<Store, 'release'>, hear: HearCommitted): Outbox {
  return {
    ...outbox,
    async confirmed(id, posted, then) {
      const watch = watchTransaction()
      await outbox.confirmed(id, posted, then && ((tx) => then(watch.begin(tx))))
      await tell(store, watch.committed(), hear)
    },
  }
}

interface Watch {
  /** The transaction, watched. It may begin again after a conflict, and only the last time is committed. */
  begin(tx: Transaction): Transaction
  committed(): readonly Committed[]
}

function watchTransaction(): Watch {
  let events: ReleaseEvent[] = []
  let at = new Date(0)
  const releases = new Map<number, Release>()
  return {
    begin(tx) {
      events = []
      at = tx.now
      releases.clear()
      return {
        ...tx,
        async createRelease(release) {
          const created = await tx.createRelease(release)
          if ('made' in created) releases.set(created.made.number, created.made)
          return created
        },
        async lockRelease(number) {
          const release = await tx.lockRelease(number)
          if (release !== undefined) releases.set(number, release)
          return release
        },
        async changeRelease(number, change) {
          await tx.changeRelease(number, change)
          const release = releases.get(number)
          if (release !== undefined) releases.set(number, { ...release, ...change } as Release)
        },
        addEvent(event) {
          tx.addEvent(event)
          events.push(event)
        },
      }
    },
    committed: () =>
      events.map((event) => {
        const release = event.release === undefined ? undefined : releases.get(event.release)
        return { event, at, ...(release && { release }) }
      }),
  }
}

async function tell(
  store: Pick<Store, 'release'>,
  committed: readonly Committed[],
  hear: HearCommitted,
): Promise<void> {
  for (const one of committed) {
    const { release: number } = one.event
    if (one.release !== undefined || number === undefined) hear(one)
    else {
      // It is committed, so that a store which does not answer now must not fail the caller.
      const release = await store.release(number).catch(() => undefined)
      hear({ ...one, ...(release && { release }) })
    }
  }
}
