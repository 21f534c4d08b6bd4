import { loadModule, type Node, parseSync } from 'libpg-query'
import { defined } from '../../lib/defined.ts'
import type { SqlFinding } from '../../release/planned-migration.ts'
import type { Circumstances, ExpectedFailure, RevisionRisks } from '../../release/ports/sql-risks.ts'
import { renamedTable } from './drop-and-rename.ts'
import { type NewValues, noteNewValue, useOfNewValue } from './enum-values.ts'
import type { Kind } from './kind.ts'
import { KINDS } from './kinds.ts'
import { type Schema, schemaOf } from './schema.ts'
import { findingsOf } from './statements.ts'
import { boundaryOf, holding, keepLock, mayCommit, outsideCommand, rollsBack, type Transaction } from './transaction.ts'
import { dotted, type Found, tableName } from './tree.ts'

/** The most characters of a statement: the parser's time grows faster than its input. */
const LONGEST_STATEMENT = 100_000

/** To be awaited once before `readRevisions`. */
export const loadParser = loadModule

/** What is carried from statement to statement, and from revision to revision. */
interface Reading {
  schema: Schema
  readonly transaction: Transaction
  /** By type, and the enums that the open transaction has created. */
  readonly newValues: NewValues
  readonly ownTypes: Set<string>
  readonly about: Circumstances
}

interface Risks {
  readonly found: Found[]
  commits: boolean
  fails?: ExpectedFailure
}

/** The risks of each revision. What a revision creates counts as new for those after it, and what it locks as held. */
export function readRevisions(
  revisions: readonly (readonly string[])[],
  about: Circumstances = {},
): readonly RevisionRisks[] {
  const reading: Reading = {
    schema: schemaOf(about.catalog),
    transaction: { state: about.commitsEachStatement ? 'none' : 'open', held: new Map(), told: new Set() },
    newValues: new Map(),
    ownTypes: new Set(),
    about,
  }
  const read = revisions.map((statements, index) => readRevision(statements, index, reading))
  for (const [index, one] of requiredColumns(reading.schema)) read[index]?.found.push(one)
  return read.map(({ found, commits, fails }) => ({ findings: found.map(told), commits, ...defined({ fails }) }))
}

function readRevision(statements: readonly string[], index: number, reading: Reading): Risks {
  const { about, transaction } = reading
  reading.schema.revision = index
  transaction.told.clear()
  const risks: Risks = { found: [], commits: about.commitsEachStatement === true && statements.length > 0 }
  if (index > 0 && about.transactionPerMigration) endTransaction(reading, 'open')
  const parsed = statements.map((sql) => parsedText(sql))
  const hasBoundary = parsed.some(({ nodes }) => nodes.some((node) => boundaryOf(node) !== undefined))
  const isUnsure = about.maybeOutside?.includes(index) === true && !hasBoundary
  const before = transaction.state
  if (isUnsure && before === 'open') transaction.state = 'unknown'
  for (const [at, { sql, nodes, found }] of parsed.entries()) {
    risks.found.push(...found)
    if (found.length > 0 && /\b(commit|rollback|abort|end|prepare\s+transaction)\b/i.test(sql)) risks.commits = true
    for (const node of nodes) {
      const begins = parsed.slice(at).some((later) => later.nodes.some((each) => boundaryOf(each) === 'begins'))
      readStatement({ node, sql, isAlone: nodes.length === 1, begins }, reading, risks)
    }
  }
  if (isUnsure) transaction.state = before
  return risks
}

interface Statement {
  readonly node: Node
  readonly sql: string
  /** It is the only one of its text. */
  readonly isAlone: boolean
  /** The revision begins a transaction later. */
  readonly begins: boolean
}

