import pg from 'pg'
import { MIGRATION_NAMES, type MigrationName } from './sample-app.ts'

/** A running Postgres server on a unix socket. */
export type PostgresServer = {
  connection: pg.PoolConfig
  stop(): Promise<void>
}

export type Databases = Awaited<ReturnType<typeof openDatabases>>
export type AppDatabase = 'integration' | 'production'

const PREFIX: Readonly<Record<MigrationName, string>> = { users: 'api', search: 'search' }
const nameOf = (of: AppDatabase, migration: MigrationName) => `${PREFIX[migration]}_${of}`

/**
 * Opens the databases of the sandbox on one server: two for each environment of the app, and Signoff's own store. `isNew`
 * says that the app's databases were just created.
 */
export async function openDatabases(server: PostgresServer) {
  const { host, user } = server.connection
  const socket = encodeURIComponent(String(host))
  const isNew = await makeDatabases(server.connection)
  const pool = (of: AppDatabase, migration: MigrationName) =>
    new pg.Pool({ ...server.connection, database: nameOf(of, migration), max: 2 })
  const poolsOf = (of: AppDatabase) => ({ users: pool(of, 'users'), search: pool(of, 'search') })
  const pools = { integration: poolsOf('integration'), production: poolsOf('production') }
  const all = Object.values(pools).flatMap((each) => Object.values(each))
  // If the server ends first, the sandbox must not crash.
  for (const each of all) each.on('error', () => undefined)

  return {
    isNew,
    /** For who works on Signoff's store beside it. */
    store: { ...server.connection, database: 'signoff' },
    /** For Signoff. A WHATWG URL can't have a user without a host, so the user is in the query. */
    storeUrl: `postgresql:///signoff?host=${socket}&user=${user}`,
    /** For the app, in the format of libpq and SQLAlchemy. */
    url: (of: AppDatabase, migration: MigrationName) => `postgresql://${user}@/${nameOf(of, migration)}?host=${socket}`,
    /** Replaces integration's databases with copies of production's. Needs them to have no connections. */
    async copyProduction(): Promise<void> {
      await asAdministrator(server.connection, async (client) => {
        for (const migration of MIGRATION_NAMES) {
          const name = nameOf('integration', migration)
          await client.query(`drop database ${name}`)
          await client.query(`create database ${name} template ${nameOf('production', migration)}`)
        }
      })
    },
    async revisions(of: AppDatabase, migration: MigrationName = 'users'): Promise<string[]> {
      const { rows } = await pools[of][migration].query<{ there: boolean }>(
        "select to_regclass('alembic_version') is not null as there",
      )
      if (!rows[0]?.there) return []
      const versions = await pools[of][migration].query<{ version_num: string }>(
        'select version_num from alembic_version',
      )
      return versions.rows.map((row) => row.version_num)
    },
    async columns(of: AppDatabase, migration: MigrationName = 'users'): Promise<string[]> {
      const { rows } = await pools[of][migration].query<{ name: string }>(
        `select table_name || '.' || column_name as name from information_schema.columns
         where table_schema = 'public' and table_name <> 'alembic_version' order by 1`,
      )
      return rows.map((row) => row.name)
    },
    /** Makes the next statement that changes the schema of `users` fail, once. */
    async failNextChange(of: AppDatabase): Promise<void> {
      await pools[of].users.query(FAIL_ONCE)
    },
    async willFail(of: AppDatabase): Promise<boolean> {
      const { rows } = await pools[of].users.query<{ armed: boolean }>(WILL_FAIL)
      return rows[0]?.armed ?? false
    },
    async close(): Promise<void> {
      await Promise.all(all.map((each) => each.end()))
    },
  }
}

// A sequence keeps its value when a transaction is rolled back, so it shows that the failure has happened.
const FAIL_ONCE = `
  drop event trigger if exists sandbox_trouble;
  create schema if not exists sandbox;
  drop sequence if exists sandbox.trouble;
  create sequence sandbox.trouble;
  create or replace function sandbox.make_trouble() returns event_trigger language plpgsql as $$
  begin
    if nextval('sandbox.trouble') = 1 then
      raise exception 'could not extend file: No space left on device'
        using errcode = '53100', hint = 'This failure was injected by the sandbox. The next attempt can succeed.';
    end if;
  end $$;
  create event trigger sandbox_trouble on ddl_command_start when tag in ('ALTER TABLE', 'CREATE TABLE', 'DROP TABLE')
    execute function sandbox.make_trouble();
`

// The sequence may be absent, so a plain query of it would fail.
const WILL_FAIL = `
  select exists (
    select 1 from pg_sequences where schemaname = 'sandbox' and sequencename = 'trouble' and last_value is null
  ) as armed`

async function makeDatabases(connection: pg.PoolConfig): Promise<boolean> {
  return asAdministrator(connection, async (client) => {
    const { rows } = await client.query<{ datname: string }>('select datname from pg_database')
    const there = new Set(rows.map((row) => row.datname))
    const names = MIGRATION_NAMES.flatMap((migration) => [
      nameOf('integration', migration),
      nameOf('production', migration),
    ])
    for (const name of ['signoff', ...names]) {
      if (!there.has(name)) await client.query(`create database ${name}`)
    }
    return !there.has(nameOf('production', 'users'))
  })
}

async function asAdministrator<T>(connection: pg.PoolConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(connection)
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
