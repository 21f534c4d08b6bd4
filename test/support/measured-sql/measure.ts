/** What one statement did, as Postgres itself tells it. */
import type pg from 'pg'

export interface Measured {
  /** The strongest lock on each table and view that was there before, after the statement. */
  readonly locks: Readonly<Record<string, string>>
  /** Messages of Postgres about tables and indexes that it rewrites, reads or builds. */
  readonly work: readonly string[]
  /** Rows changed or deleted in tables of the prepared database. */
  readonly changedRows: number
  /** Whether rows of tables were read. */
  readonly readRows: number
  /** Tables, columns, types, functions, … of the prepared database that have no longer the name they had. */
  readonly gone: readonly string[]
  /** Tables with new storage, with rows and without. */
  readonly rewritten: readonly string[]
  readonly emptied: readonly string[]
  /** SQLSTATE, where it was refused. */
  readonly refused?: string
}

const STRENGTH = [
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
]

/** Messages at debug1: `rewriting table`, `verifying table`, `building index`, `validating foreign key constraint`. */
const WORK = /^(rewriting table|verifying table|building index|validating foreign key constraint)/

/** Everything that is looked at before and after a statement, in one query. Names are the schema's and the object's. */
const LOOK = `
  with relation as (
    select c.oid, c.relkind, c.relfilenode,
      case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'm', 'S') and n.nspname !~ '^pg_toast'
  )
  select
    (select json_agg(json_build_array(relation, mode)) from pg_locks where pid = pg_backend_pid() and locktype = 'relation') as locks,
    (select json_agg(json_build_array(oid, name, relkind, relfilenode, pg_relation_size(oid))) from relation) as relations,
    (select json_agg(name) from (
      select 'table ' || name from relation
      union all select 'column ' || name || '.' || attname from relation join pg_attribute on attrelid = relation.oid
        where attnum > 0 and not attisdropped and relkind <> 'S'
      union all select 'type ' || typname from pg_type where oid >= 16384 and typtype in ('e', 'd', 'c')
        and typrelid not in (select oid from relation)
      union all select 'function ' || proname from pg_proc where oid >= 16384
      union all select 'value ' || enumlabel from pg_enum
      union all select 'trigger ' || tgname from pg_trigger where not tgisinternal
      union all select 'policy ' || polname from pg_policy
      union all select 'partition ' || name from pg_inherits join relation on relation.oid = inhrelid
    ) as named (name)) as names`

/** Of the connection, and not only of the transaction: what is not yet handed on stays in it. */
const ROWS = `
  select coalesce(sum(n_tup_upd + n_tup_del), 0)::int as changed, coalesce(sum(seq_tup_read), 0)::int as read
  from pg_stat_xact_user_tables`

interface Look {
  readonly locks: readonly (readonly [relation: string, mode: string])[]
  readonly relations: readonly (readonly [oid: string, name: string, kind: string, storage: string, size: number])[]
  readonly names: readonly string[]
}

/** A prepared database, and what it looks like before each statement. */
interface Prepared {
  readonly client: pg.Client
  readonly untouched: Look
}

/** Keeps the connection's messages on from here on. */
export async function prepared(client: pg.Client): Promise<Prepared> {
  await client.query('set client_min_messages = debug1')
  return { client, untouched: await look(client) }
}

/** Runs it in a transaction that is rolled back, after the statements `first`, which are not measured. */
export async function measure(
  { client, untouched }: Prepared,
  sql: string,
  first: readonly string[] = [],
): Promise<Measured> {
  const work: string[] = []
  const listen = ({ message = '' }: { message?: string | undefined }) => {
    if (WORK.test(message)) work.push(message)
  }
  await client.query('begin')
  try {
    for (const statement of first) await client.query(statement)
    const before = first.length > 0 ? await look(client) : untouched
    const rows = await rowsOf(client)
    client.on('notice', listen)
    const refused = await client.query(sql).then(
      () => undefined,
      (error: pg.DatabaseError) => error.code ?? error.message,
    )
    client.off('notice', listen)
    if (refused !== undefined) {
      return { locks: {}, work, changedRows: 0, readRows: 0, gone: [], rewritten: [], emptied: [], refused }
    }
    const { changed, read } = await rowsOf(client)
    const about = difference(before, await look(client), work)
    return { ...about, changedRows: changed - rows.changed, readRows: read - rows.read }
  } finally {
    client.off('notice', listen)
    await client.query('rollback')
  }
}

async function look(client: pg.Client): Promise<Look> {
  const [row] = (await client.query<Look>(LOOK)).rows
  if (row === undefined) throw new Error('no look')
  return row
}

async function rowsOf(client: pg.Client): Promise<{ changed: number; read: number }> {
  const [row] = (await client.query<{ changed: number; read: number }>(ROWS)).rows
  if (row === undefined) throw new Error('no rows')
  return row
}

function difference(before: Look, after: Look, work: readonly string[]): Omit<Measured, 'changedRows' | 'readRows'> {
  const known = new Set(before.relations.map(([oid]) => oid))
  // By their names afterwards, where they are still there.
  const relations = [...before.relations, ...after.relations.filter(([oid]) => known.has(oid))]
  const names = new Map(relations.map(([oid, name, kind]) => [oid, { name, kind }]))
  const locks: Record<string, string> = {}
  for (const [relation, mode] of strongest(after.locks)) {
    const about = names.get(relation)
    if (about !== undefined && about.kind !== 'S') locks[about.name] = mode
  }
  const now = new Set(after.names)
  const storage = new Map(before.relations.map(([oid, , , node]) => [oid, node]))
  const renewed = after.relations.filter(
    ([oid, , kind, node]) => 'rm'.includes(kind) && storage.has(oid) && storage.get(oid) !== node,
  )
  return {
    locks,
    work: work.filter((line) => isOfOne(line, before)),
    gone: before.names.filter((name) => !now.has(name)),
    rewritten: renewed.filter(([, , , , size]) => size > 0).map(([, name]) => name),
    emptied: renewed.filter(([, , , , size]) => size === 0).map(([, name]) => name),
  }
}

/** Whether a message is about a table that was there before; one about a foreign key does not say. */
function isOfOne(line: string, { relations }: Look): boolean {
  const table = /table "([^"]+)"/.exec(line)?.[1]
  return table === undefined || relations.some(([, name]) => name.split('.').at(-1) === table)
}

const isStronger = (mode: string, than: string | undefined) =>
  than === undefined || STRENGTH.indexOf(mode) > STRENGTH.indexOf(than)

function strongest(locks: Look['locks']): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [relation, mode] of locks ?? []) if (isStronger(mode, found.get(relation))) found.set(relation, mode)
  return found
}
