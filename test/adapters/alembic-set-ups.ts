/** Small applications, each with something that real ones have. */
export interface SetUp {
  readonly name: string
  /** env.py; default: `plainEnv()`. */
  readonly env?: string
  /** Further files of the checkout. */
  readonly files?: Readonly<Record<string, string>>
  /** Lines of the env file beside DATABASE_URL; `parts` are those of the database's URL. */
  readonly variables?: (parts: URL) => string
  /** SQL that the database has before. */
  readonly before?: string
  /** In their order. */
  readonly revisions: readonly SetUpRevision[]
  /** A Python module that it needs. */
  readonly needs?: string
  /** It runs a statement before the migrations. With SQLAlchemy 2 nothing commits them then. */
  readonly beginsFirst?: true
}

export interface SetUpRevision {
  readonly id: string
  /** Python lines of `upgrade()`. */
  readonly upgrade: string
  /** Python lines before it. */
  readonly above?: string
  readonly parameters?: string
  readonly after?: string | readonly string[] | null
  readonly dependsOn?: string
  readonly commits?: true
}

export function plainEnv({
  url = "os.environ['DATABASE_URL']",
  engine = '',
  configure = '',
  before = '',
  inside = '',
  run = '',
  after = '',
} = {}): string {
  return `import os
from alembic import context
import sqlalchemy as sa
from sqlalchemy import create_engine, pool

${before}
with create_engine(${url}, poolclass=pool.NullPool${engine}).connect() as connection:
    ${inside.replaceAll('\n', '\n    ')}
    context.configure(connection=connection${configure})
    with context.begin_transaction():
        context.run_migrations(${run})
${after}
`
}

const create = {
  id: 'e001',
  upgrade: "op.create_table('notes', sa.Column('id', sa.Integer, primary_key=True), sa.Column('text', sa.Text))",
}
const fill = {
  id: 'e002',
  upgrade: `op.add_column('notes', sa.Column('done', sa.Boolean(), server_default=sa.false(), nullable=False))
op.bulk_insert(sa.table('notes', sa.column('id', sa.Integer), sa.column('text', sa.Text)), [{'id': 1, 'text': "it's"}, {'id': 2, 'text': '50% \\\\ off'}])
op.execute(sa.text('UPDATE notes SET done = :d WHERE id = :i').bindparams(d=True, i=2))`,
}
const both = [create, fill]

const ASYNC_ENV = `import asyncio, os
from alembic import context
import sqlalchemy as sa
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import create_async_engine

def migrate(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

async def main():
    engine = create_async_engine(os.environ['ASYNC_URL'], poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.execute(sa.text('SELECT 1'))
        await connection.rollback()
        await connection.run_sync(migrate)
    await engine.dispose()

asyncio.run(main())
`

const MULTIDB_ENV = `import os
from alembic import context
from sqlalchemy import create_engine

for name in ('engine1', 'engine2'):
    with create_engine(os.environ['DATABASE_URL']).connect() as connection:
        context.configure(connection=connection, version_table='version_' + name)
        with context.begin_transaction():
            context.run_migrations(engine_name=name)
`

const TENANTS_ENV = `import os
from alembic import context
from sqlalchemy import create_engine, text

engine = create_engine(os.environ['DATABASE_URL'])
for tenant in ('one', 'two'):
    with engine.connect() as connection:
        connection.execute(text('SET search_path TO ' + tenant))
        context.configure(connection=connection, version_table_schema=tenant)
        with context.begin_transaction():
            context.run_migrations()
`

