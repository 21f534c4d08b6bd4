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

from signoff_application import become, described, failure, identity_of, is_known
from signoff_preview import preview

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
    become(alembic, ['-c', config_path, 'current'])
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
