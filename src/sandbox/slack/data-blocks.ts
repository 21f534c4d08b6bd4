/** Slack's data tables and charts, after the limits and examples of slackblocks (block-limits.ts). */
import { id, richText } from './block-elements.ts'
import { limits } from './block-limits.ts'
import { both, type Check, integer, lengthOf, list, rule, shape, text, typed } from './block-shapes.ts'
import { isRecord, records } from './state.ts'

const finite: Check = (value, at, say) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) say('must provide a number', at)
}

const positive: Check = (value, at, say) => {
  finite(value, at, say)
  if (typeof value === 'number' && value <= 0) say('must be greater than 0', at)
}

const cellText = text(limits.dataTable.characters)

const cell = typed({
  raw_text: shape({ text: cellText }),
  raw_number: shape({ value: finite, text: cellText }),
  rich_text: richText,
})

/** The cells of the first row are plain text, and every row has as many. */
export const dataTable: Check = both(
  shape(
    {
      caption: text(limits.text),
      rows: list(list(cell, { max: limits.dataTable.columns }), limits.dataTable.rows),
    },
    {
      block_id: id,
      page_size: integer(1, limits.dataTable.pageSize),
      row_header_column_index: integer(0, limits.dataTable.columns - 1),
    },
  ),
  rule(
    (value) => new Set(rowsOf(value.rows).map((row) => row.length)).size <= 1,
    'rows must have the same number of cells',
  ),
  rule(
    (value) => records(rowsOf(value.rows)[0]).every(({ type }) => type === 'raw_text'),
    'header cells must be raw_text',
  ),
  rule(
    (value) => charactersOf(value.rows) <= limits.dataTable.characters,
    `data table must be less than ${limits.dataTable.characters + 1} characters`,
  ),
)

function rowsOf(rows: unknown): unknown[][] {
  return Array.isArray(rows) ? rows.map((row) => (Array.isArray(row) ? row : [])) : []
}

function charactersOf(rows: unknown): number {
  return rowsOf(rows)
    .flatMap((row) => records(row))
    .reduce((sum, { text: words }) => sum + (typeof words === 'string' ? lengthOf(words) : 0), 0)
}

const label = text(limits.chart.label)

const points = list(shape({ label, value: finite }), { max: limits.chart.points })

const byCategory: Check = both(
  shape({
    series: list(shape({ name: label, data: points }), { max: limits.chart.series }),
    axis_config: shape(
      { categories: list(label, { max: limits.chart.categories }) },
      { x_label: text(limits.chart.axis), y_label: text(limits.chart.axis) },
    ),
  }),
  rule(({ series, axis_config: axis }) => {
    const categories = isRecord(axis) && Array.isArray(axis.categories) ? axis.categories : []
    return records(series).every(({ data }) => records(data).every((point) => categories.includes(point.label)))
  }, 'data labels must be among the categories'),
)

export const chart: Check = shape(
  {
    title: text(limits.chart.title),
    chart: typed({
      bar: byCategory,
      line: byCategory,
      area: byCategory,
      pie: shape({ segments: list(shape({ label, value: positive }), { max: limits.chart.segments }) }),
    }),
  },
  { block_id: id },
)