/** Each differs by its env.py. */
export const ENVIRONMENTS: readonly SetUp[] = [
  { name: 'an env.py as alembic writes it', revisions: both },
  {
    name: 'engine_from_config with a prefix',
    env: `import os
from alembic import context
from sqlalchemy import engine_from_config, pool
context.config.set_main_option('db.url', os.environ['DATABASE_URL'].replace('%', '%%'))
engine = engine_from_config(context.config.get_section('alembic'), prefix='db.', poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
`,
    revisions: both,
  },
  {
    name: 'an asynchronous engine',
    needs: 'asyncpg',
    env: ASYNC_ENV,
    variables: (url) => `ASYNC_URL=${url.href.replace('postgresql:', 'postgresql+asyncpg:')}`,
    revisions: [
      create,
      {
        id: 'e002',
        upgrade: `bind = op.get_bind()
names = [row.nspname for row in bind.execute(sa.text("SELECT nspname FROM pg_namespace WHERE nspname = 'public'"))]
op.execute("INSERT INTO notes VALUES (1, '%s')" % names[0])`,
      },
    ],
  },
  {
    name: 'the URL from .env, read by its own code',
    env: plainEnv({
      before: "values = dict(line.rstrip('\\n').split('=', 1) for line in open('.env') if '=' in line)",
      url: "values['DATABASE_URL'].strip('\"\\'')",
    }),
    revisions: both,
  },
  {
    name: 'the URL from its parts',
    env: plainEnv({
      url: "sa.engine.URL.create('postgresql', os.environ['DB_USER'], os.environ['DB_PASSWORD'], os.environ['DB_HOST'], int(os.environ['DB_PORT']), os.environ['DB_NAME'])",
    }),
    variables: ({ username, password, hostname, port, pathname }) =>
      `DB_USER=${username}\nDB_PASSWORD=${password}\nDB_HOST=${hostname}\nDB_PORT=${port}\nDB_NAME=${pathname.slice(1)}`,
    before: 'CREATE TABLE old (id int); INSERT INTO old VALUES (7)',
    revisions: [
      create,
      {
        id: 'e002',
        upgrade:
          "for (one,) in op.get_bind().execute(sa.text('SELECT id FROM old')):\n    op.execute('INSERT INTO notes VALUES (%d)' % one)",
      },
    ],
  },
  {
    name: 'a transaction per migration',
    env: plainEnv({ configure: ', transaction_per_migration=True' }),
    revisions: both,
  },
  {
    name: 'an engine in AUTOCOMMIT',
    env: plainEnv({ engine: ", isolation_level='AUTOCOMMIT'" }),
    revisions: [
      { ...create, commits: true },
      { ...fill, commits: true },
    ],
  },
  {
    name: 'a version table of its own name',
    env: plainEnv({ configure: ", version_table='versions_of_notes'" }),
    revisions: both,
  },
  {
    name: 'a version table in another schema',
    env: plainEnv({ configure: ", version_table_schema='ours', include_schemas=True" }),
    before: 'CREATE SCHEMA ours',
    revisions: both,
  },
  {
    name: 'alembic’s template for several databases, with upgrade(engine_name)',
    env: MULTIDB_ENV,
    revisions: [
      {
        id: 'e001',
        parameters: 'engine_name',
        above: `def upgrade_engine1():
    op.create_table('notes', sa.Column('id', sa.Integer))

def upgrade_engine2():
    op.create_table('searches', sa.Column('id', sa.Integer))
`,
        upgrade: "globals()['upgrade_%s' % engine_name]()",
      },
    ],
  },
  {
    name: 'the same migrations for two tenants',
    beginsFirst: true,
    env: TENANTS_ENV,
    before: 'CREATE SCHEMA one; CREATE SCHEMA two',
    revisions: [create, { id: 'e002', upgrade: "op.add_column('notes', sa.Column('more', sa.Text))" }],
  },
  { name: 'sys.exit(0) after the migrations', env: plainEnv({ after: 'import sys; sys.exit(0)' }), revisions: both },
  {
    name: 'an advisory lock and a schema that is there',
    beginsFirst: true,
    env: plainEnv({
      inside: `connection.execute(sa.text('SELECT pg_advisory_xact_lock(42)'))
connection.execute(sa.text('CREATE SCHEMA IF NOT EXISTS ours'))`,
    }),
    before: 'CREATE SCHEMA ours; CREATE TABLE old (id int)',
    revisions: [
      create,
      { id: 'e002', upgrade: "if 'old' in sa.inspect(op.get_bind()).get_table_names(schema='ours'): 1 / 0" },
    ].slice(0, 1),
  },
  {
    name: 'a search_path of its own',
    beginsFirst: true,
    env: plainEnv({ inside: "connection.execute(sa.text('SET search_path TO ours'))" }),
    before: 'CREATE SCHEMA ours; CREATE TABLE ours.old (id int); INSERT INTO ours.old VALUES (3)',
    revisions: [
      create,
      {
        id: 'e002',
        upgrade:
          "n = op.get_bind().execute(sa.text('SELECT id FROM old')).scalar()\nop.execute('INSERT INTO notes VALUES (%d)' % n)",
      },
    ],
  },
  {
    name: 'a search_path in connect_args',
    env: plainEnv({ engine: ", connect_args={'options': '-csearch_path=ours'}" }),
    before: 'CREATE SCHEMA ours; CREATE TABLE ours.old (id int); INSERT INTO ours.old VALUES (3)',
    revisions: [
      create,
      {
        id: 'e002',
        upgrade:
          "n = op.get_bind().execute(sa.text('SELECT id FROM old')).scalar()\nop.execute('INSERT INTO notes VALUES (%d)' % n)",
      },
    ],
  },
  {
    name: 'listeners on the engine',
    env: plainEnv({
      before: `@sa.event.listens_for(sa.engine.Engine, 'connect')
def told(connection, record):
    with connection.cursor() as cursor:
        cursor.execute("SET application_name = 'told'")
`,
    }),
    revisions: both,
  },
  {
    name: 'a way of its own to connect',
    env: plainEnv({
      before: 'import psycopg2',
      engine: ", creator=lambda: psycopg2.connect(os.environ['DATABASE_URL'])",
    }),
    revisions: both,
  },
  { name: 'SQLAlchemy’s new style', env: plainEnv({ engine: ', future=True' }), revisions: both },
  {
    name: 'settings of many types, all of which are needed',
    env: plainEnv({
      before: `import json
assert 0 < int(os.environ['POOL_SIZE']) < 100 and os.environ['DEBUG'] in ('true', 'false')
assert os.environ['STAGE'] in ('production', 'staging') and json.loads(os.environ['FEATURES'])['flags'][0]['on'] is True
assert os.environ['REDIS_URL'].startswith('rediss://') and os.environ['HOSTS'].count(',') == 1`,
      url: "os.environ['DATABASE_URL']",
    }),
    variables: () => `POOL_SIZE=5
DEBUG=false
STAGE=production
FEATURES='{"flags": [{"name": "new", "on": true}], "key": "secret-key"}'
REDIS_URL=rediss://user:hidden@redis.internal:6380/0?ssl_cert_reqs=none
HOSTS=a.internal,b.internal`,
    revisions: both,
  },
  {
    name: 'a branch that is merged, with a dependency',
    revisions: [
      create,
      { id: 'e002', after: 'e001', upgrade: "op.create_table('left_ones', sa.Column('id', sa.Integer))" },
      {
        id: 'e003',
        after: 'e001',
        dependsOn: 'e002',
        upgrade: "op.create_table('right_ones', sa.Column('id', sa.Integer))",
      },
      { id: 'e004', after: ['e002', 'e003'], upgrade: 'pass' },
    ],
  },
  {
    name: 'a callback for each version',
    env: plainEnv({ configure: ', on_version_apply=lambda **given: None' }),
    revisions: both,
  },
]

