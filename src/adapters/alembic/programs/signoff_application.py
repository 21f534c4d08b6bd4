"""What every start of an application's code shares: being its own program, and words for what goes wrong.

Modules of this folder begin with `signoff_`, so that none has the name of one of the application's own. Python 3.6 and
later, alembic 1.8 and later.
"""

import os
import sys
import traceback
import types


def become(program, arguments):
    """Gives Python the arguments and the search path that it has when a person starts `program`."""
    here = os.path.dirname(os.path.realpath(__file__))
    if sys.path and os.path.realpath(sys.path[0]) == here:
        sys.path[0] = os.path.dirname(os.path.realpath(program))
    sys.argv = [program] + list(arguments)


def run(program):
    """Runs the program's own file as `__main__`; raises what it raises."""
    with open(program, 'rb') as file:
        code = compile(file.read(), program, 'exec', dont_inherit=True)
    main = types.ModuleType('__main__')
    main.__file__ = program
    sys.modules['__main__'] = main
    exec(code, main.__dict__)


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


DRIVERS = ('psycopg2', 'psycopg', 'asyncpg', 'pg8000', 'pymysql', 'MySQLdb', 'sqlite3')


def failure(error):
    """The innermost cause that a database driver gave, else the error itself."""
    chain, at = [], error
    while at is not None and at not in chain:
        chain.append(at)
        at = getattr(at, 'orig', None) or at.__cause__ or at.__context__
    for one in chain:
        if type(one).__module__.split('.')[0] in DRIVERS or isinstance(one, (ConnectionError, TimeoutError)):
            return {'error': first_line(one), 'database': not isinstance(one, ImportError), 'sqlstate': sqlstate_of(one)}
    if type(error).__module__ == 'socket':
        return {'error': first_line(error), 'database': True}
    if isinstance(error, SystemExit) and not isinstance(error.code, str):
        # The program says so itself, in a line of output, and leaves the error behind as the reason for its exit.
        because = error.__context__
        if because is not None and not isinstance(because, SystemExit):
            return failure(because)
        return {'error': 'the env.py of this commit ended with sys.exit(%s)' % code_of(error), 'database': False}
    missing = missing_revision(error)
    if missing is not None:
        return {'error': missing, 'database': False}
    if isinstance(error, SystemExit) or type(error).__name__ in ('CommandError', 'NoAppException', 'UsageError'):
        return {'error': words_of(error), 'database': False}
    return {'error': '%s: %s' % (type(error).__name__, words_of(error)), 'database': False}


def missing_revision(error):
    """In words, which revision no file of this checkout has, where that is why alembic could not put them in order; else None.

    Alembic gives no more than a KeyError with it, and says in a warning which revision names it.
    """
    if not isinstance(error, KeyError) or not error.args:
        return None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not frames or frames[-1].f_globals.get('__name__') != 'alembic.script.revision':
        return None
    # A comprehension had a frame of its own before Python 3.12, and the variable has one of two names.
    names = dict(frames[-2].f_locals, **frames[-1].f_locals) if len(frames) > 1 else frames[-1].f_locals
    by = getattr(names.get('rev', names.get('revision')), 'revision', None)
    needs = 'revision %s needs' % by if isinstance(by, str) else 'a revision needs'
    return '%s %s, which is not in this commit: bring it too, or let it follow one that is there' % (needs, error.args[0])


def sqlstate_of(error):
    return getattr(error, 'sqlstate', None) or getattr(error, 'pgcode', None)


def code_of(end):
    return 0 if end.code is None else end.code


# What to do, by how a message begins.
HINTS = (
    ('Working outside of application context', 'for Flask-Migrate, set migrations.tool to flask'),
    ("No 'script_location' key found", 'for Flask-Migrate, set migrations.tool to flask'),
    ("No such command 'db'", 'FLASK_APP in the env file must lead to an app that has Flask-Migrate'),
)


def words_of(error):
    """An error's first line, with what would make it plain to somebody who does not know the library."""
    if type(error).__name__ == 'NoSuchModuleError' and 'dialects:postgres' in str(error):
        if 'dialects:postgresql' not in str(error):
            return '%s (SQLAlchemy wants postgresql:// where the URL says postgres://)' % first_line(error)
    for beginning, hint in HINTS:
        if first_line(error).startswith(beginning):
            return '%s (%s)' % (first_line(error), hint)
    fields = fields_of(error)
    return '%s: %s' % (first_line(error), fields) if fields else first_line(error)


def fields_of(error):
    """What a settings class of pydantic finds wrong; its first line only counts. Never the values, which may be secret."""
    if not type(error).__module__.startswith('pydantic'):
        return ''
    try:
        told = ['%s: %s' % ('.'.join(str(part) for part in one['loc']), one['msg']) for one in error.errors()]
    except Exception:
        return ''
    return ', '.join(told[:5])


def first_line(error):
    lines = [line.strip() for line in str(error).split('\n') if line.strip()]
    return lines[0] if lines else type(error).__name__
