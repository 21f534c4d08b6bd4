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
}
