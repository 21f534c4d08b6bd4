import type pg from 'pg'
import { CLOCK } from '../../lib/clock.ts'
import { openWatched, type Report, type WatchedConnection } from './connection.ts'

/** Receives the notifications on a channel of the store (LISTEN). */
export interface Listener {
  /** The count of notifications. A new connection counts as one, because some may have been missed before it. */
  signs(): number
  /** Connects unless it listens already. False: the store can't be reached; the next call retries. */
  ready(): Promise<boolean>
  /** Resolves when there are more notifications than `seen`, after `ms`, or when the signal aborts. */
  next(seen: number, ms: number, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export function createListener(config: pg.ClientConfig, channel: string, report: Report): Listener {
  let count = 0
  let wake = new AbortController()
  let connection: WatchedConnection | undefined
  let connecting: Promise<boolean> | undefined
  let closed = false

  const sign = () => {
    count += 1
    wake.abort()
    wake = new AbortController()
  }

  const connect = async (): Promise<boolean> => {
    try {
      const opened = await openWatched(config)
      opened.client.on('notification', sign)
      await opened.query(`listen ${channel}`)
      opened.lost.addEventListener('abort', () => {
        connection = undefined
        void opened.close()
        sign()
      })
      if (closed) {
        await opened.close()
        return false
      }
      connection = opened
      sign()
      return true
    } catch (error) {
      report('listening to the store', error)
      return false
    } finally {
      connecting = undefined
    }
  }

  return {
    signs: () => count,
    ready: async () => {
      if (connection !== undefined) return true
      if (closed) return false
      connecting ??= connect()
      return connecting
    },
    next: async (seen, ms, signal) => {
      if (count !== seen) return
      await CLOCK.sleep(ms, AbortSignal.any([signal, wake.signal]))
    },
    close: async () => {
      closed = true
      await connecting
      await connection?.close()
      connection = undefined
      wake.abort()
    },
  }
}
