/** What people type, in words: without the marks that Slack, phones, lists and pasting add. No I/O. */

/** A commit as people write it: 4 to 40 hex digits. */
export const COMMIT_PATTERN = /^[0-9a-f]{4,40}$/

const MAX_TEXT_LENGTH = 20_000
/** A commit's address at a forge, as people paste it. */
const COMMIT_ADDRESS = /\/commits?\/([0-9a-f]{4,40})\/?(?:[?#].*)?>?$/i
/** Words as short as this one are taken for words of a title, such as a year. */
const SURE_LENGTH = 7

/** Returns the commit from a commit's address, in lower case; any other word unchanged. */
export function commitOf(word: string): string {
  return COMMIT_ADDRESS.exec(word)?.[1]?.toLowerCase() ?? word
}

/**
 * The text's words in their own case, with Slack's escapes undone and without what stands around them: quotation marks,
 * brackets, marks of formatting, full stops, and the bullets of lists. A mention becomes one word that can't be a name, and
 * so does a link, unless its label or its target is a commit.
 */
export function typedWords(text: string): string[] {
  return text
    .slice(0, MAX_TEXT_LENGTH)
    .replace(/<[^<>]{0,1000}>/g, referenceAsWord)
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .split(/[\s,;]+/)
    .map((word) => withoutMarks(word.replace(/\p{C}/gu, '')))
    .filter((word) => word !== '' && !/^[-*•·+]+$/.test(word))
}

const QUOTES = /^[\p{Pi}\p{Pf}"'`´„‚]+|[\p{Pi}\p{Pf}"'`´„‚]+$/gu
const STOPS = /[.!?:…]+$/u
/** Marks that stand on both sides of a word: brackets, and Slack's bold, italic and strike-through. */
const AROUND = /^(?:\((.*)\)|\[(.*)\]|\{(.*)\}|\*(.*)\*|_(.*)_|~(.*)~)$/s

function withoutMarks(word: string): string {
  let bare = word
  // Marks stand within each other, such as `(*5bcbf2c50*).`
  for (let depth = 0; depth < 5; depth++) {
    const inner = bare.replace(QUOTES, '').replace(STOPS, '')
    const next =
      AROUND.exec(inner)
        ?.slice(1)
        .find((part) => part !== undefined) ?? inner
    if (next === bare) break
    bare = next
  }
  return bare
}

/** `<@U1|dana>` → `@dana`, `<#C1|product>` → `#product`, `<!here>` → `@here`, `<https://a.b|a.b>` → `<a.b>`. */
function referenceAsWord(reference: string): string {
  const [target = '', label] = reference.slice(1, -1).split('|')
  const shown = (label === undefined || label === '' ? target.replace(/^[@#!]/, '') : label).replace(/\s+/g, '_')
  if (target.startsWith('#')) return `#${shown}`
  if (target.startsWith('@') || target.startsWith('!')) return shown.startsWith('@') ? shown : `@${shown}`
  return commitOfLink(target, shown) ?? `&lt;${shown}&gt;`
}

/** The commit of a link's label or, where that is none, of its target. A label that names another commit says nothing. */
function commitOfLink(target: string, label: string): string | undefined {
  const there = commitOf(target)
  const linked = COMMIT_PATTERN.test(there) ? there : undefined
  const named = commitOf(withoutMarks(label)).toLowerCase()
  if (!COMMIT_PATTERN.test(named)) return linked
  const agrees = linked === undefined || linked.startsWith(named) || named.startsWith(linked)
  // A link elsewhere may have any label.
  return linked !== undefined && agrees ? named : undefined
}

/**
 * The commits of a text, in order and without duplicates: words, addresses, a list, or lines of a log with a title after
 * each commit. Returns the first word that can't be read otherwise; empty where there is no word.
 */
export function readCommitWords(text: string): { readonly commits: readonly string[] } | { readonly wrong: string } {
  const commits: string[] = []
  for (const line of text.slice(0, MAX_TEXT_LENGTH).split(/[\r\n]+/)) {
    const words = typedWords(line.replace(/^\s*(?:\d{1,2}[.)]\s+|commit\s+)/i, '')).map((word) =>
      commitOf(word.toLowerCase()),
    )
    const end = words.findIndex((word, index) => !COMMIT_PATTERN.test(word) || (index > 0 && isOfTitle(words, index)))
    const found = end === -1 ? words : words.slice(0, end)
    const title = end === -1 ? [] : words.slice(end)
    const [wrong] = title
    // Titles of several commits on one line can't be told from their commits.
    if (wrong !== undefined && (found.length === 0 || title.some(isSurelyCommit))) return { wrong }
    commits.push(...found)
  }
  return commits.length === 0 ? { wrong: '' } : { commits: [...new Set(commits)] }
}

/** Whether a word that reads as a commit is one of a title: a short one, or one without digits, before other words. */
function isOfTitle(words: readonly string[], index: number): boolean {
  const hasOtherWords = words.some((word) => !COMMIT_PATTERN.test(word))
  return hasOtherWords && !isSurelyCommit(words[index] ?? '')
}

function isSurelyCommit(word: string): boolean {
  return COMMIT_PATTERN.test(word) && word.length >= SURE_LENGTH && /\d/.test(word)
}

/** A mention or a link of Slack's as people see it: `@dana`, `#product`, the label of a link or its address. */
export function referenceAsSeen(reference: string): string {
  const [target = '', label] = reference.slice(1, -1).split('|')
  if (label === undefined || label === '') return target.replace(/^!/, '@')
  if (/^[@!]/.test(target)) return label.startsWith('@') ? label : `@${label}`
  return target.startsWith('#') ? `#${label}` : label
}
