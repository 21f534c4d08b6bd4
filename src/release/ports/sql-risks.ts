import type { SqlFinding } from '../planned-migration.ts'

/** Finds risks in SQL, parsed by Postgres's own grammar. */
export interface SqlRisks {
  /**
   * Returns the risks of each revision, in the given order, oldest first. A statement that can't be parsed, or not in
   * time, gives an `unknown` finding; a harmless revision has only `adds`. What `about` leaves out is assumed at its worst.
   * Never throws.
   */
  classify(revisions: readonly (readonly string[])[], about?: Circumstances): Promise<readonly RevisionRisks[]>
}

/** What is known beside the statements. */
export interface Circumstances {
  /** The tables that the statements name, as they are now. */
  readonly catalog?: Catalog
  /** Each revision has a transaction of its own; otherwise all of them share one. */
  readonly transactionPerMigration?: true
  /** There is no transaction: the connection commits each statement. */
  readonly commitsEachStatement?: true
  /** The revisions, by index, of which it is not known whether their statements run in a transaction. */
  readonly maybeOutside?: readonly number[]
}

export interface RevisionRisks {
  readonly findings: readonly SqlFinding[]
  /** Its SQL ends the transaction before its last statement, or may. */
  readonly commits: boolean
  /** The first statement that Postgres is certain to refuse. */
  readonly fails?: ExpectedFailure
}

export interface ExpectedFailure {
  /**
   * `in a transaction`: it must run outside of one. `with others`: it must be the only statement of its text.
   * `new enum value`: it uses a value before the transaction that adds it has committed.
   */
  readonly why: 'in a transaction' | 'with others' | 'new enum value'
  /** The command, such as `CREATE INDEX CONCURRENTLY`, or the enum value. */
  readonly what: string
  /** The beginning of the statement. */
  readonly statement: string
  /** Names in the statement, by which its line can be found in the revision's file. */
  readonly names: readonly string[]
}

/** Part of a Postgres database's catalog. Definitions are as Postgres writes them. */
export interface Catalog {
  /** The server's major version. */
  readonly version: number
  readonly tables: readonly CatalogTable[]
  readonly types: readonly CatalogType[]
}

export interface CatalogTable {
  readonly schema: string
  readonly name: string
  readonly columns: readonly {
    readonly name: string
    readonly type: string
    readonly notNull: boolean
    readonly hasDefault: boolean
  }[]
  /** Such as `CHECK ((age > 0)) NOT VALID`. */
  readonly constraints: readonly { readonly name: string; readonly definition: string }[]
  /** Such as `CREATE INDEX users_name ON public.users USING btree (name)`. */
  readonly indexes: readonly string[]
}

export interface CatalogType {
  readonly schema: string
  readonly name: string
  readonly kind: 'enum' | 'domain' | 'other'
  /** The values of an enum. */
  readonly values?: readonly string[]
  /** The type under a domain, and whether the domain has a constraint or a default. */
  readonly base?: string
  readonly isConstrained?: true
}
