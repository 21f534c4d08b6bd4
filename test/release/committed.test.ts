import { describe, expect, it } from 'vitest'
import { type Committed, watchConfirmations, watchEvents } from '../../src/release/committed.ts'
import type { Outbox } from '../../src/release/ports/deliveries.ts'
import type { Store, Transaction } from '../../src/release/ports/store.ts'
import { aRelease } from '../support/builders.ts'

const NOW = new Date('2026-11-30T12:00:00Z')

/** A store that runs each transaction `times` times, as after conflicts, and then commits it or fails. */
function aStore({ times = 1, commits = true, reads = true } = {}) {
  const locked = aRelease({ number: 12, state: 'approved' })
  const tx = {
    now: NOW,
    addEvent: () => undefined,
    lockRelease: async () => locked,
    changeRelease: async () => undefined,
    createRelease: async () => ({ made: locked }),
  } as unknown as Transaction
  async function run<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    let result = await work(tx)
    for (let tried = 1; tried < times; tried++) result = await work(tx)
    if (!commits) throw new Error('the commit failed')
    return result
  }
  const release = async () => {
    if (!reads) throw new Error('no answer')
    return locked
  }
  const store = { transaction: run, release } as unknown as Store
  const outbox = {
    confirmed: (_id: number, _at: unknown, then?: (tx: Transaction) => Promise<void>) => run(async (tx) => then?.(tx)),
  } as unknown as Outbox
  return { store, outbox }
}

function heard() {
  const all: Committed[] = []
  return { all, hear: (committed: Committed) => void all.push(committed) }
}

const started = { release: 12, type: 'run_started', actor: 'worker', data: { attempt: 1 } } as const
async function start(tx: Transaction) {
  await tx.lockRelease(12)
  tx.addEvent(started)
  await tx.changeRelease(12, { state: 'running' })
}

describe('O8: committed events', () => {
  it('are told once, with the release as the transaction left it, however often it was run', async () => {
    const { all, hear } = heard()
    await watchEvents(aStore({ times: 3 }).store, hear).transaction(start)
    expect(all).toEqual([
      { event: started, at: NOW, release: expect.objectContaining({ number: 12, state: 'running' }) },
    ])
  })

  it('are not told where the commit failed', async () => {
    const { all, hear } = heard()
    await expect(watchEvents(aStore({ commits: false }).store, hear).transaction(start)).rejects.toThrow()
    expect(all).toEqual([])
  })

  it('are told where Slack’s confirmation commits them', async () => {
    const { store, outbox } = aStore()
    const { all, hear } = heard()
    await watchConfirmations(outbox, store, hear).confirmed(1, undefined, start)
    await watchConfirmations(outbox, store, hear).confirmed(2, undefined)
    expect(all).toMatchObject([{ event: started, release: { state: 'running' } }])
  })

  it.each([true, false])(
    'are told where the transaction did not read the release (the store answers: %s)',
    async (reads) => {
      const { all, hear } = heard()
      await watchEvents(aStore({ reads }).store, hear).transaction(async (tx) => tx.addEvent(started))
      expect(all.map(({ event, release }) => [event, release?.app])).toEqual([[started, reads ? 'api' : undefined]])
    },
  )
})
