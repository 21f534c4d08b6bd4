/** What is read of releases, as Store says. */
import { type Kysely, type SqlBool, sql } from 'kysely'
import type { EnvironmentName, ReleaseFilter } from '../../release/ports/store.ts'
import type { Release } from '../../release/release.ts'
import { hasEnded, RELEASE_STATES } from '../../release/terms.ts'
import type { Tables } from './schema.ts'
import { toRelease, wholeReleases } from './whole-releases.ts'

const notEnded = RELEASE_STATES.filter((state) => !hasEnded(state))
/** Spelled out as in the index of releases that have not ended, so that Postgres uses it. */
const isOpen = sql<SqlBool>`state in (${sql.join(notEnded.map((state) => sql.lit(state)))})`

export async function readRelease(db: Kysely<Tables>, number: number): Promise<Release | undefined> {
  const row = await wholeReleases(db).where('number', '=', number).executeTakeFirst()
  return row && toRelease(row)
}

export async function readReleaseByRequest(db: Kysely<Tables>, requestKey: string): Promise<Release | undefined> {
  const row = await wholeReleases(db).where('request_key', '=', requestKey).executeTakeFirst()
  return row && toRelease(row)
}

/** The release of the environment that is not ended. */
export async function readCurrent(db: Kysely<Tables>, app: string, environment: string): Promise<Release | undefined> {
  const row = await wholeReleases(db)
    .where('app', '=', app)
    .where('environment', '=', environment)
    .where(isOpen)
    .executeTakeFirst()
  return row && toRelease(row)
}

/** As Store.newest. Each environment's two are the first of an index, however long its history is. */
export async function readNewest(db: Kysely<Tables>, of: readonly EnvironmentName[]): Promise<readonly Release[]> {
  if (of.length === 0) return []
  const apps = of.map(({ app }) => app)
  const environments = of.map(({ environment }) => environment)
  const numbers = sql`
    select newest.number
    from unnest(${apps}::text[], ${environments}::text[]) as asked (app, environment)
    cross join lateral (
      (select r.number from release r
       where r.app = asked.app and r.environment = asked.environment order by r.number desc limit 1)
      union
      (select r.number from release r
       where r.app = asked.app and r.environment = asked.environment and r.state = 'succeeded'
       order by r.number desc limit 1)
    ) newest`
  const query = wholeReleases(db).where(sql<SqlBool>`number = any(array(${numbers}))`).orderBy('number', 'desc')
  return (await query.execute()).map(toRelease)
}

/** As Store.hotfixesToFollowUp. The states and types are spelled as in the indexes of these rows. */
export async function readHotfixesToFollowUp(
  db: Kysely<Tables>,
  { since, until }: { readonly since: Date; readonly until: Date },
): Promise<readonly number[]> {
  // A person's own branch is not recorded as the source, and not ours to delete.
  const { rows } = await sql<{ number: number }>`
    with unsettled as materialized (
      select carried.release from event carried
      where carried.type = 'hotfix_carried' and carried.body like '%"source":"%'
        and not exists (
          select from event settled where settled.release = carried.release and settled.type = 'hotfix_branch_settled'
        )
    )
    select r.number from release r
    where r.kind = 'hotfix' and r.state in ('succeeded', 'closed', 'cancelled')
      and r.ended_at between ${since}::timestamptz and ${until}::timestamptz
      and not exists (select from event e where e.release = r.number and e.type = 'hotfix_followed_up')
    union
    select u.release from unsettled u
    where (select r.state from release r where r.number = u.release and r.kind = 'hotfix')
      in ('succeeded', 'closed', 'cancelled')
    order by number desc`.execute(db)
  return rows.map(({ number }) => number)
}

/** Newest first, by number. The next page's `before` is the last number of this one. */
export async function readReleases(db: Kysely<Tables>, filter: ReleaseFilter): Promise<readonly Release[]> {
  const { app, environment, requester, states, emergencySince, proved, marked, before, limit } = filter
  let query = wholeReleases(db).orderBy('number', 'desc').limit(limit)
  if (app !== undefined) query = query.where('app', '=', app)
  if (environment !== undefined) query = query.where('environment', '=', environment)
  if (requester !== undefined) query = query.where('requester_id', '=', requester)
  if (states !== undefined) {
    query = query.where(sql<SqlBool>`state = any(${[...states]})`)
    if (!states.some(hasEnded)) query = query.where(isOpen)
  }
  if (emergencySince !== undefined) {
    // The kind is spelled as in the index of these sign-offs.
    const emergencies = sql<SqlBool>`number in (select release from sign_off where kind = 'emergency' and at > ${emergencySince})`
    query = query.where(emergencies)
  }
  if (proved !== undefined) query = query.where('proven_commit', 'like', `${proved}%`)
  if (marked !== undefined) {
    query = query.where(
      sql<SqlBool>`exists (select from release_mark m where m.release = release.number and m.mark = ${marked})`,
    )
  }
  if (before !== undefined) query = query.where('number', '<', before)
  return (await query.execute()).map(toRelease)
}
