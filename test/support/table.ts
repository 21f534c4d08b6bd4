/** Tables for people: in a terminal, and in Markdown as the formatter writes it. */

type Row = readonly string[]

/** Each column as wide as its widest cell. */
export function padded(rows: readonly Row[]): readonly Row[] {
  const width = (cell: string) => [...cell].length
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))))
  return rows.map((row) => row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell))))
}

export function tableInMarkdown(headings: Row, rows: readonly Row[]): string {
  const [head = [], ...rest] = padded([headings, ...rows])
  const line = (cells: Row) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((heading) => '-'.repeat([...heading].length))), ...rest.map(line)].join('\n')
}