const BASE = `
CREATE TABLE users (id serial PRIMARY KEY, name text, email varchar(50), age int, old text);
INSERT INTO users (name, email, age) VALUES ('Ada', 'ada@example.com', 36), ('O''Neil', NULL, 7);
CREATE TABLE accounts (id serial PRIMARY KEY, user_id int, balance numeric(10,2), state text CONSTRAINT known CHECK (state <> ''));
CREATE TABLE posts (id serial PRIMARY KEY, title text, author int);
CREATE INDEX ix_posts_title ON posts (title);
CREATE TABLE old_name (id int);
CREATE SCHEMA reports;
CREATE TYPE mood AS ENUM ('sad', 'ok');
`

const values = "sa.table('everything', *[sa.column(n, t) for n, t in COLUMNS])"
const COLUMNS = `import datetime, decimal, uuid
from sqlalchemy.dialects import postgresql as pg
COLUMNS = [('i', sa.Integer), ('t', sa.Text), ('f', sa.Float), ('n', sa.Numeric(8, 2)), ('b', sa.Boolean), ('d', sa.Date),
           ('ts', sa.DateTime), ('tz', sa.DateTime(timezone=True)), ('iv', sa.Interval), ('u', pg.UUID(as_uuid=True)),
           ('j', pg.JSONB), ('a', pg.ARRAY(sa.Text)), ('raw', sa.LargeBinary)]
`

