/** A rollback in words: where it goes back to, what goes away, and what the old code may miss. */
import { missedByOldCode, oldCodeRisks, requiredSince } from '../../../release/old-code.ts'
import type { Plan } from '../../../release/plan.ts'
import { worstFirst } from '../../../release/risks.ts'
import type { RollbackPlan, RollbackUnknown } from '../../../release/rollback-plan.ts'
import { counted, cut, eight, oneLine, short } from './text.ts'

/** `#40 (1f03ae2)`: the release to go back to. */
export function backTo({ to }: RollbackPlan): string {
  return `#${to.number} (${short(to.commit)})`
}

/** `3 commits go away`; what is known of it where the repository could not be asked. */
export function goesAway({ commitCount, rollback }: Plan): string {
  if (rollback?.unknowns.some(({ what }) => what === 'commits' || what === 'runs')) return 'not known what goes away'
  if (commitCount === 0) return 'no commits go away'
  return `${counted(commitCount, 'commit')} ${commitCount === 1 ? 'goes' : 'go'} away`
}

/**
 * What the old code may miss in the current schema, each once: `drops column documents.language`, or a migration whose
 * effect is not known.
 */
export function missedWords({ migrations }: RollbackPlan): readonly string[] {
  const all = worstFirst(migrations).flatMap((migration) => {
    const risks = oldCodeRisks(migration)
    const { revision, message, unsure } = migration
    const found = missedByOldCode({ migrations: [migration] }).map(({ finding }) => finding.what)
    const whole = `migration ${eight(revision)}, ${message}${risks.includes('unknown') ? ', of unknown effect' : ''}`
    const words = risks.length === 0 ? [] : found.length > 0 ? found : [whole]
    return words.map((what) => `${what}${unsure ? ' (perhaps applied)' : ''}`)
  })
  return unique(all)
}

/** What the old code must fill now: `requires a value in users.email`. */
export function requiredWords(rollback: RollbackPlan): readonly string[] {
  return unique(requiredSince(rollback).map(({ finding }) => finding.what))
}

function unique(all: readonly string[]): readonly string[] {
  return [...new Set(all.map((what) => cut(oneLine(what), 120)))]
}

/** Why it has to be talked over, in one clause; undefined where the old code can run and everything is known. */
export function rollbackRisk(rollback: RollbackPlan): string | undefined {
  const missed = missedWords(rollback)
  const parts = [
    ...(missed.length === 0 ? [] : [`the old code may not run on the current database: ${someOf(missed, 3)}`]),
    ...(rollback.unknowns.length === 0 ? [] : [someOf(rollback.unknowns.map(unknownWords), 2)]),
  ]
  return parts.length === 0 ? undefined : parts.join('; ')
}

function someOf(list: readonly string[], most: number): string {
  const left = list.length - most
  return [...list.slice(0, most), ...(left > 0 ? [`and ${left} more`] : [])].join('; ')
}

/** One clause about what could not be found out. */
export function unknownWords(unknown: RollbackUnknown): string {
  switch (unknown.what) {
    case 'commits':
      return `which commits go away: ${cut(oneLine(unknown.detail), 160)}`
    case 'runs':
      return `which commit runs now: ${cut(oneLine(unknown.detail), 160)}`
    case 'database':
      return `where ${databaseCalled(unknown.name)} stands: ${cut(oneLine(unknown.detail), 160)}`
    case 'revisions':
      return `${databaseCalled(unknown.name)} is at ${revisions(unknown.found)}, and the last release left it at ${revisions(unknown.expected)}`
  }
}

function databaseCalled(name: string | undefined): string {
  return name === undefined ? 'the database' : `the database ${cut(oneLine(name), 40)}`
}

function revisions(list: readonly string[]): string {
  return list.length === 0 ? 'no revision' : list.slice(0, 3).map(eight).join(', ')
}
