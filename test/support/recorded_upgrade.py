"""Usage: recorded_upgrade.py FILE ARGUMENT…: runs alembic with the arguments, and writes into FILE, as JSON, the statements that
each revision really sent, with their values, and whether it committed."""

import json
import os
import sys

file, sys.argv = sys.argv[1], ['alembic'] + sys.argv[2:]
sys.path[0] = '/usr/bin'

from alembic import command  # noqa: E402
from alembic.config import main  # noqa: E402
from sqlalchemy import event  # noqa: E402
from sqlalchemy.engine import Engine  # noqa: E402

revisions, inside = {}, []
environment = command.EnvironmentContext


def recorded(config, script, fn=None, **options):
    def steps(heads, context):
        for step in fn(heads, context):
            work, of = step.migration_fn, step.revision.revision

            def run(*positional, work=work, of=of, **named):
                inside.append(revisions.setdefault(of, {'statements': [], 'commits': False}))
                try:
                    work(*positional, **named)
                finally:
                    inside.pop()

            step.migration_fn = run
            yield step

    return environment(config, script, **dict(options, fn=steps))


command.EnvironmentContext = recorded


@event.listens_for(Engine, 'after_cursor_execute')
def sent(connection, cursor, statement, parameters, context, executemany):
    if not inside:
        return
    if executemany and not context.isinsert:
        inside[-1]['statements'].extend(cursor.mogrify(statement, one).decode() for one in parameters)
    else:
        # psycopg2 keeps what it has sent; several rows in one INSERT.
        query = getattr(cursor, 'query', None)
        inside[-1]['statements'].append(query.decode() if query else statement)


@event.listens_for(Engine, 'commit')
def committed(connection):
    if inside:
        inside[-1]['commits'] = True


def write():
    with open(file, 'w') as out:
        json.dump(revisions, out)


try:
    main()
finally:
    write()