/** One database, one revision after the other: each has a kind of statement. */
export const STATEMENTS: SetUp = {
  name: 'statements of every kind',
  before: BASE,
  revisions: [
    {
      id: 's01_table',
      upgrade: `op.create_table('teams', sa.Column('id', sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column('name', sa.String(40), nullable=False, comment='shown'), sa.Column('kind', sa.Enum('a', 'b', name='team_kind')),
    sa.ForeignKeyConstraint(['id'], ['users.id'], ondelete='CASCADE'), sa.UniqueConstraint('name'), sa.CheckConstraint("name <> '%'"))`,
    },
    {
      id: 's02_column',
      upgrade: "op.add_column('users', sa.Column('state', sa.Text(), server_default='new', nullable=False))",
    },
    { id: 's03_drop_column', upgrade: "op.drop_column('users', 'old')" },
    {
      id: 's04_type',
      upgrade: "op.alter_column('users', 'age', type_=sa.BigInteger(), postgresql_using='age::bigint')",
    },
    {
      id: 's05_not_null',
      upgrade: "op.alter_column('users', 'name', nullable=False, server_default=sa.text(\"'?'\"))",
    },
    {
      id: 's06_rename',
      upgrade: "op.alter_column('posts', 'title', new_column_name='headline')\nop.rename_table('old_name', 'new_name')",
    },
    {
      id: 's07_indexes',
      upgrade:
        "op.drop_index('ix_posts_title', 'posts')\nop.create_index('ix', 'users', [sa.text('lower(name)')], unique=True, postgresql_where=sa.text('age > 1'))",
    },
    {
      id: 's08_keys',
      upgrade:
        "op.create_foreign_key('fk', 'accounts', 'users', ['user_id'], ['id'], postgresql_not_valid=True)\nop.drop_constraint('known', 'accounts', type_='check')",
    },
    {
      id: 's09_check',
      upgrade:
        "op.create_check_constraint('positive', 'accounts', 'balance >= 0')\nop.create_unique_constraint('once', 'accounts', ['state'])",
    },
    {
      id: 's10_batch',
      upgrade:
        "with op.batch_alter_table('posts') as batch:\n    batch.add_column(sa.Column('views', sa.Integer))\n    batch.drop_column('author')",
    },
    {
      id: 's11_enum',
      upgrade:
        "op.execute(\"ALTER TYPE mood ADD VALUE IF NOT EXISTS 'great'\")\nop.add_column('accounts', sa.Column('mood', sa.Enum(name='mood')))",
    },
    {
      id: 's12_schema',
      upgrade:
        "op.create_table('daily', sa.Column('id', sa.Integer), schema='reports')\nop.create_table_comment('daily', 'made at night', schema='reports')",
    },
    {
      id: 's13_values',
      above: COLUMNS,
      upgrade: `op.create_table('everything', *[sa.Column(n, t) for n, t in COLUMNS])
row = dict(i=7, t="it's 100% :x", f=1.5, n=decimal.Decimal('12.50'), b=True, d=datetime.date(2024, 2, 29),
    ts=datetime.datetime(2024, 2, 29, 1, 2, 3, 4), tz=datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc),
    iv=datetime.timedelta(days=1, seconds=5), u=uuid.UUID(int=5), j={'a': [1, None, "it's"]}, a=['x', 'y,z'], raw=b'\\x00a')
op.get_bind().execute(${values}.insert().values(**row))`,
    },
    { id: 's14_many', above: COLUMNS, upgrade: `op.bulk_insert(${values}, [{'i': 1, 't': None}, {'i': 2, 't': 'b'}])` },
    {
      id: 's15_binds',
      upgrade: "op.get_bind().execute(sa.text('UPDATE accounts SET state = :s WHERE id = :i'), {'s': \"o'n\", 'i': 3})",
    },
    { id: 's16_percent', upgrade: "op.execute(\"UPDATE users SET name = 'a' WHERE name LIKE '%x\\\\:y%'\")" },
    {
      id: 's17_core',
      upgrade:
        "t = sa.table('users', sa.column('id'), sa.column('name'))\nop.execute(t.update().where(t.c.id.in_([1, 2])).values(name=sa.case((t.c.id == 1, 'x'), else_=t.c.name)))\nop.get_bind().execute(t.delete().where(t.c.name == op.inline_literal('z')))",
    },
    {
      id: 's18_raw',
      upgrade:
        "cursor = op.get_bind().connection.cursor()\ncursor.execute('SELECT 1')\nop.execute('DELETE FROM new_name')",
    },
    { id: 's19_setval', upgrade: 'op.execute("SELECT setval(\'users_id_seq\', 100)")' },
    { id: 's20_savepoint', upgrade: "with op.get_bind().begin_nested():\n    op.execute('DELETE FROM new_name')" },
    { id: 's21_do', upgrade: 'op.execute("DO $$ BEGIN PERFORM 1; RAISE NOTICE \'100%%\'; END $$")' },
    {
      id: 's22_function',
      upgrade:
        "op.execute('''CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN NEW.name \\\\:= 'a;b'; RETURN NEW; END $body$''')",
    },
    {
      id: 's23_view',
      upgrade: "op.execute('CREATE VIEW grown AS SELECT * FROM users WHERE age > 17')\nop.execute('DROP VIEW grown')",
    },
    { id: 's24_two', upgrade: "op.execute('CREATE TABLE t1 (id int); CREATE TABLE t2 (id int);')" },
    { id: 's25_nothing', upgrade: 'pass' },
    {
      id: 's26_metadata',
      upgrade:
        "meta = sa.MetaData()\nsa.Table('from_meta', meta, sa.Column('id', sa.Integer, primary_key=True))\nmeta.create_all(op.get_bind(), checkfirst=False)",
    },
    {
      id: 's27_dialect',
      upgrade: "op.execute('CREATE TABLE %s_%s (id int)' % (op.get_bind().dialect.name, op.get_context().as_sql))",
    },
    {
      id: 's28_insert',
      upgrade:
        "t = sa.table('new_name', sa.column('id'))\nop.get_bind().execute(t.insert(), [{'id': n} for n in range(3)])\nop.execute(t.insert().from_select(['id'], sa.select(sa.text('9'))))",
    },
    {
      id: 's29_if_not_exists',
      upgrade:
        "op.execute('CREATE TABLE IF NOT EXISTS users (id int)')\nop.execute('ALTER TABLE users DROP COLUMN IF EXISTS nothing')",
    },
    {
      id: 's30_lock',
      upgrade: "op.execute(\"SET LOCAL lock_timeout = '4s'\")\nop.execute('LOCK TABLE users IN SHARE MODE')",
    },
  ],
}

