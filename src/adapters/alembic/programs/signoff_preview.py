"""Tells the statements that an upgrade of this checkout would run, and runs none of them.

Usage: signoff_preview.py PROGRAM, in the folder where a person would start it. Descriptor 3 is a socket to Signoff, with one
JSON a line: we ask and are answered, and last we tell `previewed`. The program runs its own `upgrade head`, with a stand-in
for the database. Descriptor 4 takes what is printed.
"""

import gc
import json
import os
import re
import sys
import traceback

from signoff_application import become, first_line, run
from signoff_engines import install, no_network
from signoff_stand_in import Page, Recorder
from signoff_values import NotPreviewed

# The longest SQL that is told, in characters: of one revision, and of all.
LONGEST, LONGEST_IN_ALL = 200000, 1000000


class Pipe:
    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.rest = b''

    def tell(self, message):
        data = json.dumps(message).encode('ascii') + b'\n'
        while data:
            data = data[os.write(self.descriptor, data):]

    def ask(self, message):
        self.tell(message)
        return self.receive()

    def receive(self):
        parts = [self.rest]
        while b'\n' not in parts[-1]:
            more = os.read(self.descriptor, 1 << 20)
            if not more:
                os._exit(1)  # Nobody is there any more.
            parts.append(more)
        line, self.rest = b''.join(parts).split(b'\n', 1)
        return json.loads(line.decode('utf-8'))


class Preview:
    def __init__(self, pipe, current):
        self.pipe = pipe
        self.current = current
        self.recorder = Recorder(pipe)
        self.pages = {}
        self.sources = {}
        self.migrations = []
        self.error = None
        self.failing = 'the app'

    def environment_of(self, environment):
        """Alembic's own environment of an upgrade, which writes down what each revision does."""
        preview = self

        class Watched:
            # No subclass: alembic finds what `alembic.context` offers by the class itself.
            def __init__(self, config, script, fn=None, **options):
                def steps(heads, context):
                    return preview.steps(fn(heads, context), context)

                self.inner = environment(config, script, **dict(options, fn=steps))

            def __enter__(self):
                return self.inner.__enter__()

            def __exit__(self, kind, error, trace):
                preview.error, preview.failing = error, "the app's env.py"
                return self.inner.__exit__(kind, error, trace)

        return Watched

    def steps(self, steps, context):
        migration = getattr(context.connection, 'connection', None)
        migration = getattr(migration, 'dbapi_connection', None) or migration
        if hasattr(type(migration), 'begins'):
            migration.is_migration = True
            self.migrations.append(migration)
        callbacks = context.on_version_apply_callbacks
        for step in steps:
            self.sources[step.revision.revision] = step.revision.path
            step.migration_fn = self.around(step.revision, step.migration_fn, migration)
            context.on_version_apply_callbacks = tuple(self.around(step.revision, one) for one in callbacks)
            yield step

    def around(self, revision, work, migration=None):
        """`migration`: the connection that the revision runs on; none for a callback after it."""

        def previewed(*positional, **named):
            page = self.pages.setdefault(revision.revision, Page())
            if migration is not None:
                page.runs.append((', '.join(str(value) for value in named.values()), []))
            self.recorder.page = page
            try:
                work(*positional, **named)
            except (Exception, SystemExit) as error:
                traceback.print_exc()
                page.refuse(reason_of(error))
            finally:
                self.recorder.page = None
                if hasattr(type(migration), 'begins'):
                    migration.has_uncommitted = not migration.autocommit
            if page.reason is not None:
                self.pipe.ask({'lost': True})

        return previewed

    def answer(self):
        left, revisions = LONGEST_IN_ALL, {}
        for name, page in self.pages.items():
            statements = statements_of(page)
            length = sum(len(statement) for statement in statements)
            if page.reason is None and length > min(left, LONGEST):
                page.refuse('its SQL is longer than %d characters' % LONGEST)
            if page.reason is None:
                left -= length
                revisions[name] = {'statements': statements, 'commits': page.commits}
            else:
                revisions[name] = {'not_previewed': page.reason, 'commits': page.commits or may_commit(self.sources[name])}
        missing = 'the env.py of this commit ran no migrations'
        if self.error is not None:
            because = reason_of(self.error)
            missing = "%s fails with placeholders for the env file's values (%s)" % (self.failing, because)
        return {'revisions': revisions, 'missing': missing, 'never_commits': self.never_commits()}

    def never_commits(self):
        """Whether the application ended without a commit of what the revisions did. False where that isn't certain."""
        if self.error is not None or any(page.reason is not None for page in self.pages.values()):
            return False
        return any(migration.has_uncommitted for migration in self.migrations)


def statements_of(page):
    told = []
    for named, written in page.runs:
        kept = [statement for statement in written if statement is not None]
        if named and kept and len(page.runs) > 1:
            told.append('-- upgrade(%s)' % ' '.join(named.split()))
        told.extend(kept)
    return told


# Without any of these words, and without code from elsewhere, nothing in a revision can commit.
COMMITS = re.compile(r'commit|isolation_level|\bengine|\bconnect\(|begin\(|raw_connection|open\(|__import__', re.I)
ELSEWHERE = re.compile(
    r'^\s*(?:from|import)\s+(?!(?:alembic|sqlalchemy|typing|datetime|uuid|json|re|logging|collections|__future__)\b)', re.M)


def may_commit(path):
    with open(path, encoding='utf-8', errors='replace') as file:
        source = file.read()
    return bool(COMMITS.search(source) or ELSEWHERE.search(source))


def reason_of(error):
    """In an engineer's words."""
    chain, at = [], error
    while at is not None and at not in chain:
        chain.append(at)
        at = getattr(at, 'orig', None) or at.__cause__ or at.__context__
    for one in chain:
        if isinstance(one, NotPreviewed):
            return str(one)
    if isinstance(error, ImportError):
        return 'it needs a module that is not installed: %s' % first_line(error)
    if isinstance(error, SystemExit):
        return 'it ends the program'
    return 'it fails: %s: %s' % (type(error).__name__, first_line(error))


def main(program):
    pipe, printed = Pipe(3), 4
    os.set_inheritable(3, False)
    # All of this is over within a second, a third of which would be spent on looking for garbage.
    gc.disable()
    import alembic.config
    import sqlalchemy.event
    from alembic import command
    from alembic.runtime.migration import MigrationContext

    asked = pipe.ask({'ready': True})
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.close(printed)
    become(program, asked['arguments'])
    preview = Preview(pipe, tuple(asked['current']))
    install(preview.recorder)
    no_network(preview.recorder)
    # The look has read them. Alembic's own table is no part of a revision.
    MigrationContext.get_current_heads = lambda context: preview.current
    MigrationContext._ensure_version_table = lambda context, purge=False: None
    command.EnvironmentContext = preview.environment_of(command.EnvironmentContext)
    try:
        run(program)
    except SystemExit:
        pass
    except Exception as error:
        traceback.print_exc()
        preview.error = preview.error or error
    pipe.tell({'previewed': preview.answer()})
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # What the application does at its end is no part of a preview.


if __name__ == '__main__':
    main(sys.argv[1])
