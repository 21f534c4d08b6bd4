import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint, Node } from 'libpg-query'
import { addColumn, columnDefinition } from './add-column.ts'
import { addConstraint, dropConstraint, validateConstraint } from './constraints.ts'
import type { KindName } from './kinds.ts'
import { type Altered, columnOf, isOwn, isProvenNotNull, type Schema, tableOf, typeFact } from './schema.ts'
import { columnsOf, type Found, isNull, tableName, typeName } from './tree.ts'
import { keepsStorage, typeOf } from './types.ts'

/** The findings of an ALTER TABLE, one or more for each subcommand. Afterwards the schema is as it leaves it. */
export function alterTable(statement: AlterTableStmt, schema: Schema): readonly Found[] {
  const name = tableName(statement.relation)
  const altered = { schema, name, table: tableOf(schema, name) }
  const isTable = statement.objtype === 'OBJECT_TABLE' || statement.objtype === undefined
  const found = (statement.cmds ?? []).flatMap((node) =>
    'AlterTableCmd' in node ? part(node.AlterTableCmd, altered) : [],
  )
  if (isTable) return found.map((one) => ({ ...one, tables: one.tables ?? [name] }))
  const also = statement.objtype === 'OBJECT_VIEW' ? [[name, 'access exclusive'] as const] : []
  return found.map((one) => ({ ...one, also, ...(one.kind === 'unlisted' && { what: `alters ${name}` }) }))
}

function part(command: AlterTableCmd, altered: Altered): readonly Found[] {
  const { name: table, schema } = altered
  const name = command.name ?? ''
  const column = `${table}.${name}`
  const one = (kind: KindName, what: string, about: Partial<Found> = {}): readonly Found[] => [{ kind, what, ...about }]
  switch (command.subtype) {
    case 'AT_AddColumn':
      return addColumn(columnDefinition(command.def), altered, command.missing_ok === true)
    case 'AT_DropColumn':
      return dropColumn(command, altered)
    case 'AT_AlterColumnType':
      return changeType(name, columnDefinition(command.def), altered)
    case 'AT_SetNotNull':
      return setNotNull(name, altered)
    case 'AT_DropNotNull':
      Object.assign(columnOf(altered.table, name), { notNull: false, decidedBy: schema.revision })
      return one('looser rule', `lets ${column} be empty`)
    case 'AT_ColumnDefault': {
      const hasDefault = command.def !== undefined && !isNull(command.def)
      Object.assign(columnOf(altered.table, name), { hasDefault, decidedBy: schema.revision })
      return one('looser rule', `${command.def === undefined ? 'takes away' : 'sets'} the default of ${column}`)
    }
    case 'AT_AddConstraint':
      return addConstraint(constraintOf(command.def), altered)
    case 'AT_ValidateConstraint':
      return validateConstraint(name, altered)
    case 'AT_DropConstraint':
      return dropConstraint(command, altered)
    case 'AT_AlterConstraint':
      return one(
        'looser rule',
        `changes when constraint ${constraintOf(command.def)?.conname ?? name} of ${table} is checked`,
      )
    case 'AT_SetStorage':
    case 'AT_SetCompression':
      return one('column storage', `changes how ${column} is kept`)
    case 'AT_ReplicaIdentity':
      return one('column storage', `changes how ${table} is replicated`)
    case 'AT_SetRelOptions':
    case 'AT_ResetRelOptions':
    case 'AT_SetStatistics':
    case 'AT_SetOptions':
    case 'AT_ResetOptions':
    case 'AT_ClusterOn':
    case 'AT_DropCluster':
      return one('storage setting', `changes how ${name === '' ? table : column} is kept`)
    case 'AT_SetLogged':
    case 'AT_SetUnLogged':
    case 'AT_SetTableSpace':
    case 'AT_SetAccessMethod':
      return one('table rewrite', `writes ${table} again`)
    case 'AT_AttachPartition':
      return attachPartition(command, altered)
    case 'AT_DetachPartition':
    case 'AT_DetachPartitionFinalize':
      return detachPartition(command, altered)
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
      Object.assign(columnOf(altered.table, name), { hasDefault: true, decidedBy: schema.revision })
      return one('looser rule', `numbers ${column} by itself`)
    case 'AT_DropIdentity':
      Object.assign(columnOf(altered.table, name), { hasDefault: false, decidedBy: schema.revision })
      return one('dropped numbering', `stops numbering ${column} by itself`)
    case 'AT_DropExpression':
      Object.assign(columnOf(altered.table, name), { hasDefault: false, decidedBy: schema.revision })
      return one('looser rule', `makes ${column} an ordinary column`)
    case 'AT_SetExpression':
      return one('table rewrite', `works out ${column} another way`)
    default:
      return one('unlisted', `alters ${table}`)
  }
}

