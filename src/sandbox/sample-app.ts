// The text of the sample application that createAppRepository commits.

const alembicIni = (scripts: string) => `[alembic]
script_location = ${scripts}
prepend_sys_path = .

[loggers]
keys = root,sqlalchemy,alembic

[handlers]
keys = console

[formatters]
keys = generic

[logger_root]
level = WARN
handlers = console
qualname =

[logger_sqlalchemy]
level = WARN
handlers =
qualname = sqlalchemy.engine

[logger_alembic]
level = INFO
handlers =
qualname = alembic

[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = generic

[formatter_generic]
format = %(levelname)-5.5s [%(name)s] %(message)s
datefmt = %H:%M:%S
`

const alembicEnv = `from logging.config import fileConfig

from alembic import context
from sqlalchemy import create_engine, pool

from api.settings import database_url

config = context.config
if config.config_file_name is not None:
    fileConfig(config.config_file_name)


def run_migrations_offline():
    context.configure(url=database_url(), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_migrations_online():
    engine = create_engine(database_url(), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
`

const settings = `import os


def read_env_file(path='.env'):
    """Variables of an .env file; an absent file has none."""
    values = {}
    try:
        with open(path) as lines:
            for line in lines:
                name, equals, value = line.strip().partition('=')
                if equals and not name.startswith('#'):
                    values[name.removeprefix('export ').strip()] = value.strip().strip('"\\'')
    except FileNotFoundError:
        pass
    return values


def setting(name):
    return os.environ.get(name) or read_env_file().get(name)


def database_url():
    url = setting('DATABASE_URL')
    if not url:
        raise SystemExit('DATABASE_URL is not set')
    # Heroku says postgres://, which SQLAlchemy 1.4 no longer knows.
    if url.startswith('postgres://'):
        url = 'postgresql://' + url[len('postgres://'):]
    return url
`

const scriptTemplate = [
  '"""$' + '{message}"""',
  'import sqlalchemy as sa',
  'from alembic import op',
  '',
  'revision = $' + '{repr(up_revision)}',
  'down_revision = $' + '{repr(down_revision)}',
  'branch_labels = $' + '{repr(branch_labels)}',
  'depends_on = $' + '{repr(depends_on)}',
  '',
  '',
  'def upgrade():',
  '    $' + '{upgrades if upgrades else "pass"}',
  '',
  '',
  'def downgrade():',
  '    $' + '{downgrades if downgrades else "pass"}',
  '',
].join('\n')

/** The two migrations of the sample, with the folder of each. Each has a database of its own. */
export const SCRIPTS = { users: 'migrations', search: 'search_migrations' } as const
export type MigrationName = keyof typeof SCRIPTS
export const MIGRATION_NAMES: readonly MigrationName[] = ['users', 'search']

/** The commits of the sample's history. */
export const sampleFiles = {
  start: {
    Procfile: 'release: python -m api.release\nweb: gunicorn api.app:app\n',
    'requirements.txt': 'alembic==1.8.1\ngunicorn==20.1.0\npsycopg2==2.9.5\nSQLAlchemy==1.4.46\n',
    '.gitignore': '.env\n.env_*\n__pycache__/\n',
    'api/__init__.py': '',
    'api/settings.py': settings,
    'api/app.py': `def app(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'jurispect api\\n']
`,
  },
  migrations: {
    'alembic_users.ini': alembicIni(SCRIPTS.users),
    'alembic_search.ini': alembicIni(SCRIPTS.search),
    ...Object.fromEntries(
      Object.values(SCRIPTS).flatMap((scripts) => [
        [`${scripts}/env.py`, alembicEnv],
        [`${scripts}/script.py.mako`, scriptTemplate],
        [`${scripts}/versions/.gitkeep`, ''],
      ]),
    ),
  },
  users: {
    'api/users.py': `def all_users(connection):
    return connection.execute('SELECT id, email FROM users ORDER BY id').fetchall()
`,
  },
  documents: {
    'api/documents.py': `def document(connection, number):
    return connection.execute('SELECT title, body FROM documents WHERE id = %s', number).first()
`,
  },
  health: {
    'api/health.py': `def healthy(connection):
    return connection.execute('SELECT 1').scalar() == 1
`,
    'api/release.py': `print('Nothing to do before this release')
`,
  },
  search: {
    'api/search.py': `def search(connection, words):
    return connection.execute('SELECT id, title FROM documents WHERE title ILIKE %s', '%' + words + '%').fetchall()
`,
  },
  limits: {
    'api/search.py': `LONGEST = 200


def search(connection, words):
    if len(words) > LONGEST:
        raise ValueError('a search has at most %d characters' % LONGEST)
    return connection.execute('SELECT id, title FROM documents WHERE title ILIKE %s', '%' + words + '%').fetchall()
`,
  },
  readme: {
    'README.md': `# jurispect_api

Put \`DATABASE_URL\` into \`.env\`, then run \`alembic -c alembic_users.ini upgrade head\` and \`gunicorn api.app:app\`.
The search has a database of its own: \`alembic -c alembic_search.ini upgrade head\`.
`,
  },
} as const

/** The sample's revisions, oldest first; each only adds. */
export const firstRevisions = [
  {
    message: 'create users',
    upgrade: `op.create_table(
    'users',
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('email', sa.Text, nullable=False, unique=True),
)`,
    sql: 'CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE)',
    down: "op.drop_table('users')",
  },
  {
    message: 'create documents',
    upgrade: `op.create_table(
    'documents',
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('title', sa.Text, nullable=False),
    sa.Column('body', sa.Text),
)`,
    sql: 'CREATE TABLE documents (id serial PRIMARY KEY, title text NOT NULL, body text)',
    down: "op.drop_table('documents')",
  },
  {
    message: 'add users last seen',
    upgrade: "op.add_column('users', sa.Column('last_seen_at', sa.DateTime(timezone=True)))",
    sql: 'ALTER TABLE users ADD COLUMN last_seen_at timestamptz',
    down: "op.drop_column('users', 'last_seen_at')",
  },
  {
    message: 'add documents language',
    sql: 'ALTER TABLE documents ADD COLUMN language text',
    down: "op.drop_column('documents', 'language')",
  },
] as const

/** The revisions of the search, by the index of the revision in whose commit they are. */
export const searchRevisions = {
  1: {
    message: 'create entries',
    upgrade: `op.create_table(
    'entries',
    sa.Column('document_id', sa.Integer, primary_key=True),
    sa.Column('words', sa.Text, nullable=False),
)`,
    sql: 'CREATE TABLE entries (document_id integer PRIMARY KEY, words text NOT NULL)',
    down: "op.drop_table('entries')",
  },
  3: {
    message: 'add entries language',
    sql: 'ALTER TABLE entries ADD COLUMN language text',
    down: "op.drop_column('entries', 'language')",
  },
} as const
