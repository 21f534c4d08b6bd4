/** The store's side of webhooks: which URLs are told, and the requests that wait for each. */
import type { WebhookMessage, WebhookType } from '../webhooks.ts'

/** A URL that is told, by a digest of it: the store does not need the URL, which may have a token in it. */
export interface WebhookEndpoint {
  readonly id: string
  /** Absent: all. */
  readonly events?: readonly WebhookType[]
}

export interface WebhookRequest {
  readonly id: number
  readonly endpoint: string
  /** What it is in order with. */
  readonly stream: string
  /** Absent for a lock's. */
  readonly release?: number
  readonly message: WebhookMessage
  /** Attempts so far. */
  readonly tries: number
  /** By the store's clock; 0 before the first. */
  readonly sinceFirstTryMs: number
}

/** What waits for a URL, for reports. */
export interface WebhookBacklog {
  readonly endpoint: string
  readonly waiting: number
  /** How long the oldest has waited; 0 if none waits. */
  readonly oldestAgeMs: number
  /** Why the last failed try of one that waits failed; absent if none did. */
  readonly failing?: string
  /** Requests that were given up in the last 24 hours. */
  readonly givenUp: number
  /** It has answered 410, so it is told nothing more. */
  readonly isGone: boolean
}

/**
 * Requests to the webhooks' URLs. One bot delivers at a time, by a lock of its own in the store. Each URL gets the requests
 * of one release, and those of the locks of one place, one after another: each waits until the one before was answered or
 * given up. Nothing else waits for anything.
 */
export interface WebhookQueue {
  /**
   * From now on, what happens is put in for these URLs, also for one that has answered 410. What waits for a URL that no bot
   * has named for 10 minutes is given up. Safe to repeat; to be called at a start.
   */
  name(endpoints: readonly WebhookEndpoint[]): Promise<void>
  /** The same, for a bot that goes on: changes neither the events of a URL nor that it is gone. */
  keepNaming(endpoints: readonly WebhookEndpoint[]): Promise<void>
  /** Runs `work` while this process holds the delivery lock. Returns false at once if another process holds it. */
  deliverAlone(work: (lost: AbortSignal) => Promise<void>): Promise<boolean>
  /** The requests that may be made now: the first waiting one of each stream, at most `limit` for each URL. */
  due(endpoints: readonly string[], limit: number): Promise<readonly WebhookRequest[]>
  /** Records an attempt; called before it. False, and nothing may be sent: the request does not wait any more. */
  trying(id: number): Promise<boolean>
  /** The URL has answered 2xx. */
  delivered(id: number): Promise<void>
  /** Schedules the next attempt, by the store's clock. `reason`: why this one failed. */
  postpone(id: number, afterMs: number, reason: string): Promise<void>
  giveUp(id: number, reason: string): Promise<void>
  /** The URL is told nothing more: gives up what waits for it. Returns how many requests that were. */
  gone(endpoint: string, reason: string): Promise<number>
  /** What waits for each URL that is told, or was. */
  backlogs(): Promise<readonly WebhookBacklog[]>
  /** Resolves when a request may be due, when the signal aborts, or after `timeoutMs`. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<void>
}
