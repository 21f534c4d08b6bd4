/** Parses YAML with the line of each part. Problems have their own texts, because the parser's quote the content. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
  type YAMLWarning,
} from 'yaml'

const MAX_CHARACTERS = 1_000_000
const MAX_ALIASES = 100

export type Path = readonly PropertyKey[]

export interface YamlProblem {
  readonly line?: number
  readonly text: string
}

export interface YamlSource {
  readonly problems: readonly YamlProblem[]
  /** Plain data. Absent when the text is not YAML; duplicate keys are only problems. */
  readonly data?: { readonly value: unknown }
  /** The line of the path, or of its nearest existing parent. */
  lineOf(path: Path): number | undefined
}

/** Reads YAML 1.2. Never throws: a text that is too large, too deep or full of aliases is a problem. */
export function readYaml(text: string): YamlSource {
  const unreadable = (problem: string): YamlSource => ({ problems: [{ text: problem }], lineOf: () => undefined })
  if (text.length > MAX_CHARACTERS) return unreadable('is too large')
  if (text.includes('\0')) return unreadable('is not text')
  const lines = new LineCounter()
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' })
    const lineAt = (offset: number) => lines.linePos(offset).line
    const problems = explainAll([...document.errors, ...document.warnings], text, lineAt)
    const root: Node | null = document.contents
    const lineOf = (path: Path) => {
      const offset = offsetOf(root, path, (node) => (isAlias(node) ? node.resolve(document) : node))
      return offset === undefined ? undefined : lineAt(offset)
    }
    if (document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) return { problems, lineOf }
    const unresolved = text.includes('*') ? unresolvedAliases(document) : []
    if (unresolved.length > 0) {
      const missingAnchors = unresolved.map((offset) => ({
        line: lineAt(offset),
        text: 'this alias has no anchor before it',
      }))
      return { problems: [...problems, ...missingAnchors], lineOf }
    }
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES })
    return { problems, data: { value }, lineOf }
  } catch {
    return unreadable('is nested too deeply, or uses too many aliases')
  }
}

/** Follows a path as far as it exists. The place of a map's entry is its key. */
function offsetOf(root: Node | null, path: Path, resolve: (node: Node) => Node | undefined): number | undefined {
  let node: unknown = root
  let offset = root?.range?.[0]
  for (const step of path) {
    const inside: unknown = isNode(node) ? resolve(node) : undefined
    if (isMap(inside)) {
      const pair = inside.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step))
      if (pair === undefined) return offset
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(inside)) {
      const item: unknown = inside.items[Number(step)]
      if (!isNode(item)) return offset
      offset = item.range?.[0] ?? offset
      node = item
    } else {
      return offset
    }
  }
  return offset
}

function isNode(value: unknown): value is Node {
  return isMap(value) || isSeq(value) || isScalar(value) || isAlias(value)
}

function unresolvedAliases(document: Document): readonly number[] {
  const offsets: number[] = []
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) === undefined) offsets.push(alias.range?.[0] ?? 0)
    },
  })
  return offsets
}

const UNCLEAR = 'is not valid YAML from here'

/** One mistake causes errors on the following lines too, so unclear errors after the first problem are omitted. */
function explainAll(
  errors: readonly (YAMLError | YAMLWarning)[],
  text: string,
  lineAt: (offset: number) => number,
): readonly YamlProblem[] {
  return errors
    .map((error) => ({ line: lineAt(error.pos[0]), text: explainYaml(error, text) }))
    .filter((problem, index) => index === 0 || problem.text !== UNCLEAR)
}

function explainYaml(error: YAMLError | YAMLWarning, text: string): string {
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return 'this key appears twice'
    case 'TAB_AS_INDENT':
      return 'tabs are not allowed as indentation; use spaces'
    case 'BAD_INDENT':
      return 'the indentation does not match the lines around it'
    case 'BAD_SCALAR_START':
      return text[error.pos[0]] === '@'
        ? 'a text that begins with @ needs quotes'
        : 'a text that begins with this character needs quotes'
    case 'TAG_RESOLVE_FAILED':
      return 'tags such as !this are not supported'
    case 'MULTIPLE_DOCS':
      return 'a second document begins here; only one is allowed'
    default:
      return UNCLEAR
  }
}
