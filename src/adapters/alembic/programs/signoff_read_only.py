"""Keeps a look from changing a database: each connection is read-only, and what env.py would write is skipped and told."""

import functools
import importlib.util
import os
import re
import sys

from signoff_application import sqlstate_of
from signoff_connections import ask, commits_each, driver_of, is_idle, kind_of, settle

READ_ONLY = {
    'postgresql': 'SET default_transaction_read_only = on',
    'sqlite': 'PRAGMA query_only = ON',
    'mysql': 'SET SESSION TRANSACTION READ ONLY',
}

IS_READ_ONLY = {
    'postgresql': ("SELECT current_setting('transaction_read_only')",),
    'sqlite': ('PRAGMA query_only',),
    # The second name is MariaDB's.
    'mysql': ('SELECT @@session.transaction_read_only', 'SELECT @@session.tx_read_only'),
}

# Statements of which a look may need the rows. One that locks or counts is not only a read.
READS = re.compile(r'\s*(select|show|values|table|explain|with)\b', re.I)
NOT_ONLY = re.compile(r'\bfor\s+(no\s+key\s+update|update|key\s+share|share)\b|\b(nextval|setval|set_config|into)\b', re.I)
GIVES_ROWS = re.compile(r'\s*(select|with)\b|\breturning\b', re.I)

# What would make a transaction, or those after it, one that may write.
UNDOES = re.compile(r'\bset(_config)?\b[^;]*transaction_read_only|\bread\s+write\b|\b(discard|reset)\s+all\b', re.I)

NOTHING = 'SELECT 1 WHERE false'
SAVEPOINT = 'signoff_look'


class ReadOnly:
    """`guard` once, `make` for each connection that opens.

    What env.py wants to write is left out; `skipped` has the beginnings of it.
    """

    def __init__(self, connections):
        self.connections = connections
        self.skipped = []

    def guard(self):
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        # For what libpq opens past SQLAlchemy. Not in os.environ, which env.py may read: libpq reads the process's own.
        os.putenv('PGOPTIONS', (os.environ.get('PGOPTIONS', '') + ' -c default_transaction_read_only=on').strip())
        sys.meta_path.insert(0, RawConnections())
        event.listen(Engine, 'do_execute', self.execute)
        event.listen(Engine, 'do_executemany', self.execute_many)
        event.listen(Engine, 'do_execute_no_params', self.execute_plain)

    def make(self, driver, pooled):
        # A pooler would keep it for other clients; there each transaction is made read-only as it begins.
        statement = 'SET TRANSACTION READ ONLY' if pooled else READ_ONLY.get(kind_of(driver))
        if statement is not None:
            ask(driver, statement)

    def missing(self, driver):
        """Why this connection may write all the same; None if it can't."""
        for question in IS_READ_ONLY.get(kind_of(driver), ()):
            try:
                answer = str(ask(driver, question)[0][0]).lower()
            except Exception:
                continue
            return None if answer in ('on', '1') else 'the connection of env.py stays one that may write'
        return 'this kind of database has no way that is known'

    def execute(self, cursor, statement, parameters, context):
        self.run(cursor, statement, context, lambda: context.dialect.do_execute(cursor, statement, parameters, context))
        return True

    def execute_many(self, cursor, statement, parameters, context):
        self.run(cursor, statement, context, lambda: context.dialect.do_executemany(cursor, statement, parameters, context))
        return True

    def execute_plain(self, cursor, statement, context):
        self.run(cursor, statement, context, lambda: context.dialect.do_execute_no_params(cursor, statement, context))
        return True

    def run(self, cursor, statement, context, execute):
        driver = driver_of(context.root_connection)
        postgres = kind_of(driver) == 'postgresql'
        reads = READS.match(statement) is not None and NOT_ONLY.search(statement) is None
        saved = False
        if postgres:
            if UNDOES.search(statement):
                return self.skip(cursor, statement)
            if commits_each(driver):
                if not reads and self.connections.is_pooled(driver):
                    return self.skip(cursor, statement)
            else:
                if is_idle(driver) is not False or not reads:
                    attempt(driver, 'SET TRANSACTION READ ONLY')
                saved = not reads and attempt(driver, 'SAVEPOINT ' + SAVEPOINT)
        try:
            execute()
        except Exception as error:
            # Without a savepoint the transaction has failed with the statement; there may be none, as after a COMMIT in SQL.
            goes_on = saved or not postgres or commits_each(driver) or is_idle(driver)
            if reads or not is_refused(error) or not goes_on:
                raise
            if saved:
                ask(driver, 'ROLLBACK TO SAVEPOINT ' + SAVEPOINT)
            self.skip(cursor, statement)

    def skip(self, cursor, statement):
        if len(self.skipped) < 20:
            self.skipped.append(' '.join(statement.split())[:200])
        if GIVES_ROWS.search(statement):
            cursor.execute(NOTHING)


def attempt(driver, sql):
    try:
        ask(driver, sql)
    except Exception:
        # The transaction has failed before; the statement that comes now says so.
        return False
    return True


def is_refused(error):
    """Whether the database refused a statement for the connection's being read-only."""
    return sqlstate_of(error) == '25006' or bool(
        re.search(r'attempt to write a readonly database|READ ONLY transaction', str(error), re.I))


class RawConnections:
    """Makes what env.py opens by a driver of its own read-only too, as the driver's module is loaded."""

    def __init__(self):
        self.wrap = {'psycopg2': wrap_connect, 'psycopg': wrap_connect, 'asyncpg': wrap_asyncpg}

    def find_spec(self, name, path=None, target=None):
        wrap = self.wrap.pop(name, None)
        spec = importlib.util.find_spec(name) if wrap is not None else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            wrap(module)

        spec.loader.exec_module = exec_module
        return spec


def wrap_connect(module):
    connect = module.connect

    @functools.wraps(connect)
    def connect_to_read(*args, **kwargs):
        connection = connect(*args, **kwargs)
        try:
            if connection.info.backend_pid == ask(connection, 'SELECT pg_backend_pid()')[0][0]:
                ask(connection, READ_ONLY['postgresql'])
            settle(connection)
        except Exception:
            # An asynchronous connection, or one that is not open: PGOPTIONS made it read-only.
            pass
        return connection

    module.connect = connect_to_read


def wrap_asyncpg(module):
    connect = module.connect

    @functools.wraps(connect)
    async def connect_to_read(*args, **kwargs):
        connection = await connect(*args, **kwargs)
        if connection.get_server_pid() == await connection.fetchval('SELECT pg_backend_pid()'):
            await connection.execute(READ_ONLY['postgresql'])
        return connection

    module.connect = module.connection.connect = connect_to_read
