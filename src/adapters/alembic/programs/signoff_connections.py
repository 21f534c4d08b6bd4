"""What is done to each connection that the application's code opens: time limits always, and who it is told."""

# The kind of database behind a driver's connection, by a part of the name of the driver's class or SQLAlchemy's.
KINDS = (('psycopg', 'postgresql'), ('asyncpg', 'postgresql'), ('pg8000', 'postgresql'), ('sqlite', 'sqlite'),
         ('mysql', 'mysql'), ('maria', 'mysql'))

# As PGOPTIONS does, which asyncpg, poolers and a URL with `options` pass over. A start-up option that differs is the
# application's own. The values are whole numbers of milliseconds.
SET_LIMITS = """
    SELECT CASE WHEN source = 'client' AND setting <> ours THEN setting ELSE set_config(name, ours, %(local)s) END
    FROM pg_catalog.pg_settings
    JOIN (VALUES ('lock_timeout', '%(lock)d'), ('statement_timeout', '%(statement)d')) AS wanted (named, ours)
      ON name = named"""

READ_LIMITS = "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ('lock_timeout', 'statement_timeout')"

BACKEND = """
    SELECT pid, to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid()"""


def kind_of(driver):
    for one in type(driver).__mro__:
        name = ('%s.%s' % (one.__module__, one.__name__)).lower()
        for part, kind in KINDS:
            if part in name:
                return kind
    return None


def driver_of(connection):
    """The driver's connection behind one of SQLAlchemy's, which has it bare while it learns about the database."""
    pooled = connection.connection
    return getattr(pooled, 'dbapi_connection', None) or getattr(pooled, 'connection', None) or pooled


def commits_each(driver):
    """Whether every statement is a transaction of its own (AUTOCOMMIT)."""
    return bool(getattr(driver, 'autocommit', False))


def is_idle(driver):
    """Whether no transaction is open; None where the driver does not say."""
    for one in (driver, getattr(driver, '_connection', None)):
        if hasattr(one, 'is_in_transaction'):
            return not one.is_in_transaction()
        if hasattr(getattr(one, 'info', None), 'transaction_status'):
            return int(one.info.transaction_status) == 0
    return None


def ask(driver, sql):
    """The rows of a statement of ours."""
    cursor = driver.cursor()
    try:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description is not None else []
    finally:
        cursor.close()


def settle(driver):
    """Ends the transaction that a statement of ours began, so that what it set for the session stays."""
    if not commits_each(driver):
        driver.commit()


def is_pooled(driver):
    """Whether a pooler such as pgbouncer is between. What is set for a session there would stay for its other clients."""
    inner = getattr(driver, '_connection', None) or driver
    if hasattr(inner, 'get_server_pid'):
        named = inner.get_server_pid()
    else:
        named = getattr(getattr(inner, 'info', None), 'backend_pid', None)
    return named is not None and named != ask(driver, 'SELECT pg_backend_pid()')[0][0]


class Connections:
    """Sets the environment's time limits (in milliseconds) on each connection to Postgres, and tells its backend.

    `opened`: called with the driver's connection and whether a pooler is between; then for each transaction. `backend`: called with the backend's pid
    and start, once for each.
    """

    def __init__(self, limits, backend=None, opened=None):
        self.limits, self.backend, self.opened = limits, backend, opened
        self.pooled, self.told = set(), set()

    def listen(self):
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        event.listen(Engine, 'connect', lambda driver, record: self.connected(driver))
        event.listen(Engine, 'begin', lambda connection: self.began(driver_of(connection)))

    def connected(self, driver):
        if kind_of(driver) != 'postgresql':
            if self.opened is not None:
                self.opened(driver, False)
            return
        pooled = is_pooled(driver)
        self.pooled.discard(id(driver))
        if pooled:
            self.pooled.add(id(driver))
        else:
            self.set_limits(driver, 'false')
            self.tell_backend(driver)
        if self.opened is not None:
            self.opened(driver, pooled)
        settle(driver)

    def began(self, driver):
        # A pooler gives each transaction a session, which others use before and after.
        if id(driver) in self.pooled and not commits_each(driver):
            if self.opened is not None:
                self.opened(driver, True)
            self.set_limits(driver, 'true')
            self.tell_backend(driver)

    def is_pooled(self, driver):
        return id(driver) in self.pooled

    def set_limits(self, driver, local):
        ask(driver, SET_LIMITS % dict(self.limits, local=local))

    def tell_backend(self, driver):
        if self.backend is None:
            return
        for pid, started in ask(driver, BACKEND):
            if (pid, started) not in self.told:
                self.told.add((pid, started))
                self.backend(pid, started)

    def limits_hold(self, driver):
        """Whether a statement on this connection waits for at most our limits, after all that env.py has done to it."""
        now = dict((row[0], int(row[1])) for row in ask(driver, READ_LIMITS))
        wanted = {'lock_timeout': self.limits['lock'], 'statement_timeout': self.limits['statement']}
        return all(ours == 0 or 0 < now.get(name, 0) <= ours for name, ours in wanted.items())