const READ_BASE = Array.from({ length: 20 }, (_, index) => {
  const n = String(index + 1).padStart(2, '0')
  return `CREATE TABLE r${n} (id serial PRIMARY KEY, name text, size int, document jsonb);
    CREATE INDEX ix_r${n} ON r${n} (name);
    INSERT INTO r${n} (name, size, document) VALUES ('a''b', 1, '{"x": 1}'), ('c', 2, NULL);`
}).join('\n')

const MODEL = `from sqlalchemy.orm import Session, declarative_base, sessionmaker
Base = declarative_base()
`
const model = (table: string) => `${MODEL}
class Row(Base):
    __tablename__ = '${table}'
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.Text)
    size = sa.Column(sa.Integer)
`

/** Each reads a table of its own, which no earlier one changes. */
export const READS: SetUp = {
  name: 'what reads the database',
  before: `${READ_BASE}
    CREATE TABLE kinds (i int, f float8, n numeric(8,2), b bool, d date, ts timestamp, tz timestamptz, iv interval, u uuid, j jsonb, a text[], raw bytea);
    INSERT INTO kinds VALUES (1, 1.5, 2.50, true, '2024-02-29', '2024-02-29 01:02:03.5', '2024-02-29 00:00+00', '1 day 02:00', '00000000-0000-0000-0000-000000000005', '{"a": 1}', '{x,"y,z",NULL}', '\\x0061');
    CREATE TABLE kinds_too (LIKE kinds);`,
  revisions: [
    {
      id: 'r01_rows',
      upgrade:
        "for row in op.get_bind().execute(sa.text('SELECT id, name FROM r01 ORDER BY id')):\n    op.get_bind().execute(sa.text('UPDATE r01 SET name = :n WHERE id = :i'), {'n': row.name.upper(), 'i': row.id})",
    },
    {
      id: 'r02_fetchall',
      upgrade:
        "rows = op.get_bind().execute(sa.text('SELECT id FROM r02 ORDER BY id')).fetchall()\nop.execute('DELETE FROM r02 WHERE id = %d' % rows[-1][0])",
    },
    {
      id: 'r03_scalar',
      upgrade:
        "if op.get_bind().execute(sa.text('SELECT count(*) FROM r03 WHERE size > :s'), {'s': 1}).scalar() == 1:\n    op.execute(\"INSERT INTO r03 (name) VALUES ('one')\")",
    },
    {
      id: 'r04_session',
      above: model('r04'),
      upgrade:
        'session = Session(bind=op.get_bind())\nfor row in session.query(Row).order_by(Row.id):\n    row.size = row.size * 10\nsession.commit()',
    },
    {
      id: 'r05_sessionmaker',
      above: model('r05'),
      upgrade:
        "session = sessionmaker(bind=op.get_bind())()\nrow = session.query(Row).filter(Row.name == 'c').one()\nsession.delete(row)\nsession.flush()",
    },
    {
      id: 'r06_columns',
      upgrade:
        "names = [c['name'] for c in sa.inspect(op.get_bind()).get_columns('r06')]\nif 'size' in names and 'more' not in names:\n    op.add_column('r06', sa.Column('more', sa.Text))",
    },
    {
      id: 'r07_has_table',
      upgrade:
        "i = sa.inspect(op.get_bind())\nif i.has_table('r07') and not i.has_table('nothing'):\n    op.drop_table('r07')",
    },
    {
      id: 'r08_indexes',
      upgrade:
        "i = sa.inspect(op.get_bind())\nif 'ix_r08' in [x['name'] for x in i.get_indexes('r08')] and i.get_pk_constraint('r08')['name'] == 'r08_pkey' and not i.get_foreign_keys('r08') and not i.get_unique_constraints('r08'):\n    op.drop_index('ix_r08', 'r08')",
    },
    {
      id: 'r09_reflect',
      upgrade:
        "t = sa.Table('r09', sa.MetaData(), autoload_with=op.get_bind())\nop.execute(t.update().values(name='x').where(t.c.size == 2))",
    },
    {
      id: 'r10_above',
      above: "bind = op.get_bind()\nold = bind.execute(sa.text('SELECT max(size) FROM r10')).scalar()\n",
      upgrade: "op.execute('UPDATE r10 SET size = %d' % (old + 1))",
    },
    {
      id: 'r11_json',
      upgrade:
        "for id, document in op.get_bind().execute(sa.text('SELECT id, document FROM r11 WHERE document IS NOT NULL')):\n    op.execute('UPDATE r11 SET size = %d WHERE id = %d' % (document['x'] + 5, id))",
    },
    {
      id: 'r12_kinds',
      upgrade:
        "t = sa.table('kinds_too', *[sa.column(c) for c in 'i f n b d ts tz iv u a raw'.split()])\nrow = op.get_bind().execute(sa.text('SELECT i, f, n, b, d, ts, tz, iv, u, a, raw FROM kinds')).mappings().one()\nop.get_bind().execute(t.insert().values(**row))",
    },
    {
      id: 'r13_show',
      upgrade:
        "if op.get_bind().execute(sa.text('SHOW server_version_num')).scalar() > '1':\n    op.execute('UPDATE r13 SET size = 0')",
    },
    {
      id: 'r14_catalog',
      upgrade:
        "found = op.get_bind().execute(sa.text(\"SELECT 1 FROM information_schema.columns WHERE table_name = 'r14' AND column_name = 'size'\")).first()\nif found:\n    op.drop_column('r14', 'size')",
    },
    {
      id: 'r15_regclass',
      upgrade:
        "if op.get_bind().execute(sa.text(\"SELECT to_regclass('r15')\")).scalar() is not None:\n    op.execute('TRUNCATE r15')",
    },
    {
      id: 'r16_returning',
      upgrade:
        "t = sa.Table('r16', sa.MetaData(), sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.Text))\nop.get_bind().execute(t.insert().values(name='new'))",
    },
    { id: 'r17_rowcount', upgrade: "result = op.get_bind().execute(sa.text('DELETE FROM r17'))\nprint('done')" },
    {
      id: 'r18_select',
      upgrade:
        "t = sa.table('r18', sa.column('id'), sa.column('size'))\nwith op.get_bind().begin_nested():\n    total = op.get_bind().execute(sa.select(sa.func.sum(t.c.size))).scalar()\nop.execute(t.update().values(size=total))",
    },
    {
      id: 'r19_cte',
      upgrade:
        "for (n,) in op.get_bind().execute(sa.text('WITH big AS (SELECT name FROM r19 WHERE size > 1) SELECT name FROM big')):\n    op.execute(sa.text('UPDATE r19 SET size = 9 WHERE name = :n').bindparams(n=n))",
    },
    {
      id: 'r20_session_text',
      above: MODEL,
      upgrade:
        "with Session(op.get_bind()) as session:\n    ids = [r[0] for r in session.execute(sa.text('SELECT id FROM r20 ORDER BY id'))]\n    session.execute(sa.text('DELETE FROM r20 WHERE id = ANY(:ids)'), {'ids': ids})",
    },
  ],
}

