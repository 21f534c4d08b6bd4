"""Says as one line of JSON where a database stands and what this checkout would do to it; changes nothing itself.

Usage: status.py MARK ALEMBIC CONFIG [--sql], with the working directory at the checkout's root. MARK begins our line on
standard output, where the application may print too. Runs the application's own env.py, once, as `alembic current` would;
with --sql and something pending once more, as `alembic upgrade --sql` would, for the statements of each pending revision.
Made for alembic 1.8 and later, Python 3.6 and later.
"""

import gc
import json
import os
import sys
import traceback


# The longest SQL that is told, in characters: of one revision, and of all.
LONGEST, LONGEST_IN_ALL = 200000, 1000000

# Where the name leads by the search_path that env.py has set, or where it would be made.
FIND_SCHEMA = """
    SELECT coalesce((SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                     WHERE c.oid = to_regclass(:name)), current_schema())"""

# An upgrade of ours calls itself so, a look does not (PGAPPNAME). A role's own sessions are always visible to it.
AT_WORK = """
    SELECT 1 FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND usename = session_user AND application_name = 'signoff'
      AND pid <> pg_backend_pid() LIMIT 1"""


def main(alembic, config_path, with_sql):
    # What the alembic program would see: its own folder, not ours, and its own arguments.
    sys.path[0] = os.path.dirname(alembic)
    sys.argv = [alembic, '-c', config_path, 'current']
    if not os.path.isfile(config_path):
        return {'error': 'there is no %s in this commit' % config_path, 'database': False}

    from alembic.config import CommandLine, Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config(config_path, cmd_opts=CommandLine().parser.parse_args(sys.argv[1:]))
    script = ScriptDirectory.from_config(config)
    seen = {'looks': 0, 'current': [], 'identity': None, 'dialect': None, 'table': None, 'working': False}

    def look(revisions, context):
        held = [revisions] if isinstance(revisions, str) else list(revisions or ())
        seen['looks'] += 1
        seen['current'].extend(revision for revision in held if revision not in seen['current'])
        seen['identity'] = seen['identity'] or identity_of(context)
        seen['dialect'] = seen['dialect'] or context.dialect.name
        # An env.py may take several databases: then no one table says where they are.
        seen['table'] = version_table(context) if seen['looks'] == 1 else None
        seen['working'] = seen['working'] or is_working(context)
        return []

    with EnvironmentContext(config, script, fn=look, destination_rev=None, dont_mutate=True):
        script.run_env()
    if seen['looks'] == 0:
        return {'error': 'the env.py of this commit ran no migrations', 'database': False}

    current = seen['current']
    unknown = [revision for revision in current if not is_known(script, revision)]
    pending = []
    if not unknown:
        # The revisions, and their order, that alembic itself takes for an upgrade.
        todo = script.iterate_revisions('heads', tuple(current), implicit_base=True)
        todo = list(reversed(list(todo)))
        pending = [described(revision) for revision in todo]
        if with_sql and todo:
            for described_one, sql in zip(pending, preview(config_path, todo)):
                described_one['preview'] = sql
    return {
        'identity': seen['identity'],
        'dialect': seen['dialect'],
        'table': seen['table'],
        'working': seen['working'],
        'heads': [described(script.get_revision(revision)) for revision in script.get_heads()],
        'current': current,
        'unknown': unknown,
        'pending': pending,
    }


def preview(config_path, todo):
    """The statements of each revision, by the application's own env.py with alembic writing SQL instead of running it."""
    from alembic.config import CommandLine, Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    # What a revision or env.py does past alembic, by a connection of its own, must not change anything.
    os.environ['PGOPTIONS'] = (os.environ.get('PGOPTIONS', '') + ' -c default_transaction_read_only=on').strip()
    pages = Pages()
    config = Config(config_path, output_buffer=pages, cmd_opts=CommandLine().parser.parse_args(sys.argv[1:]))
    script = ScriptDirectory.from_config(config)
    found = {}

    def write_down(revisions, context):
        for revision in todo:
            if revision.revision not in found:
                found[revision.revision] = statements_of(script.get_revision(revision.revision), pages)
        return []

    try:
        written = EnvironmentContext(config, script, fn=write_down, as_sql=True, destination_rev=None, dont_mutate=True)
        # env.py shall connect as it does for an upgrade, and a revision must not leave out what it does then.
        written.is_offline_mode = lambda: False
        with written:
            script.run_env()
        missing = 'the env.py of this commit ran no migrations'
    except Exception as error:
        traceback.print_exc()
        missing = '%s: %s' % (type(error).__name__, first_line(error))
    left = LONGEST_IN_ALL
    told = []
    for revision in todo:
        one = found.get(revision.revision) or not_previewed(missing)
        length = sum(len(statement) for statement in one.get('statements', []))
        if length > min(left, LONGEST):
            one = dict(not_previewed('its SQL is longer than %d characters' % LONGEST), commits=one['commits'])
        else:
            left -= length
        told.append(one)
    return told


