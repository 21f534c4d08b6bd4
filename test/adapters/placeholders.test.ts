import { expect, it } from 'vitest'
import { readDatabaseUrl } from '../../src/adapters/alembic/database-url.ts'
import { placeholdersOf } from '../../src/adapters/alembic/placeholders.ts'

const WORD = String.raw`placeholder-\d{4}`
const of = (name: string, value: string) => placeholdersOf({ [name]: value }).variables[name] ?? ''

it.each([
  [
    'DATABASE_URL',
    'postgresql+psycopg2://app:p%40ss@db.internal:5432/shop?sslmode=require&application_name=shop',
    `postgresql\\+psycopg2://W:W@W\\.invalid:5432/W\\?sslmode=require&application_name=W`,
  ],
  ['DATABASE_URL', 'postgres://app@[::1]/shop', 'postgres://W@W\\.invalid/W'],
  ['DATABASE_URL', 'postgresql:///shop?host=/var/run/postgresql', 'postgresql:///W\\?host=W'],
  ['REDIS_URL', 'rediss://:secret@cache:6380/0', 'rediss://:W@W\\.invalid:6380/0'],
  ['HOOK', 'https://hooks.example.com/services/T0/B1/xyz', 'https://W\\.invalid/W/W/W/W'],
  ['POOL_SIZE', '5', '5'],
  ['RATE', '-0.5', '-0\\.5'],
  ['ACCOUNT', '123456789012', '111111111111'],
  ['PIN_KEY', '4711', '1111'],
  ['DEBUG', 'False', 'False'],
  ['STAGE', 'production', 'production'],
  ['EMPTY', '', ''],
  ['API_TOKEN', 'sk-live-1', 'W'],
  ['NAME', 'Our shop', 'W'],
  ['FROM', 'shop@example.com', 'W@mail\\.invalid'],
  ['HOSTS', 'a.internal,b.internal', 'W,W'],
  ['CERTIFICATE', '/etc/ssl/own.pem', '/W'],
  [
    'FEATURES',
    '{"a": [1, true, "b"], "key": 5, "at": "http://x/y"}',
    '\\{"a":\\[1,true,"W"\\],"key":1,"at":"http://W\\.invalid/W"\\}',
  ],
  ['PYTHONPATH', 'src', 'src'],
  ['FLASK_APP', 'shop.web', 'shop\\.web'],
])('%s=%s keeps its shape', (name, value, shape) => {
  expect(of(name, value)).toMatch(new RegExp(`^${shape.replaceAll('W', WORD)}$`))
})

it('has the real address for who asks with a placeholder, and no secret for people', () => {
  const url = 'postgresql://app:p%40ss@db.internal:5432/shop'
  const { variables, restore, shown } = placeholdersOf({ DATABASE_URL: url, READER_PASSWORD: "it's", ROLE: 'reader' })
  const address = readDatabaseUrl(variables.DATABASE_URL ?? '')
  if (address === undefined) throw new Error('the placeholder is no URL')
  const { user = '', password = '', host, name, port } = address
  expect([user, password, host, name].map(restore)).toEqual(['app', 'p@ss', 'db.internal', 'shop'])
  expect(port).toBe(5432)
  expect(shown(`GRANT x TO ${variables.ROLE} PASSWORD '${variables.READER_PASSWORD}'`)).toBe(
    "GRANT x TO reader PASSWORD '[secret]'",
  )
  expect(shown(variables.DATABASE_URL ?? '')).toBe('postgresql://app:[secret]@db.internal.invalid:5432/shop')
})

it('gives equal values placeholders of their own', () => {
  const { variables } = placeholdersOf({ A_KEY: 'same', B_KEY: 'same' })
  expect(variables.A_KEY).not.toBe(variables.B_KEY)
})
