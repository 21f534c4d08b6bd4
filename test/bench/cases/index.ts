/** Everything that the bench measures, in the order of the table. */
import type { Case } from '../case.ts'
import { ACKNOWLEDGING } from './acknowledging.ts'
import { AUDIT } from './audit.ts'
import { APPS, AT_ONCE, RELEASES_GROW } from './growth.ts'
import { HISTORY } from './history.ts'
import { IDLE, START } from './process.ts'
import { PROGRAMS } from './programs.ts'
import { RELEASES } from './releases.ts'
import { AT_ONCE_IN_SLACK, CALLS } from './slack.ts'
import { SOCKET } from './socket.ts'

export const CASES: readonly Case[] = [
  RELEASES,
  AT_ONCE_IN_SLACK,
  CALLS,
  ACKNOWLEDGING,
  SOCKET,
  START,
  IDLE,
  HISTORY,
  AUDIT,
  PROGRAMS,
  APPS,
  RELEASES_GROW,
  AT_ONCE,
]
