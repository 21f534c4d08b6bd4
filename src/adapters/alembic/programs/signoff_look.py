"""Where a database stands, and what this checkout would do to it, asked as `upgrade head` would ask; changes nothing."""

import os
import traceback

from signoff_application import code_of, described, failure, identity_of, is_known, run
from signoff_connections import Connections, ask, commits_each, driver_of
from signoff_read_only import ReadOnly

# Where the name leads by the search_path that env.py has set, or where it would be made.
FIND_SCHEMA = """
    SELECT coalesce((SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                     WHERE c.oid = to_regclass(:name)), current_schema())"""

# Sessions of an upgrade of ours: those that it told, and those that call themselves so, as libpq does by PGAPPNAME. A role's
# own sessions are always visible to it.
SESSIONS = """
    SELECT application_name = 'signoff', pid, to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND usename = session_user AND pid <> pg_backend_pid()"""

INVALID_INDEXES = """
    SELECT indexrelid::regclass::text FROM pg_catalog.pg_index WHERE NOT indisvalid ORDER BY 1 LIMIT 100"""


def look(program, request, report):
    """The answer, as it goes over the pipe. `request`: see signoff_run.py."""
    config_path = request['config']
    if not os.path.isfile(config_path):
        return {'error': 'there is no %s in this commit' % config_path, 'database': False, 'config': True}
    looked = Look(request, report)
    try:
        run_looking(program, looked)
        return looked.answer()
    except BaseException as error:
        traceback.print_exc()
        return failure(error)


def run_looking(program, looked):
    """Runs the program with `upgrade head`, and raises what ends it before it has looked."""
    from alembic import command

    refuse_old_alembic_for(looked.request['config'])
    # A pooled or a driver's own connection is a look's too, and must not be taken for an upgrade's.
    os.putenv('PGAPPNAME', 'signoff look')
    looked.read_only.guard()
    looked.connections.listen()
    looked.listen()
    command.EnvironmentContext = environment_of(looked, command.EnvironmentContext)
    try:
        run(program)
    except SystemExit as end:
        error = looked.error
        if error is None and not looked.ran:
            raise
        # env.py may end Python itself once its migrations have run; an upgrade would have succeeded.
        if error is not None and not (looked.databases and isinstance(error, SystemExit) and not code_of(error)):
            raise error


def refuse_old_alembic_for(config_path):
    import inspect

    import alembic
    from alembic.config import Config

    if os.path.basename(config_path) == 'pyproject.toml' and 'toml_file' not in inspect.signature(Config.__init__).parameters:
        raise SystemExit('pyproject.toml is read by alembic 1.16 and later; this is alembic %s' % alembic.__version__)


def environment_of(looked, environment):
    """Alembic's own environment of an upgrade, with a look in the place of the revisions."""

    def look_instead(config, script, **options):
        looked.script = script
        return Watched(environment(config, script, **dict(options, fn=looked.see, dont_mutate=True)), looked)

    return look_instead


class Watched:
    """Notes with what env.py ended, before the program turns it into words of its own and an exit."""

    def __init__(self, environment, looked):
        self.environment, self.looked = environment, looked

    def __enter__(self):
        return self.environment.__enter__()

    def __exit__(self, kind, error, trace):
        self.looked.ran, self.looked.error = True, error
        return self.environment.__exit__(kind, error, trace)


class Look:
    """`see` is called by alembic in the place of the revisions, once for each database that env.py runs them on."""

    def __init__(self, request, report):
        self.request = request
        self.connections = Connections(request['limits'], opened=self.opened)
        self.read_only = ReadOnly(self.connections)
        self.report = report
        self.script = None
        self.error = None
        self.ran = False
        self.databases = []
        self.todo = []

    def listen(self):
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        # By this a database that does not answer is told from an env.py that does not end.
        event.listen(Engine, 'do_connect', lambda dialect, record, args, kwargs: self.report.tell({'at': 'connecting'}))

    def opened(self, driver, pooled):
        self.report.tell({'at': 'connected'})
        self.read_only.make(driver, pooled)

    def see(self, revisions, context):
        driver = driver_of(context.connection)
        why = self.read_only.missing(driver)
        if why is not None:
            raise SystemExit('the look could not be made read-only, so it was stopped: %s' % why)
        held = [revisions] if isinstance(revisions, str) else list(revisions or ())
        # Here, as alembic does: a revision may ask for its connection as it is loaded.
        unknown = [revision for revision in held if not is_known(self.script, revision)]
        todo = [] if unknown else list(self.script.iterate_revisions('heads', tuple(held), implicit_base=True))
        postgres = context.dialect.name == 'postgresql'
        self.databases.append({
            'identity': identity_of(context),
            'dialect': context.dialect.name,
            'table': version_table(context) if postgres else None,
            'current': held,
            'unknown': unknown,
            'working': postgres and is_working(driver, self.request['backends']),
            'invalid_indexes': [row[0] for row in ask(driver, INVALID_INDEXES)] if postgres else [],
            'limits_hold': self.connections.limits_hold(driver) if postgres else None,
            'commits_each': commits_each(driver),
            'transaction_per_migration': bool(context._transaction_per_migration),
        })
        # The revisions, and their order, that alembic itself takes for an upgrade.
        self.todo = self.todo or list(reversed(todo))
        return []

    def answer(self):
        if not self.databases:
            if isinstance(self.error, SystemExit):
                raise self.error
            return {'error': 'the env.py of this commit ran no migrations', 'database': False}
        heads = [described(self.script.get_revision(revision)) for revision in self.script.get_heads()]
        return {
            'databases': self.databases,
            'skipped': self.read_only.skipped,
            'heads': heads,
            'pending': [described(revision) for revision in self.todo],
        }


def version_table(context):
    """Schema and name of the table that holds this application's revisions, or will hold them; None where it does not show."""
    from sqlalchemy import text

    table = context._version
    quoted = '.'.join('"%s"' % part.replace('"', '""') for part in (table.schema, table.name) if part)
    found = context.connection.execute(text(FIND_SCHEMA), {'name': quoted}).fetchone()
    schema = table.schema or (found and found[0])
    return [schema, table.name] if schema else None


def is_working(driver, backends):
    """Whether a session of an upgrade of ours is connected to this database."""
    told = [tuple(backend) for backend in backends]
    return any(named or (pid, started) in told for named, pid, started in ask(driver, SESSIONS))
