/** The forms in which programs may print a secret. */

/** Texts to search for, and fragments of base64, whose whole run must be replaced. */
export interface SecretForms {
  readonly exact: readonly string[]
  readonly base64: readonly string[]
}

const MIN_LENGTH = 4
const MIN_LINE_LENGTH = 8

/**
 * Returns every form of the secrets with at least 4 characters; shorter ones would match ordinary words. Each line of a
 * multi-line secret counts as a secret too, because output is read line by line.
 */
export function formsOf(secrets: readonly string[]): SecretForms {
  const exact = new Set<string>()
  const base64 = new Set<string>()
  for (const secret of new Set(secrets.flatMap((secret) => [secret, secret.trim(), ...linesOf(secret)]))) {
    if (secret.length < MIN_LENGTH) continue
    for (const form of exactForms(secret)) if (form.length >= MIN_LENGTH) exact.add(form)
    for (const form of base64Forms(secret)) if (form.length >= MIN_LENGTH) base64.add(form)
  }
  return { exact: [...exact], base64: [...base64] }
}

function linesOf(secret: string): readonly string[] {
  return secret.includes('\n')
    ? secret.split('\n').flatMap((line) => (line.trim().length >= MIN_LINE_LENGTH ? [line.trim()] : []))
    : []
}

function exactForms(secret: string): readonly string[] {
  const inJson = jsonText(secret)
  const texts = [secret, decodedUrl(secret), inJson, asciiJson(secret), secret.replaceAll("'", "'\\''")]
  const quoted = [secret.replaceAll("'", "\\'"), inJson.replaceAll("'", "\\'"), secret.replaceAll("'", "''")]
  const escapedTwice = [jsonText(inJson), jsonText(asciiJson(secret))]
  return [
    ...texts,
    ...quoted,
    ...escapedTwice,
    inJson.replaceAll('/', '\\/'),
    ...markupForms(secret),
    ...urlForms(secret),
    ...(secret.length < 6 ? [] : bothCases(Buffer.from(secret).toString('hex'))),
  ]
}

const jsonText = (text: string) => JSON.stringify(text).slice(1, -1)

/** JSON with only ASCII, as Python and others write it by default. */
function asciiJson(text: string): string {
  return jsonText(text).replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** HTML, and Slack's text, which escapes only &, < and >. */
function markupForms(secret: string): readonly string[] {
  const inSlack = secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const inHtml = inSlack.replaceAll('"', '&quot;')
  return [inSlack, inHtml.replaceAll("'", '&#39;'), inHtml.replaceAll("'", '&#x27;')]
}

/** Percent-encoded as a URL component, strictly, as a form, and as in a whole URL, with hex digits in both cases. */
function urlForms(secret: string): readonly string[] {
  const wellFormed = secret.toWellFormed()
  const part = encodeURIComponent(wellFormed)
  const strict = part.replace(
    /[!'()*~_.-]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
  const stricter = part.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
  const form = new URLSearchParams({ s: wellFormed }).toString().slice(2)
  const userinfo = encodeURI(wellFormed).replace(/[/?#@:;=&$,+]/g, (character) =>
    /[/?#@:;=]/.test(character) ? encodeURIComponent(character) : character,
  )
  const written = [part, encodeURIComponent(part), strict, stricter, form, userinfo, encodeURI(wellFormed)]
  return written.flatMap((text) => [text, text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())])
}

function decodedUrl(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const bothCases = (text: string) => [text, text.toUpperCase()]

/**
 * The part of a secret's base64 that does not depend on the text before and after it, such as a user name and a colon. There
 * are three alignments and two alphabets.
 */
function base64Forms(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const firstWhole = Math.ceil((before * 8) / 6)
    const endOfWhole = Math.floor(((before + bytes.length) * 8) / 6)
    const fragment = encoded.slice(firstWhole, endOfWhole)
    return [fragment, fragment.replaceAll('+', '-').replaceAll('/', '_')]
  })
}
