/** Which folder says that migrations are unchanged, and which environment a database belongs to, as tables. */
import { expect, it } from 'vitest'
import { placeOf } from '../../src/adapters/alembic/configuration.ts'
import { CLOCK } from '../../src/lib/clock.ts'
import type { MigrationStatus } from '../../src/release/ports/migrator.ts'
import { planMigrations } from '../../src/worker/plan/migrations.ts'
import { TIMES, type WorkerPorts } from '../../src/worker/ports.ts'
import { aMigration, anApp, anEnvironment, SERVICES, sha } from '../support/builders.ts'
import { namedCheckouts } from '../support/checkouts.ts'

const TREE = sha('77ee')
const migrations = [aMigration({ config: 'db/alembic_users.ini' })]
const environment = anEnvironment({ name: 'production', migrations })
const other = anEnvironment({ name: 'integration', migrations })
const app = anApp({ environments: [other, environment] })
const IDENTITY = 'db:5432/users'

function plan(world: {
  ini?: string
  folders?: Record<string, string>
  named?: Record<string, string>
  noted?: string
  status?: Partial<MigrationStatus>
}) {
  const {
    ini = '[alembic]\nscript_location = migrations\n',
    folders = {},
    named = {},
    noted = 'production',
    status,
  } = world
  const git = {
    fileAt: async () => ini,
    folderAt: async (_app: unknown, _tree: string, path: string) => folders[path],
    checkout: async () => ({ lfs: [], submodules: [] }),
  }
  const ports = {
    apps: [app],
    checkouts: namedCheckouts(git),
    clock: CLOCK,
    times: TIMES,
    git,
    store: { releases: async () => [], noteDatabase: async () => ({ app: app.name, environment: noted }) },
    migrator: {
      words: SERVICES.migrator,
      placeOf,
      status: async () => ({
        ok: true,
        value: {
          identity: IDENTITY,
          heads: [{ revision: 'a', file: '' }],
          current: ['a'],
          unknown: [],
          pending: [],
          isolation: 'other user',
          ...status,
        },
      }),
      databasesNamed: async () => named,
    },
    sqlRisks: { classify: async () => [] },
  }
  const request = { app, environment, signal: new AbortController().signal }
  return planMigrations(ports as unknown as WorkerPorts, request, { how: 'commit', commit: sha('c0'), tree: TREE })
}

const OTHERS = '[users]\nscript_location = elsewhere\n'
it.each([
  ["relative to the repository's root", '[alembic]\nscript_location = migrations\n', 'migrations'],
  ['beside the configuration', '[alembic]\nScript_Location: %(here)s/users\n', 'db/users'],
  ["in alembic's own section, not another", `${OTHERS}[alembic]\nscript_location = users/\n${OTHERS}`, 'users'],
  ['which leads elsewhere', '[alembic]\nscript_location = linked\n', undefined],
  ['in a Python package', '[alembic]\nscript_location = api.db:migrations\n', undefined],
  ['above the repository', '[alembic]\nscript_location = %(here)s/../../x\n', undefined],
  ['which is not said', OTHERS, undefined],
])('binds the folder of the migrations %s, or else the whole tree', async (_where, ini, folder) => {
  const folders = { migrations: sha('f1'), 'db/users': sha('f2'), users: sha('f3'), elsewhere: sha('f4') }
  const expected = folder === undefined ? TREE : folders[folder as keyof typeof folders]
  expect(await plan({ ini, folders })).toMatchObject({ database: { migrationsTree: expected } })
})

it.each<[string, Record<string, string>, string, boolean]>([
  ['by its DATABASE_URL', { DATABASE_URL: IDENTITY }, 'production', true],
  ['by another variable, as it was noted', { DATABASE_URL: 'db:5432/main', USERS_URL: IDENTITY }, 'integration', true],
  ['as it was noted, where no variable tells', {}, 'integration', true],
  ['no longer, since its env file was corrected', { DATABASE_URL: 'db:5432/main' }, 'integration', false],
  ['not, though a variable names it for something else', { REPORTS_URL: IDENTITY }, 'production', false],
])('tells a database that another environment reaches %s', async (_how, named, noted, isReached) => {
  expect(await plan({ named, noted })).toMatchObject(
    isReached ? { refused: { gate: 'same_database' } } : { database: { identity: IDENTITY } },
  )
})

it('M3: keeps how the code was isolated that told it', async () => {
  expect(await plan({})).toMatchObject({ isolation: 'other user' })
})

it('is refused where the app would commit none of its migrations', async () => {
  const pending = [{ revision: 'b', message: '', file: 'migrations/versions/b.py' }]
  expect(await plan({ status: { pending, neverCommits: true } })).toEqual({
    refused: { gate: 'migrations_not_committed' },
  })
})
