/** Takes secrets out of texts, before they are logged, stored, printed or sent. */
import { formsOf } from './secret-forms.ts'
import { SECRET_SHAPES } from './secret-shapes.ts'

export const SECRET_MARK = '[secret]'

const LONGEST_LINE = 8_192
/** Less, so that a line that was cut is not cut again. */
const KEPT = LONGEST_LINE - 64
const LONGEST_TEXT = 262_144
/** Shorter forms are not looked for across line ends: they would be found in what is not one word. */
const SHORTEST_WRAPPED = 8
const MOST_PASSES = 5

/** From the first character to before the last. */
type Span = readonly [start: number, end: number]

/**
 * Gives a function that puts `[secret]` in the place of every known secret of 4 characters or more, however it is
 * written (as it is, percent-encoded, in base64 alone or with a user's name, escaped for JSON once and twice, for HTML,
 * for Slack or for a shell, in hex, wrapped over lines), and of what looks like one: passwords in URLs, values of names
 * such as `password` and `token`, Authorization headers, tokens of known services, private keys. Doing it twice changes
 * nothing more in a text that is not cut.
 *
 * It never throws and takes time in proportion to the text. Lines over 8,192 characters and texts over 262,144 are cut
 * after scrubbing, and say so. A secret that is split between two calls is not seen: hand in whole lines.
 */
export function createScrubber(secrets: readonly string[]): (text: string) => string {
  const { exact, base64 } = formsOf(secrets)
  const wrapped = exact.filter((form) => form.length >= SHORTEST_WRAPPED && !/[\r\n]/.test(form))
  const longest = Math.max(0, ...exact.map((form) => form.length), ...base64.map((form) => form.length))

  return (given) => {
    const text = given.length > LONGEST_TEXT ? given.slice(0, LONGEST_TEXT) : given
    const spans = [
      ...exact.flatMap((form) => occurrences(text, form)),
      ...base64.flatMap((form) => base64Runs(text, form)),
      ...SECRET_SHAPES.flatMap((shape) => shaped(text, shape)),
      ...(text.includes('\n') ? acrossLines(text, wrapped, base64) : []),
    ]
    // Where a text is cut, the beginning of a secret may be left that no longer reads as one.
    if (text !== given) spans.push([text.length - longest, text.length])
    const clean = cutLines(shapeless(replaced(text, spans)))
    return text === given ? clean : `${clean}\n[${given.length - text.length} more characters]`
  }
}

/** What was taken out ends a word: `k9#QBearer abc` is `[secret]Bearer abc` then, and reads as a secret only now. */
function shapeless(text: string): string {
  let clean = text
  for (let pass = 1; pass <= MOST_PASSES && clean.includes(SECRET_MARK); pass += 1) {
    const again = replaced(
      clean,
      SECRET_SHAPES.flatMap((shape) => shaped(clean, shape)),
    )
    if (again === clean) break
    clean = again
  }
  return clean
}

function occurrences(text: string, form: string): readonly Span[] {
  const found: [number, number][] = []
  for (let at = text.indexOf(form); at !== -1; at = text.indexOf(form, at + 1)) {
    const last = found.at(-1)
    if (last !== undefined && at <= last[1]) last[1] = at + form.length
    else found.push([at, at + form.length])
  }
  return found
}

const isBase64 = (character: string | undefined) => character !== undefined && /[A-Za-z0-9+/_-]/.test(character)

/** Everything that is encoded together with the secret. */
function base64Runs(text: string, fragment: string): readonly Span[] {
  const found: Span[] = []
  for (let at = text.indexOf(fragment); at !== -1; ) {
    const floor = found.at(-1)?.[1] ?? 0
    let start = at
    let end = at + fragment.length
    while (start > floor && isBase64(text[start - 1])) start -= 1
    while (isBase64(text[end])) end += 1
    while (text[end] === '=') end += 1
    found.push([start, end])
    at = text.indexOf(fragment, end)
  }
  return found
}

function shaped(text: string, shape: RegExp): readonly Span[] {
  const found: Span[] = []
  for (const match of text.matchAll(shape)) {
    const groups = match.indices?.groups
    const part = groups?.secret ?? groups?.double ?? groups?.single ?? groups?.escaped ?? groups?.bare
    found.push(part ?? [match.index, match.index + match[0].length])
  }
  return found
}

/** Looks in the text without its line ends, and the white space that begins the next line. */
function acrossLines(text: string, exact: readonly string[], base64: readonly string[]): readonly Span[] {
  const places = new Uint32Array(text.length)
  const kept: string[] = []
  let count = 0
  let isBeginning = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === '\n' || character === '\r') {
      isBeginning = true
      continue
    }
    if (isBeginning && (character === ' ' || character === '\t')) continue
    isBeginning = false
    kept.push(character)
    places[count] = at
    count += 1
  }
  const joined = kept.join('')
  const inText = ([start, end]: Span): Span => [places[start] ?? 0, (places[end - 1] ?? 0) + 1]
  return [
    ...exact.flatMap((form) => occurrences(joined, form)).map(inText),
    ...base64
      .filter((form) => form.length >= SHORTEST_WRAPPED)
      // The run around it may be the words of other lines: only the secret's own part goes.
      .flatMap((form) => occurrences(joined, form))
      .map(inText),
  ]
}

function replaced(text: string, spans: readonly Span[]): string {
  const parts: string[] = []
  let done = 0
  for (const [start, end] of spans.toSorted((one, other) => one[0] - other[0])) {
    if (end <= done) continue
    if (start > done || done === 0) parts.push(text.slice(done, Math.max(start, 0)), SECRET_MARK)
    done = end
  }
  return parts.join('') + text.slice(done)
}

function cutLines(text: string): string {
  if (text.length <= LONGEST_LINE) return text
  return text
    .split('\n')
    .map((line) =>
      line.length > LONGEST_LINE ? `${line.slice(0, KEPT)} [${line.length - KEPT} more characters]` : line,
    )
    .join('\n')
}
