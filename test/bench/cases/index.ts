/** Everything that the bench measures, in the order of the table. */
import type { Case } from '../case.ts'
import { ACKNOWLEDGING } from './acknowledging.ts'
import { IDLE, START } from './process.ts'
import { RELEASES } from './releases.ts'
import { AT_ONCE_IN_SLACK, CALLS } from './slack.ts'
import { SOCKET } from './socket.ts'

export const CASES: readonly Case[] = [RELEASES, AT_ONCE_IN_SLACK, CALLS, ACKNOWLEDGING, SOCKET, START, IDLE]
