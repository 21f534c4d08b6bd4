import type { AlterSeqStmt, CreateStmt, IndexStmt, Node, VariableSetStmt } from 'libpg-query'
import { walk } from '../../lib/sql-tree.ts'
import { alterTable } from './alter-table.ts'
import { drop, moveToSchema, rename } from './drop-and-rename.ts'
import type { Lock } from './kind.ts'
import { KINDS, type KindName } from './kinds.ts'
import { createTableByQuery, insert, merge, select, update } from './rows.ts'
import { addNewTable, forgetNamesWithoutSchema, indexFact, isAbsent, type Schema, tableOf } from './schema.ts'
import { dotted, type Found, tableName } from './tree.ts'
import { alterDomain, alterEnum, createDomain, createEnum } from './type-statements.ts'

/**
 * The findings of one statement: several if it does several things, none if there is nothing to report. Afterwards the
 * schema is as the statement leaves it.
 */
export function findingsOf(node: Node, schema: Schema): readonly Found[] {
  const before = newTables(schema)
  const found = [...direct(node, schema), ...hidden(node, schema)].map((one) => withoutNew(one, before, schema))
  if (found.some(({ kind }) => LOSES.has(kind))) schema.hasLost = true
  return found
}

/** Kinds that take rows, values or tables away, or may do so. */
const LOSES: ReadonlySet<KindName> = new Set<KindName>([
  ...(['dropped column', 'dropped table', 'dropped everything', 'detached partition', 'renamed table'] as const),
  ...(['deleted rows', 'deleted all rows', 'changed rows', 'changed all rows', 'truncated', 'merged rows'] as const),
  ...(['overwritten rows', 'moved to a schema', 'block', 'function call', 'stored statement', 'unlisted'] as const),
])

const newTables = ({ tables }: Schema): ReadonlyMap<string, { readonly holdsCopies: boolean }> =>
  new Map([...tables].flatMap(([name, { isNew, holdsCopies = false }]) => (isNew ? [[name, { holdsCopies }]] : [])))

/** What concerns only tables of this release keeps nobody waiting, and takes nothing away unless it holds the last copy. */
function withoutNew(found: Found, isNew: ReturnType<typeof newTables>, { hasLost }: Schema): Found {
  const { tables = [], also = [] } = found
  const used: Found = {
    ...found,
    tables: tables.filter((table) => !isNew.has(table)),
    also: also.filter(([table]) => !isNew.has(table)),
  }
  const { risk } = KINDS[found.kind]
  const isOfNew = tables.length > 0 && used.tables?.length === 0
  if (!isOfNew || risk === 'adds' || risk === 'unknown') return used
  // Each row that was copied into it is looked up while the other table is locked.
  if (used.also?.length && 'effort' in KINDS[found.kind] && tables.some((table) => isNew.get(table)?.holdsCopies))
    return used
  const isLastCopy = hasLost && tables.some((table) => isNew.get(table)?.holdsCopies)
  return risk === 'destroys' && isLastCopy ? used : { ...used, kind: 'on a new table' }
}

const one = (kind: KindName, what: string, tables: readonly string[] = []): readonly Found[] => [{ kind, what, tables }]