/** Each ends a transaction in its middle. */
export const COMMITS: SetUp = {
  name: 'what commits',
  before: 'CREATE TABLE users (id int, name text); CREATE TABLE rows (id int); INSERT INTO rows VALUES (1)',
  revisions: [
    {
      id: 'c01_block',
      commits: true,
      upgrade:
        "with op.get_context().autocommit_block():\n    op.execute('CREATE INDEX CONCURRENTLY ix_id ON users (id)')",
    },
    { id: 'c02_nothing', upgrade: "op.execute('UPDATE users SET id = 1')" },
    {
      id: 'c03_engine',
      commits: true,
      upgrade: "with op.get_bind().engine.begin() as own:\n    own.execute(sa.text('CREATE TABLE by_engine (id int)'))",
    },
    {
      id: 'c04_raw',
      commits: true,
      upgrade:
        "op.execute('CREATE TABLE before_it (id int)')\nop.get_bind().connection.commit()\nop.execute('CREATE TABLE after_it (id int)')",
    },
    {
      id: 'c05_index_too',
      commits: true,
      upgrade:
        "op.execute('CREATE TABLE more (id int)')\nwith op.get_context().autocommit_block():\n    op.create_index('ix_more', 'more', ['id'], postgresql_concurrently=True)\nop.execute('DELETE FROM more')",
    },
    {
      id: 'c06_commit',
      commits: true,
      upgrade: "op.execute('commit')\nop.execute('CREATE TABLE after_commit (id int)')",
    },
  ],
}
