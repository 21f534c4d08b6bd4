/** The results as people read them: a table on the terminal, one in a Markdown file, and JSON. Pure but for `machine`. */
import { execFile } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { padded, tableInMarkdown } from '../support/table.ts'
import type { Line, Size } from './case.ts'
import type { Round, Spread, Summary } from './statistics.ts'

export interface Result {
  readonly line: Line
  readonly rounds: readonly Round[]
  readonly notes: readonly string[]
  readonly summary: Summary
}

export interface Run {
  readonly at: string
  readonly commit: string
  readonly node: string
  readonly machine: string
  readonly size: Size
  /** Seconds. */
  readonly took: number
}

/** Whether `--only` names this line: by its whole id, or by what it begins with, such as `T1` or `growth`. */
export function isAsked(id: string, only: readonly string[] | undefined): boolean {
  return only === undefined || only.some((asked) => id === asked || id.startsWith(`${asked} `))
}

export async function machine(): Promise<Omit<Run, 'size' | 'took'>> {
  const git = promisify(execFile)('git', ['describe', '--always', '--dirty'])
  const commit = await git.then(
    ({ stdout }) => stdout.trim(),
    () => 'unknown',
  )
  const [cpu] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return {
    at: new Date().toISOString(),
    commit,
    node: process.version,
    machine: `${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), ${memory} GiB, ${process.platform}`,
  }
}

const HEADINGS = ['line', 'what', 'measured', 'yardstick', 'ratio', 'min–max', 'goal', 'result'] as const

function cellsOf({ line, summary }: Result): readonly string[] {
  const { ours, yardstick, ratio, verdict } = summary
  if (summary.rounds === 0) {
    return [line.id, line.what, '–', line.yardstick ?? '–', '–', '–', goalOf(line), verdict]
  }
  return [
    line.id,
    line.what,
    `${number(ours.median)}${unitOf(line)}`,
    line.yardstick === undefined
      ? '–'
      : `${line.yardstick}${yardstick ? `: ${number(yardstick.median)}${unitOf(line)}` : ''}`,
    ratio === undefined ? '–' : `${number(ratio.median)} ×`,
    range(line.goal.of === 'ratio' ? ratio : ours),
    goalOf(line),
    verdict,
  ]
}

const unitOf = ({ unit }: Line) => (unit === '/s' ? '/s' : ` ${unit}`)

function goalOf({ goal, ...line }: Line): string {
  const unit = goal.of === 'ratio' ? ' ×' : unitOf({ goal, ...line })
  return 'atMost' in goal ? `≤ ${number(goal.atMost)}${unit}` : `≥ ${number(goal.atLeast)}${unit}`
}

function range(of: Spread | undefined): string {
  return of === undefined ? '–' : `${number(of.min)}–${number(of.max)}`
}

/** Three digits that count. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

export function tableOf(results: readonly Result[]): string {
  const rows = padded([HEADINGS, ...results.map(cellsOf)])
  return [...rows.map((row) => row.join('  ').trimEnd()), '', ...notesOf(results)].join('\n')
}

/** How lines were measured, and what belongs to them. */
function notesOf(results: readonly Result[]): readonly string[] {
  return results.filter(({ notes }) => notes.length > 0).map(({ line, notes }) => `- ${line.id}: ${notes.join('; ')}`)
}

export function jsonOf(run: Run, results: readonly Result[]): object {
  return {
    run,
    lines: results.map(({ line, rounds, notes, summary }) => ({ ...line, ...summary, each: rounds, notes })),
  }
}

const BEGIN = '<!-- bench: begin -->'
const END = '<!-- bench: end -->'

/** The text with the table between its two markers. Throws where they are not. */
export function inMarkdown(text: string, run: Run, results: readonly Result[]): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`The file has no ${BEGIN} and ${END}.`)
  return `${text.slice(0, begin + BEGIN.length)}\n\n${markdownOf(run, results)}\n\n${text.slice(end)}`
}

function markdownOf(run: Run, results: readonly Result[]): string {
  const count = (verdict: string) => results.filter(({ summary }) => summary.verdict === verdict).length
  const size = run.size === 'usual' ? '' : `Size: ${run.size}. `
  return [
    `${run.at.slice(0, 10)}, commit ${run.commit}, Node ${run.node}; ${run.machine}. ${size}${Math.round(run.took / 60)} minutes.`,
    `${count('met')} goals met, ${count('missed')} missed.`,
    '',
    tableInMarkdown(HEADINGS, results.map(cellsOf)),
    '',
    ...notesOf(results),
  ].join('\n')
}
