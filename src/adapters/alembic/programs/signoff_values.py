"""Values between Python and Postgres's SQL, as the database drivers translate them."""

import datetime
import decimal
import json
import re
import uuid


class NotPreviewed(Exception):
    """A preview can't continue; the text is the reason, which begins with "it"."""


class Unknown(int):
    """A value that only the real run will have, such as a new row's id. It may be passed around, but not looked at."""

    def __new__(cls, reason):
        return int.__new__(cls, 0)

    def __init__(self, reason):
        self.reason = reason

    def __hash__(self):
        return id(self)

    def __eq__(self, other):
        return self is other or self._seen()

    def __add__(self, other):
        return self

    __radd__ = __iadd__ = __add__

    def __gt__(self, other):
        # The ORM asks so whether the number of changed rows is known.
        return False if other == -1 else self._seen()

    def _seen(self, *unused, **unused_too):
        raise NotPreviewed(self.reason)

    __ne__ = __lt__ = __le__ = __ge__ = __bool__ = __int__ = __index__ = __float__ = _seen
    __str__ = __repr__ = __format__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __iter__ = _seen
    __len__ = __getitem__ = __contains__ = __call__ = __floordiv__ = __truediv__ = __neg__ = __reduce_ex__ = _seen


def quoted(text):
    if '\x00' in text:
        raise NotPreviewed('it writes a text with a zero byte')
    return "'%s'" % text.replace("'", "''")


def literal(value):
    """The value as SQL."""
    if isinstance(value, Unknown):
        value._seen()
    if value is None:
        return 'NULL'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, str):
        return quoted(str.__str__(value))
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value)) if value - value == 0 else "'%s'::float" % value
    if isinstance(value, decimal.Decimal):
        return str(value) if value.is_finite() else "'%s'::numeric" % value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "'\\x%s'::bytea" % bytes(value).hex()
    if isinstance(value, datetime.datetime):
        return "'%s'::%s" % (value.isoformat(), 'timestamptz' if value.tzinfo else 'timestamp')
    if isinstance(value, datetime.date):
        return "'%s'::date" % value.isoformat()
    if isinstance(value, datetime.time):
        return "'%s'::%s" % (value.isoformat(), 'timetz' if value.tzinfo else 'time')
    if isinstance(value, datetime.timedelta):
        return "'%d days %d.%06d seconds'::interval" % (value.days, value.seconds, value.microseconds)
    if isinstance(value, uuid.UUID):
        return "'%s'::uuid" % value
    if isinstance(value, list):
        return 'ARRAY[%s]' % ','.join(literal(one) for one in value) if value else "'{}'"
    if isinstance(value, tuple):
        return '(%s)' % ', '.join(literal(one) for one in value) if value else '(NULL)'
    return of_driver(value)


def of_driver(value):
    """A value in a type of the driver's own."""
    kind = type(value).__name__
    if kind in ('Json', 'Jsonb'):
        document = value.adapted if hasattr(value, 'adapted') else value.obj
        text = (getattr(value, 'dumps', None) or json.dumps)(document)
        text = text.decode() if isinstance(text, bytes) else text
        return quoted(text) + ('::jsonb' if kind == 'Jsonb' else '')
    if kind.endswith('Range') and hasattr(value, 'lower'):
        if getattr(value, 'isempty', getattr(value, 'is_empty', False)) is True:
            return "'empty'"
        bounds = getattr(value, '_bounds', None) or getattr(value, 'bounds', '[)')
        ends = ['' if end is None else end.isoformat() if hasattr(end, 'isoformat') else str(end)
                for end in (value.lower, value.upper)]
        return quoted('%s"%s"%s' % (bounds[0], '","'.join(ends), bounds[1]).replace('""', ''))
    if kind == 'AsIs':
        return str(value.adapted)
    if hasattr(value, 'adapted'):  # psycopg2's Binary and its like, which would need a connection to write themselves
        return literal(value.adapted)
    raise NotPreviewed('it writes a value of the type %s' % kind)


