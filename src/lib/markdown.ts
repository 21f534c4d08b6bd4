/** Escapes untrusted text for Markdown, so that it can't create a heading, a row or a link, or end a code block. */

/** White space, control characters and bidirectional controls. */
const INVISIBLE = /[\s\p{Cc}\p{Bidi_Control}]+/gu

function onOneLine(text: string): string {
  return text.replace(INVISIBLE, ' ').trim()
}

/** Escaped text on one line; also for table cells. What means something only at the start of a line is escaped there. */
export function plain(text: string): string {
  return onOneLine(text)
    .replace(/[\\`*_[\]!|<>&~]/g, '\\$&')
    .replace(/^(?:[-+](?=[\s-]|$)|[=#])/, '\\$&')
    .replace(/^(\d{1,9})([.)])(?=\s|$)/, '$1\\$2')
}

/** Inline code; not for table cells. */
export function code(text: string): string {
  const line = onOneLine(text)
  const ticks = fenceFor(line, 1)
  const padding = line.startsWith('`') || line.endsWith('`') ? ' ' : ''
  return `${ticks}${padding}${line}${padding}${ticks}`
}

export function codes(words: readonly string[]): string {
  return words.length === 0 ? 'none' : words.map(code).join(', ')
}

/** The exact text in a code block. */
export function block(text: string, language: 'json' | 'sql' | 'text'): string[] {
  const ticks = fenceFor(text, 3)
  return [`${ticks}${language}`, text, ticks]
}

/** A link; also for table cells. */
export function address(url: string): string {
  return `<${url.replace(/[\s\p{Cc}\p{Bidi_Control}<>|\\`]/gu, encodeURIComponent)}>`
}

export function list(lines: readonly string[], none: string): string[] {
  return lines.length === 0 ? [none] : lines.map((line) => `- ${line}`)
}

/** A table. Cells must already be Markdown. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], none: string): string[] {
  if (rows.length === 0) return [none]
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
}

/** More backticks than the longest run of them in the text. */
function fenceFor(text: string, least: number): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length))
  return '`'.repeat(Math.max(least, longest + 1))
}
