import { type Kysely, sql } from 'kysely'

/** Indexes for what is read of a long history: each finds its rows without a look at the others. */
export async function makeHistoryIndexes(db: Kysely<unknown>): Promise<void> {
  await sql`create index release_by_app on release (app, number desc)`.execute(db)
  await sql`
    create index release_succeeded on release (app, environment, number desc) where state = 'succeeded'`.execute(db)
  await sql`
    create index release_hotfix_ended on release (ended_at)
    where kind = 'hotfix' and state in ('succeeded', 'closed', 'cancelled')`.execute(db)
  await sql`create index release_by_request on release (requested_at, number)`.execute(db)
  await sql`create index release_mark_bad on release_mark (release) where mark = 'bad'`.execute(db)
  // Only those with a branch of ours, which is recorded as the source.
  await sql`
    create index event_hotfix_carried on event (release)
    where type = 'hotfix_carried' and body like '%"source":"%'`.execute(db)
  await sql`create index event_hotfix_followed_up on event (release) where type = 'hotfix_followed_up'`.execute(db)
  await sql`
    create index event_hotfix_branch_settled on event (release) where type = 'hotfix_branch_settled'`.execute(db)
  await sql`create index outbox_by_release on outbox (release, id)`.execute(db)
}
