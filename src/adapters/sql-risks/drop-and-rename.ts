import type { AlterObjectSchemaStmt, DropStmt, Node, RenameStmt } from 'libpg-query'
import type { KindName } from './kinds.ts'
import { isAbsent, isOwn, renameColumn, renameTable, type Schema, tableOf } from './schema.ts'
import { dotted, type Found, tableName, withSchemaOf } from './tree.ts'

const OBJECT_WORDS: Readonly<Record<string, string>> = {
  OBJECT_MATVIEW: 'materialized view',
  OBJECT_TABCONSTRAINT: 'constraint',
  OBJECT_DOMCONSTRAINT: 'constraint',
}

const objectWord = (type: string | undefined) =>
  OBJECT_WORDS[type ?? ''] ?? (type ?? 'object').replace('OBJECT_', '').toLowerCase().replaceAll('_', ' ')

/** Objects that are named by their table and a name of their own. */
const OF_A_TABLE = new Set(['OBJECT_TRIGGER', 'OBJECT_POLICY', 'OBJECT_RULE'])

export function drop(
  { removeType = 'OBJECT_TYPE', objects, concurrent, behavior, missing_ok }: DropStmt,
  schema: Schema,
): readonly Found[] {
  const names = (objects ?? []).map(dotted)
  const what = `drops ${objectWord(removeType)} ${names.join(', ')}`
  if (removeType === 'OBJECT_TABLE' && missing_ok === true && names.every((name) => isAbsent(schema, name))) {
    return [{ kind: 'nothing to do', what }]
  }
  const gone =
    removeType === 'OBJECT_INDEX'
      ? droppedIndexes(names, what, concurrent === true, schema)
      : dropped(removeType, names, what, schema)
  return behavior === 'DROP_CASCADE'
    ? [
        ...gone,
        { kind: 'dropped everything', what: `${what} with all that depends on it`, tables: gone[0]?.tables ?? [] },
      ]
    : gone
}

function dropped(removeType: string, names: readonly string[], what: string, schema: Schema): readonly Found[] {
  if (removeType === 'OBJECT_TABLE') {
    const referred = names.flatMap((name) =>
      [...(schema.tables.get(name)?.constraints.values() ?? [])].flatMap(({ references }) =>
        references === undefined || names.includes(references) ? [] : [references],
      ),
    )
    const also = [...new Set(referred)].map((table) => [table, 'access exclusive'] as const)
    for (const name of names) renameTable(schema, name)
    return [{ kind: 'dropped table', what, tables: names, also }]
  }
  if (removeType === 'OBJECT_MATVIEW') return [{ kind: 'dropped table', what, tables: names }]
  if (removeType === 'OBJECT_TYPE' || removeType === 'OBJECT_DOMAIN')
    for (const name of names) schema.types.delete(name)
  if (removeType === 'OBJECT_VIEW') {
    return [{ kind: 'dropped object', what, also: names.map((name) => [name, 'access exclusive']) }]
  }
  if (!OF_A_TABLE.has(removeType)) return [{ kind: 'dropped object', what }]
  const tables = names.map((name) => name.split('.').slice(0, -1).join('.'))
  return [{ kind: 'dropped object', what, tables, also: tables.map((table) => [table, 'access exclusive']) }]
}

/** One that may be unique is more than a faster way: without it values may repeat, and ON CONFLICT fails. */
function droppedIndexes(names: readonly string[], what: string, concurrent: boolean, schema: Schema): readonly Found[] {
  const known = names.map((name) => {
    const table = schema.tableOfIndex.get(name)
    const bare = name.split('.').at(-1) ?? name
    const fact = table === undefined ? undefined : tableOf(schema, table).indexes.get(bare)
    if (table !== undefined) tableOf(schema, table).indexes.delete(bare)
    schema.tableOfIndex.delete(name)
    return { table, fact }
  })
  const tables = [...new Set(known.flatMap(({ table }) => (table === undefined ? [] : [table])))]
  if (concurrent) return [{ kind: 'concurrent index drop', what }]
  const isHarmless = known.every(({ fact }) => fact?.isUnique === false)
  return [{ kind: isHarmless ? 'index drop' : 'unique index drop', what, tables }]
}

