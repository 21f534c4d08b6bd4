import type { AlterSeqStmt, DropStmt, InsertStmt, MergeStmt, Node, RenameStmt, VariableSetStmt } from 'libpg-query'
import { alterTable } from './alter-table.ts'
import type { KindName } from './kinds.ts'
import { dotted, type Found, strangeFunctions, tableName, walk } from './tree.ts'

/** The objects that earlier statements created: no other session waits for or writes to a new table. */
export interface Context {
  readonly newTables: Set<string>
}

/** The findings of one statement: several if it does several things, none if there is nothing to report. */
export function findingsOf(node: Node, context: Context): readonly Found[] {
  return [...direct(node, context), ...hidden(node)]
}

const one = (kind: KindName, what: string): readonly Found[] => [{ kind, what }]

function direct(node: Node, { newTables }: Context): readonly Found[] {
  if ('AlterTableStmt' in node) {
    return alterTable(node.AlterTableStmt, newTables.has(tableName(node.AlterTableStmt.relation)))
  }
  if ('CreateStmt' in node) {
    const table = tableName(node.CreateStmt.relation)
    if (node.CreateStmt.if_not_exists !== true) newTables.add(table)
    if (node.CreateStmt.partbound === undefined) return one('new object', `creates table ${table}`)
    return one('partition', `creates table ${table} as a partition`)
  }
  if ('CreateTableAsStmt' in node) {
    const table = tableName(node.CreateTableAsStmt.into?.rel)
    if (node.CreateTableAsStmt.if_not_exists !== true) newTables.add(table)
    return [
      { kind: 'new object', what: `creates table ${table} from a query` },
      ...called(node.CreateTableAsStmt.query, table),
    ]
  }
  if ('IndexStmt' in node) {
    const { relation, idxname = 'an index', concurrent, unique } = node.IndexStmt
    const what = `builds ${unique ? 'unique ' : ''}index ${idxname} on ${tableName(relation)}`
    if (newTables.has(tableName(relation))) return one('on a new table', what)
    return one(concurrent ? 'concurrent index' : 'blocking index', what)
  }
  if ('DropStmt' in node) return drop(node.DropStmt)
  if ('TruncateStmt' in node) {
    const tables = (node.TruncateStmt.relations ?? []).map(dotted).join(', ')
    const all = one('truncated', `empties ${tables}`)
    return node.TruncateStmt.behavior === 'DROP_CASCADE'
      ? [...all, { kind: 'dropped everything', what: `empties what refers to ${tables}` }]
      : all
  }
  if ('DeleteStmt' in node) {
    const { relation, whereClause } = node.DeleteStmt
    const what = `deletes ${whereClause === undefined ? 'all rows' : 'rows'} of ${tableName(relation)}`
    return one(whereClause === undefined ? 'deleted all rows' : 'deleted rows', what)
  }
  if ('UpdateStmt' in node) {
    const { relation, whereClause } = node.UpdateStmt
    const what = `changes ${whereClause === undefined ? 'all rows' : 'rows'} of ${tableName(relation)}`
    return one(whereClause === undefined ? 'changed all rows' : 'changed rows', what)
  }
  if ('InsertStmt' in node) return insert(node.InsertStmt)
  if ('MergeStmt' in node) return merge(node.MergeStmt)
  if ('CopyStmt' in node) {
    const { relation, is_from, is_program } = node.CopyStmt
    if (is_program) return one('other program', `runs a program for ${tableName(relation)}`)
    return is_from ? one('new rows', `adds rows to ${tableName(relation)}`) : one('query', 'reads rows')
  }
  if ('SelectStmt' in node) return select(node)
  if ('RenameStmt' in node) {
    // Which table has the name from here on is not followed.
    newTables.delete(tableName(node.RenameStmt.relation))
    newTables.delete(node.RenameStmt.newname ?? '')
    return rename(node.RenameStmt)
  }
  if ('AlterObjectSchemaStmt' in node) {
    const { relation, object, newschema } = node.AlterObjectSchemaStmt
    return one('moved to a schema', `moves ${relation ? tableName(relation) : dotted(object)} to schema ${newschema}`)
  }
  if ('VariableSetStmt' in node) return set(node.VariableSetStmt)
  if ('AlterSeqStmt' in node) return sequence(node.AlterSeqStmt)
  if ('AlterEnumStmt' in node) {
    const type = (node.AlterEnumStmt.typeName ?? []).map(dotted).join('.')
    const { oldVal, newVal } = node.AlterEnumStmt
    if (oldVal === undefined) return one('new object', `adds value ${newVal} to type ${type}`)
    return one('renamed object', `renames value ${oldVal} of type ${type} to ${newVal}`)
  }
  if ('ViewStmt' in node) {
    const { view, replace } = node.ViewStmt
    return replace
      ? one('replaced view', `replaces view ${tableName(view)}`)
      : one('new object', `creates view ${tableName(view)}`)
  }
  if ('RefreshMatViewStmt' in node) {
    const { relation, concurrent } = node.RefreshMatViewStmt
    return one(concurrent ? 'upkeep' : 'blocking refresh', `refreshes view ${tableName(relation)}`)
  }
  if ('LockStmt' in node) return one('explicit lock', `locks ${(node.LockStmt.relations ?? []).map(dotted).join(', ')}`)
  if ('ReindexStmt' in node) {
    const isConcurrent = (node.ReindexStmt.params ?? []).some(
      (each) => 'DefElem' in each && each.DefElem.defname === 'concurrently',
    )
    const what = `builds the index again of ${node.ReindexStmt.relation ? tableName(node.ReindexStmt.relation) : (node.ReindexStmt.name ?? 'it all')}`
    return one(isConcurrent ? 'concurrent index' : 'blocking reindex', what)
  }
  if ('ClusterStmt' in node) return one('table rewrite', `writes ${tableName(node.ClusterStmt.relation)} again`)
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
    return one(
      'trigger',
      `creates trigger ${node.CreateTrigStmt.trigname} on ${tableName(node.CreateTrigStmt.relation)}`,
    )
  }
  if ('RuleStmt' in node) return one('trigger', `creates rule ${node.RuleStmt.rulename}`)
  if ('CreatePolicyStmt' in node) return one('row security', `creates policy ${node.CreatePolicyStmt.policy_name}`)
  if ('AlterPolicyStmt' in node) return one('row security', `changes policy ${node.AlterPolicyStmt.policy_name}`)
  if ('AlterOwnerStmt' in node) return one('new owner', `changes the owner of ${dotted(node.AlterOwnerStmt.object)}`)
  if ('DoStmt' in node) return one('block', 'runs a DO block')
  if ('CallStmt' in node)
    return one('function call', `calls ${(node.CallStmt.funccall?.funcname ?? []).map(dotted).join('.')}`)
  if ('ExecuteStmt' in node) return one('stored statement', `runs the prepared statement ${node.ExecuteStmt.name}`)
  if ('DropOwnedStmt' in node) return one('dropped everything', 'drops all that a role owns')
  if ('DropdbStmt' in node) return one('dropped everything', `drops database ${node.DropdbStmt.dbname}`)
  if ('DropRoleStmt' in node) return one('dropped object', 'drops a role')
  return quiet(node) ?? one('unlisted', `runs ${Object.keys(node)[0]?.replace(/Stmt$/, '') ?? 'something'}`)
}

