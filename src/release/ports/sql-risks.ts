/** What SQL does, read by Postgres's own grammar. */
import type { SqlFinding } from '../plan.ts'

/** Reads SQL by Postgres's own grammar. */
export interface SqlRisks {
  /**
   * The findings of each of several revisions, oldest first; of a statement that can't be read, or not in time, one
   * that is `unknown`. Only `adds` findings: nothing to know. Never throws.
   */
  classify(revisions: readonly (readonly string[])[]): Promise<readonly (readonly SqlFinding[])[]>
}
