"""A stand-in for a driver's connection, to which signoff_engines.py connects every engine.

A statement is shown to the process that started us. It answers plain queries by a read-only connection of its own; all
other statements are written down. Nothing here reaches a database.
"""

import asyncio

from signoff_values import NotPreviewed, Unknown, value_of, with_values


class OfDriver(AttributeError, NotPreviewed):
    pass


class Page:
    """What one revision does."""

    def __init__(self):
        self.runs = []
        self.commits = False
        self.reason = None

    def refuse(self, reason):
        self.reason = self.reason or reason


class Recorder:
    """Takes the statements of the revision that runs, and asks about each."""

    def __init__(self, pipe):
        self.pipe = pipe
        self.page = None

    def refuse(self, reason):
        """Ends this revision's preview, even if the revision catches the error."""
        if self.page is not None:
            self.page.refuse(reason)
        return NotPreviewed(reason)

    def write(self, sql, commits=False):
        if self.page is not None:
            self.page.runs[-1][1].append(sql)
            self.page.commits = self.page.commits or commits
            return len(self.page.runs[-1][1]) - 1
        return None

    def leave_out(self, index):
        if self.page is not None and index is not None and index < len(self.page.runs[-1][1]):
            self.page.runs[-1][1][index] = None


class Connection:
    """A driver's connection, as far as SQLAlchemy and most revisions use one."""

    closed = 0
    encoding = 'UTF8'
    readonly = None
    deferrable = None
    isolation_level = None

    def __init__(self, recorder, dialect, name):
        self.recorder, self.dialect, self.name = recorder, dialect, name
        self.notices = []
        self.is_migration = self.is_open = self.has_written = self.has_ended = self._autocommit = False
        # Whether a revision ran on it that nothing has committed since.
        self.has_uncommitted = False

    @property
    def autocommit(self):
        return self._autocommit

    @autocommit.setter
    def autocommit(self, wanted):
        if self._autocommit and not wanted and self.is_migration:
            self.recorder.write('BEGIN;')
            self.has_ended = False
        self._autocommit = bool(wanted)

    def set_isolation_level(self, level):
        self.autocommit = level == 0 or str(level).upper() == 'AUTOCOMMIT'

    def set_session(self, autocommit=None, **unused):
        if autocommit is not None:
            self.autocommit = autocommit

    def cursor(self, *unused, **unused_too):
        return Cursor(self)

    def execute(self, *given, **options):
        cursor = self.cursor()
        cursor.execute(*given, **options)
        return cursor

    def commit(self):
        if (self.is_migration or self.has_written) and not self._autocommit:
            self.recorder.write('COMMIT;', commits=True)
            self.has_ended = True
        self.is_open = self.has_written = self.has_uncommitted = False

    def rollback(self):
        if self.has_written and not self._autocommit:
            self.recorder.write('ROLLBACK;', commits=True)
            self.has_ended = True
        self.is_open = self.has_written = False

    def close(self, *unused, **unused_too):
        self.is_open = False

    terminate = close

    def begins(self):
        """What a driver does before a statement outside of a transaction."""
        if self._autocommit or self.is_open:
            return
        self.is_open = True
        if self.has_ended:
            self.recorder.write('BEGIN;')
            self.has_ended = False

    def __enter__(self):
        return self

    def __exit__(self, kind, *unused):
        self.commit() if kind is None else self.rollback()

    def __getattr__(self, name):
        raise OfDriver("it uses the database driver's own %s" % name)


