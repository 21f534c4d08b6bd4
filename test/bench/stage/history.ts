/** A store with a long history, written by SQL: for what is read of it, not for what its hashes prove. */
import { createHash } from 'node:crypto'
import pg from 'pg'
import { fingerprint, type Plan } from '../../../src/release/plan.ts'
import type { App } from '../../../src/release/settings.ts'
import { anApp, anEnvironment, anIntegration, aPlan, aRelease, sha } from '../../support/builders.ts'
import { createStoreDatabase, type TestDatabase, type TestPostgres } from '../../support/postgres.ts'

/** As many apps as `releases.yml` of a large team declares, each with two environments. */
export const APPS = 50
/** Of all hot-fixes so many are ended and told of, as after years. */
const MOST_HOTFIXES = 2_000
/** One in so many was an emergency. */
const EMERGENCY_EVERY = 500

const nameOf = (at: number) => `app${at}`

export function appsOfHistory(): readonly App[] {
  return Array.from({ length: APPS }, (_, at) => {
    const app = nameOf(at)
    return anApp({ name: app, environments: [anIntegration({ app }), anEnvironment({ app })] })
  })
}

/** So many releases with ten events each, all ended, spread over the apps and their environments. */
export async function createHistory(postgres: TestPostgres, releases: number): Promise<TestDatabase> {
  const database = await createStoreDatabase(postgres)
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  try {
    for (const statement of statements(releases)) await client.query(statement)
  } finally {
    await client.end()
  }
  return database
}

function statements(releases: number): readonly string[] {
  const plan = aPlan()
  const hotfixEvery = Math.max(20, Math.floor(releases / MOST_HOTFIXES))
  const hotfix = { ...plan, hotfix: aHotfix(), bound: { ...plan.bound, kind: 'hotfix' } }
  const isHotfix = `n % ${hotfixEvery} = 7`
  const hash = createHash('sha256').update('history').digest('hex')
  const before = `now() - (${releases} - n + 1) * interval '1 minute' - interval '60 days'`
  const text = (value: unknown) => `'${JSON.stringify(value).replaceAll("'", "''")}'`
  const data = { step: 'push', attempt: 1, ms: 4_211, commit: sha('9f2c1ab') }
  const body = text({ at: '2026-01-01T00:00:00Z', type: 'step_done', actor: 'worker', data })
  return [
    'begin',
    "set local session_replication_role = 'replica'",
    `insert into release (number, app, environment, kind, state, requester_id, requester_name, reason, configuration,
       request_key, plan, fingerprint, card_channel, card_ts, attempt, requested_at, planned_at, card_posted_at,
       approved_at, started_at, ended_at)
     select n, 'app' || n % ${APPS}, case when n / ${APPS} % 2 = 0 then 'integration' else 'production' end,
       case when ${isHotfix} then 'hotfix' else 'deploy' end, 'succeeded', 'U01DANA', 'Dana', null,
       '${aRelease().configuration}', 'key ' || n, case when ${isHotfix} then ${text(hotfix)} else ${text(plan)} end::json,
       '${fingerprint(plan)}', 'C02PROD', n || '.000100', 1, at, at, at, at, at, at
     from generate_series(1, ${releases}) n, lateral (select ${before} as at) moment`,
    `insert into sign_off (release, kind, person_id, person_name, fingerprint, "right", at)
     select n, case when n % ${EMERGENCY_EVERY} = 3 and kind = 'approval' then 'emergency' else kind end,
       'U0' || kind, kind, '${fingerprint(plan)}', 'every full member', ${before}
     from generate_series(1, ${releases}) n, unnest(array['qa', 'approval']) kind`,
    `insert into step (release, name, state, attempt, effect, started_at, ended_at, result)
     select n, name, 'done', 1, 'some', ${before}, ${before}, '{"commit":"${sha('9f2c1ab')}"}'::json
     from generate_series(1, ${releases}) n,
       unnest(case when ${isHotfix} then array['pick', 'push', 'confirm', 'report'] else array['merge', 'push', 'confirm', 'report'] end) name`,
    `insert into event (id, release, type, actor, at, body, hash, previous_hash)
     select (n - 1) * 10 + e, n, 'step_done', 'worker', ${before}, ${body}, '${hash}', '${hash}'
     from generate_series(1, ${releases}) n, generate_series(1, 10) e`,
    // By these the figures are counted, up to now.
    `insert into release_figures (release, app, environment, kind, at, outcome, ended_at, confirmed_at, signed_after_ms,
       emergency, run_ms, step_ms, steps, lead_seconds, commits)
     select n, 'app' || n % ${APPS}, case when n / ${APPS} % 2 = 0 then 'integration' else 'production' end,
       case when ${isHotfix} then 'hotfix' else 'deploy' end, at, 'succeeded', at, at, n % 50 * 60000, false, 240000,
       '{"push":180000,"confirm":20000}'::json, 'merge push confirm report', array[n % 40 * 3600, 7200, n % 3 * 86400], 3
     from generate_series(1, ${releases}) n, lateral (select now() - (${releases} - n + 1) * interval '1 minute' as at) moment`,
    'update figures_filled set below = 1',
    `update release_number set last = ${releases}`,
    `update event_chain set count = ${releases * 10}, hash = '${hash}'`,
    "insert into worker (id, at, configurations) values ('worker', now() + interval '1 day', '{}')",
    'commit',
    'vacuum analyze',
  ]
}

/** One commit that its release has picked, and that master lacked. */
function aHotfix(): NonNullable<Plan['hotfix']> {
  const author = { name: 'Ada', email: 'ada@example.test' }
  const pick = { from: sha('9f2c1ab'), made: sha('41d7e03'), title: 'Fix it', author, files: { count: 0, list: [] } }
  const alsoGoes = { count: 0, commits: [] }
  return {
    picks: [pick],
    at: '2026-01-01T00:00:00Z',
    alsoGoes,
    promoting: { branch: 'master', environment: 'integration' },
  }
}
