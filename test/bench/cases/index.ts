/** Everything that the bench measures, in the order of the table. */
import type { Case } from '../case.ts'
import { ACKNOWLEDGING } from './acknowledging.ts'
import { RELEASES } from './releases.ts'
import { AT_ONCE_IN_SLACK, CALLS } from './slack.ts'

export const CASES: readonly Case[] = [RELEASES, AT_ONCE_IN_SLACK, CALLS, ACKNOWLEDGING]
