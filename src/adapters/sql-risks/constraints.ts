import type { AlterTableCmd, Constraint } from 'libpg-query'
import type { KindName } from './kinds.ts'
import { type Altered, columnOf, constraintFact, isProvenNotNull } from './schema.ts'
import { type Found, tableName } from './tree.ts'

export function addConstraint(constraint: Constraint | undefined, altered: Altered): readonly Found[] {
  const { name: table } = altered
  const name = constraint?.conname === undefined ? 'a constraint' : `constraint ${constraint.conname}`
  const what = `adds ${name} to ${table}`
  const kind = kindOf(constraint, altered)
  if (constraint !== undefined) record(constraint, altered)
  if (constraint?.contype !== 'CONSTR_FOREIGN') return [{ kind, what }]
  return [{ kind, what, also: [[tableName(constraint.pktable), 'share row exclusive']] }]
}

function kindOf(constraint: Constraint | undefined, { table }: Altered): KindName {
  const isChecked = constraint?.skip_validation !== true
  switch (constraint?.contype) {
    case 'CONSTR_FOREIGN':
      return isChecked ? 'foreign key' : 'unchecked foreign key'
    case 'CONSTR_CHECK':
      return isChecked ? 'check constraint' : 'unchecked constraint'
    case 'CONSTR_NOTNULL':
      if (!isChecked) return 'unchecked constraint'
      return constraintFact(constraint).columns.every((name) => isProvenNotNull(table, name))
        ? 'proven not null'
        : 'set not null'
    case 'CONSTR_UNIQUE':
      return constraint.indexname === undefined ? 'unique constraint' : 'constraint by index'
    case 'CONSTR_PRIMARY': {
      if (constraint.indexname === undefined) return 'unique constraint'
      const columns = table.indexes.get(constraint.indexname)?.columns ?? []
      const isProven = columns.length > 0 && columns.every((name) => isProvenNotNull(table, name))
      return isProven ? 'constraint by index' : 'key of nullable columns'
    }
    case 'CONSTR_EXCLUSION':
      return 'exclusion constraint'
    default:
      return 'unlisted'
  }
}

/** One without a name proves nothing later: its own name, under which it may be dropped, is not known. */
function record(constraint: Constraint, { table, schema }: Altered): void {
  const fact = constraintFact(constraint)
  const name = constraint.conname
  table.constraints.set(name ?? `#${table.constraints.size}`, name === undefined ? { ...fact, isValid: false } : fact)
  const columns =
    fact.columns.length > 0 ? fact.columns : (table.indexes.get(constraint.indexname ?? '')?.columns ?? [])
  const isUnique = constraint.contype === 'CONSTR_PRIMARY' || constraint.contype === 'CONSTR_UNIQUE'
  if (isUnique && name !== undefined) {
    table.indexes.set(name, { columns, uses: columns, isUnique: true, isPlain: true })
  }
  const isKey = constraint.contype === 'CONSTR_PRIMARY' || constraint.contype === 'CONSTR_NOTNULL'
  if (isKey && fact.isValid) for (const column of columns) columnOf(table, column).notNull = true
  for (const column of isKey ? columns : fact.notNull) columnOf(table, column).decidedBy = schema.revision
}

export function validateConstraint(name: string, { name: table, table: about }: Altered): readonly Found[] {
  const fact = about.constraints.get(name)
  if (fact !== undefined) {
    about.constraints.set(name, { ...fact, isValid: true })
    if (fact.kind === 'CONSTR_NOTNULL') for (const column of fact.columns) columnOf(about, column).notNull = true
  }
  return [{ kind: 'validated constraint', what: `validates ${name} on ${table}` }]
}

export function dropConstraint(
  command: AlterTableCmd,
  { name: table, table: about, schema }: Altered,
): readonly Found[] {
  const name = command.name ?? ''
  const what = `drops constraint ${name} of ${table}`
  const fact = about.constraints.get(name)
  if (command.missing_ok === true && about.isComplete && fact === undefined) return [{ kind: 'nothing to do', what }]
  about.constraints.delete(name)
  about.indexes.delete(name)
  if (fact?.kind === 'CONSTR_PRIMARY' || fact?.kind === 'CONSTR_NOTNULL') {
    for (const column of fact.columns)
      Object.assign(columnOf(about, column), { notNull: false, decidedBy: schema.revision })
  }
  const isRule = fact?.kind === 'CONSTR_CHECK' || fact?.kind === 'CONSTR_FOREIGN' || fact?.kind === 'CONSTR_NOTNULL'
  const gone: Found = {
    kind: isRule ? 'dropped rule' : 'dropped constraint',
    what,
    ...(fact?.references !== undefined && { also: [[fact.references, 'access exclusive']] }),
  }
  return command.behavior === 'DROP_CASCADE'
    ? [gone, { kind: 'dropped everything', what: `${what} with all that depends on it` }]
    : [gone]
}
