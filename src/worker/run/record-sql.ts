/** The SQL of a release's migrations: in its record if it fits into one comment, else in comments before it. */
import type { PlannedMigration } from '../../release/plan.ts'
import type { Release } from '../../release/release.ts'
import { plain } from '../plan/pull-request.ts'
import { recordText } from './record-text.ts'

/** Characters of a comment that are reserved for the other text. */
const RESERVED = 2_768

export interface SqlComment {
  /** The line by which it is found again; unique to this comment. */
  readonly marker: string
  readonly text: string
}

/**
 * The record with all SQL, or the record and the comments before it that have the SQL.
 *
 * @param commentLength the most characters that the forge accepts in a comment
 */
export function recordWithSql(
  release: Release,
  commentLength: number,
): { readonly text: string; readonly before: readonly SqlComment[] } {
  const longest = commentLength - RESERVED
  const pieces = (release.plan?.migrations ?? []).flatMap((migration) => piecesOf(migration, longest))
  const parts = packed(pieces, longest)
  const text = recordText(release)
  const [only = ''] = parts
  if (parts.length < 2 && text.length + only.length < longest) {
    return { text: only === '' ? text : `${text}\n\n${only}`, before: [] }
  }
  return {
    text: `${text}\n\nThe SQL is in ${parts.length} comments before this one.`,
    before: sqlComments(release, parts),
  }
}

function sqlComments(release: Release, parts: readonly string[]): readonly SqlComment[] {
  return parts.map((part, index) => {
    const marker = `Signoff SQL of release #${release.number}, part ${index + 1} of ${parts.length}, plan ${release.fingerprint ?? ''}`
    return { marker, text: `${marker}\n\n${part}` }
  })
}

function piecesOf(
  { revision, message, file, sql, sqlLeftOut = 0 }: PlannedMigration,
  longest: number,
): readonly string[] {
  if (sql === undefined) return []
  const title = `Migration ${plain(revision)} ${plain(message)}, ${plain(file)}`
  const left = sqlLeftOut > 0 ? `\n\n${sqlLeftOut} more statements are too long to store. See the file.` : ''
  const fence = fenceFor(sql)
  const pieces: string[][] = [[]]
  let length = 0
  for (const line of sql
    .join('\n')
    .split('\n')
    .flatMap((text) => inLengths(text, longest - 2_000))) {
    if (length + line.length > longest - 1_000) {
      pieces.push([])
      length = 0
    }
    pieces.at(-1)?.push(line)
    length += line.length + 1
  }
  return pieces.map((lines, index) => {
    const end = index === pieces.length - 1 ? left : ''
    return `${title}${index > 0 ? ', continued' : ''}\n\n${fence}sql\n${lines.join('\n')}\n${fence}${end}`
  })
}

/** A fence that does not occur in the text. */
function fenceFor(sql: readonly string[]): string {
  const longest = Math.max(2, ...sql.flatMap((text) => [...text.matchAll(/`+/g)].map(([run]) => run.length)))
  return '`'.repeat(longest + 1)
}

function inLengths(line: string, most: number): readonly string[] {
  const count = Math.max(1, Math.ceil(line.length / most))
  return Array.from({ length: count }, (_, index) => line.slice(index * most, (index + 1) * most))
}

/** Packs the pieces, in order, into as few comments as possible. */
function packed(pieces: readonly string[], longest: number): readonly string[] {
  const parts: string[] = []
  for (const piece of pieces) {
    const last = parts.at(-1)
    if (last !== undefined && last.length + piece.length + 2 <= longest) parts[parts.length - 1] = `${last}\n\n${piece}`
    else parts.push(piece)
  }
  return parts
}
