/** The SQL of a release's migrations: in its record where it fits, else in comments before it, since a comment has an end. */
import type { PlannedMigration } from '../../release/plan.ts'
import type { Release } from '../../release/release.ts'
import { plain } from '../plan/pull-request.ts'
import { recordText } from './record-text.ts'

/** Bitbucket takes comments of 32,768 characters; the rest is for our own words. */
const LONGEST = 30_000

export interface SqlComment {
  /** How it is found again: no other comment has it. */
  readonly marker: string
  readonly text: string
}

/** The record with all of the SQL, or the record and the comments that have the SQL. */
export function recordWithSql(release: Release): { readonly text: string; readonly before: readonly SqlComment[] } {
  const parts = packed((release.plan?.migrations ?? []).flatMap(piecesOf))
  const text = recordText(release)
  const [only = ''] = parts
  if (parts.length < 2 && text.length + only.length < LONGEST) {
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

function piecesOf({ revision, message, file, sql, sqlLeftOut = 0 }: PlannedMigration): readonly string[] {
  if (sql === undefined) return []
  const title = `Migration ${plain(revision)} ${plain(message)}, ${plain(file)}`
  const left = sqlLeftOut > 0 ? `\n\n${sqlLeftOut} more statements are too long to be kept: see the file.` : ''
  const fence = fenceFor(sql)
  const pieces: string[][] = [[]]
  let length = 0
  for (const line of sql.join('\n').split('\n').flatMap(inLengths)) {
    if (length + line.length > LONGEST - 1_000) {
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

function inLengths(line: string): readonly string[] {
  const most = LONGEST - 2_000
  const count = Math.max(1, Math.ceil(line.length / most))
  return Array.from({ length: count }, (_, index) => line.slice(index * most, (index + 1) * most))
}

/** As few comments as they fit into, in their order. */
function packed(pieces: readonly string[]): readonly string[] {
  const parts: string[] = []
  for (const piece of pieces) {
    const last = parts.at(-1)
    if (last !== undefined && last.length + piece.length + 2 <= LONGEST) parts[parts.length - 1] = `${last}\n\n${piece}`
    else parts.push(piece)
  }
  return parts
}
