"""Says as one line of JSON where a database stands and what this checkout would do to it; changes nothing itself.

Usage: status.py MARK ALEMBIC CONFIG, with the working directory at the checkout's root. MARK begins our line on standard
output, where the application may print too. Runs the application's own env.py, once, as `alembic current` would.
Made for alembic 1.8 and later, Python 3.6 and later.
"""

import json
import os
import sys
import traceback


def main(alembic, config_path):
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
    seen = {'looks': 0, 'current': [], 'identity': None}

    def look(revisions, context):
        held = [revisions] if isinstance(revisions, str) else list(revisions or ())
        seen['looks'] += 1
        seen['current'].extend(revision for revision in held if revision not in seen['current'])
        seen['identity'] = seen['identity'] or identity_of(context)
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
        pending = [described(revision) for revision in reversed(list(todo))]
    return {
        'identity': seen['identity'],
        'heads': [described(script.get_revision(revision)) for revision in script.get_heads()],
        'current': current,
        'unknown': unknown,
        'pending': pending,
    }


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
    mark = sys.argv[1]
    try:
        status = main(sys.argv[2], sys.argv[3])
    except BaseException as error:
        traceback.print_exc()
        status = failure(error)
    sys.stdout.flush()
    sys.__stdout__.write('\n%s%s\n' % (mark, json.dumps(status)))
    sys.__stdout__.flush()
