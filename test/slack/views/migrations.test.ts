import { describe, expect, it } from 'vitest'
import type { PlannedMigration, SqlFinding } from '../../../src/release/planned-migration.ts'
import type { Isolation } from '../../../src/release/terms.ts'
import { detailsModal } from '../../../src/slack/views/details.ts'
import { orderBlocks } from '../../../src/slack/views/migrations.ts'
import { threadLine } from '../../../src/slack/views/thread.ts'
import { messageProblems, viewProblems } from '../../support/block-kit-limits.ts'
import { anEnvironment, aPlan, aRelease, SERVICES } from '../../support/builders.ts'
import { read } from './read.ts'

const DROP: SqlFinding = {
  risk: 'destroys',
  what: 'drops column documents.language',
  why: 'Its values are gone for good.',
  instead: 'Drop it in a later release.',
  breaksOldCode: true,
}
const ADD: SqlFinding = { risk: 'adds', what: 'adds column documents.lang', why: 'Only the catalog changes.' }

function aMigration(overrides: Partial<PlannedMigration> = {}): PlannedMigration {
  return {
    revision: 'b7d20c31aa04',
    message: 'drop language',
    file: 'migrations/versions/b7d20c31aa04_drop language.py',
    author: 'Priya',
    risk: 'destroys',
    findings: [DROP, ADD],
    sql: ['ALTER TABLE documents DROP COLUMN language;', 'ALTER TABLE documents ADD COLUMN lang text;'],
    ...overrides,
  }
}

const facts = { services: SERVICES, environment: anEnvironment(), owed: [], groupIds: {}, names: {} }
const thread = (migrations: readonly PlannedMigration[]) =>
  threadLine({ is: 'migrations' }, aRelease({ plan: aPlan({ migrations }) }), facts)

describe('M3: the Details', () => {
  const details = (isolation?: Isolation) =>
    JSON.stringify(
      detailsModal(aRelease({ plan: aPlan({ migrations: [aMigration()], ...(isolation && { isolation }) }) }), facts),
    )

  it('say how the app’s code was isolated while it was read, if it ran', () => {
    expect(details('none')).toContain(
      'Not isolated: planning ran the app’s migration code with the rights of the worker.',
    )
    expect(details('other user')).toContain('as another user of the worker’s host')
    expect(details('bubblewrap')).toContain('code isolated from the worker’s host')
    expect(details()).not.toContain('Planning ran')
    expect(details()).not.toContain('Not isolated')
  })
})

describe('the card, on code and schema', () => {
  const order = (overrides: Parameters<typeof aPlan>[0]) =>
    read({ text: '', blocks: orderBlocks(aPlan({ migrations: [aMigration()], ...overrides }), true) })

  it('says how long the old code kept running the last times', () => {
    expect(order({ lastPushesMs: [38_000, 41_000, 135_000] })).toMatch(
      /Old code will run on the new schema\* until the push ends \(38.s, 41.s and 2.min.15.s in the last 3 releases\)\. Affected:/,
    )
    expect(order({ lastPushesMs: [38_000] })).toMatch(/38.s in the last release/)
    expect(order({})).toContain('not measured yet')
  })

  it('names each destructive change with its revision, and how many more there are', () => {
    expect(order({})).toContain('drops column documents.language (b7d20c31)')
    const many = Array.from({ length: 9 }, () => aMigration())
    expect(order({ migrations: many })).toContain('and 5 more, under Details')
  })

  it('says so where nothing is pushed, and nothing where nothing is destroyed', () => {
    expect(order({ steps: ['migrate', 'confirm', 'report'] })).toContain('this release pushes nothing')
    expect(orderBlocks(aPlan({ migrations: [aMigration({ risk: 'adds', findings: [ADD] })] }), true)).toEqual([])
  })
})

describe('the thread, on migrations', () => {
  it('tells each with author, file, findings and the first lines of its SQL', () => {
    const words = read(thread([aMigration()]))
    expect(words).toMatchSnapshot()
    expect(words).not.toContain('adds column')
  })

  it('says of one that was not previewed why, without SQL', () => {
    const why: SqlFinding = { risk: 'unknown', what: 'could not be previewed', why: 'It reads the database.' }
    const { sql: _, ...rest } = aMigration({ risk: 'unknown', findings: [why] })
    expect(read(thread([rest]))).toContain('could not be previewed**, effect unknown: It reads the database.')
  })

  it('keeps Slack’s limits, and nothing of it is parsed, whatever people write', () => {
    const nasty = '<!channel> *bold* `code` ```fence``` :rocket: @here \u202e https://example.test '.repeat(80)
    const finding = { ...DROP, what: nasty, why: nasty, instead: nasty }
    const one = aMigration({
      message: nasty,
      file: nasty,
      author: nasty,
      findings: Array.from({ length: 30 }, () => finding),
      findingCount: 500,
      sql: Array.from({ length: 200 }, () => nasty),
      sqlLeftOut: 7,
    })
    const migrations = Array.from({ length: 70 }, (_, n) => ({ ...one, revision: `${n}`.padStart(12, 'a') }))
    const release = aRelease({ plan: aPlan({ migrations }) })
    const drawn = thread(migrations)
    expect(messageProblems(drawn)).toEqual([])
    expect(drawn.text).not.toMatch(/<!|```/)
    expect(viewProblems(detailsModal(release, facts))).toEqual([])
  })
})

it('Details has the SQL and the findings', () => {
  const view = detailsModal(aRelease({ plan: aPlan({ migrations: [aMigration()] }) }), facts)
  const words = JSON.stringify(view)
  expect(words).toContain('ALTER TABLE documents DROP COLUMN language;\\nALTER TABLE documents ADD COLUMN lang text;')
  expect(words).toContain('drops column documents.language')
  expect(words).toContain('/migrations/versions/b7d20c31aa04_drop%20language.py')
})
