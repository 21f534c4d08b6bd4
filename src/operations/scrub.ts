/** Removes secrets from texts before they are logged, stored, printed or sent. */
import { formsOf } from './secret-forms.ts'
import { SECRET_SHAPES } from './secret-shapes.ts'

export const SECRET_MARK = '[secret]'

const MAX_LINE_LENGTH = 8_192
/** Shorter than the limit, so that a line that was cut is not cut again. */
const KEPT_LENGTH = MAX_LINE_LENGTH - 64
const MAX_TEXT_LENGTH = 262_144
/** Shorter forms are not searched across line ends, where they would match parts of different words. */
const MIN_WRAPPED_LENGTH = 8
const MAX_PASSES = 5

/** `end` is exclusive. */
type Span = readonly [start: number, end: number]

/**
 * Returns a function that replaces secrets by `[secret]`. It finds known secrets of 4 characters or more in all forms: as
 * they are, percent-encoded, in base64 alone or with a user name, escaped for JSON once or twice, for HTML, Slack or a
 * shell, in hex, and wrapped over lines. It also finds what looks like a secret: passwords in URLs, values of names such as
 * `password` and `token`, Authorization headers, tokens of known services and private keys. A second pass changes nothing
 * in a text that was not cut.
 *
 * It never throws, and takes time linear in the text. Lines over 8,192 characters and texts over 262,144 are cut after
 * scrubbing, with a note; with `cuts: false` nothing is cut. Pass whole lines, because a secret that is split between two
 * calls is not found.
 */
export function createScrubber(secrets: readonly string[], { cuts = true } = {}): (text: string) => string {
  const { exact, base64 } = formsOf(secrets)
  const wrapped = exact.filter((form) => form.length >= MIN_WRAPPED_LENGTH && !/[\r\n]/.test(form))
  const longest = Math.max(0, ...exact.map((form) => form.length), ...base64.map((form) => form.length))

  return (given) => {
    const text = cuts && given.length > MAX_TEXT_LENGTH ? given.slice(0, MAX_TEXT_LENGTH) : given
    const spans = [
      ...exact.flatMap((form) => occurrences(text, form)),
      ...base64.flatMap((form) => base64Runs(text, form)),
      ...SECRET_SHAPES.flatMap((shape) => shaped(text, shape)),
      ...(text.includes('\n') ? acrossLines(text, wrapped, base64) : []),
    ]
    // The cut may leave the beginning of a secret, which no longer matches.
    if (text !== given) spans.push([text.length - longest, text.length])
    const scrubbed = scrubShapes(replaced(text, spans))
    const clean = cuts ? cutLines(scrubbed) : scrubbed
    return text === given ? clean : `${clean}\n[${given.length - text.length} more characters]`
  }
}

/** A replacement can create a new match: `k9#QBearer abc` becomes `[secret]Bearer abc`, which only then has a token. */
function scrubShapes(text: string): string {
  let clean = text
  for (let pass = 1; pass <= MAX_PASSES && clean.includes(SECRET_MARK); pass += 1) {
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

/** The whole base64 runs that contain the secret. */
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

/** Searches the text without line ends and without the indentation of the next line. */
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
      .filter((form) => form.length >= MIN_WRAPPED_LENGTH)
      // The run around it may continue into other lines, so only the part of the secret is replaced.
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
  if (text.length <= MAX_LINE_LENGTH) return text
  return text
    .split('\n')
    .map((line) =>
      line.length > MAX_LINE_LENGTH
        ? `${line.slice(0, KEPT_LENGTH)} [${line.length - KEPT_LENGTH} more characters]`
        : line,
    )
    .join('\n')
}
