import { describe, expect, it } from 'vitest'
import type { Line } from './case.ts'
import { inMarkdown, isAsked, number, type Result, type Run, tableOf } from './report.ts'
import { summarize } from './statistics.ts'

const TOLD: Line = {
  id: 'T1 told',
  what: 'Until it is told',
  yardstick: 'a script',
  unit: 's',
  goal: { of: 'ratio', atMost: 1.5 },
}
const CALLS: Line = { id: 'T6', what: 'Calls', unit: 'calls', goal: { of: 'value', atMost: 9 } }
const RUN: Run = {
  at: '2026-11-30T10:00:00.000Z',
  commit: 'abc1234',
  node: 'v24.21.0',
  machine: '2 cores (a processor), 8 GiB, linux',
  size: 'usual',
  took: 660,
}

function result(line: Line, rounds: Result['rounds'], notes: readonly string[] = []): Result {
  return { line, rounds, notes, summary: summarize(rounds, line.goal) }
}

describe('isAsked', () => {
  it.each([
    ['T1 told', undefined, true],
    ['T1 told', ['T1'], true],
    ['T1 told', ['T1 told'], true],
    ['T1 told', ['T1 proven'], false],
    ['T10 memory', ['T1'], false],
    ['growth history look', ['growth history'], true],
    ['T6', ['T5', 'T6'], true],
    ['T6', [], false],
  ] as const)('%s of %j: %s', (id, only, expected) => expect(isAsked(id, only)).toBe(expected))
})

it.each([
  [0, '0'],
  [0.012345, '0.0123'],
  [1.5, '1.5'],
  [12.345, '12.3'],
  [123.6, '124'],
  [1_234_567, '1,234,567'],
  [Number.NaN, '–'],
])('number(%d) is %s', (value, expected) => expect(number(value)).toBe(expected))

it('the table has a line each, and the notes below', () => {
  const rounds = [
    { ours: 6, yardstick: 1.5 },
    { ours: 3, yardstick: 1 },
  ]
  const rows = tableOf([result(TOLD, rounds, ['20,000 files']), result(CALLS, [{ ours: 9 }])]).split('\n')
  expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
    ['line', 'what', 'measured', 'yardstick', 'ratio', 'min–max', 'goal', 'result'],
    ['T1 told', 'Until it is told', '4.5 s', 'a script: 1.25 s', '3.5 ×', '3–4', '≤ 1.5 ×', 'missed'],
    ['T6', 'Calls', '9 calls', '–', '–', '9–9', '≤ 9 calls', 'met'],
    [''],
    ['- T1 told: 20,000 files'],
  ])
})

it('a line without a round is not measured, and says so', () => {
  expect(tableOf([result(TOLD, [])])).toMatch(/ – +a script +– +– +≤ 1\.5 × +not measured\n/)
})

describe('inMarkdown', () => {
  const text = 'Before.\n\n<!-- bench: begin -->\n\nold | table\n\n<!-- bench: end -->\n\nAfter.\n'

  it('puts the table between its markers, and nothing else is changed', () => {
    const made = inMarkdown(text, RUN, [result(CALLS, [{ ours: 14 }])])
    expect(made).toMatch(/^Before\.\n\n<!-- bench: begin -->\n\n2026-11-30, commit abc1234/)
    expect(made).toContain('| T6   | Calls | 14 calls | –         | –     | 14–14   | ≤ 9 calls | missed |')
    expect(made).toContain('11 minutes.\n0 goals met, 1 missed.')
    expect(made).toMatch(/\n\n<!-- bench: end -->\n\nAfter\.\n$/)
    expect(made).not.toContain('old')
  })

  it('is safe to repeat', () => {
    const once = inMarkdown(text, RUN, [result(CALLS, [{ ours: 14 }])])
    expect(inMarkdown(once, RUN, [result(CALLS, [{ ours: 14 }])])).toBe(once)
  })

  it.each([['no markers'], ['<!-- bench: end --><!-- bench: begin -->']])('refuses %s', (wrong) =>
    expect(() => inMarkdown(wrong, RUN, [])).toThrow('<!-- bench: begin -->'),
  )
})
