import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint, Node } from 'libpg-query'
import type { KindName } from './kinds.ts'
import { type Found, isWorkedOutByRow, tableName, typeName } from './tree.ts'

const SERIAL = /^(small|big)?serial[248]?$/

/** The findings of an ALTER TABLE, one per subcommand. `isNew`: this release creates the table, so nothing waits for it. */
export function alterTable(statement: AlterTableStmt, isNew: boolean): readonly Found[] {
  const table = tableName(statement.relation)
  const found = (statement.cmds ?? []).flatMap((node) =>
    'AlterTableCmd' in node ? part(node.AlterTableCmd, table) : [],
  )
  if (statement.objtype !== 'OBJECT_TABLE' && statement.objtype !== undefined) {
    return found.map((one) => (one.kind === 'unlisted' ? { ...one, what: `alters ${table}` } : one))
  }
  return found.map((one) => (isNew && ONLY_WAITING.has(one.kind) ? { ...one, kind: 'on a new table' } : one))
}

/** Kinds that are harmful only if other sessions use the table, or if it has rows. */
export const ONLY_WAITING: ReadonlySet<KindName> = new Set<KindName>([
  ...(['blocking index', 'type change', 'set not null', 'required column', 'column with work'] as const),
  ...(['column with index', 'column with check', 'foreign key', 'check constraint', 'unique constraint'] as const),
  ...(['exclusion constraint', 'table rewrite', 'explicit lock', 'row security', 'new owner'] as const),
])

function part(command: AlterTableCmd, table: string): readonly Found[] {
  const name = command.name ?? ''
  const column = `${table}.${name}`
  const one = (kind: KindName, what: string): readonly Found[] => [{ kind, what }]
  switch (command.subtype) {
    case 'AT_AddColumn':
      return addColumn(columnOf(command.def), table)
    case 'AT_DropColumn':
      return dropped(command, 'dropped column', `drops column ${column}`)
    case 'AT_AlterColumnType':
      return one('type change', `changes the type of ${column} to ${typeName(columnOf(command.def)?.typeName)}`)
    case 'AT_SetNotNull':
      return one('set not null', `requires a value in ${column}`)
    case 'AT_DropNotNull':
      return one('looser rule', `lets ${column} be empty`)
    case 'AT_ColumnDefault':
      return one('looser rule', `${command.def === undefined ? 'takes away' : 'sets'} the default of ${column}`)
    case 'AT_AddConstraint':
      return addConstraint(command.def && 'Constraint' in command.def ? command.def.Constraint : undefined, table)
    case 'AT_ValidateConstraint':
      return one('validated constraint', `validates ${name} on ${table}`)
    case 'AT_DropConstraint':
      return dropped(command, 'dropped constraint', `drops constraint ${name} of ${table}`)
    case 'AT_SetRelOptions':
    case 'AT_ResetRelOptions':
    case 'AT_SetStatistics':
    case 'AT_SetStorage':
    case 'AT_SetCompression':
    case 'AT_SetOptions':
    case 'AT_ResetOptions':
    case 'AT_ReplicaIdentity':
    case 'AT_ClusterOn':
    case 'AT_DropCluster':
      return one('storage setting', `changes how ${name === '' ? table : column} is kept`)
    case 'AT_SetLogged':
    case 'AT_SetUnLogged':
    case 'AT_SetTableSpace':
    case 'AT_SetAccessMethod':
      return one('table rewrite', `writes ${table} again`)
    case 'AT_AttachPartition':
      return one('partition', `attaches a partition to ${table}`)
    case 'AT_DetachPartition':
    case 'AT_DetachPartitionFinalize':
      return one('detached partition', `detaches a partition from ${table}`)
    case 'AT_AddInherit':
    case 'AT_DropInherit':
      return one('inheritance', `changes what ${table} inherits`)
    case 'AT_ChangeOwner':
      return one('new owner', `changes the owner of ${table}`)
    case 'AT_EnableRowSecurity':
    case 'AT_DisableRowSecurity':
    case 'AT_ForceRowSecurity':
    case 'AT_NoForceRowSecurity':
      return one('row security', `changes row security of ${table}`)
    case 'AT_EnableTrig':
    case 'AT_DisableTrig':
    case 'AT_EnableTrigAll':
    case 'AT_DisableTrigAll':
    case 'AT_EnableTrigUser':
    case 'AT_DisableTrigUser':
    case 'AT_EnableAlwaysTrig':
    case 'AT_EnableReplicaTrig':
      return one('trigger switch', `switches triggers of ${table}`)
    case 'AT_AddIdentity':
    case 'AT_SetIdentity':
      return one('looser rule', `numbers ${column} by itself`)
    case 'AT_DropIdentity':
      return one('dropped object', `stops numbering ${column} by itself`)
    case 'AT_DropExpression':
      return one('looser rule', `makes ${column} an ordinary column`)
    case 'AT_SetExpression':
      return one('table rewrite', `works out ${column} another way`)
    default:
      return one('unlisted', `alters ${table}`)
  }
}