/** The old and the new name, if a statement gives a table another. */
export function renamedTable(node: Node): { readonly from: string; readonly to: string } | undefined {
  if ('RenameStmt' in node && node.RenameStmt.renameType === 'OBJECT_TABLE') {
    const from = tableName(node.RenameStmt.relation)
    return { from, to: withSchemaOf(from, node.RenameStmt.newname ?? '') }
  }
  if ('AlterObjectSchemaStmt' in node && node.AlterObjectSchemaStmt.objectType === 'OBJECT_TABLE') {
    const from = tableName(node.AlterObjectSchemaStmt.relation)
    return { from, to: `${node.AlterObjectSchemaStmt.newschema}.${from.split('.').at(-1)}` }
  }
  return undefined
}

export function rename(
  { renameType, relation, object, subname = '', newname = '' }: RenameStmt,
  schema: Schema,
): readonly Found[] {
  const name = relation ? tableName(relation) : dotted(object)
  const found = (kind: KindName, what: string, tables: readonly string[] = []): readonly Found[] => [
    { kind, what, tables },
  ]
  switch (renameType) {
    case 'OBJECT_TABLE':
      renameTable(schema, name, withSchemaOf(name, newname))
      return found('renamed table', `renames table ${name} to ${newname}`, [name])
    case 'OBJECT_VIEW':
    case 'OBJECT_MATVIEW':
      return found('renamed table', `renames ${objectWord(renameType)} ${name} to ${newname}`, [name])
    case 'OBJECT_COLUMN': {
      const table = tableOf(schema, name)
      const kind = isOwn(table.columns.get(subname), schema) ? 'own column' : 'renamed column'
      renameColumn(table, subname, newname)
      return found(kind, `renames column ${name}.${subname} to ${newname}`, [name])
    }
    case 'OBJECT_INDEX':
      renameIndex(name, newname, schema)
      return found('renamed index', `renames index ${name} to ${newname}`)
    case 'OBJECT_TABCONSTRAINT': {
      const { constraints } = tableOf(schema, name)
      const fact = constraints.get(subname)
      constraints.delete(subname)
      if (fact !== undefined) constraints.set(newname, fact)
      return found('renamed constraint', `renames constraint ${subname} of ${name} to ${newname}`, [name])
    }
    case 'OBJECT_TYPE':
    case 'OBJECT_DOMAIN': {
      const fact = schema.types.get(name)
      schema.types.delete(name)
      if (fact !== undefined) schema.types.set(withSchemaOf(name, newname), fact)
      return found('renamed object', `renames ${objectWord(renameType)} ${name} to ${newname}`)
    }
    default:
      return found('renamed object', `renames ${objectWord(renameType)} ${name} to ${newname}`)
  }
}

function renameIndex(name: string, newname: string, schema: Schema): void {
  const table = schema.tableOfIndex.get(name)
  if (table === undefined) return
  schema.tableOfIndex.delete(name)
  schema.tableOfIndex.set(withSchemaOf(name, newname), table)
  const { indexes } = tableOf(schema, table)
  const bare = name.split('.').at(-1) ?? name
  const fact = indexes.get(bare)
  indexes.delete(bare)
  if (fact !== undefined) indexes.set(newname, fact)
}

export function moveToSchema(
  { objectType, relation, object, newschema }: AlterObjectSchemaStmt,
  schema: Schema,
): readonly Found[] {
  const name = relation ? tableName(relation) : dotted(object)
  const what = `moves ${name} to schema ${newschema}`
  if (objectType !== 'OBJECT_TABLE') return [{ kind: 'moved to a schema', what }]
  renameTable(schema, name, `${newschema}.${name.split('.').at(-1)}`)
  return [{ kind: 'moved to a schema', what, tables: [name] }]
}
