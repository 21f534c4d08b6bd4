import pg from 'pg'

/** A running Postgres server on a unix socket. */
export type PostgresServer = {
  connection: pg.PoolConfig
  stop(): Promise<void>
}

export type Databases = Awaited<ReturnType<typeof openDatabases>>
export type AppDatabase = 'integration' | 'production'

const NAMES = { integration: 'api_integration', production: 'api_production' } as const

/**
 * Opens the databases of the sandbox on one server: one for each environment of the app, and Signoff's own store. `isNew`
 * says that the app's databases were just created.
 */
export async function openDatabases(server: PostgresServer) {
  const { host, user } = server.connection
  const socket = encodeURIComponent(String(host))
  const isNew = await makeDatabases(server.connection)
  const pools = {
    integration: new pg.Pool({ ...server.connection, database: NAMES.integration, max: 2 }),
    production: new pg.Pool({ ...server.connection, database: NAMES.production, max: 2 }),
  }
  // If the server ends first, the sandbox must not crash.
  for (const pool of Object.values(pools)) pool.on('error', () => undefined)

  return {
    isNew,
    /** For who works on Signoff's store beside it. */
    store: { ...server.connection, database: 'signoff' },
    /** For Signoff. A WHATWG URL can't have a user without a host, so the user is in the query. */
    storeUrl: `postgresql:///signoff?host=${socket}&user=${user}`,
    /** For the app, in the format of libpq and SQLAlchemy. */
    url: (of: AppDatabase) => `postgresql://${user}@/${NAMES[of]}?host=${socket}`,
    /** Replaces integration's database with a copy of production's. Needs both to have no connections. */
    async copyProduction(): Promise<void> {
      await asAdministrator(server.connection, async (client) => {
        await client.query(`drop database ${NAMES.integration}`)
        await client.query(`create database ${NAMES.integration} template ${NAMES.production}`)
      })
    },
    async revisions(of: AppDatabase): Promise<string[]> {
      const { rows } = await pools[of].query<{ there: boolean }>(
        "select to_regclass('alembic_version') is not null as there",
      )
      if (!rows[0]?.there) return []
      const versions = await pools[of].query<{ version_num: string }>('select version_num from alembic_version')
      return versions.rows.map((row) => row.version_num)
    },
    async columns(of: AppDatabase): Promise<string[]> {
      const { rows } = await pools[of].query<{ name: string }>(
        `select table_name || '.' || column_name as name from information_schema.columns
         where table_schema = 'public' and table_name <> 'alembic_version' order by 1`,
      )
      return rows.map((row) => row.name)
    },
    /** Makes the next statement that changes the schema fail, once. */
    async failNextChange(of: AppDatabase): Promise<void> {
      await pools[of].query(FAIL_ONCE)
    },
    async willFail(of: AppDatabase): Promise<boolean> {
      const { rows } = await pools[of].query<{ armed: boolean }>(WILL_FAIL)
      return rows[0]?.armed ?? false
    },
    async close(): Promise<void> {
      await Promise.all(Object.values(pools).map((pool) => pool.end()))
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
    for (const name of ['signoff', ...Object.values(NAMES)]) {
      if (!there.has(name)) await client.query(`create database ${name}`)
    }
    return !there.has(NAMES.production)
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
