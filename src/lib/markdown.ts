/** Words of people and services in Markdown: none of them can make a heading, a row, a link or the end of a code block. */

/** Line breaks, what is not seen, and what turns the direction of reading. */
const UNSEEN = /[\s\p{Cc}\p{Bidi_Control}]+/gu

function onOneLine(text: string): string {
  return text.replace(UNSEEN, ' ').trim()
}

/** On one line, read as words only; in a table's cell too. */
export function plain(text: string): string {
  return onOneLine(text).replace(/[\\`*_{}[\]()#+!|<>&~-]/g, '\\$&')
}

/** As code on one line; not in a table. */
export function code(text: string): string {
  const line = onOneLine(text)
  const ticks = ticksAround(line, 1)
  const room = line.startsWith('`') || line.endsWith('`') ? ' ' : ''
  return `${ticks}${room}${line}${room}${ticks}`
}

export function codes(words: readonly string[]): string {
  return words.length === 0 ? 'none' : words.map(code).join(', ')
}

/** As it is, to the byte, in a block of its own. */
export function block(text: string, language: 'json' | 'sql'): string[] {
  const ticks = ticksAround(text, 3)
  return [`${ticks}${language}`, text, ticks]
}

/** An address that can be followed; in a table's cell too. */
export function address(url: string): string {
  return `<${url.replace(/[\s\p{Cc}\p{Bidi_Control}<>|\\`]/gu, encodeURIComponent)}>`
}

export function list(lines: readonly string[], none: string): string[] {
  return lines.length === 0 ? [none] : lines.map((line) => `- ${line}`)
}

/** Cells are Markdown already. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], none: string): string[] {
  if (rows.length === 0) return [none]
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
}

/** More backticks than stand anywhere in the text, one after the other. */
function ticksAround(text: string, least: number): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length))
  return '`'.repeat(Math.max(least, longest + 1))
}
