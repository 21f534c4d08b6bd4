/**
 * The store has the minimum version of the program that may work on it; an upgrade raises it to its own. Processes of older
 * versions notice at their next claim or transaction, and take no more jobs.
 */
import { type Kysely, sql } from 'kysely'
import { NewerVersionInUse } from '../../release/ports/jobs.ts'

/** The minimum version as a column, to be selected by another query without an additional round trip. */
export const minimumVersion = sql<number>`(select minimum from store_version)`

export interface VersionWatch {
  /** This program's version. */
  readonly number: number
  /** Aborts once a minimum above this program's version is read. */
  readonly superseded: AbortSignal
  /** Records a minimum that was read. Returns whether this program may still work. */
  mayWork(minimum: number): boolean
  /** The same; throws NewerVersionInUse if it may not. */
  assertMayWork(minimum: number): void
}

export function watchVersion(number: number): VersionWatch {
  const superseded = new AbortController()
  const mayWork = (minimum: number) => {
    if (minimum > number) superseded.abort(new NewerVersionInUse())
    return !superseded.signal.aborted
  }
  return {
    number,
    superseded: superseded.signal,
    mayWork,
    assertMayWork: (minimum) => {
      if (!mayWork(minimum)) throw new NewerVersionInUse()
    },
  }
}

export async function readMinimumVersion<DB>(db: Kysely<DB>): Promise<number> {
  const { rows } = await sql<{ minimum: number }>`select minimum from store_version`.execute(db)
  return rows[0]?.minimum ?? 0
}

/** Raises the minimum version; never lowers it. Safe to repeat. */
export async function raiseMinimumVersion<DB>(db: Kysely<DB>, version: number): Promise<void> {
  await sql`update store_version set minimum = ${version} where minimum < ${version}`.execute(db)
}
