/** What the code that a rollback goes back to meets: where the databases are, and which migrations they got since. */
import { defined } from '../../lib/defined.ts'
import { type BoundDatabase, type BoundStanding, databasesOf } from '../../release/plan.ts'
import type { MigrationsAnswer } from '../../release/ports/migrator.ts'
import { type Release, type StepRow, step } from '../../release/release.ts'
import type { AppliedMigration, RollbackUnknown } from '../../release/rollback-plan.ts'
import type { App, Environment, MigrationSettings } from '../../release/settings.ts'
import { type DatabaseNow, readDatabase } from '../database.ts'
import type { WorkerPorts } from '../ports.ts'

const PAGE = 50

interface Standings {
  /** In the order of the configuration. */
  readonly bound: readonly BoundStanding[]
  readonly migrations: readonly AppliedMigration[]
  readonly unknowns: readonly RollbackUnknown[]
}

/**
 * Reads each database, and compares it with what the releases since `to` have recorded. `runs`: a commit whose code knows
 * the database's revisions, for a database that can't be asked directly. Never refuses: what is not told is unknown.
 */
export async function planStandings(
  ports: WorkerPorts,
  { app, environment, signal }: { readonly app: App; readonly environment: Environment; readonly signal: AbortSignal },
  { to, runs }: { readonly to: Release; readonly runs: string | undefined },
): Promise<Standings> {
  const since = await releasesSince(ports, to)
  const bound: BoundStanding[] = []
  const unknowns: RollbackUnknown[] = []
  for (const migration of environment.migrations) {
    const named = environment.migrations.length > 1 ? defined({ name: migration.name }) : {}
    const now = await readDatabase(ports, { app, migration, release: { checkout: runs } }, signal)
    if (!now.ok) {
      bound.push({ ...named, unknown: true })
      unknowns.push({ what: 'database', ...named, detail: whyNot(migration, now) })
      continue
    }
    const { identity, revisions } = now.value
    bound.push({ ...named, identity, revisions })
    const unknown = differs(expectedStanding(to, since, named.name), now.value, to)
    if (unknown !== undefined) unknowns.push({ ...unknown, ...named })
  }
  return { bound, unknowns, migrations: appliedSince(since) }
}

/** The releases of the environment after `to`, oldest first. */
async function releasesSince({ store }: WorkerPorts, { app, environment, number }: Release): Promise<Release[]> {
  const since: Release[] = []
  for (let before: number | undefined; ; ) {
    const page = await store.releases({ app, environment, limit: PAGE, ...defined({ before }) })
    const newer = page.filter((release) => release.number > number)
    since.push(...newer)
    before = page.at(-1)?.number
    if (newer.length < PAGE) return since.reverse()
  }
}

/** What its migrate step has done: all of its migrations, perhaps some, or nothing. */
function migrated(release: Release): { readonly row: StepRow; readonly isWhole: boolean } | undefined {
  const row = step(release, 'migrate')
  if (row === undefined || row.state === 'pending') return undefined
  if (row.state === 'done') return { row, isWhole: true }
  return row.effect === 'none' ? undefined : { row, isWhole: false }
}

function appliedSince(since: readonly Release[]): readonly AppliedMigration[] {
  const applied = new Map<string, AppliedMigration>()
  for (const release of since) {
    const done = migrated(release)
    if (done === undefined) continue
    for (const migration of release.plan?.migrations ?? []) {
      const key = `${migration.database ?? ''} ${migration.revision}`
      // A later release that applies it as well has found it missing.
      applied.delete(key)
      applied.set(key, { ...migration, release: release.number, ...(!done.isWhole && { unsure: true as const }) })
    }
  }
  return [...applied.values()]
}

type Expected = Pick<BoundDatabase, 'identity'> & {
  /** Undefined: the last release that changed it does not tell what it left. */
  readonly revisions: readonly string[] | undefined
  readonly by: number
}

/** Where the last release that read the database has left it; undefined: none has. */
function expectedStanding(to: Release, since: readonly Release[], name: string | undefined): Expected | undefined {
  for (const release of [to, ...since].toReversed()) {
    const database = release.plan && databasesOf(release.plan.bound).find((each) => each.name === name)
    if (database === undefined) continue
    const { identity, revisions, head, pending } = database
    const done = migrated(release)
    const by = release.number
    if (done === undefined || pending.length === 0) return { identity, revisions, by }
    if (done.isWhole) return { identity, revisions: head === null ? [] : [head], by }
    const { result } = done.row
    const left =
      name === undefined ? result?.revisions : result?.databases?.find((each) => each.name === name)?.revisions
    return { identity, revisions: left, by }
  }
  return undefined
}

function differs(expected: Expected | undefined, now: DatabaseNow, to: Release): RollbackUnknown | undefined {
  if (expected === undefined) {
    return { what: 'database', detail: `no release since #${to.number} has recorded where it stood` }
  }
  const { identity, revisions, by } = expected
  if (identity !== now.identity) {
    return { what: 'database', detail: `#${by} used ${identity}, and the env file now leads to ${now.identity}` }
  }
  if (revisions === undefined) return { what: 'database', detail: `how far #${by} has migrated it was not proven` }
  const isSame = [...revisions].sort().join() === [...now.revisions].sort().join()
  return isSame ? undefined : { what: 'revisions', expected: revisions, found: now.revisions }
}

function whyNot({ program }: MigrationSettings, answer: Extract<MigrationsAnswer<unknown>, { ok: false }>): string {
  if (answer.why === 'unreadable') return `${program} could not read it: ${answer.detail}`
  return answer.database === undefined ? answer.detail : `${answer.database}: ${answer.detail}`
}
