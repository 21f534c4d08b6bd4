/** The SQL of a release's migrations: in its record where it fits, else in comments before it, since a comment has an end. */
import type { PlannedMigration } from '../../release/plan.ts'
import type { Release } from '../../release/release.ts'
import { plain } from '../plan/pull-request.ts'
import { recordText } from './record-text.ts'

/** Left of a comment for our own words. */
const OWN_WORDS = 2_768

export interface SqlComment {
  /** How it is found again: no other comment has it. */
  readonly marker: string
  readonly text: string
}

/**
 * The record with all of the SQL, or the record and the comments that have the SQL.
 *
 * @param commentLength the most characters that the forge takes in one comment
 */
export function recordWithSql(
  release: Release,
  commentLength: number,
): { readonly text: string; readonly before: readonly SqlComment[] } {
  const longest = commentLength - OWN_WORDS
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
  const left = sqlLeftOut > 0 ? `\n\n${sqlLeftOut} more statements are too long to be kept: see the file.` : ''
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

/** A fence that the text itself does not have. */
function fenceFor(sql: readonly string[]): string {
  const longest = Math.max(2, ...sql.flatMap((text) => [...text.matchAll(/`+/g)].map(([run]) => run.length)))
  return '`'.repeat(longest + 1)
}

function inLengths(line: string, most: number): readonly string[] {
  const count = Math.max(1, Math.ceil(line.length / most))
  return Array.from({ length: count }, (_, index) => line.slice(index * most, (index + 1) * most))
}

/** As few comments as they fit into, in their order. */
function packed(pieces: readonly string[], longest: number): readonly string[] {
  const parts: string[] = []
  for (const piece of pieces) {
    const last = parts.at(-1)
    if (last !== undefined && last.length + piece.length + 2 <= longest) parts[parts.length - 1] = `${last}\n\n${piece}`
    else parts.push(piece)
  }
  return parts
}
