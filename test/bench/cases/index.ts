/** Everything that the bench measures, in the order of the table. */
import type { Case } from '../case.ts'
import { RELEASES } from './releases.ts'

export const CASES: readonly Case[] = [RELEASES]
