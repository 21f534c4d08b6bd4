import type { Node, TransactionStmt } from 'libpg-query'
import { LOCKS, type Lock } from './kind.ts'
import { KINDS } from './kinds.ts'
import type { Found } from './tree.ts'

/** The transaction that the statements run in, as far as it is known. */
export interface Transaction {
  /** `unknown`: a driver may have begun one of its own. */
  state: 'open' | 'none' | 'unknown'
  /** The strongest lock on each table in use, until the transaction ends. */
  readonly held: Map<string, Lock>
  /** The held tables that the present revision has told of. */
  readonly told: Set<string>
}

type Kind = NonNullable<TransactionStmt['kind']>

const ENDS: ReadonlySet<Kind> = new Set<Kind>([
  ...(['TRANS_STMT_COMMIT', 'TRANS_STMT_ROLLBACK', 'TRANS_STMT_PREPARE'] as const),
  ...(['TRANS_STMT_COMMIT_PREPARED', 'TRANS_STMT_ROLLBACK_PREPARED'] as const),
])

/** How a statement changes the transaction. */
export function boundaryOf(node: Node): 'begins' | 'ends' | undefined {
  if (!('TransactionStmt' in node)) return undefined
  const { kind, chain } = node.TransactionStmt
  if (kind === 'TRANS_STMT_BEGIN' || kind === 'TRANS_STMT_START') return 'begins'
  return kind !== undefined && ENDS.has(kind) && chain !== true ? 'ends' : undefined
}

/** Whether a statement takes back what was done before it: since the transaction began, or since a savepoint. */
export function rollsBack(node: Node): boolean {
  const kind = 'TransactionStmt' in node ? node.TransactionStmt.kind : undefined
  return kind === 'TRANS_STMT_ROLLBACK' || kind === 'TRANS_STMT_ROLLBACK_TO'
}

/** Whether a statement ends the transaction before it, or may: what it calls can commit. */
export function mayCommit(node: Node): boolean {
  if ('TransactionStmt' in node) return node.TransactionStmt.kind !== undefined && ENDS.has(node.TransactionStmt.kind)
  if ('CallStmt' in node) return true
  if ('DoStmt' in node) return /\b(commit|rollback|call)\b/i.test(JSON.stringify(node.DoStmt))
  return outsideCommand(node) !== undefined
}

/** The command of a statement that Postgres runs only outside of a transaction; undefined for others. */
export function outsideCommand(node: Node): string | undefined {
  const has = (list: readonly Node[] | undefined, name: string) =>
    (list ?? []).find((each) => 'DefElem' in each && each.DefElem.defname === name)
  if ('IndexStmt' in node) return node.IndexStmt.concurrent ? 'CREATE INDEX CONCURRENTLY' : undefined
  if ('DropStmt' in node) return node.DropStmt.concurrent ? 'DROP INDEX CONCURRENTLY' : undefined
  if ('ReindexStmt' in node) {
    const { kind, params } = node.ReindexStmt
    if (has(params, 'concurrently')) return 'REINDEX CONCURRENTLY'
    return kind === 'REINDEX_OBJECT_INDEX' || kind === 'REINDEX_OBJECT_TABLE'
      ? undefined
      : 'REINDEX of more than one table'
  }
  if ('VacuumStmt' in node) return node.VacuumStmt.is_vacuumcmd ? 'VACUUM' : undefined
  if ('ClusterStmt' in node) return node.ClusterStmt.relation === undefined ? 'CLUSTER of all tables' : undefined
  if ('CreatedbStmt' in node) return 'CREATE DATABASE'
  if ('DropdbStmt' in node) return 'DROP DATABASE'
  if ('AlterSystemStmt' in node) return 'ALTER SYSTEM'
  if ('CreateTableSpaceStmt' in node) return 'CREATE TABLESPACE'
  if ('DropTableSpaceStmt' in node) return 'DROP TABLESPACE'
  if ('AlterTableStmt' in node) {
    const isDetached = (node.AlterTableStmt.cmds ?? []).some((each) => {
      const def =
        'AlterTableCmd' in each ? (each.AlterTableCmd.def as { PartitionCmd?: { concurrent?: boolean } }) : undefined
      return def?.PartitionCmd?.concurrent === true
    })
    return isDetached ? 'DETACH PARTITION CONCURRENTLY' : undefined
  }
  if ('CreateSubscriptionStmt' in node) {
    const { options } = node.CreateSubscriptionStmt
    return has(options, 'create_slot') || has(options, 'connect') ? undefined : 'CREATE SUBSCRIPTION'
  }
  return undefined
}

// ------------------------------------------------------------------------------------------------ locks that are kept

/** Whether a statement keeps its transaction open for as long as there are rows. */
const takesLong = ({ kind }: Found) => 'effort' in KINDS[kind]

const lockOf = ({ kind }: Found): Lock | undefined => {
  const facts = KINDS[kind]
  return 'lock' in facts ? facts.lock : undefined
}

const isStronger = (lock: Lock, than: Lock | undefined) =>
  than === undefined || LOCKS.indexOf(lock) > LOCKS.indexOf(than)

/** The locks of a statement that keep others waiting, by table. */
function locksOf(found: readonly Found[]): ReadonlyMap<string, Lock> {
  const locks = new Map<string, Lock>()
  for (const each of found) {
    const lock = lockOf(each)
    const own = lock === undefined ? [] : (each.tables ?? []).map((table) => [table, lock] as const)
    for (const [table, taken] of [...own, ...(each.also ?? [])]) {
      if (isStronger(taken, locks.get(table))) locks.set(table, taken)
    }
  }
  return locks
}

/** Whom a lock keeps waiting: nobody, those who write, or all. */
const keepsOut = (lock: Lock | undefined) => (lock === undefined ? 0 : lock === 'access exclusive' ? 2 : 1)

const SHOWN = 3

/** What a statement that takes long does to the tables that earlier ones have locked; then holds its own locks too. */
export function holding(found: readonly Found[], { state, held, told: known }: Transaction): readonly Found[] {
  if (state === 'none') return []
  const own = locksOf(found)
  const long = found.find(takesLong)
  const kept = long === undefined ? [] : [...held].filter(([table, lock]) => keepsOut(lock) > keepsOut(own.get(table)))
  for (const [table, lock] of own) if (isStronger(lock, held.get(table))) held.set(table, lock)
  if (long === undefined) return []
  const of = (isRead: boolean) =>
    kept.filter(([, lock]) => (lock === 'access exclusive') === isRead).map(([table]) => table)
  const told = (kind: 'held table' | 'held writes', tables: readonly string[]): readonly Found[] => {
    if (tables.every((table) => known.has(table))) return []
    for (const table of tables) known.add(table)
    const more = tables.length > SHOWN ? ` and ${tables.length - SHOWN} more` : ''
    const what = kind === 'held table' ? 'holds' : 'holds writes to'
    return [{ kind, what: `${what} ${tables.slice(0, SHOWN).join(', ')}${more} while it ${long.what}` }]
  }
  return [...told('held table', of(true)), ...told('held writes', of(false))]
}

/** The lock on a table stays when it gets another name. */
export function keepLock({ held }: Transaction, { from, to }: { readonly from: string; readonly to: string }): void {
  const lock = held.get(from)
  held.delete(from)
  if (lock !== undefined) held.set(to, lock)
}
