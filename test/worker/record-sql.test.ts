import { describe, expect, it } from 'vitest'
import type { PlannedMigration } from '../../src/release/plan.ts'
import { recordWithSql } from '../../src/worker/run/record-sql.ts'
import { recordMarker } from '../../src/worker/run/record-text.ts'
import { aPlan, aRelease } from '../support/builders.ts'

const aMigration = (sql: readonly string[], overrides: Partial<PlannedMigration> = {}): PlannedMigration => ({
  revision: 'b7d20c31aa04',
  message: 'drop *everything*',
  file: 'migrations/b7d20c31aa04.py',
  risk: 'destroys',
  sql,
  ...overrides,
})
const recorded = (...migrations: PlannedMigration[]) => {
  const release = aRelease({ plan: aPlan({ migrations }) })
  return { release, ...recordWithSql(release, 32_768) }
}

describe('the SQL in the record', () => {
  it('stands in the record itself where it fits', () => {
    const { release, text, before } = recorded(aMigration(['DROP TABLE a;', 'DROP TABLE b;']))
    expect(before).toEqual([])
    expect(text).toContain(recordMarker(release))
    expect(text).toContain('```sql\nDROP TABLE a;\nDROP TABLE b;\n```')
    expect(text).toContain('drop \\*everything\\*')
  })

  it('is nothing where nothing could be previewed', () => {
    const { sql: _, ...rest } = aMigration([])
    expect(recorded(rest).text).not.toContain('sql')
  })

  it('goes whole, in order, into comments before it where it is long; each is found by a mark of its own', () => {
    const statements = Array.from({ length: 3_000 }, (_, n) => `INSERT INTO a VALUES (${n}, 'some words');`)
    const { release, text, before } = recorded(aMigration(statements), aMigration(['DROP TABLE last;']))
    expect(before.length).toBeGreaterThan(3)
    expect(text).toContain(`${before.length} comments before this one`)
    const all = [text, ...before.map((each) => each.text)]
    expect(Math.max(...all.map(({ length }) => length))).toBeLessThan(32_768)
    for (const { marker } of before) expect(all.filter((each) => each.includes(marker))).toHaveLength(1)
    expect(all.filter((each) => each.includes(recordMarker(release)))).toHaveLength(1)
    const lines = before.flatMap((each) => each.text.split('\n')).filter((line) => /^(INSERT|DROP)/.test(line))
    expect(lines).toEqual([...statements, 'DROP TABLE last;'])
  })

  it('cannot end its own fence, and cuts a line that no comment holds', () => {
    const { text } = recorded(aMigration(["SELECT '```';"]))
    expect(text).toContain("````sql\nSELECT '```';\n````")
    const { before } = recorded(aMigration(['x'.repeat(60_000)]))
    expect(Math.max(...before.map((each) => each.text.length))).toBeLessThan(32_768)
    expect(before.map((each) => each.text.match(/x{100,}/)?.[0]?.length ?? 0).reduce((a, b) => a + b, 0)).toBe(60_000)
  })

  it('says how many statements are not kept', () => {
    expect(recorded(aMigration(['DROP TABLE a;'], { sqlLeftOut: 4 })).text).toContain('4 more statements')
  })
})