function direct(node: Node, schema: Schema): readonly Found[] {
  if ('AlterTableStmt' in node) return alterTable(node.AlterTableStmt, schema)
  if ('CreateStmt' in node) return createTable(node.CreateStmt, schema)
  if ('CreateTableAsStmt' in node) {
    const { into, query, if_not_exists, objtype } = node.CreateTableAsStmt
    const mayExist = if_not_exists === true || objtype === 'OBJECT_MATVIEW'
    return createTableByQuery(tableName(into?.rel), query, schema, mayExist)
  }
  if ('IndexStmt' in node) return createIndex(node.IndexStmt, schema)
  if ('DropStmt' in node) return drop(node.DropStmt, schema)
  if ('TruncateStmt' in node) {
    const tables = (node.TruncateStmt.relations ?? []).map(dotted)
    const all = one('truncated', `empties ${tables.join(', ')}`, tables)
    return node.TruncateStmt.behavior === 'DROP_CASCADE'
      ? [...all, { kind: 'dropped everything', what: `empties what refers to ${tables.join(', ')}` }]
      : all
  }
  if ('DeleteStmt' in node) {
    const { relation, whereClause } = node.DeleteStmt
    const table = tableName(relation)
    const what = `deletes ${whereClause === undefined ? 'all rows' : 'rows'} of ${table}`
    return one(whereClause === undefined ? 'deleted all rows' : 'deleted rows', what, [table])
  }
  if ('UpdateStmt' in node) return update(node.UpdateStmt, schema)
  if ('InsertStmt' in node) return insert(node.InsertStmt, schema)
  if ('MergeStmt' in node) return merge(node.MergeStmt, schema)
  if ('CopyStmt' in node) {
    const { relation, is_from, is_program } = node.CopyStmt
    if (is_program) return one('other program', `runs a program for ${tableName(relation)}`)
    return is_from ? one('copied rows', `adds rows to ${tableName(relation)}`) : one('query', 'reads rows')
  }
  if ('SelectStmt' in node) return select(node, schema)
  if ('RenameStmt' in node) return rename(node.RenameStmt, schema)
  if ('AlterObjectSchemaStmt' in node) return moveToSchema(node.AlterObjectSchemaStmt, schema)
  if ('VariableSetStmt' in node) return set(node.VariableSetStmt, schema)
  if ('AlterSeqStmt' in node) return sequence(node.AlterSeqStmt)
  if ('AlterEnumStmt' in node) return alterEnum(node.AlterEnumStmt, schema)
  if ('AlterDomainStmt' in node) return alterDomain(node.AlterDomainStmt)
  if ('ViewStmt' in node) {
    const { view, replace } = node.ViewStmt
    const name = tableName(view)
    return replace ? one('replaced view', `replaces view ${name}`, [name]) : one('new object', `creates view ${name}`)
  }
  if ('RefreshMatViewStmt' in node) {
    const { relation, concurrent } = node.RefreshMatViewStmt
    const view = tableName(relation)
    return one(concurrent ? 'concurrent refresh' : 'blocking refresh', `refreshes view ${view}`, [view])
  }
  if ('LockStmt' in node) return lockTables(node.LockStmt)
  if ('ReindexStmt' in node) {
    const { params = [], relation, name = 'it all', kind } = node.ReindexStmt
    const isConcurrent = params.some((each) => 'DefElem' in each && each.DefElem.defname === 'concurrently')
    const object = relation ? tableName(relation) : name
    const table = kind === 'REINDEX_OBJECT_INDEX' ? schema.tableOfIndex.get(object) : object
    const what = `builds the index again of ${object}`
    if (isConcurrent) return one('concurrent index', what)
    return one('blocking reindex', what, table === undefined ? [] : [table])
  }
  if ('ClusterStmt' in node) {
    const table = tableName(node.ClusterStmt.relation)
    return one('table rewrite', `writes ${table} again`, [table])
  }
  if ('VacuumStmt' in node) {
    const isFull = (node.VacuumStmt.options ?? []).some((each) => 'DefElem' in each && each.DefElem.defname === 'full')
    return isFull ? one('table rewrite', 'writes tables again') : one('upkeep', 'looks after tables')
  }
  if ('GrantStmt' in node) {
    const { is_grant, objects } = node.GrantStmt
    const on = (objects ?? []).map(dotted).filter(Boolean).join(', ') || 'all of a schema'
    return is_grant
      ? one('new privilege', `grants rights on ${on}`)
      : one('lost privilege', `takes rights on ${on} away`)
  }
  if ('CreateFunctionStmt' in node) {
    const { funcname, replace } = node.CreateFunctionStmt
    return one(
      'function body',
      `${replace ? 'replaces' : 'creates'} function ${(funcname ?? []).map(dotted).join('.')}`,
    )
  }
  if ('CreateTrigStmt' in node) {
    const table = tableName(node.CreateTrigStmt.relation)
    return one('trigger', `creates trigger ${node.CreateTrigStmt.trigname} on ${table}`, [table])
  }
  if ('RuleStmt' in node)
    return one('rule', `creates rule ${node.RuleStmt.rulename}`, [tableName(node.RuleStmt.relation)])
  if ('CreatePolicyStmt' in node) {
    const { policy_name, table } = node.CreatePolicyStmt
    return one('row security', `creates policy ${policy_name}`, [tableName(table)])
  }
  if ('AlterPolicyStmt' in node) {
    const { policy_name, table } = node.AlterPolicyStmt
    return one('row security', `changes policy ${policy_name}`, [tableName(table)])
  }
  if ('AlterOwnerStmt' in node) return one('new owner', `changes the owner of ${dotted(node.AlterOwnerStmt.object)}`)
  if ('DoStmt' in node) return one('block', 'runs a DO block')
  if ('CallStmt' in node)
    return one('function call', `calls ${(node.CallStmt.funccall?.funcname ?? []).map(dotted).join('.')}`)
  if ('ExecuteStmt' in node) return one('stored statement', `runs the prepared statement ${node.ExecuteStmt.name}`)
  if ('DropOwnedStmt' in node) return one('dropped everything', 'drops all that a role owns')
  if ('DropdbStmt' in node) return one('dropped everything', `drops database ${node.DropdbStmt.dbname}`)
  if ('DropRoleStmt' in node) return one('dropped object', 'drops a role')
  return quiet(node, schema) ?? one('unlisted', `runs ${Object.keys(node)[0]?.replace(/Stmt$/, '') ?? 'something'}`)
}

