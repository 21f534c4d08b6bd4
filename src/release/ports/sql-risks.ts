import type { SqlFinding } from '../plan.ts'

/** Finds risks in SQL, parsed by Postgres's own grammar. */
export interface SqlRisks {
  /**
   * Returns the findings of each revision, in the given order, oldest first. A statement that can't be parsed, or not in
   * time, gives an `unknown` finding; a harmless revision has only `adds`. Never throws.
   */
  classify(revisions: readonly (readonly string[])[]): Promise<readonly (readonly SqlFinding[])[]>
}