class Pages:
    """Takes what alembic writes, a statement at a time."""

    def __init__(self):
        self.written = []

    def write(self, text):
        if text.strip():
            self.written.append(text.strip())

    def flush(self):
        pass


def statements_of(revision, pages):
    pages.written = []
    with open(revision.path, encoding='utf-8', errors='replace') as file:
        source = file.read()
    may_commit = 'autocommit_block' in source or 'isolation_level' in source
    if 'as_sql' in source:
        return dict(not_previewed('it asks whether only SQL is wanted'), commits=may_commit)
    try:
        revision.module.upgrade()
    except Exception as error:
        traceback.print_exc()
        why = '%s: %s' % (type(error).__name__, first_line(error))
        return dict(not_previewed(why), commits=may_commit or 'COMMIT;' in pages.written)
    statements, pages.written = pages.written, []
    return {'statements': statements, 'commits': may_commit or 'COMMIT;' in statements}


def not_previewed(why):
    return {'not_previewed': why, 'commits': False}


def is_known(script, revision):
    from alembic.util import CommandError

    try:
        found = script.get_revision(revision)
    except CommandError:
        return False
    return found is not None and found.revision == revision


def described(revision):
    file = os.path.relpath(os.path.realpath(revision.path), os.path.realpath(os.getcwd()))
    message = (revision.doc or '').strip().split('\n')[0]
    return {'revision': revision.revision, 'message': message, 'file': file}


def identity_of(context):
    """Host, port and name of the database behind the connection; None when it does not show."""
    try:
        url = context.connection.engine.url
        backend = url.get_backend_name()
        query = dict(url.query)
        host = url.host or query.get('host') or ''
        port = url.port or query.get('port') or {'postgresql': 5432, 'mysql': 3306, 'mariadb': 3306}.get(backend)
        if backend != 'postgresql':
            return '%s://%s%s/%s' % (backend, host, ':%s' % port if port else '', url.database or '')
        host = host.lower() if isinstance(host, str) else ','.join(host)
        return '%s:%s/%s' % ('[%s]' % host if ':' in host else host or 'localhost', port, url.database or '')
    except Exception:
        return None


def version_table(context):
    """Schema and name of the table that holds this application's revisions, or will hold them; None where it does not show."""
    if context.dialect.name != 'postgresql':
        return None
    from sqlalchemy import text

    table = context._version
    quoted = '.'.join('"%s"' % part.replace('"', '""') for part in (table.schema, table.name) if part)
    found = context.connection.execute(text(FIND_SCHEMA), {'name': quoted}).fetchone()
    schema = table.schema or (found and found[0])
    return [schema, table.name] if schema else None


def is_working(context):
    """Whether an upgrade that Signoff has started is connected to this database."""
    from sqlalchemy import text

    return context.dialect.name == 'postgresql' and context.connection.execute(text(AT_WORK)).fetchone() is not None


def failure(error):
    """The innermost cause that a database driver gave, else the error itself."""
    chain, at = [], error
    while at is not None and at not in chain:
        chain.append(at)
        at = getattr(at, 'orig', None) or at.__cause__ or at.__context__
    drivers = ('psycopg2', 'psycopg', 'asyncpg', 'pg8000', 'pymysql', 'MySQLdb', 'sqlite3')
    for one in chain:
        if type(one).__module__.split('.')[0] in drivers or isinstance(one, (ConnectionError, TimeoutError)):
            state = getattr(one, 'sqlstate', None) or getattr(one, 'pgcode', None)
            return {'error': first_line(one), 'database': not isinstance(one, ImportError), 'sqlstate': state}
    if type(error).__module__ == 'socket':
        return {'error': first_line(error), 'database': True}
    if isinstance(error, SystemExit) or type(error).__name__ == 'CommandError':
        return {'error': first_line(error), 'database': False}
    return {'error': '%s: %s' % (type(error).__name__, first_line(error)), 'database': False}


def first_line(error):
    lines = [line.strip() for line in str(error).split('\n') if line.strip()]
    return lines[0] if lines else type(error).__name__


if __name__ == '__main__':
    # All of this is over within a second, a third of which would be spent on looking for garbage.
    gc.disable()
    mark = sys.argv[1]
    try:
        status = main(sys.argv[2], sys.argv[3], '--sql' in sys.argv[4:])
    except BaseException as error:
        traceback.print_exc()
        status = failure(error)
    sys.stdout.flush()
    sys.__stdout__.write('\n%s%s\n' % (mark, json.dumps(status)))
    sys.__stdout__.flush()
    if sys.version_info >= (3, 7):
        gc.freeze()  # What is frozen is not looked through at the end either.