const constraintOf = (node: Node | undefined): Constraint | undefined =>
  node !== undefined && 'Constraint' in node ? node.Constraint : undefined

function dropColumn(command: AlterTableCmd, { name: table, table: about, schema }: Altered): readonly Found[] {
  const name = command.name ?? ''
  const what = `drops column ${table}.${name}`
  const column = about.columns.get(name)
  if (command.missing_ok === true && about.isComplete && column === undefined) return [{ kind: 'nothing to do', what }]
  about.columns.delete(name)
  for (const [index, { uses }] of about.indexes) if (uses.includes(name)) about.indexes.delete(index)
  const gone: Found = { kind: isOwn(column, schema) ? 'own column' : 'dropped column', what }
  return command.behavior === 'DROP_CASCADE'
    ? [gone, { kind: 'dropped everything', what: `${what} with all that depends on it` }]
    : [gone]
}

/** Whether a change of type rewrites the table depends on the present type; what depends on the column is made again. */
function changeType(
  name: string,
  to: ColumnDef | undefined,
  { name: table, table: about, schema }: Altered,
): readonly Found[] {
  const what = `changes the type of ${table}.${name} to ${typeName(to?.typeName)}`
  const next = typeOf(to?.typeName)
  const column = columnOf(about, name)
  const { type } = column
  if (next !== undefined) column.type = next
  // A foreign key on the column is made again.
  const also = [...about.constraints.values()].flatMap(({ columns, references }) =>
    references !== undefined && columns.includes(name) ? [[references, 'access exclusive'] as const] : [],
  )
  if (type === undefined || next === undefined) return [{ kind: 'type change from unknown', what, also }]
  const keeps = isPlainUse(to, name) && keepsStorage(type, next, typeFact(schema))
  if (!keeps) return [{ kind: 'type change', what, also }]
  const isChecked = [...about.constraints.values()].some(
    ({ kind, columns }) => kind === 'CONSTR_CHECK' && columns.includes(name),
  )
  const isIndexed = [...about.indexes.values()].some(
    ({ uses, isPlain }) => uses.includes(name) && (!isPlain || to?.collClause !== undefined),
  )
  return [{ kind: isChecked || isIndexed ? 'type change with reading' : 'wider type', what, also }]
}

/** Whether the new value is the old one: no USING, or one that names the column, at most cast to the new type. */
function isPlainUse(to: ColumnDef | undefined, name: string): boolean {
  const using = to?.raw_default
  if (using === undefined) return true
  const inner = 'TypeCast' in using ? using.TypeCast.arg : using
  if (inner === undefined || !('ColumnRef' in inner) || columnsOf(inner)[0] !== name) return false
  return (
    !('TypeCast' in using) || JSON.stringify(typeOf(using.TypeCast.typeName)) === JSON.stringify(typeOf(to?.typeName))
  )
}

function setNotNull(name: string, { name: table, table: about, schema }: Altered): readonly Found[] {
  const what = `requires a value in ${table}.${name}`
  const kind = isProvenNotNull(about, name) ? 'proven not null' : 'set not null'
  Object.assign(columnOf(about, name), { notNull: true, decidedBy: schema.revision })
  return [{ kind, what }]
}

function partitionOf(command: AlterTableCmd): string {
  const def = command.def as
    | { PartitionCmd?: { name?: Parameters<typeof tableName>[0]; concurrent?: boolean } }
    | undefined
  return tableName(def?.PartitionCmd?.name)
}

function attachPartition(command: AlterTableCmd, { name: table }: Altered): readonly Found[] {
  return [{ kind: 'partition', what: `attaches a partition to ${table}`, tables: [partitionOf(command)] }]
}

function detachPartition(command: AlterTableCmd, { name: table }: Altered): readonly Found[] {
  return [
    { kind: 'detached partition', what: `detaches a partition from ${table}`, tables: [table, partitionOf(command)] },
  ]
}
