/** What a plan does with the risks of its pending revisions: what it asks, what it refuses, and where it points to. */
import { describe, expect, it } from 'vitest'
import type { MigrationStatus, PendingRevision } from '../../src/release/ports/migrator.ts'
import type { Catalog, Circumstances, RevisionRisks } from '../../src/release/ports/sql-risks.ts'
import { classifyPending, expectedFailure, lineOf } from '../../src/worker/plan/pending-sql.ts'
import type { WorkerPorts } from '../../src/worker/ports.ts'
import { aMigration, anApp } from '../support/builders.ts'

const CATALOG: Catalog = { version: 18, tables: [], types: [] }
const SOURCE = `"""index titles"""
revision = 'a1'

def upgrade():
    op.create_index(
        'ix_titles',
        'documents', ['title'], postgresql_concurrently=True)

def downgrade():
    op.drop_index('ix_titles')
`

function setUp({
  risks = [],
  catalog = CATALOG,
}: {
  risks?: readonly RevisionRisks[]
  catalog?: Catalog | undefined
} = {}) {
  const asked: { revisions: readonly (readonly string[])[]; about: Circumstances | undefined }[] = []
  const looked: (readonly string[])[] = []
  const ports = {
    git: { fileAt: async (_app: unknown, _tree: string, path: string) => (path === 'gone.py' ? undefined : SOURCE) },
    migrator: {
      catalog: async (_migration: unknown, statements: readonly string[]) => {
        looked.push(statements)
        return catalog
      },
    },
    sqlRisks: {
      classify: async (revisions: readonly (readonly string[])[], about?: Circumstances) => {
        asked.push({ revisions, about })
        return risks
      },
    },
  } as unknown as WorkerPorts
  return { ports, asked, looked }
}

const pending = (revision: string, preview: PendingRevision['preview'], file = `${revision}.py`): PendingRevision => ({
  revision,
  message: '',
  file,
  ...(preview && { preview }),
})
const status = (revisions: readonly PendingRevision[], more: Partial<MigrationStatus> = {}): MigrationStatus => ({
  identity: 'db:5432/users',
  heads: [],
  current: [],
  unknown: [],
  dialect: 'postgresql',
  pending: revisions,
  ...more,
})

describe('what is asked of the SQL of pending revisions', () => {
  const [one, two] = [
    pending('a1', { statements: ['A'], commits: false }),
    pending('b2', { statements: ['B', 'C'], commits: true }),
  ]

  it('is asked with the catalog of the tables that it names', async () => {
    const { ports, asked, looked } = setUp()
    await classifyPending(
      ports,
      aMigration(),
      status([one, two, pending('c3', { notPreviewed: 'no', commits: false })]),
    )
    expect(looked).toEqual([['A', 'B', 'C']])
    expect(asked).toEqual([{ revisions: [['A'], ['B', 'C'], []], about: { catalog: CATALOG, maybeOutside: [1] } }])
  })

  it('M16: is asked with a transaction for each revision, where the app has it so', async () => {
    const { ports, asked } = setUp({ catalog: undefined })
    await classifyPending(ports, aMigration(), status([one], { transactionPerMigration: true }))
    expect(asked[0]?.about).toMatchObject({ transactionPerMigration: true, maybeOutside: [] })
  })

  it('is nothing where no revision shows SQL, or the database is another', async () => {
    const { ports, asked, looked } = setUp()
    await classifyPending(ports, aMigration(), status([pending('c3', { notPreviewed: 'no', commits: false })]))
    expect(await classifyPending(ports, aMigration(), status([one], { dialect: 'sqlite' }))).toEqual([])
    expect(looked).toEqual([])
    expect(asked).toHaveLength(1)
  })
})

describe('M10: what Postgres is certain to refuse', () => {
  const fails = {
    why: 'in a transaction',
    what: 'CREATE INDEX CONCURRENTLY',
    statement: 'CREATE …',
    names: ['ix_titles'],
  } as const
  const risks = [
    { findings: [], commits: false },
    { findings: [], commits: true, fails },
  ]
  const refusal = (file?: string) => {
    const { ports } = setUp()
    return expectedFailure(
      ports,
      anApp(),
      'tree',
      status([pending('a1', undefined), pending('b2', undefined, file)]),
      risks,
    )
  }

  it('is refused with its revision, file, line and statement', async () => {
    const { names: _, ...facts } = fails
    expect(await refusal()).toEqual({
      refused: { gate: 'migration_will_fail', revision: 'b2', file: 'b2.py', line: 6, ...facts },
    })
  })

  it('is refused without a line where the file is not in the commit', async () => {
    expect(await refusal('gone.py')).not.toHaveProperty('refused.line')
  })

  it.each<[string, readonly string[], string, number | undefined]>([
    ['by its name', ['ix_titles', 'documents'], 'CREATE INDEX CONCURRENTLY', 6],
    ['by its table', ['ix', 'documents'], 'CREATE INDEX CONCURRENTLY', 7],
    ['by its command, in any letters', [], 'CREATE INDEX CONCURRENTLY', 7],
    ['not by a command that it does not write', [], 'VACUUM', undefined],
    ['not by a part of a name', ['titl'], 'calm of type mood', undefined],
    ['above, where upgrade() has nothing of it', ['a1'], '', 2],
    ['in upgrade() first', ['index', 'ix_titles'], '', 6],
    ['not by what is no name', ['.*'], 'value of type mood', undefined],
  ])('is found %s', (_, names, what, line) => expect(lineOf(SOURCE, { names, what })).toBe(line))

  it('is found by its command where one line has it', () => {
    expect(lineOf("def upgrade():\n    op.execute('vacuum')\n", { names: [], what: 'VACUUM' })).toBe(2)
  })

  it('is not looked for in what takes the revision back', () => {
    expect(lineOf("def upgrade():\n    x('a')\n\ndef downgrade():\n    x('a')\n", { names: ['a'], what: '' })).toBe(2)
  })
})