/** The findings of statements that only create something, or that end with the session; undefined for others. */
function quiet(node: Node): readonly Found[] | undefined {
  if ('TransactionStmt' in node) return []
  if ('CommentStmt' in node) return one('comment', 'sets a comment')
  if ('CreateSeqStmt' in node) return one('new object', `creates sequence ${tableName(node.CreateSeqStmt.sequence)}`)
  if ('CreateSchemaStmt' in node) return one('new object', `creates schema ${node.CreateSchemaStmt.schemaname ?? ''}`)
  if ('CreateExtensionStmt' in node) return one('new object', `creates extension ${node.CreateExtensionStmt.extname}`)
  if ('CreateEnumStmt' in node) {
    return one('new object', `creates type ${(node.CreateEnumStmt.typeName ?? []).map(dotted).join('.')}`)
  }
  if ('CompositeTypeStmt' in node) return one('new object', `creates type ${tableName(node.CompositeTypeStmt.typevar)}`)
  if ('CreateRangeStmt' in node) return one('new object', 'creates a range type')
  if ('CreateDomainStmt' in node) {
    return one('new object', `creates domain ${(node.CreateDomainStmt.domainname ?? []).map(dotted).join('.')}`)
  }
  if ('CreateStatsStmt' in node) return one('upkeep', 'creates statistics')
  if ('CreateRoleStmt' in node) return one('new object', `creates role ${node.CreateRoleStmt.role}`)
  if ('ConstraintsSetStmt' in node) return one('session setting', 'says when constraints are checked')
  return undefined
}

const OBJECT_WORDS: Readonly<Record<string, string>> = {
  OBJECT_MATVIEW: 'materialized view',
  OBJECT_TABCONSTRAINT: 'constraint',
  OBJECT_DOMCONSTRAINT: 'constraint',
}

