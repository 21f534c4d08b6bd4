/** A document as data, so that Markdown and HTML say the same. Texts are as they came: each format escapes them. */

export type Inline =
  | string
  | { readonly code: string }
  | { readonly strong: string }
  | { readonly link: string; readonly text?: string }

export type Words = readonly Inline[]

export type Tone = 'good' | 'attention' | 'bad' | 'plain'

export type Block =
  | { readonly is: 'words'; readonly words: Words }
  | { readonly is: 'heading'; readonly text: string }
  | { readonly is: 'facts'; readonly facts: readonly Fact[] }
  | { readonly is: 'list'; readonly items: readonly Words[]; readonly none: string }
  | {
      readonly is: 'table'
      readonly heads: readonly string[]
      readonly rows: readonly (readonly Words[])[]
      readonly none: string
    }
  /** Exactly this text, such as what was hashed. */
  | { readonly is: 'exact'; readonly text: string; readonly language: 'json' | 'sql' | 'text' }

export type Fact = readonly [label: string, value: Words]

export interface Section {
  readonly title: string
  readonly blocks: readonly Block[]
}

export interface Document {
  readonly title: string
  readonly subtitle: string
  /** What the reader came for, in a sentence or a few each. */
  readonly statements: readonly { readonly label: string; readonly tone: Tone; readonly words: Words }[]
  readonly summary: readonly Section[]
  readonly details: readonly Section[]
  readonly footer: Words
}

export function words(...all: readonly Inline[]): Block {
  return { is: 'words', words: all }
}

/** The words of each item, with `between` between them. */
export function joinedWords(items: readonly Words[], between = ', '): Words {
  return items.flatMap((item, index) => (index === 0 ? item : [between, ...item]))
}

export function codes(texts: readonly string[]): Words {
  return texts.length === 0 ? ['none'] : joinedWords(texts.map((code) => [{ code }]))
}

/** A moment as people read it, in UTC, such as `2026-11-22 08:14:00`. */
export function utc(at: string | Date): string {
  const text = typeof at === 'string' ? at : at.toISOString()
  return text.slice(0, 19).replace('T', ' ')
}

/** `2 h 4 min`, `31 min`, `12.5 s`. */
export function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes === 0) return `${Number((ms / 1_000).toFixed(1))} s`
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor((minutes % 1_440) / 60)]
  if (days > 0) return `${days} d ${hours} h`
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