function createTable(statement: CreateStmt, schema: Schema): readonly Found[] {
  const { relation, if_not_exists, partbound, inhRelations = [], tableElts } = statement
  const table = tableName(relation)
  const referred: string[] = []
  walk(tableElts, (kind, inner) => {
    const { contype, pktable } = inner as { contype?: string; pktable?: Parameters<typeof tableName>[0] }
    if (kind === 'Constraint' && contype === 'CONSTR_FOREIGN') referred.push(tableName(pktable))
  })
  const also = [...new Set(referred)]
    .filter((name) => name !== table)
    .map((name) => [name, 'share row exclusive'] as const)
  if (partbound !== undefined) {
    // Running code may use it through its parent.
    const parents = inhRelations.map(dotted)
    return [{ kind: 'new partition', what: `creates table ${table} as a partition`, tables: parents, also }]
  }
  const mayExist = if_not_exists === true && !isAbsent(schema, table)
  if (!mayExist) addNewTable(schema, table)
  return [{ kind: 'new object', what: `creates table ${table}`, also }]
}

function createIndex(statement: IndexStmt, schema: Schema): readonly Found[] {
  const { relation, idxname, concurrent, unique, if_not_exists } = statement
  const table = tableName(relation)
  const about = tableOf(schema, table)
  const what = `builds ${unique ? 'unique ' : ''}index ${idxname ?? 'an index'} on ${table}`
  if (idxname !== undefined && if_not_exists === true && about.indexes.has(idxname)) {
    return [{ kind: 'nothing to do', what, also: concurrent ? [] : [[table, 'share']] }]
  }
  if (idxname !== undefined) {
    about.indexes.set(idxname, indexFact(statement))
    schema.tableOfIndex.set([relation?.schemaname, idxname].filter(Boolean).join('.'), table)
  }
  // Nobody waits for a new table's index, however it is built.
  return concurrent && !about.isNew ? one('concurrent index', what) : one('blocking index', what, [table])
}

