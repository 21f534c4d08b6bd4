/** The risks of the pending revisions' SQL, and what of it Postgres is certain to refuse. */
import type { MigrationStatus, PendingRevision } from '../../release/ports/migrator.ts'
import type { Circumstances, ExpectedFailure, RevisionRisks } from '../../release/ports/sql-risks.ts'
import type { App, MigrationSettings } from '../../release/settings.ts'
import type { WorkerPorts } from '../ports.ts'
import type { Refused } from '../service-errors.ts'

/** Only Postgres's SQL is classified. */
const CLASSIFIED = 'postgresql'

/** The statements of each pending revision; none where it has no preview. */
export const statementsOf = (pending: readonly PendingRevision[]): readonly (readonly string[])[] =>
  pending.map(({ preview }) => (preview && 'statements' in preview ? preview.statements : []))

/** The risks of each pending revision, in their order; empty for a database that is not Postgres. */
export async function classifyPending(
  ports: WorkerPorts,
  migration: MigrationSettings,
  { pending, dialect, transactionPerMigration, commitsEachStatement }: MigrationStatus,
): Promise<readonly RevisionRisks[]> {
  if (dialect !== CLASSIFIED) return []
  const statements = statementsOf(pending)
  const catalog = statements.some((each) => each.length > 0)
    ? await ports.migrator.catalog?.(migration, statements.flat())
    : undefined
  const about: Circumstances = {
    ...(catalog !== undefined && { catalog }),
    ...(transactionPerMigration && { transactionPerMigration }),
    ...(commitsEachStatement && { commitsEachStatement }),
    maybeOutside: pending.flatMap(({ preview }, index) => (preview?.commits ? [index] : [])),
  }
  return ports.sqlRisks.classify(statements, about)
}

/** Refuses the plan if a revision is certain to fail; undefined if none is. */
export async function expectedFailure(
  ports: WorkerPorts,
  app: App,
  tree: string,
  { pending }: MigrationStatus,
  risks: readonly RevisionRisks[],
): Promise<Refused | undefined> {
  for (const [index, { revision, file }] of pending.entries()) {
    const fails = risks[index]?.fails
    if (fails === undefined) continue
    const source = await ports.git.fileAt(app, tree, file)
    const line = source === undefined ? undefined : lineOf(source, fails)
    const { why, what, statement } = fails
    const where = { revision, file, ...(line !== undefined && { line }) }
    return { refused: { gate: 'migration_will_fail', ...where, why, what, statement } }
  }
  return undefined
}

/** The line of a revision's file that has the statement; undefined where several could be meant. */
export function lineOf(source: string, { names, what }: Pick<ExpectedFailure, 'names' | 'what'>): number | undefined {
  // What takes the revision back names the same things, and so may the text above: upgrade() counts first.
  const lines = source.split(/^def downgrade\b/m)[0]?.split('\n') ?? []
  const upgrade = lines.findIndex((line) => /^def upgrade\b/.test(line))
  const command = /[A-Z]{2,}$/.exec(what)?.[0]
  const patterns = [
    ...names.map((name) => new RegExp(`(?<![\\w$])${name.replaceAll(/\W/g, '\\$&')}(?![\\w$])`)),
    ...(command === undefined ? [] : [new RegExp(command, 'i')]),
  ]
  for (const start of new Set([Math.max(upgrade, 0), 0])) {
    for (const pattern of patterns) {
      const found = lines.flatMap((line, index) => (index >= start && pattern.test(line) ? [index + 1] : []))
      if (found.length === 1) return found[0]
    }
  }
  return undefined
}
