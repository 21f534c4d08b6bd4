import type { AppRepository } from './app-repository.ts'
import { branchHeads, git, isAncestor } from './bare-git.ts'
import type { Bitbucket } from './bitbucket/bitbucket.ts'
import type { ClockState, SandboxClock } from './clock.ts'
import type { AppDatabase, Databases } from './databases.ts'
import type { Heroku, HerokuRelease } from './heroku/heroku.ts'
import type { MigrationProgram } from './migrations.ts'
import type { MigrationName } from './sample-app.ts'
import type { RoleState, Service } from './service.ts'
import type { SlackWorkspace } from './slack/workspace.ts'
import type { ReceivedWebhook, WebhookReceiver } from './webhook-receiver.ts'

export type CommitSummary = { sha: string; title: string; author: string }

type DatabaseState = { revisions: string[]; head: string | undefined; columns: string[] }

/** The state of git, Heroku, the databases and Signoff's processes, as the page shows it beside the channel. */
export type Systems = {
  branches: ({ name: string } & CommitSummary)[]
  environments: {
    name: AppDatabase
    app: string
    holds: CommitSummary | undefined
    runs: CommitSummary | undefined
    /** Newest first, at most six. */
    releases: (HerokuRelease & { title: string })[]
    /** How many commits of master it doesn't run; undefined if that is unknown. */
    behind: number | undefined
    /** The database of its users. */
    database: DatabaseState
    /** The database of its search; without head in a sandbox of an earlier version. */
    search: DatabaseState
  }[]
  pullRequests: { id: number; title: string; state: string; source: string; destination: string; comments: string[] }[]
  migrations: string
  /** What the receiver of webhooks got, newest first. */
  webhooks: readonly ReceivedWebhook[]
  service: Record<'bot' | 'worker', RoleState>
  clock: ClockState
  /** Whether the bot is connected to Slack. Commands and buttons fail while it isn't. */
  isConnected: boolean
}

export const APPS: Readonly<Record<AppDatabase, string>> = {
  integration: 'complianceai-api-integration',
  production: 'complianceai-api-production',
}

/** Reads the systems as they are now. Changes nothing. */
export function createSystemsReader(given: {
  clock: Pick<SandboxClock, 'state'>
  slack: Pick<SlackWorkspace, 'sockets'>
  repository: AppRepository
  bitbucket: Bitbucket
  heroku: Heroku
  databases: Databases
  program: MigrationProgram
  service: () => Service | undefined
  webhooks: Pick<WebhookReceiver, 'received'>
}) {
  const { repository, bitbucket, heroku, databases } = given
  const known = new Map<string, CommitSummary>()

  async function summaryOf(sha: string | undefined): Promise<CommitSummary | undefined> {
    if (sha === undefined) return undefined
    const before = known.get(sha)
    if (before !== undefined) return before
    // A commit that someone pushed only to Heroku isn't in the repository.
    for (const bare of [repository.bare, ...Object.values(APPS).map((app) => heroku.bare(app))]) {
      const read = await git(bare, ['log', '-1', '--format=%s%x00%an', sha, '--'], { accept: [0, 128] })
      if (read.code !== 0) continue
      const [title = '', author = ''] = read.stdout.trimEnd().split('\0')
      const made = { sha, title, author }
      known.set(sha, made)
      return made
    }
    return { sha, title: '', author: '' }
  }

  // Commits never change, so results can be cached.
  const lags = new Map<string, number | undefined>()
  const headRevisions = new Map<string, string | undefined>()

  async function headRevision(master: string | undefined, of: MigrationName): Promise<string | undefined> {
    if (master === undefined) return undefined
    const key = `${master} ${of}`
    if (headRevisions.has(key)) return headRevisions.get(key)
    const read = await repository.headRevision('master', of).catch(() => undefined)
    // If master has moved meanwhile, the result may belong to the newer commit.
    if (read !== undefined && (await repository.head('master')) === master) headRevisions.set(key, read)
    return read
  }

  async function databaseOf(name: AppDatabase, of: MigrationName, master: string | undefined): Promise<DatabaseState> {
    const [revisions, columns, head] = await Promise.all([
      databases.revisions(name, of).catch(() => []),
      databases.columns(name, of).catch(() => []),
      headRevision(master, of),
    ])
    return { revisions, head, columns }
  }

  async function behind(sha: string | undefined, source: string | undefined): Promise<number | undefined> {
    if (sha === undefined || source === undefined) return undefined
    const pair = `${sha}..${source}`
    if (lags.has(pair)) return lags.get(pair)
    const count = await git(repository.bare, ['rev-list', '--count', '--no-merges', pair], {
      accept: [0, 128],
    })
    const lag = count.code === 0 ? Number(count.stdout) : undefined
    if (lag !== undefined) lags.set(pair, lag)
    return lag
  }

  async function environment(name: AppDatabase, heads: Map<string, string>) {
    const app = APPS[name]
    const runs = heroku.runs(app)
    const master = heads.get('master')
    const [holds, database, search] = await Promise.all([
      heroku.holds(app),
      databaseOf(name, 'users', master),
      databaseOf(name, 'search', master),
    ])
    const releases = heroku.releases(app).slice(0, 6)
    return {
      name,
      app,
      holds: await summaryOf(holds),
      runs: await summaryOf(runs),
      releases: await Promise.all(
        releases.map(async (one) => ({ ...one, title: (await summaryOf(one.commit ?? undefined))?.title ?? '' })),
      ),
      behind: await behind(runs, master),
      database,
      search,
    }
  }

  const service = (): Pick<Systems, 'service' | 'isConnected'> => ({
    service: given.service()?.states() ?? { bot: 'stopped', worker: 'stopped' },
    isConnected: given.slack.sockets > 0,
  })

  return {
    service,
    async read(): Promise<Systems> {
      const heads = await branchHeads(repository.bare)
      const first = ['master', 'production']
      const names = [
        ...first.filter((name) => heads.has(name)),
        ...[...heads.keys()].filter((one) => !first.includes(one)),
      ]
      const branches = await Promise.all(
        names.map(async (name) => {
          const sha = heads.get(name) ?? ''
          return { name, ...((await summaryOf(sha)) ?? { sha, title: '', author: '' }) }
        }),
      )
      return {
        branches,
        environments: await Promise.all(
          (['integration', 'production'] as const).map((name) => environment(name, heads)),
        ),
        pullRequests: bitbucket
          .pullRequests()
          .map(({ id, title, state, source, destination }) => ({
            id,
            title,
            state,
            source: source.branch,
            destination: destination.branch,
            comments: bitbucket.comments(id).map(({ raw }) => raw),
          }))
          .toReversed(),
        migrations: given.program.title,
        webhooks: given.webhooks.received().slice(0, 12),
        clock: await given.clock.state(),
        ...service(),
      }
    },
    /** Whether a commit has another one in its history. */
    contains: (descendant: string, ancestor: string) => isAncestor(repository.bare, ancestor, descendant),
  }
}