/** By the numbers of Postgres's lock modes. */
const LOCK_MODES: Readonly<Record<number, Lock>> = {
  5: 'share',
  6: 'share row exclusive',
  7: 'exclusive',
  8: 'access exclusive',
}

function lockTables({ relations = [], mode = 8 }: { relations?: Node[]; mode?: number }): readonly Found[] {
  const tables = relations.map(dotted)
  const lock = LOCK_MODES[mode]
  const also = lock === undefined ? [] : tables.map((table) => [table, lock] as const)
  return [{ kind: 'explicit lock', what: `locks ${tables.join(', ')}`, also }]
}

/** The findings of statements that only create something, or that end with the session; undefined for others. */
function quiet(node: Node, schema: Schema): readonly Found[] | undefined {
  if ('TransactionStmt' in node) return []
  if ('CommentStmt' in node) return one('comment', 'sets a comment')
  if ('CreateSeqStmt' in node) return one('new object', `creates sequence ${tableName(node.CreateSeqStmt.sequence)}`)
  if ('CreateSchemaStmt' in node) return one('new object', `creates schema ${node.CreateSchemaStmt.schemaname ?? ''}`)
  if ('CreateExtensionStmt' in node) return one('new object', `creates extension ${node.CreateExtensionStmt.extname}`)
  if ('CreateEnumStmt' in node) return createEnum(node.CreateEnumStmt, schema)
  if ('CompositeTypeStmt' in node) {
    const type = tableName(node.CompositeTypeStmt.typevar)
    schema.types.set(type, { kind: 'other' })
    return one('new object', `creates type ${type}`)
  }
  if ('CreateRangeStmt' in node) return one('new object', 'creates a range type')
  if ('CreateDomainStmt' in node) return createDomain(node.CreateDomainStmt, schema)
  if ('CreateStatsStmt' in node) return one('upkeep', 'creates statistics')
  if ('CreateRoleStmt' in node) return one('new object', `creates role ${node.CreateRoleStmt.role}`)
  if ('ConstraintsSetStmt' in node) return one('session setting', 'says when constraints are checked')
  return undefined
}

function set({ name = '', kind, args }: VariableSetStmt, schema: Schema): readonly Found[] {
  if (name === 'search_path' || name === 'role' || kind === 'VAR_RESET_ALL') forgetNamesWithoutSchema(schema)
  const what = kind === 'VAR_RESET' ? `resets ${name}` : `sets ${name || 'a parameter'}`
  if (name === 'session_replication_role') return one('switched-off triggers', what)
  const values: unknown[] = []
  walk(args, (each, { ival, sval }) => {
    if (each !== 'A_Const') return
    const written = (sval as { sval?: string } | undefined)?.sval
    values.push(written ?? (ival as { ival?: number } | undefined)?.ival ?? 0)
  })
  const isUnlimited = values.some((value) => /^0+(\.0+)?\s*[a-z]*$/.test(String(value))) || kind !== 'VAR_SET_VALUE'
  if (/^(lock|statement|transaction)_timeout$/.test(name) && isUnlimited) return one('no time limit', what)
  return one('session setting', what)
}

function sequence({ sequence: relation, options }: AlterSeqStmt): readonly Found[] {
  const restarts = (options ?? []).some((each) => 'DefElem' in each && each.DefElem.defname === 'restart')
  const what = `changes sequence ${tableName(relation)}`
  return restarts ? one('restarted sequence', what) : one('storage setting', what)
}

/** DELETE, UPDATE, INSERT and MERGE inside another statement, as WITH allows it. */
function hidden(node: Node, schema: Schema): readonly Found[] {
  const [inner] = Object.values(node) as unknown[]
  const found: Found[] = []
  walk(inner, (kind, within) => {
    if (['DeleteStmt', 'UpdateStmt', 'MergeStmt', 'InsertStmt'].includes(kind)) {
      found.push(...direct({ [kind]: within } as unknown as Node, schema))
    }
  })
  return found
}
