/**
 * A team whose Signoff is real processes behind fault proxies, to be killed and started again: a bot and a worker on one
 * Postgres, or one process with its embedded Postgres. Needs no test runner.
 */
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import {
  attachEmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/adapters/embedded-postgres/embedded-postgres.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { type SignoffProcess, startProcess } from './processes.ts'
import { QUICK, startTeam, type Team } from './team.ts'

/** Who is killed: a role, or both; in one process they are the same, and its Postgres may die with it. */
export type Victim = 'bot' | 'worker' | 'both' | 'all' | 'all and Postgres'

export interface KillTeam {
  readonly team: Team
  readonly isEmbedded: boolean
  readonly proxies: { readonly slack: FaultProxy; readonly bitbucket: FaultProxy; readonly heroku: FaultProxy }
  /** One statement to the store, however it is reached; empty while it is down. */
  look<Row extends object>(sql: string): Promise<readonly Row[]>
  /** SIGKILL to the processes of a victim. What their jobs held is free to be taken up at once and not in ten seconds. */
  kill(victim: Victim): Promise<void>
  /** Starts again what was killed. */
  restart(): Promise<void>
  /** Everything that the processes have printed, newest last. */
  output(): string
  close(): Promise<void>
}

const QUICKER = {
  ...QUICK,
  times: { ...QUICK.times, sweep: 500, heads: 3_000 },
  jobTiming: { pollSeconds: 0.5, superviseSeconds: 1, retrySeconds: 1 },
  tickEveryMs: 1_000,
}

/** Starts everything; `embedded`: `--role all` without STORE_URL. */
export async function startKillTeam({ embedded = false } = {}): Promise<KillTeam> {
  const team = await startTeam({
    unstarted: true,
    isolation: 'auto',
    integration: (entry) => void Object.assign(entry, { deploys: 'automatically' }),
    production: (entry) => {
      Object.assign(entry.migrations as object, { talk_it_over: [] })
      Object.assign(entry.sign_off as object, { receipts: true })
    },
  })
  // Where tests run as root, the embedded Postgres runs as somebody else, who must get by here.
  if (embedded) await chmod(team.directory, 0o711)
  const origins = {
    slack: new URL(team.slack.apiUrl).origin,
    bitbucket: new URL(team.bitbucket.apiUrl).origin,
    heroku: new URL(team.heroku.apiUrl).origin,
  }
  const proxies = {
    slack: await startFaultProxy(origins.slack),
    bitbucket: await startFaultProxy(origins.bitbucket),
    heroku: await startFaultProxy(origins.heroku),
  }
  const proxied = (text: string) =>
    (['slack', 'bitbucket', 'heroku'] as const).reduce(
      (said, name) => said.replaceAll(origins[name], proxies[name].origin),
      text,
    )
  const releases = team.env.RELEASES_FILE ?? ''
  await writeFile(releases, proxied(await readFile(releases, 'utf8')))
  const { STORE_URL: storeUrl, ...shared } = team.env
  const env = Object.fromEntries(
    Object.entries({ ...shared, ...(!embedded && { STORE_URL: storeUrl ?? '' }) }).map(([name, value]) => [
      name,
      name.endsWith('_API_URL') ? proxied(value) : value,
    ]),
  )
  Object.assign(team, { env })
  const dataDir = join(team.directory, 'data')

  const running = new Map<'bot' | 'worker' | 'all', SignoffProcess>()
  const outputs: (() => string)[] = []
  async function start(role: 'bot' | 'worker' | 'all'): Promise<void> {
    const started = await startProcess(team, role, { pace: QUICKER })
    outputs.push(() => `--- ${role}\n${started.output()}`)
    running.set(role, started)
  }
  const roles = embedded ? (['all'] as const) : (['bot', 'worker'] as const)
  await Promise.all(roles.map(start))

  let client: pg.Client | undefined
  async function connected(): Promise<pg.Client | undefined> {
    if (client !== undefined) return client
    const connection = embedded
      ? (await attachEmbeddedPostgres({ dataDir }).catch(() => undefined))?.connection
      : { connectionString: storeUrl }
    if (connection === undefined) return undefined
    const made = new pg.Client(connection)
    const forget = () => {
      if (client === made) client = undefined
    }
    made.on('error', forget).on('end', forget)
    await made.connect()
    client = made
    return made
  }
  async function look<Row extends object>(sql: string): Promise<readonly Row[]> {
    try {
      return (await (await connected())?.query<Row>(sql))?.rows ?? []
    } catch (error) {
      if (error instanceof pg.DatabaseError && !/^(57|08)/.test(error.code ?? '')) throw error
      return []
    }
  }

  team.query = look

  /** By the store's clock, since when jobs that are active belong to nobody. */
  let deadSince: string | undefined
  return {
    team,
    isEmbedded: embedded,
    proxies,
    look,
    async kill(victim) {
      const [moment] = await look<{ now: string }>('select clock_timestamp()::text as now')
      const dying =
        victim === 'both' ? (['bot', 'worker'] as const) : ([victim === 'all and Postgres' ? 'all' : victim] as const)
      const postmaster = victim === 'all and Postgres' ? await postmasterPid(dataDir) : undefined
      await Promise.all(dying.map((role) => running.get(role)?.kill()))
      for (const role of dying) running.delete(role)
      if (postmaster !== undefined) process.kill(postmaster, 'SIGKILL')
      if (victim !== 'bot') deadSince = moment?.now
    },
    async restart() {
      if (!embedded) await hurry(look, deadSince)
      await Promise.all(roles.filter((role) => !running.has(role)).map(start))
      if (embedded) await hurry(look, deadSince)
      deadSince = undefined
    },
    output: () => outputs.map((each) => each()).join('\n'),
    async close() {
      for (const proxy of Object.values(proxies)) await proxy.close()
      await Promise.all([...running.values()].map((each) => each.kill()))
      await client?.end().catch(() => undefined)
      if (embedded) await (await startEmbeddedPostgres({ dataDir })).stop()
      await team.close()
    },
  }
}

async function hurry(look: KillTeam['look'], deadSince: string | undefined): Promise<void> {
  if (deadSince === undefined) return
  await look(
    `update pgboss.job set heartbeat_on = now() - interval '1 minute' where state = 'active' and started_on <= '${deadSince}'`,
  )
  await look(
    `update environment_lease set expires_at = now() where expires_at <= '${deadSince}'::timestamptz + interval '10 seconds'`,
  )
}

async function postmasterPid(dataDir: string): Promise<number> {
  return Number((await readFile(join(dataDir, 'pg', 'postmaster.pid'), 'utf8')).split('\n')[0])
}