QUOTED = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|(?s:\$(?P<tag>[A-Za-z_]\w*|)\$.*?\$(?P=tag)\$)"""
PERCENT = re.compile(r'%(?:(%)|\((?P<name>[^)]+)\)s|(?P<next>s)|(?P<typed>[bt]))')
NUMBERED = re.compile(QUOTED + r'|\$(?P<number>\d+)')
QUESTION = re.compile(QUOTED + r'|(?P<next>\?)')
NAMED = re.compile(QUOTED + r'|(?<![:\w]):(?P<name>[A-Za-z_]\w*)')


def with_values(sql, parameters, style):
    """The statement with its parameters' values in it. `style`: the driver's paramstyle."""
    if parameters is None:
        return sql
    following = iter(()) if hasattr(parameters, 'keys') else iter(parameters)

    def value(match):
        groups = match.groupdict()
        if groups.get('name'):
            return literal(parameters[groups['name']])
        if groups.get('number'):
            return literal(parameters[int(groups['number']) - 1])
        if groups.get('next') or groups.get('typed'):
            return literal(next(following))
        return '%' if match.group(0) == '%%' else match.group(0)

    shape = {'pyformat': PERCENT, 'format': PERCENT, 'numeric_dollar': NUMBERED, 'qmark': QUESTION, 'named': NAMED}
    return shape.get(style, PERCENT).sub(value, sql)


def boolean(text):
    return text == 't'


def bytea(text):
    return bytes.fromhex(text[2:])


def zone(text):
    if not text:
        return None
    parts = [int(part) for part in text[1:].split(':')] + [0, 0]
    offset = datetime.timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2])
    return datetime.timezone(-offset if text[0] == '-' else offset)


CLOCK = r'(\d+):(\d+):(\d+)(?:\.(\d+))?([+-][\d:]+)?$'


def time(text):
    hours, minutes, seconds, fraction, offset = re.match(CLOCK, text).groups()
    return datetime.time(int(hours), int(minutes), int(seconds), int((fraction or '').ljust(6, '0')), zone(offset))


def date(text):
    return datetime.date(*[int(part) for part in text.split('-')])


def timestamp(text):
    day, clock = text.split(' ')
    return datetime.datetime.combine(date(day), time(clock))


def interval(text):
    days = sum(int(count) * {'y': 365, 'm': 30, 'd': 1}[unit] for count, unit in re.findall(r'([+-]?\d+) ([ymd])', text))
    seconds = datetime.timedelta()
    clock = re.search(r'([+-]?)(\d+):(\d+):(\d+)(?:\.(\d+))?$', text)
    if clock:
        hours, minutes, whole, fraction = clock.groups()[1:]
        seconds = datetime.timedelta(hours=int(hours), minutes=int(minutes), seconds=int(whole),
                                     microseconds=int((fraction or '').ljust(6, '0')))
    return datetime.timedelta(days=days) + (-seconds if clock and clock.group(1) == '-' else seconds)


# Postgres's type numbers (pg_type.dat).
READERS = {
    16: boolean, 17: bytea, 20: int, 21: int, 23: int, 26: int, 114: json.loads, 3802: json.loads, 700: float, 701: float,
    1082: date, 1083: time, 1266: time, 1114: timestamp, 1184: timestamp, 1186: interval, 1700: decimal.Decimal,
    2950: uuid.UUID,
}
# Text, and the catalog's own types.
TEXTS = {18, 19, 25, 705, 1042, 1043, 22, 24, 30, 194, 1033, 1034, 2205, 2206, 2278}
ARRAYS = {
    1000: 16, 1001: 17, 1002: 18, 1003: 19, 1005: 21, 1007: 23, 1009: 25, 1014: 1042, 1015: 1043, 1016: 20, 1021: 700,
    1022: 701, 1028: 26, 1115: 1114, 1182: 1082, 1183: 1083, 1185: 1184, 1187: 1186, 1231: 1700, 199: 114, 2951: 2950,
    3807: 3802,
}
FIRST_OF_AN_APPLICATION = 16384


def value_of(text, number, strict):
    """The value that a driver makes of a column's text. `strict`: the driver has types of its own for all of Postgres's."""
    if text is None:
        return None
    if number in READERS:
        try:
            return READERS[number](text)
        except (ValueError, AttributeError, TypeError):
            raise NotPreviewed('it reads a value that Python has no type for')
    if number in ARRAYS:
        return array_of(text, lambda part: value_of(part, ARRAYS[number], strict))
    if strict and number not in TEXTS and number < FIRST_OF_AN_APPLICATION:
        raise NotPreviewed('it reads a value of an unusual type')
    return text


def array_of(text, read):
    """A Postgres array's text as lists."""
    if not text.startswith('{'):
        raise NotPreviewed('it reads an array with bounds of its own')
    stack = [[]]
    for match in re.finditer(r'([{}])|"((?:[^"\\]|\\.)*)"|([^{},"]+)', text, re.S):
        brace, escaped, plain = match.groups()
        if brace == '{':
            stack.append([])
        elif brace == '}':
            stack[-2].append(stack.pop())
        elif escaped is not None:
            stack[-1].append(read(re.sub(r'\\(.)', r'\1', escaped, flags=re.S)))
        else:
            stack[-1].append(None if plain == 'NULL' else read(plain))
    return stack[0][0]
