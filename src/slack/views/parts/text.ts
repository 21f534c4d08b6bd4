/**
 * Text for Slack: escaping for mrkdwn and `text`, lengths and times.
 *
 * Slack's mrkdwn knows three escapes, & < >; with them no mention or link can be made. Marks (`*`, `_`, `~`, backtick),
 * emoji codes, bare addresses and quotes have no escape, so `defused` takes their effect away by characters that look
 * the same. Longer words of people and tools belong into rich_text, which parses nothing.
 */

const WORD_JOINER = '\u2060'
const NO_BREAK = '\u00a0'

/** Looks the same in Slack's fonts, and formats nothing. */
const HARMLESS: Record<string, string> = { '*': '∗', _: 'ˍ', '~': '∼', '`': 'ˋ' }

const CONTROL = /\p{Cc}/gu
/** Every invisible character except the joiner within an emoji of several parts. */
const TURNING_OR_INVISIBLE =
  /[\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/gu

/** Escapes the three characters that mrkdwn reads as a mention or a link. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/**
 * Takes out what would harm a neighbour: control characters but the line's end, characters that turn the direction of
 * what follows, invisible ones, and more than two marks on one letter. Text from right to left is set apart, so that it
 * leaves the order of what stands beside it alone.
 */
export function cleaned(text: string): string {
  const plain = text
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll('\t', '  ')
    .replaceAll(CONTROL, (found) => (found === '\n' ? found : ''))
    .replaceAll(TURNING_OR_INVISIBLE, '')
    .replaceAll(/(\p{M}{2})\p{M}+/gu, '$1')
    .replaceAll(/\p{Cs}/gu, '\ufffd')
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u.test(plain) ? `\u2068${plain}\u2069` : plain
}

/** `cleaned`, on one line, with single spaces. */
export function oneLine(text: string): string {
  return cleaned(text.replaceAll(/\s+/g, ' ').trim())
}

/** At most `most` code points; what is longer ends in `…`, which counts. */
export function cut(text: string, most: number): string {
  const points = [...text]
  if (points.length <= most) return text
  const kept = points.slice(0, most - 1).join('')
  return `${kept.trimEnd()}…${kept.includes('\u2068') ? '\u2069' : ''}`
}

/** Untrusted words as one line for mrkdwn or `text`: can't mention, link, format, or become an emoji. */
export function defused(text: string, most = 300): string {
  const shown = cut(oneLine(text), most)
    .replaceAll(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|[*~`]/gu, (mark) => HARMLESS[mark] ?? mark)
    .replaceAll('://', `:${WORD_JOINER}//`)
    .replaceAll(/\bwww\./gi, (found) => `${found.slice(0, -1)}${WORD_JOINER}.`)
    .replaceAll(/(?<=\S)@(?=\S)/g, `@${WORD_JOINER}`)
    .replaceAll(/:(?=[\w+-]+:)/g, `:${WORD_JOINER}`)
    .replace(/^(?=>|&gt;|[•-] )/, WORD_JOINER)
  return escaped(shown)
}

/** A number and its unit, which phones then keep on one line: `4 s`, `PR #418`. */
export function together(...parts: readonly (string | number)[]): string {
  return parts.join(NO_BREAK)
}

/** `1 commit`, `5 commits`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** A length of time: `0.4 s`, `38 s`, `4 min 12 s`, `1 h 03 min`; at least `0.1 s`. */
export function duration(ms: number): string {
  const seconds = Math.floor(Math.max(ms, 0) / 1000)
  if (seconds < 1) return together((Math.max(Math.floor(ms / 100), 1) / 10).toFixed(1), 's')
  if (seconds < 60) return together(seconds, 's')
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 === 0 ? together(minutes, 'min') : together(minutes, 'min', seconds % 60, 's')
  const rest = minutes % 60
  const hours = Math.floor(minutes / 60)
  return rest === 0 ? together(hours, 'h') : together(hours, 'h', String(rest).padStart(2, '0'), 'min')
}

/** `2026-11-22 14:05 UTC`: what Slack shows where it can't show the reader's own time. */
export function utc(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

export const DATE_FORMATS = { moment: '{date_short_pretty} at {time}', time: '{time}', age: '{ago}' } as const
export type DateFormat = keyof typeof DATE_FORMATS

export function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1000)
}

/** A moment in the reader's own time zone, for mrkdwn. Slack capitalises it: put it after a colon or a comma. */
export function date(at: Date, format: DateFormat = 'moment'): string {
  return `<!date^${seconds(at)}^${DATE_FORMATS[format]}|${utc(at)}>`
}

/** A link for mrkdwn. Addresses that are not http(s) are not linked. */
export function link(url: string, label: string): string {
  const words = defused(label).replaceAll('|', '∣')
  return isWebAddress(url) ? `<${linkTarget(url)}|${words}>` : words
}

/** An address without the characters that end a link in mrkdwn. */
function linkTarget(url: string): string {
  const target = new URL(url).href
  return target.replaceAll('|', '%7C').replaceAll('<', '%3C').replaceAll('>', '%3E').replaceAll('&', '&amp;')
}

/** Whether an address can be linked to: http or https, and within Slack's 3,000 characters. */
export function isWebAddress(url: string): boolean {
  return /^https?:\/\/[^\s]+$/i.test(url) && url.length < 2500 && URL.canParse(url)
}

/** The seven digits by which people call a commit. */
export function short(commit: string): string {
  return commit.slice(0, 7)
}

/** The eight characters by which a fingerprint or a database's revision is shown. */
export function eight(id: string): string {
  return id.slice(0, 8)
}

/** The first `most` of a list, and a word for the rest: `a, b, c and 14 others`. Names are for mrkdwn or `text`. */
export function names(list: readonly string[], most = 3, rest: [string, string] = ['other', 'others']): string {
  const shown = list.slice(0, most).map((name) => defused(name, 40))
  const left = list.length - shown.length
  if (left > 0) return `${shown.join(', ')} and ${counted(left, rest[0], rest[1])}`
  return shown.join(', ')
}

/** The last `most` lines of an output, each cut, all within `characters`; and how many lines there were. */
export function lastLines(
  output: readonly string[],
  { most = 20, line = 300, characters = 3000 } = {},
): { readonly shown: string; readonly count: number; readonly of: number } {
  const lines: string[] = []
  let left = characters
  for (const raw of output.slice(-most).reverse()) {
    const words = cut(cleaned(raw.replaceAll('\n', ' ').trimEnd()), line)
    if (words.length + 1 > left) break
    left -= words.length + 1
    lines.unshift(words)
  }
  return { shown: lines.join('\n'), count: lines.length, of: output.length }
}

/** First letter as a capital. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
