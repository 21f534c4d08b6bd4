/** The ports for handling an arrival. */
import type { WebClient } from '@slack/web-api'
import type { Clock } from '../lib/clock.ts'
import type { ReleaseService } from '../release/service.ts'
import type { Answering } from './private-answer.ts'

export interface HandlerPorts extends Answering {
  readonly service: ReleaseService
  /** With a short time limit, for calls that a person waits for. */
  readonly interactive: WebClient
  readonly clock: Clock
  readonly home: HomeOpening
}

/** What people do with their Home, for what publishes it. Both are safe to repeat. */
export interface HomeOpening {
  /** The person has opened it: now, or at this time. `hash`: as of `Homes.opened`. */
  opened(person: string, seen: { readonly at?: Date; readonly hash?: string | null }): Promise<void>
  /** The person has changed something in it. */
  asked(person: string): Promise<void>
}