/** CASCADE also drops objects that are not named. */
function dropped(command: AlterTableCmd, kind: KindName, what: string): readonly Found[] {
  if (command.behavior !== 'DROP_CASCADE') return [{ kind, what }]
  return [
    { kind, what },
    { kind: 'dropped everything', what: `${what} with all that depends on it` },
  ]
}

const columnOf = (node: Node | undefined): ColumnDef | undefined =>
  node !== undefined && 'ColumnDef' in node ? node.ColumnDef : undefined

function addColumn(column: ColumnDef | undefined, table: string): readonly Found[] {
  const name = `${table}.${column?.colname ?? ''}`
  const constraints = (column?.constraints ?? []).flatMap((node) => ('Constraint' in node ? [node.Constraint] : []))
  const has = (type: Constraint['contype']) => constraints.find(({ contype }) => contype === type)
  const set = has('CONSTR_DEFAULT')
  const generated = has('CONSTR_GENERATED') as (Constraint & { generated_kind?: string }) | undefined
  const isSerial = SERIAL.test(typeName(column?.typeName))
  const fills = isSerial || set !== undefined || has('CONSTR_IDENTITY') !== undefined || generated !== undefined
  const isWork =
    isSerial ||
    has('CONSTR_IDENTITY') !== undefined ||
    (generated !== undefined && generated.generated_kind !== 'v') ||
    (set !== undefined && isWorkedOutByRow(set.raw_expr))
  const kinds: KindName[] = [
    ...(isWork ? (['column with work'] as const) : []),
    ...((has('CONSTR_NOTNULL') || has('CONSTR_PRIMARY')) && !fills ? (['required column'] as const) : []),
    ...(has('CONSTR_UNIQUE') || has('CONSTR_PRIMARY') ? (['column with index'] as const) : []),
    ...(has('CONSTR_CHECK') ? (['column with check'] as const) : []),
    ...(has('CONSTR_FOREIGN') ? (['foreign key'] as const) : []),
  ]
  const words: Partial<Record<KindName, string>> = {
    'column with work': `adds column ${name} with a value for each row`,
    'required column': `adds column ${name}, required and without a default`,
    'column with index': `adds column ${name} with a unique index`,
    'column with check': `adds column ${name} with a check`,
    'foreign key': `adds column ${name} with a foreign key`,
  }
  if (kinds.length === 0) return [{ kind: 'new column', what: `adds column ${name}` }]
  return kinds.map((kind) => ({ kind, what: words[kind] ?? `adds column ${name}` }))
}

function addConstraint(constraint: Constraint | undefined, table: string): readonly Found[] {
  const name = constraint?.conname === undefined ? 'a constraint' : `constraint ${constraint.conname}`
  const what = `adds ${name} to ${table}`
  const isChecked = constraint?.skip_validation !== true
  switch (constraint?.contype) {
    case 'CONSTR_FOREIGN':
      return [{ kind: isChecked ? 'foreign key' : 'unchecked constraint', what }]
    case 'CONSTR_CHECK':
      return [{ kind: isChecked ? 'check constraint' : 'unchecked constraint', what }]
    case 'CONSTR_NOTNULL':
      return [{ kind: isChecked ? 'set not null' : 'unchecked constraint', what }]
    case 'CONSTR_UNIQUE':
    case 'CONSTR_PRIMARY':
      return [{ kind: constraint.indexname === undefined ? 'unique constraint' : 'constraint by index', what }]
    case 'CONSTR_EXCLUSION':
      return [{ kind: 'exclusion constraint', what }]
    default:
      return [{ kind: 'unlisted', what }]
  }
}
