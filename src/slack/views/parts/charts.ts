/** Slack's tables and charts within their limits. A message with them has the same in words for workspaces without them. */
import type { DataTableBlock, KnownBlock } from '@slack/types'
import type { Drawn } from './blocks.ts'
import { cut, oneLine } from './text.ts'

/** Block Kit's `data_visualization`, which the types don't have yet (docs.slack.dev/reference/block-kit/blocks). */
export interface ChartBlock {
  readonly type: 'data_visualization'
  readonly title: string
  readonly chart: {
    readonly type: 'bar' | 'line'
    readonly series: readonly Series[]
    readonly axis_config: {
      readonly categories: readonly string[]
      readonly x_label: string
      readonly y_label: string
    }
  }
}

interface Series {
  readonly name: string
  readonly data: readonly { readonly label: string; readonly value: number }[]
}

const MOST = { series: 6, categories: 20, charts: 2, title: 50, label: 20, rows: 101 } as const

/** A bar or line for each series with a value for each category; the last categories and the first series that fit. */
export function chart(facts: {
  readonly type: 'bar' | 'line'
  readonly title: string
  readonly categories: readonly string[]
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[]
  readonly x: string
  readonly y: string
}): ChartBlock {
  const left = Math.max(0, facts.categories.length - MOST.categories)
  const categories = distinct(facts.categories.slice(left))
  const names = distinct(facts.series.slice(0, MOST.series).map(({ name }) => name))
  return {
    type: 'data_visualization',
    title: cut(facts.title, MOST.title),
    chart: {
      type: facts.type,
      series: names.map((name, index) => ({
        name,
        data: categories.map((label, at) => ({ label, value: facts.series[index]?.values[left + at] ?? 0 })),
      })),
      axis_config: { categories, x_label: cut(facts.x, MOST.title), y_label: cut(facts.y, MOST.title) },
    },
  }
}

/** Names as labels: each of at most 20 characters, and no two the same. */
function distinct(names: readonly string[]): readonly string[] {
  const seen = new Set<string>()
  return names.map((name) => {
    const base = oneLine(name) || '–'
    let label = cut(base, MOST.label)
    for (let count = 2; seen.has(label); count += 1) label = `${cut(base, MOST.label - 3)} ${count}`
    seen.add(label)
    return label
  })
}

export type Cell = string | number

/** A table with plain header cells, and its first column as what each row is about. Undefined without rows. */
export function dataTable(
  caption: string,
  header: readonly string[],
  rows: readonly (readonly Cell[])[],
): DataTableBlock | undefined {
  if (rows.length === 0) return undefined
  const cells = rows.slice(0, MOST.rows - 1)
  return {
    type: 'data_table',
    caption,
    rows: [header.map((words) => ({ type: 'raw_text', text: words })), ...cells.map((row) => row.map(cell))],
    page_size: Math.min(100, Math.max(5, cells.length)),
    row_header_column_index: 0,
  }
}

function cell(value: Cell): DataTableBlock['rows'][number][number] {
  if (typeof value === 'number') return { type: 'raw_number', value, text: String(value) }
  return { type: 'raw_text', text: oneLine(value) || '–' }
}

/** A message with newer blocks, and without them for a workspace that does not take them yet. */
export function withNewerBlocks(
  text: string,
  blocks: readonly (KnownBlock | ChartBlock | undefined)[],
  plainBlocks: readonly KnownBlock[],
): Drawn {
  let charts = 0
  const shown = blocks.filter((block) => {
    if (block?.type === 'data_visualization') charts += 1
    return block !== undefined && (block.type !== 'data_visualization' || charts <= MOST.charts)
  })
  return { text, blocks: shown as KnownBlock[], withoutNewer: [...plainBlocks] }
}
