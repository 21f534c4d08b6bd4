/** What a case of the bench is, and what it is given. */
import type { TestPostgres } from '../support/postgres.ts'
import type { Goal, Round } from './statistics.ts'

/** One line of the table. */
export interface Line {
  /** Such as `T1 told`: `--only T1` picks all of T1. */
  readonly id: string
  readonly what: string
  /** What it is measured beside, in the same run. Absent: it stands alone. */
  readonly yardstick?: string
  readonly unit: 's' | 'ms' | 'MB' | '/s' | 'calls' | 'programs'
  readonly goal: Goal
}

/** Lines that are measured together. */
export interface Case {
  readonly lines: readonly Line[]
  /** Adds rounds to its lines. What it starts ends with it. */
  measure(bench: Bench): Promise<void>
}

/** `small`: seconds in all, to see that the bench works; its figures mean nothing. `heavy`: also what takes minutes. */
export type Size = 'small' | 'usual' | 'heavy'

export interface Bench {
  /** A directory that is removed at the end. */
  readonly root: string
  /** One server for the whole run, which writes as durably as a team's own. */
  readonly postgres: TestPostgres
  readonly size: Size
  /** The value for the size of this run. Heavy is as usual where it is not given. */
  sized<T>(of: { readonly small: T; readonly usual: T; readonly heavy?: T }): T
  /** How many rounds to measure, at most so many. */
  rounds(most?: number): readonly number[]
  /** Whether a line was asked for. */
  wants(id: string): boolean
  add(id: string, round: Round): void
  /** Adds words below the table: how a line was measured, or what belongs to it. */
  note(id: string, words: string): void
  /** The checkout of Hubot that was given, if any. */
  readonly hubot: string | undefined
}

/** Runs both, in turn first and second, so that neither always finds what the other has warmed up. */
export async function inTurn<A, B>(
  round: number,
  one: () => Promise<A>,
  other: () => Promise<B>,
): Promise<readonly [A, B]> {
  if (round % 2 === 0) {
    const first = await one()
    return [first, await other()]
  }
  const first = await other()
  return [await one(), first]
}
