/** Promise 8, held in every story: where Signoff leaves texts, none of the secrets that the tests plant may stand. */
import { ask } from './postgres.ts'
import type { Team } from './team.ts'

/** Every row of every table, the job queue's included, as text. */
export async function storeDump(url: string): Promise<string> {
  const tables = await ask<{ name: string }>(
    url,
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  )
  if (tables.length === 0) return ''
  const every = tables.map(({ name }) => `select t::text as row from ${name} t`).join(' union all ')
  return (await ask<{ row: string }>(url, every)).map(({ row }) => row).join('\n')
}

/** Where each secret was seen, `secret 2 in the store`; never the secret itself. */
export async function secretsSeen(team: Team, more: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const comments = team.bitbucket.pullRequests().map(({ id }) => team.bitbucket.comments(id))
  const places: Readonly<Record<string, string>> = {
    'the messages': JSON.stringify(team.slack.log.map(({ args }) => args)) + team.slack.transcript(),
    'the store': await storeDump(team.databases.store.url),
    'the logs': team.logs.join('\n'),
    'the pull requests': JSON.stringify([team.bitbucket.pullRequests(), comments]),
    ...more,
  }
  return team.secrets.flatMap((secret, index) => {
    if (secret.length < 8) throw new Error(`secret ${index} is too short to be looked for`)
    const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]
    return Object.entries(places)
      .filter(([, text]) => forms.some((form) => text.includes(form)))
      .map(([place]) => `secret ${index} in ${place}`)
  })
}
