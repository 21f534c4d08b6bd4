/** Databases with revisions, and an alembic that takes them to the head of a checkout. */
import { placeOf } from '../../../src/adapters/alembic/configuration.ts'
import { alembicWords } from '../../../src/adapters/alembic/words.ts'
import type { MigrationStatus, Migrator, UpgradeAnswer } from '../../../src/release/ports/migrator.ts'
import type { MigrationSettings } from '../../../src/release/settings.ts'
import { type Files, FOLDER, type Objects } from './objects.ts'
import type { TruthLog } from './truth.ts'
import type { VirtualTime } from './virtual-time.ts'

const START_MS = 1_000
const UPGRADE_MS = 6_000

interface Database {
  revision: string | undefined
  /** Upgrades that are at work in it; more than one at once is a fault of ours. */
  working: number
}

interface Revision {
  readonly revision: string
  readonly down: string | undefined
  readonly file: string
}

export interface SimulatedMigrator extends Migrator {
  revisionOf(environment: string): string | undefined
  /** Somebody has migrated by hand, or taken a migration back. */
  revisionIs(environment: string, revision: string): void
  /** Two upgrades of one database were at work at once, so often. */
  readonly overlaps: number
  /** The next upgrade fails, and is rolled back whole. */
  failNext(says?: string): void
}

function chainOf(files: Files): readonly Revision[] {
  const all = Object.entries(files).flatMap(([file, text]): Revision[] => {
    const revision = new RegExp(`^${FOLDER}/([\\w]+)\\.py$`).exec(file)?.[1]
    const down = /= (\w+)$/.exec(text)?.[1]
    return revision === undefined ? [] : [{ revision, file, down: down === 'None' ? undefined : down }]
  })
  const chain: Revision[] = []
  for (let last: string | undefined; ; ) {
    const next = all.find(({ down }) => down === last)
    if (next === undefined) return chain
    chain.push(next)
    last = next.revision
  }
}

export function createMigrator(world: {
  objects: Objects
  checkouts: ReadonlyMap<string, string>
  time: VirtualTime
  truth: TruthLog
  /** Environment → the revision that its database is at. */
  revisions: Readonly<Record<string, string>>
}): SimulatedMigrator {
  const { objects, checkouts, time, truth } = world
  const databases = new Map<string, Database>()
  let overlaps = 0
  const toFail: string[] = []

  function databaseOf({ environment }: { environment: string }): Database {
    const known = databases.get(environment) ?? { revision: world.revisions[environment], working: 0 }
    databases.set(environment, known)
    return known
  }

  const identityOf = ({ app, environment }: MigrationSettings) => `db.example.com:5432/${app}_${environment}`

  function statusOf(migration: MigrationSettings, checkout: string): MigrationStatus {
    const held = checkouts.get(checkout)
    if (held === undefined) throw new Error(`nothing was checked out into ${checkout}`)
    const chain = chainOf(objects.files(held))
    const { revision } = databaseOf(migration)
    const at = chain.findIndex((each) => each.revision === revision)
    const head = chain.at(-1)
    return {
      identity: identityOf(migration),
      dialect: 'postgresql',
      heads: head === undefined ? [] : [{ revision: head.revision, file: head.file }],
      current: revision === undefined ? [] : [revision],
      unknown: revision === undefined || at >= 0 ? [] : [revision],
      pending: chain.slice(at + 1).map((each) => ({
        revision: each.revision,
        message: `change ${each.revision}`,
        file: each.file,
        preview: { statements: [`ALTER TABLE documents ADD COLUMN c_${each.revision} text`], commits: false },
      })),
    }
  }

  /** The database's side: it goes on whatever becomes of who started it, and commits all of it at its end. */
  async function work(migration: MigrationSettings, pending: readonly string[]): Promise<UpgradeAnswer> {
    const database = databaseOf(migration)
    if (database.working > 0) overlaps += 1
    database.working += 1
    const fails = toFail.shift()
    await time.sleep(UPGRADE_MS)
    database.working -= 1
    if (fails !== undefined) {
      return { upgrade: 'failed', ...(pending[0] && { revision: pending[0] }), output: [`Error: ${fails}`] }
    }
    for (const revision of pending) {
      database.revision = revision
      truth.happened({ kind: 'migration', key: `${migration.environment} ${revision}`, where: migration.environment })
    }
    await time.sleep(START_MS)
    return { upgrade: 'done', output: [] }
  }

  return {
    words: alembicWords,
    limits: { endsWithinMs: 10 * 60_000 },
    placeOf,
    revisionOf: (environment) => databaseOf({ environment }).revision,
    get overlaps() {
      return overlaps
    },
    revisionIs(environment, revision) {
      databaseOf({ environment }).revision = revision
    },
    failNext(says = 'it failed') {
      toFail.push(says)
    },
    async status(migration, checkout) {
      await time.sleep(START_MS)
      return { ok: true, value: statusOf(migration, checkout) }
    },
    async revisions(migration) {
      await time.sleep(50)
      const { revision, working } = databaseOf(migration)
      const revisions = revision === undefined ? [] : [revision]
      const value = { identity: identityOf(migration), revisions }
      return { ok: true, value: working > 0 ? { ...value, isWorking: true } : value }
    },
    databasesNamed: async (migration) => ({ DATABASE_URL: identityOf(migration) }),
    async upgrade(migration, checkout, { signal, confirm } = {}) {
      await time.sleep(START_MS)
      if ((await confirm?.(statusOf(migration, checkout))) === false) {
        return { upgrade: 'failed', notStarted: true, output: [] }
      }
      const { pending: planned, unknown } = statusOf(migration, checkout)
      if (unknown[0] !== undefined) {
        return { upgrade: 'failed', output: [`Can't locate revision identified by '${unknown[0]}'`] }
      }
      const pending = planned.map(({ revision }) => revision)
      const cut = new Promise<UpgradeAnswer>((resolve) => {
        signal?.addEventListener('abort', () => resolve({ upgrade: 'unknown', output: [] }), { once: true })
      })
      return Promise.race([work(migration, pending), cut])
    },
  }
}