function readStatement({ node, sql, isAlone, begins }: Statement, reading: Reading, risks: Risks): void {
  const { schema, transaction, newValues, ownTypes } = reading
  const boundary = boundaryOf(node)
  if (boundary === 'begins') transaction.state = reading.about.commitsEachStatement ? 'none' : 'open'
  if (boundary === 'ends') endTransaction(reading, begins ? 'none' : 'unknown')
  if (rollsBack(node)) {
    // What the release had made is gone, or some of it.
    reading.schema = { ...schemaOf(reading.about.catalog), hasLost: schema.hasLost, revision: schema.revision }
  }
  risks.commits ||= mayCommit(node)
  const use = useOfNewValue(node, schema, newValues)
  const isCertain = use?.isCertain === true && transaction.state === 'open'
  const outside = outsideCommand(node)
  const why = outside === undefined ? undefined : isAlone ? 'in a transaction' : 'with others'
  const fails = why === 'with others' || (why !== undefined && transaction.state === 'open')
  if (fails && why !== undefined) risks.fails ??= failure(why, outside ?? '', sql, namesOf(node))
  if (isCertain) risks.fails ??= failure('new enum value', `${use.value} of type ${use.type}`, sql, [use.value])
  if (use !== undefined && !isCertain) {
    risks.found.push({ kind: 'new enum value', what: `uses ${use.value}, which is a new value of type ${use.type}` })
  }
  // Before the value is one of the type.
  if (transaction.state !== 'none') noteNewValue(node, schema, newValues, ownTypes)
  const found = findingsOf(node, schema)
  risks.found.push(...found, ...holding(found, transaction))
  const renamed = renamedTable(node)
  if (renamed !== undefined) keepLock(transaction, renamed)
  if ('CreateEnumStmt' in node) ownTypes.add((node.CreateEnumStmt.typeName ?? []).map(dotted).join('.'))
}

function endTransaction({ transaction, newValues, ownTypes, about }: Reading, state: Transaction['state']): void {
  transaction.state = about.commitsEachStatement ? 'none' : state
  transaction.held.clear()
  transaction.told.clear()
  newValues.clear()
  ownTypes.clear()
}

const failure = (
  why: ExpectedFailure['why'],
  what: string,
  sql: string,
  names: readonly string[],
): ExpectedFailure => ({
  why,
  what,
  statement: beginningOf(sql, 200),
  names,
})

/** The names of a statement by which people find it in a file. */
function namesOf(node: Node): readonly string[] {
  if ('IndexStmt' in node) return [node.IndexStmt.idxname ?? '', tableName(node.IndexStmt.relation)].filter(Boolean)
  if ('DropStmt' in node) return (node.DropStmt.objects ?? []).map(dotted)
  if ('AlterTableStmt' in node) return [tableName(node.AlterTableStmt.relation)]
  return []
}

/** Columns that this release adds to tables in use, and that an INSERT of running code leaves without a value at its end. */
function requiredColumns({ tables }: Schema): readonly (readonly [revision: number, found: Found])[] {
  return [...new Map([...tables].map(([name, table]) => [table, name]))].flatMap(([table, name]) =>
    [...table.columns].flatMap(([column, { isNew, isTold, notNull, hasDefault, decidedBy }]) => {
      const isRequired =
        notNull === true || [...table.constraints.values()].some((each) => each.notNull.includes(column))
      if (table.isNew || isNew !== true || isTold === true || !isRequired || hasDefault === true) return []
      const what = `requires new column ${name}.${column}, which running code does not set`
      return [[decidedBy ?? 0, { kind: 'required without default', what }] as const]
    }),
  )
}

/** The finding of a kind. */
export function told({ kind, what }: Found): SqlFinding {
  const { risk, why, instead, breaksOldCode }: Kind = KINDS[kind]
  return { risk, what, why, ...defined({ instead, breaksOldCode }) }
}

// ------------------------------------------------------------------------------------------------ parsing

interface Text {
  readonly sql: string
  readonly nodes: readonly Node[]
  /** What is to be said of a text that can't be parsed. */
  readonly found: readonly Found[]
}

function parsedText(sql: string): Text {
  if (sql.length > LONGEST_STATEMENT) {
    return { sql, nodes: [], found: [{ kind: 'too long', what: `has a statement of ${sql.length} characters` }] }
  }
  if (isEmpty(sql)) return { sql, nodes: [], found: [] }
  const parsed = parsedOf(sql) ?? parsedOf(withValues(sql))
  if (parsed !== undefined) return { sql, nodes: parsed, found: [] }
  const kind = withValues(sql) === sql ? 'unreadable' : 'unreadable values'
  return { sql, nodes: [], found: [{ kind, what: `runs “${beginningOf(sql)}”` }] }
}

function parsedOf(sql: string): readonly Node[] | undefined {
  try {
    return (parseSync(sql).stmts ?? []).flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt]))
  } catch {
    return undefined
  }
}

/** Placeholders of a driver's parameters. Their values don't change the kind of a statement. */
function withValues(sql: string): string {
  return sql.replaceAll(/%\([^()]+\)s|%s|(?<![:\w]):[a-z_]\w*/gi, () => '$1').replaceAll('%%', '%')
}

const isEmpty = (sql: string) => sql.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\/|[\s;]/g, '') === ''

const beginningOf = (sql: string, most = 60) => sql.replaceAll(/\s+/g, ' ').trim().slice(0, most)
