import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { openedStore, stopPostgres } from './store-opened.ts'
import { aborted, enqueue, run, storeWithRelease, working } from './store-working.ts'

afterAll(stopPostgres)

describe('the environment’s lock', () => {
  it('is freed when its connection is cut, and the holder is told', async () => {
    const opened = await openedStore()
    const outcome = await opened.lock.withLock('api', 'production', async (lost) => {
      await opened.sql(`select pg_terminate_backend(pid) from pg_locks
        where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`)
      await aborted(lost)
      return opened.lock.withLock('api', 'production', async () => 'mine')
    })
    expect(outcome).toEqual({ done: { done: 'mine' } })
  })
})

describe('when every connection is cut', () => {
  it('the transaction under way fails, and everything goes on', async () => {
    const opened = await storeWithRelease()
    const work = await working(opened)
    const cut = opened.store.transaction(async (tx) => {
      await tx.enqueue(run())
      await opened.sql(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`)
      await tx.lockRelease(1)
    })
    await expect(cut).rejects.toThrow()
    await opened.ping()
    await enqueue(opened, run(2))
    expect(await work.next()).toMatchObject({ job: run(2), attempt: 1 })
  })
})

/** A way to the store that can fall silent: connections stay open and nothing passes. */
async function silentWay(url: string): Promise<{ url: string; fallSilent(): void }> {
  const sockets: Socket[] = []
  const there = new URL(url)
  const way = createServer((here) => {
    const far = connect(Number(there.port), there.hostname)
    here.pipe(far).pipe(here)
    for (const socket of [here, far]) sockets.push(socket.on('error', () => undefined))
  })
  await once(way.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    way.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = way.address()
  const through = new URL(url)
  through.port = `${typeof address === 'object' ? address?.port : ''}`
  const fallSilent = () => {
    for (const socket of sockets) socket.unpipe().pause()
  }
  return { url: through.href, fallSilent }
}

describe('when the store falls silent', () => {
  it('claim, lock and ping end before another worker can take over, and the store can be closed', async () => {
    const opened = await storeWithRelease('bot')
    const way = await silentWay(opened.url)
    const worker = await opened.again({ role: 'worker', pool: { connectionString: way.url } })
    const lockLost = Promise.withResolvers<AbortSignal>()
    const work = await working(worker, async (claim) => {
      await worker.lock.withLock('api', 'production', async (lost) => {
        lockLost.resolve(lost)
        await Promise.all([aborted(lost), aborted(claim.signal)])
      })
    })
    await enqueue(opened, run())
    const claim = await work.next()
    const lost = await lockLost.promise
    way.fallSilent()
    const from = performance.now()
    const [ping] = await Promise.all([
      worker.ping().catch((error: Error) => error.message),
      aborted(lost),
      aborted(claim.signal).then(() => expect(performance.now() - from).toBeLessThan(10_500)),
    ])
    expect(ping).toBe('The store does not answer.')
    await worker.close()
  })

  it('a query that waits for an answer is told, and the next goes over a connection of its own', async () => {
    const opened = await storeWithRelease('bot')
    const way = await silentWay(opened.url)
    const bot = await opened.again({ role: 'bot', pool: { connectionString: way.url }, silentMs: 1_000 })
    await bot.store.now()
    way.fallSilent()
    await expect(bot.store.release(1)).rejects.toThrow('The store does not answer (no heartbeat).')
    expect(await bot.store.release(1)).toMatchObject({ number: 1 })
    await bot.close()
  })
})