class Cursor:
    """A driver's cursor."""

    arraysize = 1
    itersize = 2000
    lastrowid = None
    query = statusmessage = None
    name = None

    def __init__(self, connection):
        self.connection = connection
        self.closed = False
        self._clear()

    def _clear(self):
        self.description, self.rowcount, self.rows, self.written, self.unknown = None, -1, [], None, None

    def mogrify(self, sql, parameters=None):
        return with_values(text_of(self.connection, sql), parameters, self.connection.dialect.paramstyle).encode()

    def execute(self, sql, parameters=None, *unused, **unused_too):
        self._clear()
        recorder, connection = self.connection.recorder, self.connection
        pause(connection.dialect)
        try:
            text = with_values(text_of(connection, sql), parameters, connection.dialect.paramstyle).strip()
        except NotPreviewed as problem:
            raise recorder.refuse(str(problem))
        answer = recorder.pipe.ask({'sql': text, 'on': connection.name, 'dialect': connection.dialect.name,
                                    'inside': recorder.page is not None})
        connection.begins()
        kind = answer['kind']
        if kind == 'refused':
            raise recorder.refuse(answer['why'])
        if kind == 'error':
            raise recorder.refuse('a query of it fails: %s' % answer['message'])
        if kind == 'rows':
            self._take(answer)
            self.rowcount = len(self.rows)
        else:
            connection.has_written = connection.has_written or kind == 'statement'
            if answer.get('commits'):
                connection.has_uncommitted = False
            self.rowcount = answer['rowcount'] if answer.get('rowcount') is not None else Unknown('it asks how many rows it changed')
            self._expect(answer)
        ended = text.rstrip().rstrip(';')
        if ended:
            self.written = recorder.write(ended + ';', commits=bool(answer.get('commits')) or (kind == 'statement' and connection.autocommit))
        self._asked = kind == 'rows'

    def _take(self, answer):
        strict = self.connection.dialect.driver not in ('psycopg2', 'psycopg2cffi')
        self.description = [(name, number, None, None, None, None, None) for name, number in answer['columns']]
        numbers = [number for name, number in answer['columns']]
        try:
            self.rows = [tuple(value_of(text, number, strict) for text, number in zip(row, numbers))
                         for row in answer['rows']]
        except NotPreviewed as problem:
            raise self.connection.recorder.refuse(str(problem))

    def _expect(self, answer):
        """Columns whose values only the real run has."""
        returns = answer.get('returns')
        if returns is None:
            return
        self.description = [(name, 0, None, None, None, None, None) for name in returns['columns']]
        if returns.get('count') is None:
            self.unknown = returns['why']
        else:
            self.rows = [tuple(Unknown(returns['why']) for name in returns['columns']) for one in range(returns['count'])]

    def executemany(self, sql, many, *unused, **unused_too):
        for parameters in many:
            self.execute(sql, parameters)
        self._clear()

    def _fetch(self):
        if self.unknown is not None:
            raise self.connection.recorder.refuse(self.unknown)
        if self._asked:
            # A question that was answered is no part of what the revision does.
            self.connection.recorder.leave_out(self.written)
            self.written = None

    _asked = False

    def fetchone(self):
        self._fetch()
        return self.rows.pop(0) if self.rows else None

    def fetchmany(self, size=None):
        self._fetch()
        taken, self.rows = self.rows[:size or self.arraysize], self.rows[size or self.arraysize:]
        return taken

    def fetchall(self):
        self._fetch()
        taken, self.rows = self.rows, []
        return taken

    def __iter__(self):
        return iter(self.fetchall())

    def setinputsizes(self, *unused, **unused_too):
        pass

    setoutputsize = setinputsizes

    def close(self):
        self.closed = True

    async def _async_soft_close(self):
        """Asked by SQLAlchemy's asynchronous results since 2.0.44."""

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def __getattr__(self, name):
        raise OfDriver("it uses the database driver's own %s" % name)


def text_of(connection, sql):
    if isinstance(sql, bytes):
        return sql.decode('utf-8')
    if isinstance(sql, str):
        return sql
    raise connection.recorder.refuse("it uses the database driver's own SQL objects")


def pause(dialect):
    """Waits once, as an asynchronous driver does: SQLAlchemy checks that it did."""
    if not getattr(dialect, 'is_async', False):
        return
    from sqlalchemy.exc import InvalidRequestError
    from sqlalchemy.util import concurrency

    moment = asyncio.sleep(0)
    try:
        concurrency.await_only(moment)
    except InvalidRequestError:
        moment.close()
