/** Figures, read from their rows. */
import { type Kysely, sql } from 'kysely'
import type { CountedRelease } from '../../release/counted.ts'
import {
  DAY_MS,
  type FiguresAsked,
  type FiguresFound,
  figuresOfAll,
  figuresSince,
  usualRunMs,
} from '../../release/figures.ts'
import type { Release } from '../../release/release.ts'
import { hasEnded, type ReleaseKind } from '../../release/terms.ts'
import { countReleases, openOnes } from './counted-rows.ts'
import type { Tables } from './schema.ts'

/** "usually" looks at so many of the environment's last releases. */
const USUAL_AMONG = 50

/** A row as JSON, in the order of `COLUMNS`; few bytes, because a report of everything reads many. */
type Listed = [
  release: number,
  kind: ReleaseKind,
  outcome: NonNullable<CountedRelease['outcome']> | null,
  endedAt: number | null,
  confirmedAt: number | null,
  attentionAt: number | null,
  rolledBackAt: number | null,
  signedAfterMs: number | null,
  isEmergency: boolean,
  stepMs: CountedRelease['stepMs'],
  leadSeconds: readonly number[],
  commits: number,
]

const ms = (column: string) => sql`(extract(epoch from ${sql.ref(column)}) * 1000)::bigint`

const COLUMNS = sql`json_build_array(release, kind, outcome, ${ms('ended_at')}, ${ms('confirmed_at')},
  ${ms('attention_at')}, ${ms('rolled_back_at')}, signed_after_ms, emergency, step_ms, lead_seconds, commits)`

/** As Store.figures. */
export async function readFigures(db: Kysely<Tables>, asked: FiguresAsked): Promise<FiguresFound> {
  const { app, environment, until } = asked
  const since = figuresSince(asked)
  let query = db
    .selectFrom('release_figures')
    .select(['app', 'environment', sql<readonly Listed[]>`json_agg(${COLUMNS} order by release)`.as('listed')])
    .where('at', '>', since)
    .where((where) => where.or([where('at', '<=', until), where('attention_at', '<=', until)]))
    .groupBy(['app', 'environment'])
  if (app !== undefined) query = query.where('app', '=', app)
  if (environment !== undefined) query = query.where('environment', '=', environment)
  const [rows, open, isComplete] = await Promise.all([query.execute(), openOnes(db), isFilledSince(db, since)])
  const late = open.filter(
    (one) =>
      hasEnded(one.state) && (app ?? one.app) === one.app && (environment ?? one.environment) === one.environment,
  )
  const again = new Set(late.map(({ number }) => number))
  const counted = rows.flatMap(({ app, environment, listed }) =>
    listed.map((each) => toCounted({ app, environment }, each)).filter(({ number }) => !again.has(number)),
  )
  const recounted = again.size === 0 ? [] : (await countReleases(db, [...again])).map((row) => row.counted)
  return { figures: figuresOfAll([...counted, ...recounted], asked), isComplete }
}

function toCounted(place: { app: string; environment: string }, listed: Listed): CountedRelease {
  const [number, kind, outcome, ended, confirmed, attention, rolledBack, signed, isEmergency, stepMs, lead, commits] =
    listed
  return {
    number,
    kind,
    ...place,
    ...{ isEmergency, stepMs, leadSeconds: lead, commits, steps: [] },
    ...(outcome !== null && { outcome }),
    ...(ended !== null && { endedAt: ended }),
    ...(confirmed !== null && { confirmedAt: confirmed }),
    ...(attention !== null && { attentionAt: attention }),
    ...(rolledBack !== null && { rolledBackAt: rolledBack }),
    ...(signed !== null && { signedAfterMs: signed }),
  }
}

/** Whether every release of the period is counted. One that was requested before it may end in it, within a month. */
async function isFilledSince(db: Kysely<Tables>, since: Date): Promise<boolean> {
  const { below } = await db.selectFrom('figures_filled').select('below').executeTakeFirstOrThrow()
  if (below !== null && below <= 1) return true
  if (below === null) return false
  const oldest = await db.selectFrom('release').select('requested_at').where('number', '=', below).executeTakeFirst()
  return oldest !== undefined && oldest.requested_at.getTime() < since.getTime() - 30 * DAY_MS
}

/** As Store.usualRunMs. */
export async function readUsualRun(
  db: Kysely<Tables>,
  { app, environment, kind, plan }: Pick<Release, 'app' | 'environment' | 'kind' | 'plan'>,
): Promise<number | undefined> {
  if (plan === undefined) return undefined
  const rows = await db
    .selectFrom('release_figures')
    .select(['kind', 'steps', 'run_ms'])
    .where('app', '=', app)
    .where('environment', '=', environment)
    .orderBy('release', 'desc')
    .limit(USUAL_AMONG)
    .execute()
  return usualRunMs(
    { kind, steps: plan.steps },
    rows.map(({ kind, steps, run_ms: runMs }) => ({
      kind,
      steps: steps.split(' ') as CountedRelease['steps'],
      ...(runMs !== null && { runMs: Number(runMs) }),
    })),
  )
}
