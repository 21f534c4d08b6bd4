"""The SQL of pending revisions, with alembic writing it instead of running it."""

import os
import sys
import traceback

from signoff_application import first_line

# The longest SQL that is told, in characters: of one revision, and of all.
LONGEST, LONGEST_IN_ALL = 200000, 1000000


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


