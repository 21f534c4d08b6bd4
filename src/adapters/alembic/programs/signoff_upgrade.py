"""`upgrade head`, run as the program itself runs it; tells beside it what its output doesn't say."""

import functools
import re
import sys

from signoff_application import run
from signoff_connections import Connections, commits_each, driver_of, is_idle

READS = re.compile(r'\s*(select|show|set|values|explain)\b', re.I)
COMMITS = re.compile(r'\bcommit\b', re.I)


def upgrade(program, request, report):
    from alembic import command

    def backend(pid, started):
        report.tell({'backend': {'pid': pid, 'startedAt': started}})

    Connections(request['limits'], backend=backend).listen()
    steps = Steps(report)
    steps.listen()
    command.EnvironmentContext = environment_of(steps, command.EnvironmentContext)
    try:
        run(program)
    except SystemExit:
        raise
    except BaseException:
        kind, error, trace = sys.exc_info()
        while trace.tb_next is not None and trace.tb_frame.f_code.co_filename != program:
            trace = trace.tb_next
        # As it would be shown without us.
        sys.excepthook(kind, error.with_traceback(trace), trace)
        sys.exit(1)


def environment_of(steps, environment):
    """Alembic's own environment, which also tells of each revision that it runs."""

    def tell_steps(config, script, fn=None, **options):
        def told(revisions, context):
            for step in fn(revisions, context):
                step.migration_fn = steps.around(step)
                yield step

        return environment(config, script, fn=told, **options)

    return tell_steps


class Steps:
    """Tells which revision runs, and whether it commits in its middle: then a part of it stays if it fails."""

    def __init__(self, report):
        self.report = report
        self.inside = None
        self.committed = False
        self.driver = None

    def listen(self):
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        event.listen(Engine, 'commit', lambda connection: self.tell_commit())
        event.listen(Engine, 'before_cursor_execute', lambda *about: self.look_for_commit())
        event.listen(Engine, 'after_cursor_execute', self.executed)

    def around(self, step):
        migrate = step.migration_fn
        revision = step.revision.revision

        # Alembic names the direction in its log by the function's name.
        @functools.wraps(migrate)
        def run_revision(*args, **kwargs):
            self.inside, self.committed, self.driver = revision, False, None
            self.report.tell({'revision': revision})
            try:
                return migrate(*args, **kwargs)
            finally:
                self.look_for_commit()
                self.inside = None

        return run_revision

    def executed(self, connection, cursor, statement, parameters, context, executemany):
        if self.inside is None or self.committed:
            return
        driver = driver_of(connection)
        if commits_each(driver):
            # Whether a write, a look at it can't tell: a function may write.
            if not READS.match(statement):
                self.tell_commit()
        elif is_idle(driver) is None:
            if COMMITS.search(statement):
                self.tell_commit()
        else:
            self.driver = driver
            self.look_for_commit()

    def look_for_commit(self):
        """A transaction that a statement of this revision was in, and that is over, has been committed."""
        if self.driver is not None and is_idle(self.driver):
            self.tell_commit()

    def tell_commit(self):
        if self.inside is not None and not self.committed:
            self.committed = True
            self.report.tell({'committed': self.inside})
