/**
 * The store says which version of the program may work on it at least; an upgrade raises that to its own. Processes of
 * older versions find out at their next claim or transaction, and take no more work.
 */
import { type Kysely, sql } from 'kysely'
import { NewerVersionInUse } from '../../release/ports/jobs.ts'

/** The lowest version that may work on the store, to be read along with something else: it costs no round trip of its own. */
export const minimumVersion = sql<number>`(select minimum from store_version)`

export interface VersionWatch {
  /** This program's. */
  readonly number: number
  /** Aborts once, when a minimum above this program's version was seen. */
  readonly superseded: AbortSignal
  /** Takes note of a minimum; whether this program may still work. */
  mayWork(minimum: number): boolean
  /** The same; throws NewerVersionInUse when it may not. */
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

/** Keeps older versions from working on the store; one that is there already and higher stays. Safe to repeat. */
export async function raiseMinimumVersion<DB>(db: Kysely<DB>, version: number): Promise<void> {
  await sql`update store_version set minimum = ${version} where minimum < ${version}`.execute(db)
}
