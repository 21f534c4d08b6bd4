/**
 * A store after 100,000 releases, written by SQL in seconds: every table that grows has its rows, ended long ago. What is
 * read of it is checked in store-history.test.ts.
 */
import { sha } from '../support/builders.ts'

export const RELEASES = 100_000
export const APPS = 50
/** The newest have plans and are read as a whole; the others are only there to be passed over. */
const WITH_PLAN = 2_000

const text = (value: unknown) => `'${JSON.stringify(value).replaceAll("'", "''")}'`

/** The statements, in order; the last can't run in a transaction. `plan` is that of the newest releases. */
export function longHistory(plan: unknown): readonly string[] {
  const all = `generate_series(1, ${RELEASES}) n`
  const ended = `now() - (${RELEASES} - n + 1) * interval '5 minutes' - interval '1 day'`
  const place = `'app' || n % ${APPS}, case when n / ${APPS} % 2 = 0 then 'integration' else 'production' end`
  const kind = `case n % 20 when 7 then 'hotfix' when 8 then 'rollback' else 'deploy' end`
  const state = `case when n % 10 = 1 and n > ${APPS * 2} then 'cancelled' else 'succeeded' end`
  const hash = 'f'.repeat(64)
  const body = text({ at: '2026-01-01T00:00:00Z', data: { source: 'b' }, type: 'step_done' })
  return [
    'begin',
    "set local session_replication_role = 'replica'",
    `insert into release (number, app, environment, kind, state, requester_id, requester_name, configuration, request_key,
       plan, fingerprint, card_channel, card_ts, attempt, requested_at, planned_at, card_posted_at, approved_at, started_at,
       ended_at, proven_commit)
     select n, ${place}, ${kind}, ${state}, 'U' || n % 100, 'Dana', 'digest', 'key ' || n,
       case when n > ${RELEASES - WITH_PLAN} then ${text(plan)}::json end, 'f', 'C1', n || '.1', 1, at, at, at, at, at, at,
       case when ${state} = 'succeeded' then '${sha('9f2c1ab')}' end
     from ${all}, lateral (select ${ended} as at) moment`,
    `insert into sign_off (release, kind, person_id, person_name, fingerprint, "right", at)
     select n, case when n % 500 = 3 and kind = 'approval' then 'emergency' else kind end, 'U0' || kind, kind, 'f', 'r', ${ended}
     from ${all}, unnest(array['qa', 'approval']) kind`,
    `insert into disputed_sign_off (position, release, kind, person_id, person_name, fingerprint, "right", at, disputed_at)
     select -n, n, 'qa', 'U1', 'Dana', 'f', 'r', ${ended}, ${ended} from ${all} where n % 4 = 1`,
    `insert into change_tested (release, change, person_id, person_name, "right", is_own, at)
     select n, 'pr 1', 'U1', 'Dana', 'r', false, ${ended} from ${all} where n % 4 = 1`,
    `insert into step (release, name, state, attempt, effect, started_at, ended_at, result)
     select n, name, 'done', 1, 'some', ${ended}, ${ended}, null from ${all}, unnest(array['push', 'confirm']) name`,
    `insert into release_mark (release, mark, by_id, by_name, at)
     select n, case n % 400 when 1 then 'bad' else 'good' end, 'U1', 'Dana', ${ended} from ${all} where n % 4 = 1`,
    `insert into event (id, release, type, actor, at, body, hash, previous_hash)
     select (n - 1) * 3 + e, n,
       case when n % 20 <> 7 then 'step_done' when e = 1 then 'hotfix_carried' when e = 2 then 'hotfix_followed_up'
         else 'hotfix_branch_settled' end,
       'worker', ${ended}, ${body}, '${hash}', '${hash}'
     from ${all}, generate_series(1, 3) e`,
    `insert into inbox (id, received_at, handled_at)
     select 'delivery ' || n, now() - n * interval '10 seconds', now() - n * interval '10 seconds' from ${all}`,
    `insert into outbox (release, kind, key, message, state, tries, put_in_at, settled_at, posted_channel, posted_ts)
     select n, kind, 'key', '{}', 'sent', 1, ${ended}, ${ended}, 'C1', n || '.2'
     from ${all}, unnest(array['line', 'outcome']) kind where kind = 'outcome' or n > ${RELEASES} - 20000`,
    `insert into outbox (release, kind, key, message, state, tries, settled_at, endpoint, stream)
     select n, 'webhook', n || ' e1', '{}', 'sent', 1, ${ended}, 'e1', 's' from ${all} where n > ${RELEASES} - 20000`,
    `insert into button_token (token, release, action) select 'token ' || n, n, 'approve' from ${all}`,
    `insert into subject_token (token, subject, action) select 'subject ' || n, '{"n":' || n || '}', 'menu' from ${all}`,
    `insert into environment_lock (app, environment, holder_id, holder_name, reason, since, ended_at, ended_how)
     select ${place}, 'U1', 'Dana', 'r', ${ended}, ${ended}, 'ended' from ${all} where n % 2 = 0`,
    `insert into lock_delivery (key, lock, at) select 'key ' || n, n, now() - n * interval '1 minute' from ${all} where n < 20000`,
    `insert into release_figures (release, app, environment, kind, at, outcome, ended_at, confirmed_at, signed_after_ms,
       emergency, run_ms, step_ms, steps, lead_seconds, commits)
     select n, ${place}, ${kind}, at, ${state}, at, at, 60000, false, 240000, '{}', 'push confirm', '{}', 3
     from ${all}, lateral (select ${ended} as at) moment`,
    'update figures_filled set below = 1',
    `update release_number set last = ${RELEASES}`,
    `update event_chain set count = ${RELEASES * 3}, hash = '${hash}'`,
    'commit',
    'vacuum analyze',
  ]
}
