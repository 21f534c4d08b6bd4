"""Connects every engine that SQLAlchemy makes to a stand-in for its database, whatever its driver, and nothing to a network."""

import importlib.util
import sys

from signoff_stand_in import Connection, pause
from signoff_values import NotPreviewed


class Stand:
    """What a dialect does by its driver, done by the stand-in."""

    recorder = None

    def create_connect_args(self, url):
        positional, named = super().create_connect_args(url)
        self.signoff_url, self.signoff_options = url, named
        return positional, named

    def connect(self, *unused, **named):
        pause(self)
        address = self.signoff_address(named or self.signoff_options)
        name = self.recorder.pipe.ask({'connect': address, 'dialect': self.name})['name']
        return Connection(self.recorder, self, name)

    def signoff_address(self, given):
        url = self.signoff_url
        # Arguments in Python replace those of the URL.
        settings = given.get('server_settings') or {}
        return {
            'host': text(given.get('host') or url.host),
            'port': text(given.get('port') or url.port),
            'database': text(given.get('dbname') or given.get('database') or url.database),
            'user': text(given.get('user') or url.username),
            'password': text(given.get('password') or url.password),
            'options': ' '.join(filter(None, [text(given.get('options'))] +
                                       ['-c %s=%s' % (name, str(value).replace(' ', '\\ ')) for name, value in settings.items()])),
            'sslmode': text(given.get('sslmode')),
        }

    @classmethod
    def engine_created(cls, engine):
        from sqlalchemy import event

        engine = getattr(engine, 'sync_engine', engine)
        # An application may have its own way to connect, such as with a token that it fetches.
        if getattr(engine.pool._creator, '__module__', None) in SQLALCHEMYS_OWN:
            event.listen(engine, 'do_connect', connect_first)
        else:
            engine.pool._creator = lambda *unused, **unused_too: engine.dialect.connect()

    def on_connect(self):
        level = getattr(self, 'isolation_level', None)
        return lambda connection: connection.set_isolation_level(level)

    def on_connect_url(self, url):
        return self.on_connect()

    def set_isolation_level(self, dbapi_connection, level):
        getattr(dbapi_connection, 'dbapi_connection', dbapi_connection).set_isolation_level(level)

    def get_isolation_level(self, dbapi_connection):
        connection = getattr(dbapi_connection, 'dbapi_connection', dbapi_connection)
        return 'AUTOCOMMIT' if connection.autocommit else 'READ COMMITTED'

    def get_default_isolation_level(self, dbapi_connection):
        return 'READ COMMITTED'

    def detect_autocommit_setting(self, dbapi_connection):
        return dbapi_connection.autocommit

    def do_ping(self, dbapi_connection):
        return True

    def do_close(self, dbapi_connection):
        dbapi_connection.close()

    do_terminate = do_close

    def do_set_input_sizes(self, *unused, **unused_too):
        pass

    def get_driver_connection(self, connection):
        return connection

    def is_disconnect(self, *unused, **unused_too):
        return False

    def _hstore_oids(self, *unused):
        return None

    def initialize(self, connection):
        # By the revision's own statements only: what a new row is called or how many a statement changed isn't known.
        self.supports_sane_rowcount = self.supports_sane_multi_rowcount = False
        self._has_native_hstore = False
        if self.name == 'postgresql':
            from sqlalchemy.dialects.postgresql.base import PGDialect

            try:
                PGDialect.initialize(self, connection)
                return
            except NotPreviewed:
                self.default_schema_name = 'public'
                self._backslash_escapes = False
        self.server_version_info = getattr(self, 'server_version_info', None) or (15, 0)
        self.default_isolation_level = 'READ COMMITTED'


# Where SQLAlchemy makes the connections of engines that were not given a `creator`.
SQLALCHEMYS_OWN = ('sqlalchemy.engine.create', 'sqlalchemy.engine.strategies')


def connect_first(dialect, record, positional, named):
    """Comes before the listeners that the application adds to its engine. `named` has `connect_args`."""
    return dialect.connect(**named)


def text(value):
    return None if value is None else str(value)


def install(recorder):
    """From here on each engine is connected to the stand-in."""
    from sqlalchemy.engine.url import URL

    stands = {}

    def standing(dialect):
        if dialect not in stands:
            kept = {'supports_statement_cache': True, 'recorder': recorder, '__module__': dialect.__module__}
            stands[dialect] = type(dialect.__name__, (Stand, dialect), kept)
        return stands[dialect]

    class Entrance:
        def __init__(self, entrypoint):
            self.entrypoint = entrypoint

        def get_dialect_cls(self, url):
            return standing(self.entrypoint.get_dialect_cls(url))

        def get_async_dialect_cls(self, url):
            return standing(self.entrypoint.get_async_dialect_cls(url))

        def engine_created(self, engine):
            if hasattr(self.entrypoint, 'engine_created'):
                self.entrypoint.engine_created(engine)

        def __getattr__(self, name):
            return getattr(self.entrypoint, name)

    real = URL._get_entrypoint
    URL._get_entrypoint = lambda url: Entrance(real(url))

    sys.meta_path.insert(0, OwnConnections(recorder))


class OwnConnections:
    """Ends, by an error, what opens a connection by a driver's own function, as the driver's module is loaded."""

    drivers = ('psycopg2', 'psycopg', 'asyncpg', 'pg8000', 'pymysql', 'MySQLdb')

    def __init__(self, recorder):
        self.recorder = recorder
        self.loaded = set()

    def find_spec(self, name, path=None, target=None):
        if name not in self.drivers or name in self.loaded:
            return None
        self.loaded.add(name)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            module.connect = self.refuse
            for kind in ('Connection', 'AsyncConnection'):
                if hasattr(getattr(module, kind, None), 'connect'):
                    getattr(module, kind).connect = self.refuse

        spec.loader.exec_module = exec_module
        return spec

    def refuse(self, *unused, **unused_too):
        raise self.recorder.refuse('it opens a connection of its own')


def no_network(recorder):
    """Ends, by an error, each attempt to reach the network. (A protection of its own is the isolation.)"""
    if not hasattr(sys, 'addaudithook'):
        return

    def hook(event, given):
        if event == 'socket.connect' and isinstance(given[1], tuple) or event == 'socket.getaddrinfo':
            recorder.refuse('it connects to another service')
            raise ConnectionRefusedError('a preview has no network')

    sys.addaudithook(hook)
