import pg from 'pg'
import type { CountedPlan } from '../../release/counted.ts'
import type { EventType } from '../../release/events.ts'
import type { Plan } from '../../release/plan.ts'
import type { NumberedRelease, Period, StoredNumbers } from '../../release/record.ts'
import type { PersonName, ReleaseKind, ReleaseState, SignOffKind } from '../../release/terms.ts'

const BATCH = 500

/**
 * The numbers that may have been assigned in the period: those of its releases, and missing ones beside them. The last
 * number is what the store counts, or what its events name if that is higher. Each part reads no more than the releases
 * since then; `+ 0` keeps Postgres from looking for the minimum from #1 on.
 */
const BOUNDS = `
  select
    least(
      (select min(number + 0) from release where requested_at >= $1),
      coalesce((select number from release where requested_at < $1 order by number desc limit 1), 0) + 1
    ) as first,
    greatest(
      coalesce((select number from release where requested_at < $2 order by number desc limit 1), 0),
      coalesce(
        (select min(number + 0) - 1 from release where requested_at >= $2),
        greatest(
          (select max(last) from release_number), (select max(release) from event), (select max(number) from release)
        )
      )
    ) as last`

/** `#>` and not `#>>`: that one fails on any NUL escape in the plan. */
const COLUMNS = `
  asked.number, r.app, r.environment, r.kind, r.state, r.requester_id, r.requester_name, r.requested_at, r.fingerprint,
  r.plan #> '{bound,source,commit}' as source, r.plan #> '{commits}' as commits, r.plan #> '{commitCount}' as commit_count,
  r.plan #> '{firstRelease}' as first_release, case when r.kind = 'hotfix' then r.plan #> '{hotfix,picks}' end as picks,
  (select json_agg(json_build_array(kind, person_id)) from sign_off where sign_off.release = asked.number) as signed,
  (select json_agg(json_build_array(kind, person_id)) from disputed_sign_off d where d.release = asked.number) as disputed`

interface Row {
  readonly number: number
  readonly app: string | null
  readonly environment: string
  readonly kind: ReleaseKind
  readonly state: ReleaseState
  readonly requester_id: string
  readonly requester_name: string
  readonly requested_at: Date
  readonly fingerprint: string | null
  readonly source: string | null
  readonly commits: Plan['commits'] | null
  readonly commit_count: number | null
  readonly first_release: boolean | null
  readonly picks: NonNullable<Plan['hotfix']>['picks'] | null
  readonly signed: readonly [SignOffKind, string][] | null
  readonly disputed: readonly [SignOffKind, string][] | null
}

/**
 * Reads every number of the period with its release and its events of these types, on a connection of its own, from one
 * snapshot. Memory use does not depend on how many there are. Changes nothing.
 */
export async function readNumbers<T>(
  connect: pg.ClientConfig,
  { since, until }: Period,
  types: readonly EventType[],
  work: (numbers: StoredNumbers) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(connect)
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query('begin isolation level repeatable read read only')
    const bounds = await client.query<{ first: number; last: number | null }>(BOUNDS, [
      since?.toISOString() ?? '-infinity',
      until?.toISOString() ?? 'infinity',
    ])
    const { first = 1, last = 0 } = bounds.rows[0] ?? {}
    return await work({ first, last: last ?? 0, rows: readRows(client, [first, last ?? 0], types) })
  } finally {
    await client.end()
  }
}

async function* readRows(
  client: pg.Client,
  [first, last]: readonly [number, number],
  types: readonly EventType[],
): AsyncGenerator<readonly NumberedRelease[]> {
  await client.query(`
    declare numbers no scroll cursor for select ${COLUMNS}
    from generate_series(${first}, ${last}) as asked(number) left join release r on r.number = asked.number
    order by asked.number`)
  for (;;) {
    const { rows } = await client.query<Row>(`fetch ${BATCH} from numbers`)
    if (rows.length === 0) return
    const events = await readEvents(client, rows, types)
    yield rows.map((row) => toRelease(row, events.get(row.number) ?? []))
  }
}

async function readEvents(client: pg.Client, numbers: readonly Row[], types: readonly EventType[]) {
  const { rows } = await client.query<{ release: number; body: string }>(
    'select release, body from event where release = any($1) and type = any($2) order by id',
    [numbers.map(({ number }) => number), types],
  )
  const found = new Map<number, string[]>()
  for (const { release, body } of rows) {
    const texts = found.get(release)
    if (texts === undefined) found.set(release, [body])
    else texts.push(body)
  }
  return found
}

function toRelease(row: Row, events: readonly string[]): NumberedRelease {
  const { number, app, environment, kind, state, requested_at: requestedAt, fingerprint, source, signed } = row
  if (app === null) return { number, events }
  const requester: PersonName = { id: row.requester_id, name: row.requester_name }
  const pairs = (given: Row['signed']) => (given ?? []).map(([kind, id]) => ({ kind, person: { id } }))
  const [signOffs, disputed] = [pairs(signed), pairs(row.disputed)]
  return {
    number,
    table: {
      ...{ app, environment, kind, state, requester, requestedAt, signOffs },
      ...(fingerprint !== null && { fingerprint }),
      ...(disputed.length > 0 && { disputed }),
    },
    ...(source !== null && { sourceCommit: source }),
    ...(row.commits !== null && { plan: planOf(row, row.commits) }),
    events,
  }
}

function planOf(
  { commit_count: commitCount, first_release: firstRelease, picks }: Row,
  commits: Plan['commits'],
): CountedPlan {
  return {
    commits,
    commitCount: commitCount ?? commits.length,
    firstRelease: firstRelease === true,
    ...(picks !== null && { hotfix: { picks } }),
  }
}
