/** What a preview of SQL must not do, and what it says of what it can't do. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import type { RevisionPreview } from '../../src/release/ports/migrator.ts'
import { ask, startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { alembicPython, envPy, type TestApp, type TestRevision, writeTestApp } from '../support/real-alembic.ts'

const python = await alembicPython()

interface Call {
  readonly server: TestPostgres
  readonly revisions: readonly TestRevision[]
  /** SQL. */
  readonly before?: string
  readonly env?: string
  /** Lines of the env file. */
  readonly variables?: string
  readonly prepare?: (app: TestApp, url: string) => Promise<unknown>
  readonly after?: (app: TestApp, url: string) => Promise<unknown>
}

type Previews = Readonly<Record<string, RevisionPreview | undefined>>

async function previewsOf({ server, revisions, before, env, variables = '', prepare, after }: Call): Promise<Previews> {
  const database = await server.createDatabase()
  const app = await writeTestApp(database.url, revisions)
  try {
    if (before !== undefined) await ask(database.url, before)
    if (env !== undefined) await app.write('migrations/env.py', env)
    await app.setEnv(`DATABASE_URL="${database.url}"\n${variables}`)
    await prepare?.(app, database.url)
    const migrations = createMigrations({ scrub: (line) => line })
    const answer = await migrations.status(app.migration(), app.checkout, undefined, { preview: true })
    if (!answer.ok) throw new Error(answer.detail)
    await after?.(app, database.url)
    return Object.fromEntries(answer.value.pending.map(({ revision, preview }) => [revision, preview]))
  } finally {
    await app.remove()
    await database.drop()
  }
}

/** The only revision's preview. */
async function previewOf(call: Omit<Call, 'revisions'> & { upgrade: string }): Promise<RevisionPreview | undefined> {
  return (await previewsOf({ ...call, revisions: [{ id: 'aaa111', upgrade: call.upgrade }] })).aaa111
}