const objectWord = (type: string | undefined) =>
  OBJECT_WORDS[type ?? ''] ?? (type ?? 'object').replace('OBJECT_', '').toLowerCase().replaceAll('_', ' ')

function drop({ removeType, objects, concurrent, behavior }: DropStmt): readonly Found[] {
  const names = (objects ?? []).map(dotted).join(', ')
  const what = `drops ${objectWord(removeType)} ${names}`
  const kinds: Partial<Record<string, KindName>> = {
    OBJECT_TABLE: 'dropped table',
    OBJECT_MATVIEW: 'dropped table',
    OBJECT_INDEX: concurrent ? 'concurrent index drop' : 'blocking index drop',
  }
  const gone: Found = { kind: kinds[removeType ?? ''] ?? 'dropped object', what }
  return behavior === 'DROP_CASCADE'
    ? [gone, { kind: 'dropped everything', what: `${what} with all that depends on it` }]
    : [gone]
}

function insert({ relation, onConflictClause, selectStmt }: InsertStmt): readonly Found[] {
  const table = tableName(relation)
  const overwrites = onConflictClause?.action === 'ONCONFLICT_UPDATE'
  const rows: Found = overwrites
    ? { kind: 'overwritten rows', what: `adds rows to ${table}, or overwrites them` }
    : { kind: 'new rows', what: `adds rows to ${table}` }
  return [rows, ...called(selectStmt, table)]
}

function called(node: unknown, table: string): readonly Found[] {
  return strangeFunctions(node).map((name) => ({ kind: 'function call', what: `calls ${name}() for ${table}` }))
}

function merge({ relation, mergeWhenClauses }: MergeStmt): readonly Found[] {
  const table = tableName(relation)
  let changes = false
  walk(mergeWhenClauses, (kind, { commandType }) => {
    if (kind === 'MergeWhenClause' && (commandType === 'CMD_UPDATE' || commandType === 'CMD_DELETE')) changes = true
  })
  if (changes) return one('merged rows', `merges rows into ${table}`)
  return one('new rows', `adds rows to ${table}`)
}

/** The findings of queries. A call that only changes a session setting is a kind of its own. */
function select(node: { SelectStmt: { intoClause?: { rel?: Parameters<typeof tableName>[0] } } }): readonly Found[] {
  const made = node.SelectStmt.intoClause?.rel
  if (made !== undefined) return one('new object', `creates table ${tableName(made)} from a query`)
  const names: string[] = []
  let hasRows = false
  walk(node, (kind, inner) => {
    if (kind === 'FuncCall') names.push(((inner.funcname as Node[] | undefined) ?? []).map(dotted).at(-1) ?? '')
    if (kind === 'RangeVar') hasRows = true
  })
  if (names.includes('setval')) return one('restarted sequence', 'sets a sequence')
  const strange = strangeFunctions(node)
  if (strange.length > 0) return strange.map((name) => ({ kind: 'function call', what: `calls ${name}()` }))
  if (!hasRows && names.every((name) => name === 'set_config')) return one('session setting', 'sets a parameter')
  return one('query', 'asks the database something')
}

function rename({ renameType, relation, object, subname, newname }: RenameStmt): readonly Found[] {
  const name = relation ? tableName(relation) : dotted(object)
  switch (renameType) {
    case 'OBJECT_TABLE':
    case 'OBJECT_VIEW':
    case 'OBJECT_MATVIEW':
      return one('renamed table', `renames ${objectWord(renameType)} ${name} to ${newname}`)
    case 'OBJECT_COLUMN':
      return one('renamed column', `renames column ${name}.${subname} to ${newname}`)
    case 'OBJECT_INDEX':
      return one('renamed index', `renames index ${name} to ${newname}`)
    case 'OBJECT_TABCONSTRAINT':
      return one('renamed constraint', `renames constraint ${subname} of ${name} to ${newname}`)
    default:
      return one('renamed object', `renames ${objectWord(renameType)} ${name} to ${newname}`)
  }
}

function set({ name = '', kind, args }: VariableSetStmt): readonly Found[] {
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
function hidden(node: Node): readonly Found[] {
  const [inner] = Object.values(node) as unknown[]
  const found: Found[] = []
  const none: Context = { newTables: new Set() }
  walk(inner, (kind, within) => {
    if (['DeleteStmt', 'UpdateStmt', 'MergeStmt', 'InsertStmt'].includes(kind)) {
      found.push(...direct({ [kind]: within } as unknown as Node, none))
    }
  })
  return found
}
