/** A release's record with the SQL of its migrations: in one comment if it fits, else in comments before the record. */
import type { PlannedMigration } from '../../release/planned-migration.ts'
import type { Release } from '../../release/release.ts'
import { plain } from '../plan/pull-request.ts'
import { partMarker, recordLines, recordMarker } from './record-text.ts'

/** Characters of a comment that are reserved for the other text. */
const RESERVED = 2_768

export interface FurtherComment {
  /** The line by which it is found again; unique to this comment. */
  readonly marker: string
  readonly text: string
}

/**
 * The record with all SQL, or the record and the comments before it that have the SQL and what else does not fit. The
 * sign-offs come first, so that the record itself has them. No comment is longer than the forge accepts.
 *
 * @param commentLength the most characters that the forge accepts in a comment
 */
export function recordWithSql(
  release: Release,
  commentLength: number,
): { readonly text: string; readonly before: readonly FurtherComment[] } {
  const longest = commentLength - RESERVED
  const [first = '', ...more] = recordParts(release, longest)
  const text = `${recordMarker(release)}\n\n${first}`
  const pieces = (release.plan?.migrations ?? []).flatMap((migration) => piecesOf(migration, longest))
  const sql = packed(pieces, longest, '\n\n')
  const [only = ''] = sql
  if (more.length === 0 && sql.length < 2 && text.length + only.length < longest) {
    return { text: only === '' ? text : `${text}\n\n${only}`, before: [] }
  }
  const further = more.map((part, index): FurtherComment => {
    const marker = partMarker(release, index + 2, more.length + 1)
    return { marker, text: `${marker}\n\n${part}` }
  })
  const where = [
    ...(further.length === 0 ? [] : [`The rest of this record is in ${comments(further)} before this one.`]),
    ...(sql.length === 0 ? [] : [`The SQL is in ${comments(sql)} before this one.`]),
  ]
  return { text: [text, ...where].join('\n\n'), before: [...sqlComments(release, sql), ...further] }
}

const comments = ({ length }: readonly unknown[]) => `${length} ${length === 1 ? 'comment' : 'comments'}`

/** The record's lines: whole if they fit into one comment, else shortened, in as few comments as they need. */
function recordParts(release: Release, longest: number): readonly string[] {
  const whole = recordLines(release, { short: false })
  if (whole.join('\n').length <= longest) return [whole.join('\n')]
  const short = recordLines(release, { short: true }).flatMap((line) => inLengths(line, longest))
  return packed(short, longest, '\n')
}

function sqlComments(release: Release, parts: readonly string[]): readonly FurtherComment[] {
  return parts.map((part, index) => {
    const marker = `Signoff SQL of release #${release.number}, part ${index + 1} of ${parts.length}, plan ${release.fingerprint ?? ''}`
    return { marker, text: `${marker}\n\n${part}` }
  })
}

function piecesOf(
  { revision, message, database, file, sql, sqlLeftOut = 0 }: PlannedMigration,
  longest: number,
): readonly string[] {
  if (sql === undefined) return []
  const title = `Migration ${plain(revision)}${database === undefined ? '' : ` of ${database}`} ${plain(message)}, ${plain(file)}`
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
function packed(pieces: readonly string[], longest: number, between: string): readonly string[] {
  const parts: string[] = []
  for (const piece of pieces) {
    const last = parts.at(-1)
    if (last !== undefined && last.length + between.length + piece.length <= longest) {
      parts[parts.length - 1] = `${last}${between}${piece}`
    } else parts.push(piece)
  }
  return parts
}
