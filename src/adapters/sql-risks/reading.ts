import { loadModule, parseSync } from 'libpg-query'
import { defined } from '../../lib/defined.ts'
import type { SqlFinding } from '../../release/plan.ts'
import { KINDS, type Kind, type KindName } from './kinds.ts'
import { type Context, findingsOf } from './statements.ts'
import type { Found } from './tree.ts'

/** The most characters of a statement: the parser's time grows faster than its input. */
export const LONGEST_STATEMENT = 100_000

/** To be awaited once before `readRevisions`. */
export const loadParser = loadModule

/** The findings of each revision. A table that a revision creates counts as new for those after it. */
export function readRevisions(revisions: readonly (readonly string[])[]): readonly (readonly SqlFinding[])[] {
  const context: Context = { newTables: new Set() }
  return revisions.map((statements) => statements.flatMap((sql) => readText(sql, context).map(told)))
}

/** The finding of a kind. */
export function told({ kind, what }: Found): SqlFinding {
  const { risk, why, instead, breaksOldCode }: Kind = KINDS[kind]
  return { risk, what, why, ...defined({ instead, breaksOldCode }) }
}

function readText(sql: string, context: Context): readonly Found[] {
  const kind: KindName = 'unreadable'
  if (sql.length > LONGEST_STATEMENT) return [{ kind: 'too long', what: `has a statement of ${sql.length} characters` }]
  if (isEmpty(sql)) return []
  const parsed = parsedOf(sql) ?? parsedOf(withValues(sql))
  if (parsed === undefined) return [{ kind, what: `runs “${beginningOf(sql)}”` }]
  return (parsed.stmts ?? []).flatMap(({ stmt }) => (stmt === undefined ? [] : findingsOf(stmt, context)))
}

function parsedOf(sql: string) {
  try {
    return parseSync(sql)
  } catch {
    return undefined
  }
}

/** Placeholders of a driver's parameters. Their values don't change the kind of a statement. */
function withValues(sql: string): string {
  return sql.replaceAll(/%\(\w+\)s|%s|(?<![:\w]):[a-z_]\w*/gi, 'NULL').replaceAll('%%', '%')
}

const isEmpty = (sql: string) => sql.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\/|[\s;]/g, '') === ''

const beginningOf = (sql: string) => sql.replaceAll(/\s+/g, ' ').trim().slice(0, 60)