describe.skipIf(python === undefined)('a preview', () => {
  let server: TestPostgres
  beforeAll(async () => {
    server = await startTestPostgres()
  })
  afterAll(() => server.stop())

  it('M1: gets none of the env file’s values, and no service hears of it', async ({ expect }) => {
    const heard: string[] = []
    const service = createServer((request, response) => {
      heard.push(request.url ?? '')
      response.end()
    })
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
    const { port } = service.address() as AddressInfo
    try {
      const found = await previewsOf({
        server,
        variables: `SERVICE_URL=http://admin:hunter2@127.0.0.1:${port}/keys\nAPI_TOKEN=sk-live-4711\nLIMIT=5\n`,
        revisions: [
          {
            id: 'aaa111',
            upgrade: `import os
values = ' '.join(v for n, v in sorted(os.environ.items()) if n in ('DATABASE_URL', 'SERVICE_URL', 'API_TOKEN', 'LIMIT'))
values += open('.env').read()
assert 'hunter2' not in values and 'sk-live' not in values and '127.0.0.1' not in values, values
assert os.environ['DATABASE_URL'].startswith('postgresql://') and '.invalid:' in os.environ['DATABASE_URL'], values
assert os.environ['LIMIT'] == '5' and '"' not in os.environ['API_TOKEN']
op.execute('SELECT 1')`,
          },
          { id: 'bbb222', upgrade: "import os, urllib.request\nurllib.request.urlopen(os.environ['SERVICE_URL'])" },
          {
            id: 'ccc333',
            upgrade: `import urllib.request\nurllib.request.urlopen('http://127.0.0.1:${port}/by-number')`,
          },
        ],
      })
      expect(found).toEqual({
        aaa111: { statements: ['SELECT 1;'], commits: false },
        bbb222: { notPreviewed: 'it connects to another service', commits: true },
        ccc333: { notPreviewed: 'it connects to another service', commits: true },
      })
      expect(heard).toEqual([])
    } finally {
      service.close()
    }
  })

  it('M1: changes nothing by a connection of its own, by any name of the database', async ({ expect }) => {
    const rows: unknown[] = []
    const found = await previewsOf({
      server,
      before: 'CREATE TABLE users (id int); INSERT INTO users VALUES (1)',
      revisions: [
        { id: 'aaa111', upgrade: "import os, psycopg2\npsycopg2.connect(os.environ['DATABASE_URL'])" },
        {
          id: 'bbb222',
          upgrade: "with op.get_bind().engine.begin() as own:\n    own.execute(sa.text('DELETE FROM users'))",
        },
      ],
      after: async (_app, url) => rows.push(...(await ask(url, 'SELECT id FROM users'))),
    })
    expect(found).toEqual({
      aaa111: { notPreviewed: 'it opens a connection of its own', commits: true },
      bbb222: { statements: ['DELETE FROM users;', 'COMMIT;'], commits: true },
    })
    expect(rows).toEqual([{ id: 1 }])
  })

  it('M1: reads only, whatever a revision calls a query', async ({ expect }) => {
    const rows: unknown[] = []
    const queries = {
      "SELECT pg_read_file('/etc/passwd')": 'it reads the result of pg_read_file()',
      'WITH gone AS (DELETE FROM users RETURNING id) SELECT * FROM gone': 'it reads what its own statement returns',
      // Postgres takes it for the one of its own, which is harmless; then only the read-only transaction is left.
      'SELECT lower(id) FROM users': 'it asks for something that changes the database',
    }
    const found = await Promise.all(
      Object.keys(queries).map(async (sql) => {
        const preview = await previewOf({
          server,
          before: `CREATE TABLE users (id int); INSERT INTO users VALUES (1);
            CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'DELETE FROM users; SELECT 1'`,
          upgrade: `print(op.get_bind().execute(sa.text("${sql}")).fetchall())`,
          after: async (_app, url) => rows.push(...(await ask(url, 'SELECT id FROM users'))),
        })
        return preview && 'notPreviewed' in preview ? preview.notPreviewed : preview
      }),
    )
    expect(found).toEqual(Object.values(queries))
    expect(rows).toEqual([{ id: 1 }, { id: 1 }, { id: 1 }])
  }, 60_000)

  it('M4: runs what a revision does at its module level, as alembic loads it', async ({ expect }) => {
    const found = await previewsOf({
      server,
      revisions: [{ id: 'aaa111', upgrade: "op.execute('CREATE TABLE %s (id int)' % name)" }],
      prepare: async (app) => {
        await app.write(
          'migrations/versions/aaa111.py',
          `from alembic import op
revision, down_revision = 'aaa111', None
bind = op.get_bind()
name = bind.dialect.name + '_' + bind.execute('SELECT current_schema()').scalar()
def upgrade():
    op.execute('CREATE TABLE %s (id int)' % name)
`,
        )
      },
    })
    expect(found.aaa111).toEqual({ statements: ['CREATE TABLE postgresql_public (id int);'], commits: false })
  })

  it('M5, M8: hands on what env.py gives to run_migrations, for each of its runs', async ({ expect }) => {
    const found = await previewsOf({
      server,
      env: `import os
from alembic import context
from sqlalchemy import create_engine
for name in ('users', 'search'):
    with create_engine(os.environ['DATABASE_URL']).connect() as connection:
        context.configure(connection=connection, version_table='of_' + name)
        with context.begin_transaction():
            context.run_migrations(name=name, tables=2)
`,
      revisions: [{ id: 'aaa111', upgrade: 'pass' }],
      prepare: (app) =>
        app.write(
          'migrations/versions/aaa111.py',
          `from alembic import op
revision, down_revision = 'aaa111', None
def upgrade(name, tables):
    op.execute('CREATE TABLE %s_%d (id int)' % (name, tables))
`,
        ),
    })
    expect(found.aaa111).toEqual({
      statements: [
        '-- upgrade(users, 2)',
        'CREATE TABLE users_2 (id int);',
        '-- upgrade(search, 2)',
        'CREATE TABLE search_2 (id int);',
      ],
      commits: false,
    })
  })

  it('M9: says in an engineer’s words what can’t be previewed', async ({ expect }) => {
    const revisions = {
      reads_own: "op.execute('CREATE TABLE new (id int)')\nop.get_bind().execute(sa.text('SELECT * FROM new')).all()",
      lost: "op.get_bind().execute(sa.text('SELECT id FROM users')).all()",
      returns: "print(op.get_bind().execute(sa.text('INSERT INTO users VALUES (5) RETURNING id')).scalar() + 1 > 3)",
      counts: "if op.get_bind().execute(sa.text('DELETE FROM users')).rowcount == 3:\n    raise Exception",
      calls: "print(op.get_bind().execute(sa.text('SELECT import_all()')).scalar())",
      driver: "op.get_bind().connection.cursor().copy_expert('COPY users FROM STDIN', None)",
      fails: "raise ValueError('no country')",
      ends: 'raise SystemExit(1)',
      module: 'import no_such_module_here',
      hidden:
        "try:\n    print(op.get_bind().execute(sa.text('SELECT * FROM new')).all())\nexcept Exception:\n    op.execute('SELECT 1')",
    }
    const found = await previewsOf({
      server,
      before: 'CREATE TABLE users (id int)',
      revisions: Object.entries(revisions).map(([id, upgrade]) => ({ id, upgrade })),
    })
    expect(
      Object.fromEntries(
        Object.entries(found).map(([id, one]) => [id, one && 'notPreviewed' in one && one.notPreviewed]),
      ),
    ).toEqual({
      reads_own: 'it reads what an earlier statement of this release changes',
      lost: 'it reads the database after a revision that could not be previewed',
      returns: 'it reads what its own statement returns',
      counts: 'it asks how many rows it changed',
      calls: 'it reads the result of import_all()',
      driver: "it uses the database driver's own copy_expert",
      fails: 'it fails: ValueError: no country',
      ends: 'it ends the program',
      module: "it needs a module that is not installed: No module named 'no_such_module_here'",
      hidden: 'it reads the database after a revision that could not be previewed',
    })
  })

  it('M9: never answers with what the revision itself, a trigger or a foreign key would have changed', async ({
    expect,
  }) => {
    const each = {
      view: ["op.execute('UPDATE users SET age = 1')", 'SELECT * FROM grown'],
      trigger: ["op.execute('INSERT INTO posts VALUES (2)')", 'SELECT n FROM counts'],
      cascade: ["op.execute('DELETE FROM users WHERE id = 1')", 'SELECT id FROM members'],
      star: ["op.add_column('users', sa.Column('more', sa.Text))", 'SELECT * FROM users'],
      whole: ["op.add_column('users', sa.Column('more', sa.Text))", 'SELECT u FROM users u'],
      updated: ["op.execute('UPDATE users SET age = 9')", 'SELECT id FROM users WHERE age = 9'],
      names: [
        "op.create_table('t', sa.Column('id', sa.Integer))",
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
      ],
      named: ["op.drop_column('users', 'age')", "SELECT 1 FROM information_schema.columns WHERE table_name = 'users'"],
      index: ["op.drop_column('users', 'age')", "SELECT 1 FROM pg_class WHERE relname = 'ix_age'"],
      unknown: ["op.execute('DO $$ BEGIN DELETE FROM counts; END $$')", 'SELECT n FROM counts'],
    }
    const previews = await Promise.all(
      Object.entries(each).map(async ([name, [change = '', query = '']]) => {
        const upgrade = `${change}\nprint(op.get_bind().execute(sa.text("${query}")).fetchall())`
        const before = `CREATE TABLE users (id int PRIMARY KEY, age int); CREATE INDEX ix_age ON users (age);
          CREATE VIEW grown AS SELECT * FROM users WHERE age > 17; CREATE TABLE posts (id int); CREATE TABLE counts (n int);
          CREATE TABLE members (id int REFERENCES users ON DELETE CASCADE);
          CREATE FUNCTION count_posts() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE counts SET n = n + 1; RETURN NEW; END';
          CREATE TRIGGER counted AFTER INSERT ON posts FOR EACH ROW EXECUTE FUNCTION count_posts()`
        const preview = await previewOf({ server, before, upgrade })
        return [name, preview && 'notPreviewed' in preview ? preview.notPreviewed : preview?.statements]
      }),
    )
    const told = 'it reads what an earlier statement of this release changes'
    expect(Object.fromEntries(previews)).toEqual(Object.fromEntries(Object.keys(each).map((name) => [name, told])))
  }, 60_000)

  it('M12: notices each way to commit, also in what can’t be previewed', async ({ expect }) => {
    const upgrades = {
      lower: "op.execute('commit')",
      semicolon: "op.execute('COMMIT;')",
      several: "op.execute('SELECT 1; END; BEGIN')",
      commented: "op.execute('/* now */ COMMIT AND CHAIN')",
      savepoint: "op.execute('SAVEPOINT a; RELEASE a')",
      text: 'op.execute("COMMENT ON TABLE users IS \'commit\'")',
      driver: 'op.get_bind().connection.commit()',
      unknown: "op.execute('commit')\nop.get_bind().connection.cursor().copy_from(None, 'users')",
      perhaps: "if op.get_bind().connection.cursor().copy_from(None, 'users'):\n    op.execute('commit')",
      never: "for row in op.get_bind().execute(sa.text('SELECT * FROM nowhere')):\n    op.drop_table('users')",
    }
    const found = await previewsOf({
      server,
      before: 'CREATE TABLE users (id int)',
      revisions: Object.entries(upgrades).map(([id, upgrade]) => ({ id, upgrade })),
    })
    expect(Object.fromEntries(Object.entries(found).map(([id, one]) => [id, one?.commits]))).toEqual({
      lower: true,
      semicolon: true,
      several: true,
      commented: true,
      savepoint: false,
      text: false,
      driver: true,
      unknown: true,
      perhaps: true,
      never: false,
    })
  })

  it('shows bound values, and no secret', async ({ expect }) => {
    const preview = await previewOf({
      server,
      before: 'CREATE TABLE users (id int, name text)',
      variables: 'READER_PASSWORD=open-sesame\nREGION=eu-west-1\n',
      upgrade: `import os
bind = op.get_bind()
bind.execute(sa.text('DELETE FROM users WHERE id = :i AND name = :n'), {'i': 7, 'n': "O'Neil"})
bind.execute(sa.text('UPDATE users SET name = :n'), {'n': os.environ['READER_PASSWORD']})
bind.execute(sa.text('UPDATE users SET name = :n'), {'n': os.environ['REGION']})
bind.execute(sa.text('UPDATE users SET name = :n'), {'n': bind.engine.url.host})`,
    })
    expect(preview).toEqual({
      statements: [
        "DELETE FROM users WHERE id = 7 AND name = 'O''Neil';",
        "UPDATE users SET name = '[secret]';",
        "UPDATE users SET name = 'eu-west-1';",
        "UPDATE users SET name = '127.0.0.1.invalid';",
      ],
      commits: false,
    })
  })

  it('says that env.py needs the real values, where it does', async ({ expect }) => {
    const preview = await previewOf({
      server,
      variables: 'LICENSE=abc-123\n',
      env: envPy({
        before: "assert os.environ['LICENSE'].count('-') == 1 and os.environ['LICENSE'][:3] == 'abc', 'bad license'",
      }),
      upgrade: "op.execute('SELECT 1')",
    })
    expect(preview).toEqual({
      notPreviewed:
        "the app's env.py fails with placeholders for the env file's values (it fails: AssertionError: bad license)",
      commits: true,
    })
  })
})
