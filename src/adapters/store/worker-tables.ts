import { type Kysely, sql } from 'kysely'

/**
 * Workers have a host and a group, and each group has queues of its own, which older processes don't know. A release
 * remembers whether its card says that no worker can take it.
 */
export async function makeWorkerGroups(db: Kysely<unknown>): Promise<void> {
  await sql`alter table worker add column host text, add column worker_group text`.execute(db)
  await sql`alter table release add column worker_missing_shown boolean not null default false`.execute(db)
}
