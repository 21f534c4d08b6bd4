/** What really happened outside because of one release: counted in the stand-ins and databases, never in our store. */
import type { Json } from '../../src/sandbox/slack/workspace.ts'
import { keyOf as keyOfMessage, keysIn } from './channel.ts'
import { ask } from './postgres.ts'
import { INTEGRATION, PRODUCTION, type Team } from './team.ts'

export const FLOWS = ['integration', 'production', 'hot-fix', 'rollback', 'scheduled', 'automatic'] as const
export type Flow = (typeof FLOWS)[number]

/** What takes no commit of master, and so no migration, to its environment. */
export const WITHOUT_MASTER: readonly Flow[] = ['hot-fix', 'rollback']

/** The environment that a flow changes. */
export const INTEGRATION_OR_PRODUCTION: Readonly<Record<Flow, 'integration' | 'production'>> = {
  integration: 'integration',
  production: 'production',
  'hot-fix': 'production',
  rollback: 'production',
  scheduled: 'production',
  automatic: 'integration',
}

/** How often each effect happened. */
export interface Effects {
  readonly merges: number
  readonly picks: number
  readonly comments: number
  readonly pushes: number
  readonly platformReleases: number
  readonly cards: number
  readonly announcements: number
  readonly outcomes: number
  /** Direct messages that tell people what was signed in their name. */
  readonly receipts: number
  /** Each migration that ran since, by its name in the ledger: how often. */
  readonly migrations: Readonly<Record<string, number>>
  /** A step that the thread has told as done more than once. */
  readonly linesTwice: readonly string[]
  /** Irreversible effects that came before the announcement. */
  readonly early: number
}

export interface Truth {
  /** From here on. */
  begin(flow: Flow): Promise<void>
  /** Of the release with this number, since `begin`. */
  effects(number: number): Promise<Effects>
}

/** Every migration of the rounds writes one row here, so that one that runs twice is seen. */
export const LEDGER = 'create table effects (id serial primary key, migration text not null)'

export function ledgerRow(migration: string): string {
  return `op.execute("INSERT INTO effects (migration) VALUES ('${migration}')")`
}

const DONE_ONCE = /^\d+:done:(record|merge|pick|migrate|push|confirm)\b/

/** Looks at a team's outside. */
export function createTruth(team: Team): Truth {
  let app = ''
  let database = ''
  let flow: Flow = 'integration'
  let before = { bitbucket: 0, heroku: 0, slack: 0, ledger: 0 }

  const bitbucketLog = async () => team.bitbucket.log()
  const ledger = () => ask<{ id: number; migration: string }>(database, 'select id, migration from effects order by id')

  return {
    async begin(next) {
      flow = next
      app = INTEGRATION_OR_PRODUCTION[flow] === 'integration' ? INTEGRATION : PRODUCTION
      database = team.databases[INTEGRATION_OR_PRODUCTION[flow]].url
      before = {
        bitbucket: (await bitbucketLog()).length,
        heroku: team.heroku.log.length,
        slack: team.slack.log.length,
        ledger: (await ledger()).at(-1)?.id ?? 0,
      }
    },

    async effects(number) {
      const bitbucket = (await bitbucketLog()).slice(before.bitbucket)
      const heroku = team.heroku.log.slice(before.heroku).filter((event) => event.app === app)
      const posts = team.slack.log
        .slice(before.slack)
        .filter(({ method, isApplied }) => method === 'chat.postMessage' && isApplied)
      const keyOf = ({ metadata }: Json) => keyOfMessage({ metadata: metadata as Json | undefined })
      const cards = posts.filter(({ args }) => keyOf(args) === `${number}:card`)
      const cardTs = cards.map(({ ts }) => ts)
      const announcements = posts.filter(({ args }) => keyOf(args) === `${number}:announcement`)
      const replies = posts.filter(({ args }) => cardTs.includes(String(args.thread_ts)))
      // A step is done once, in whichever attempt.
      const keysOf = ({ metadata }: Json) => keysIn({ metadata: metadata as Json | undefined })
      const lines = replies.flatMap(({ args }) => keysOf(args).flatMap((key) => DONE_ONCE.exec(key)?.[0] ?? []))
      const migrations: Record<string, number> = {}
      for (const { id, migration } of await ledger()) {
        if (id > before.ledger) migrations[migration] = (migrations[migration] ?? 0) + 1
      }
      const merges = bitbucket.filter(({ kind }) => kind === 'pull request merged')
      const picks = bitbucket.filter((event) => event.kind === 'ref pushed' && event.ref === 'refs/heads/production')
      const pushes = heroku.filter((event) => event.kind === 'ref moved' && event.by === 'push')
      const told = Math.min(...announcements.map(({ at }) => at))
      return {
        merges: merges.length,
        picks: picks.length,
        comments: bitbucket.filter(
          (event) => event.kind === 'comment created' && event.raw.includes(`Signoff record of release #${number},`),
        ).length,
        pushes: pushes.length,
        platformReleases: heroku.filter((event) => event.kind === 'release made' && event.by !== 'someone else').length,
        cards: cards.length,
        announcements: announcements.length,
        outcomes: replies.filter(
          ({ args }) => String(args.reply_broadcast) === 'true' && keyOf(args).startsWith(`${number}:`),
        ).length,
        receipts: posts.filter(({ args }) => keyOf(args).startsWith(`${number}:receipt:`)).length,
        migrations,
        linesTwice: lines.filter((line, at) => lines.indexOf(line) !== at),
        early:
          INTEGRATION_OR_PRODUCTION[flow] === 'integration'
            ? 0
            : [...merges, ...picks, ...pushes].filter(({ at }) => Date.parse(at) < told).length,
      }
    },
  }
}
