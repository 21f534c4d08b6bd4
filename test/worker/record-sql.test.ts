import { describe, expect, it } from 'vitest'
import type { PlannedMigration, SqlFinding } from '../../src/release/planned-migration.ts'
import type { Release, SignOff } from '../../src/release/release.ts'
import { recordWithSql } from '../../src/worker/run/record-sql.ts'
import { recordMarker } from '../../src/worker/run/record-text.ts'
import { aPlan, aRelease, aSignOff, LIN, SIGNED } from '../support/builders.ts'

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

describe('W6: a record that no comment holds', () => {
  const finding = (n: number): SqlFinding => ({
    risk: 'destroys',
    what: `drops column documents.language_${n}`,
    why: 'The code that runs now may still read it, and what it holds is gone for good.',
  })
  const many = (count: number, findings: number) =>
    Array.from({ length: count }, (_, n) =>
      aMigration([`DROP TABLE a${n};`], {
        revision: `rev${n}`,
        message: `Migration *number* ${n} ${'of many '.repeat(20)}`,
        findings: Array.from({ length: findings }, (_unused, each) => finding(each)),
      }),
    )
  const signed = (migrations: readonly PlannedMigration[], signOffs: readonly SignOff[]) => {
    const release = aRelease({ plan: aPlan({ migrations }) })
    const { fingerprint = '' } = release
    return { ...release, signOffs: signOffs.map((one) => ({ ...one, fingerprint })) }
  }
  const recordOf = (release: Release) => {
    const { text, before } = recordWithSql(release, 32_768)
    const all = [...before.map((each) => each.text), text]
    expect(Math.max(...all.map(({ length }) => length))).toBeLessThanOrEqual(32_768)
    expect(all.filter((each) => each.includes(recordMarker(release)))).toEqual([text])
    for (const { marker } of before) expect(all.filter((each) => each.includes(marker))).toHaveLength(1)
    return { text, before, all }
  }

  it.each([
    ['100 migrations with a few findings', many(100, 3)],
    ['100 migrations with all findings that are kept', many(100, 30)],
    ['1,000 migrations', many(1_000, 2)],
  ])('is shortened, and goes on in comments before it: %s', (_what, migrations) => {
    const { text, all } = recordOf(signed(migrations, SIGNED))
    expect(text).toContain('QA passed by Lin')
    for (const { revision } of migrations) {
      expect(all.filter((each) => each.includes(`* migration ${revision} `))).toHaveLength(1)
    }
  })

  it('keeps what people said whole, however much it is', () => {
    const note = 'We talked about this for long. '.repeat(90)
    const signOffs = Array.from({ length: 30 }, () => aSignOff('talked over', LIN, { note }))
    const { all } = recordOf(signed(many(40, 9), signOffs))
    expect(all.join('\n').split('We talked about this for long.').length - 1).toBe(30 * 90)
  })

  it('cuts a single line that no comment holds into several', () => {
    const signOffs = [aSignOff('talked over', LIN, { note: 'x'.repeat(70_000) })]
    const { all } = recordOf(signed([], signOffs))
    expect(all.join('').replaceAll(/[^x]/g, '').length).toBeGreaterThanOrEqual(70_000)
  })

  it('is one comment as before where it fits', () => {
    const { before, text } = recordOf(signed(many(2, 2), SIGNED))
    expect(before).toEqual([])
    expect(text).toContain('(destroys): The code that runs now')
  })
})
