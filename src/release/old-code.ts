/**
 * What older code meets on a schema that later migrations have made, judged by the findings of those migrations. What the
 * code reads and writes is not known: only what was taken away, renamed or made required since.
 */
import type { SqlFinding } from './planned-migration.ts'
import type { AppliedMigration, RollbackPlan } from './rollback-plan.ts'
import type { Environment, MigrationRisk, MigrationSettings } from './settings.ts'

/** The risks of an applied migration that older code must be discussed for; none: it can run on what this one made. */
export function oldCodeRisks({ risk, findings = [], unsure }: AppliedMigration): readonly MigrationRisk[] {
  const all = [risk ?? 'unknown', ...findings.map((each) => each.risk), ...(unsure ? (['unknown'] as const) : [])]
  return [...new Set(all)].filter((each) => each === 'destroys' || each === 'unknown')
}

/** Whether a rollback must be discussed for this database: older code may miss something, or where it stands is unknown. */
export function isRollbackToBeDiscussed(
  { signOff, migrations: entries }: Environment,
  { name, talkItOver }: MigrationSettings,
  { migrations, unknowns }: RollbackPlan,
): boolean {
  const isOne = entries.length === 1
  const risks = migrations.filter(({ database }) => isOne || database === name).flatMap(oldCodeRisks)
  const isUnknown = unknowns.some(
    (each) => (each.what === 'database' || each.what === 'revisions') && (isOne || each.name === name),
  )
  const all: readonly MigrationRisk[] = isUnknown ? [...risks, 'unknown'] : risks
  return all.some((risk) => signOff !== undefined || talkItOver.includes(risk))
}

/** A finding that older code may run into, and its migration. */
export interface Met {
  readonly migration: AppliedMigration
  readonly finding: SqlFinding
}

/** What the older code misses, or may miss, because later migrations took it away or renamed it, or did what is unknown. */
export function missedByOldCode({ migrations }: Pick<RollbackPlan, 'migrations'>): readonly Met[] {
  return met(migrations, ({ risk }) => risk === 'destroys' || risk === 'unknown')
}

/** What later migrations made required: older code that leaves it empty fails to write. */
export function requiredSince({ migrations }: Pick<RollbackPlan, 'migrations'>): readonly Met[] {
  return met(migrations, ({ risk, what }) => (risk === 'locks' || risk === 'adds') && MADE_REQUIRED.test(what))
}

/** As the classifier words SET NOT NULL. */
const MADE_REQUIRED = /^requires a value in /

/** Whether nothing is known that keeps the older code from running on the database as it is. */
export function oldCodeCanRun({ migrations, unknowns }: Pick<RollbackPlan, 'migrations' | 'unknowns'>): boolean {
  return unknowns.every(({ what }) => what === 'commits') && migrations.every((each) => oldCodeRisks(each).length === 0)
}

function met(migrations: readonly AppliedMigration[], isMet: (finding: SqlFinding) => boolean): readonly Met[] {
  return migrations.flatMap((migration) =>
    (migration.findings ?? []).filter(isMet).map((finding) => ({ migration, finding })),
  )
}
