/**
 * After a long history each statement of the product still finds its rows by an index: those that run by themselves, and
 * those before a person's eyes. The statements are what the store's own functions send, and a function that is not called
 * here does not compile.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OpenStore, openStore } from '../../src/adapters/store/open.ts'
import type { Tables } from '../../src/adapters/store/schema.ts'
import type { Claim } from '../../src/release/ports/jobs.ts'
import type { LockRows } from '../../src/release/ports/locks.ts'
import type { ReleaseFilter, Store, Transaction } from '../../src/release/ports/store.ts'
import { createReleaseService } from '../../src/release/service.ts'
import { createHomeDrawing } from '../../src/slack/home/drawing.ts'
import type { WorkerPorts } from '../../src/worker/ports.ts'
import { checkAwaiting } from '../../src/worker/watch/awaiting.ts'
import { followUpHotfixes } from '../../src/worker/watch/follow-up.ts'
import { checkRefusedMerges } from '../../src/worker/watch/merge-requirements.ts'
import { endAbandoned } from '../../src/worker/watch/sweep.ts'
import { anApp, anEnvironment, anIntegration, aPlan, SERVICES, sha } from '../support/builders.ts'
import { ask, createStoreDatabase, startTestPostgres, type TestDatabase } from '../support/postgres.ts'
import { APPS, longHistory, RELEASES } from './long-history.ts'
import { REPORTED, type Scan, type Statement, watchStatements } from './statement-plans.ts'

/** What grows with every release; of the others, what bounds them. A new table does not compile until it is here. */
const TABLES = {
  release: 'grows',
  sign_off: 'grows',
  change_tested: 'grows',
  disputed_sign_off: 'grows',
  step: 'grows',
  release_mark: 'grows',
  event: 'grows',
  inbox: 'grows',
  outbox: 'grows',
  button_token: 'grows',
  subject_token: 'grows',
  environment_lock: 'grows',
  lock_delivery: 'grows',
  release_figures: 'grows',
  release_number: 'one row',
  event_chain: 'one row',
  figures_filled: 'one row',
  home_pace: 'one row',
  store_version: 'one row',
  environment_row: 'one row for each environment',
  environment_lease: 'one row for each environment',
  head: 'one row for each environment',
  database_identity: 'one row for each database',
  channel_id: 'one row for each channel that releases.yml names',
  webhook_endpoint: 'one row for each URL in releases.yml',
  worker: 'one row for each worker of the last 30 days',
  free_watch: 'one row for each person who waits for an environment now',
  home: 'one row for each person who has opened Home in the last 30 days',
  direct_message_off: 'a few rows for each person',
  direct_message_refused: 'one row for each person whom Slack refuses now',
} satisfies Record<keyof Tables, string>

/** More rows than any page or batch has, and fewer than one of 100 environments has of a history. */
const MOST_ROWS = 600

/** What reads more rows by its nature, with the reason. By the name of the call below. */
const MAY_READ_MORE: Readonly<Record<string, string>> = {
  'audit.readChain': 'verifies every event, by hand',
  'audit.readNumbers': 'lists all releases of a period, by hand',
  'store.figures': 'counts the releases of a period',
  'service.home': 'has the figures of 30 days',
  'store.hotfixesToFollowUp': 'passes over an index with two entries for each hot-fix that was backported',
  'worker.follow up': 'the same',
}
/** What a look or a command sends in all, however many environments and releases there are. */
const MOST_STATEMENTS: Readonly<Record<string, number>> = {
  'service.status': 8,
  'service.tick': 12,
  'service.history': 1,
  'worker.follow up': 4,
}

type Covers<T> = { readonly [K in keyof T]-?: () => Promise<unknown> }

const place = { app: 'app7', environment: 'production' }
const rare = { app: 'idle', environment: 'production' }
const dana = { id: 'U1', name: 'Dana' }
const endNow = new Error('rolled back, so that every call meets the same history')

let database: TestDatabase
let opened: OpenStore
let worker: OpenStore
let watch: { stop(): void }
let now = ''
const sent: (Statement & { readonly by: string })[] = []

beforeAll(async () => {
  database = await createStoreDatabase(await startTestPostgres())
  for (const statement of longHistory(aPlan())) await ask(database.url, statement)
  watch = watchStatements((statement) => sent.push({ ...statement, by: now }))
  const pool = { connectionString: database.url, options: REPORTED }
  opened = await openStore({ pool, role: 'bot' })
  worker = await openStore({ pool, role: 'worker', timing: { pollSeconds: 0.5, superviseSeconds: 1 } })
})

afterAll(async () => {
  watch?.stop()
  await Promise.all([opened?.close(), worker?.close()])
  await database?.drop()
})

async function callAll(of: string, calls: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    now = `${of}.${name}`
    await call()
  }
}

/** Each call in a transaction of its own, in which a release is made and locked; nothing of it is kept. */
function inTransactions(call: (tx: Transaction) => Promise<unknown>): () => Promise<unknown> {
  return () =>
    opened.store
      .transaction(async (tx) => {
        await call(tx)
        throw endNow
      })
      .catch((error: unknown) => {
        if (error !== endNow) throw error
      })
}

const newRelease = (more: object = {}) =>
  ({ ...rare, kind: 'deploy', requester: dana, configuration: 'd', requestKey: 'new', ...more }) as const

/** What is asked of each filter, as the product does: by place, by its newest, and where there is nothing to find. */
const FILTERS = {
  app: [{ app: place.app }, { app: rare.app }],
  environment: [place, rare],
  requester: [{ requester: 'U7' }, { requester: 'U-nobody' }],
  states: [
    { states: ['planning', 'approved', 'running'] },
    { states: ['awaiting sign-off', 'scheduled'] },
    { states: ['needs attention'] },
    { ...place, states: ['succeeded'] },
    { ...place, states: ['running', 'succeeded'] },
    { app: place.app, states: ['awaiting sign-off', 'approved', 'running'] },
  ],
  emergencySince: [{ states: ['succeeded', 'closed'], emergencySince: new Date(Date.now() - 29 * 86_400_000) }],
  proved: [
    { ...place, proved: sha('9f2c1ab') },
    { ...place, proved: sha('0000001') },
  ],
  marked: [
    { ...place, marked: 'bad' },
    { ...rare, marked: 'bad' },
  ],
  before: [{ ...place, before: RELEASES / 2 }, { before: RELEASES / 2 }],
  limit: [{}],
} satisfies Record<keyof ReleaseFilter, readonly Partial<ReleaseFilter>[]>

const BY_FILTER = Object.fromEntries(
  Object.entries(FILTERS).map(([name, filters]) => [
    name,
    async () => {
      for (const filter of filters) await opened.store.releases({ limit: 10, ...filter })
    },
  ]),
)

const STORE: Covers<Store> = {
  transaction: () => callAll('transaction', TRANSACTION),
  now: () => opened.store.now(),
  release: () => opened.store.release(RELEASES / 2),
  releases: () => callAll('store.releases', BY_FILTER),
  current: async () => {
    await opened.store.current(place.app, place.environment)
    await opened.store.current(rare.app, rare.environment)
  },
  newest: () => opened.store.newest([...environments(), rare]),
  hotfixesToFollowUp: () =>
    opened.store.hotfixesToFollowUp({ since: new Date(Date.now() - 8 * 86_400_000), until: new Date() }),
  events: () => opened.store.events(RELEASES / 2),
  chainHead: () => opened.store.chainHead(),
  buttonToken: async () => {
    await opened.store.buttonToken(5, 'approve')
    await opened.store.buttonToken(5, 'cancel', { asks: true })
  },
  resolveButton: () => opened.store.resolveButton('token 5'),
  subjectToken: () => opened.store.subjectToken({ is: 'environment', ...place }, 'menu'),
  resolveSubject: () => opened.store.resolveSubject('subject 5'),
  noteChannel: () => opened.store.noteChannel('#a', 'C1'),
  notedChannel: () => opened.store.notedChannel('#a'),
  workerSeen: () => opened.store.workerSeen({ id: 'w', configurations: {} }),
  workers: () => opened.store.workers(),
  heads: () => opened.store.heads(),
  noteDatabase: () => opened.store.noteDatabase('i', place.app, place.environment),
  locks: async () => {
    await opened.store.locks({ open: true })
    await opened.store.locks({ ...place, limit: 10 })
    await opened.store.locks({ app: place.app, limit: 10 })
    await opened.store.locks({ limit: 10 })
  },
  lock: () => opened.store.lock(5),
  directMessages: () => opened.store.directMessages('U1'),
  directMessageRefusal: () => opened.store.directMessageRefusal('U1'),
  figures: async () => {
    await opened.store.figures({ ...place, days: 90, until: new Date() })
    await opened.store.figures({ days: 30, until: new Date() })
  },
  usualRunMs: () => opened.store.usualRunMs({ ...place, kind: 'deploy', plan: aPlan() }),
}

const TRANSACTION: Covers<Transaction> = {
  now: inTransactions(async ({ now }) => now),
  lockEnvironment: inTransactions((tx) => tx.lockEnvironment(place.app, place.environment)),
  lockAllEnvironments: inTransactions((tx) => tx.lockAllEnvironments()),
  createRelease: inTransactions(async (tx) => {
    await tx.createRelease(newRelease())
    await tx.createRelease(newRelease({ ...place, requestKey: 'another', replaces: 5 }))
  }),
  releaseOfRequest: inTransactions((tx) => tx.releaseOfRequest('key 5')),
  lockRelease: inTransactions((tx) => tx.lockRelease(5)),
  changeRelease: inTransactions((tx) => tx.changeRelease(5, { newerCommits: 1, state: 'succeeded' })),
  addSignOff: inTransactions((tx) => tx.addSignOff(5, { kind: 'qa', person: dana, fingerprint: 'g', right: 'r' })),
  addTested: inTransactions((tx) => tx.addTested(5, [{ change: 'pr 2', person: dana, right: 'r' }])),
  disputeSignOff: inTransactions(async (tx) => {
    const [given] = (await tx.lockRelease(5))?.signOffs ?? []
    if (given === undefined) throw new Error('#5 has no sign-off')
    await tx.disputeSignOff(5, given)
  }),
  putStep: inTransactions((tx) => tx.putStep(5, { name: 'push', state: 'done', attempt: 1, effect: 'some' })),
  putMark: inTransactions((tx) => tx.putMark(5, { is: 'bad', by: dana })),
  head: inTransactions((tx) => tx.head(place.app, place.environment)),
  putHead: inTransactions((tx) =>
    tx.putHead({ ...place, configuration: 'd', commit: 'c', state: 'due', seenAt: new Date(), watchers: [] }),
  ),
  addEvent: () =>
    opened.store.transaction(async (tx) =>
      tx.addEvent({ release: 5, type: 'release_ended', actor: 'worker', data: { state: 'succeeded' } } as never),
    ),
  enqueue: inTransactions((tx) => tx.enqueue({ kind: 'run', release: 5, attempt: 1 })),
  send: inTransactions(async (tx) => {
    await tx.send({ kind: 'card', release: 5 })
    await tx.send({ kind: 'line', release: 5, key: 'k', line: { is: 'waiting', what: 'x' } } as never)
  }),
  events: inTransactions((tx) => tx.events(5)),
  locks: async () => callAll('locks', LOCKS),
  waitingCards: inTransactions(async (tx) => {
    await tx.waitingCards()
    await tx.waitingCards(place)
  }),
  setDirectMessages: inTransactions(async (tx) => {
    await tx.setDirectMessages('U1', 'reminders', false)
    await tx.setDirectMessages('U1', 'reminders', true)
  }),
  noteDirectMessageRefusal: inTransactions(async (tx) => {
    await tx.noteDirectMessageRefusal('U1', 'cannot_dm')
    await tx.noteDirectMessageRefusal('U1', undefined)
  }),
}

const aLock = { on: { is: 'environment', ...rare }, holder: dana, reason: 'r' } as const

const LOCKS: Covers<LockRows> = {
  open: inTransactions((tx) => tx.locks.open()),
  lock: inTransactions((tx) => tx.locks.lock(5)),
  add: inTransactions((tx) => tx.locks.add(aLock)),
  change: inTransactions(async ({ locks }) => {
    const { id } = await locks.add(aLock)
    await locks.change(id, { reason: 's' })
    await locks.change(id, { ended: { how: 'ended', by: dana } } as never)
  }),
  delivered: inTransactions((tx) => tx.locks.delivered('new key', 5)),
  deliveredTo: inTransactions((tx) => tx.locks.deliveredTo('key 5')),
  watch: inTransactions((tx) => tx.locks.watch({ ...place, person: 'U1' })),
  watches: inTransactions((tx) => tx.locks.watches()),
  endWatch: inTransactions((tx) => tx.locks.endWatch(1)),
}

/** Messages and requests that wait, so that what follows has something to find. */
async function withWaiting(): Promise<{ readonly line: number; readonly request: number }> {
  const insert = (columns: string, values: string) =>
    ask<{ id: number }>(database.url, `insert into outbox (${columns}) values (${values}) returning id`)
  const [line] = await insert('release, kind, key, message', `${RELEASES}, 'line', 'w' || random(), '{}'`)
  const request = `${RELEASES}, 'webhook', 'w' || random(), '{}', 'e1', 's'`
  const [webhook] = await insert('release, kind, key, message, endpoint, stream', request)
  return { line: line?.id ?? 0, request: webhook?.id ?? 0 }
}

const INBOX: Covers<OpenStore['inbox']> = {
  receive: () => opened.inbox.receive({ id: 'new', payload: {} }),
  handled: () => opened.inbox.handled('new'),
  hold: () => opened.inbox.hold(['new']),
  left: () => opened.inbox.left(0),
}

const OUTBOX: Covers<OpenStore['outbox']> = {
  deliverAlone: () => opened.outbox.deliverAlone(async () => undefined),
  due: () => opened.outbox.due(50),
  behind: async () => opened.outbox.behind((await withWaiting()).line, 20),
  trying: async () => opened.outbox.trying((await withWaiting()).line),
  confirmed: async () => opened.outbox.confirmed((await withWaiting()).line, { channel: 'C1', ts: '1' }),
  postpone: async () => opened.outbox.postpone((await withWaiting()).line, Date.now() + 60_000),
  giveUp: async () => opened.outbox.giveUp((await withWaiting()).line, 'why'),
  wait: () => opened.outbox.wait(1, new AbortController().signal),
}

const WEBHOOKS: Covers<OpenStore['webhooks']> = {
  name: () => opened.webhooks.name([{ id: 'e1' }, { id: 'e2' }]),
  keepNaming: () => opened.webhooks.keepNaming([{ id: 'e1' }]),
  deliverAlone: () => opened.webhooks.deliverAlone(async () => undefined),
  due: async () => {
    await withWaiting()
    return opened.webhooks.due(['e1', 'e2'], 10)
  },
  trying: async () => opened.webhooks.trying((await withWaiting()).request),
  delivered: async () => opened.webhooks.delivered((await withWaiting()).request),
  postpone: async () => opened.webhooks.postpone((await withWaiting()).request, 60_000, 'why'),
  giveUp: async () => opened.webhooks.giveUp((await withWaiting()).request, 'why'),
  backlogs: () => opened.webhooks.backlogs(),
  gone: () => opened.webhooks.gone('e2', 'why'),
  wait: () => opened.webhooks.wait(1, new AbortController().signal),
}

const aHome = { person: 'U1', claim: 1, events: 1 }

const HOMES: Covers<ReturnType<OpenStore['homes']>> = {
  opened: () => opened.homes().opened('U1', {}),
  asked: () => opened.homes().asked('U1'),
  next: () => opened.homes().next(),
  mayPublish: () => opened.homes().mayPublish(aHome),
  published: () => opened.homes().published(aHome, { shown: 's' }),
  unchanged: () => opened.homes().unchanged(aHome),
  failed: () => opened.homes().failed(aHome, 1_000),
  lastOpened: () => opened.homes().lastOpened(),
  dropped: () => opened.homes().dropped(aHome),
}

const JOBS: Covers<OpenStore['jobs']> = {
  isLive: () => worker.jobs.isLive({ kind: 'run', release: 5, attempt: 1 }),
  work: async () => {
    const { promise: claimed, resolve } = Promise.withResolvers<Claim>()
    await opened.store.transaction((tx) => tx.enqueue({ kind: 'run', release: RELEASES, attempt: 1 }))
    const working = await worker.jobs.work(async (claim) => {
      await worker.store.transaction(async () => undefined, { as: claim })
      resolve(claim)
    })
    await claimed
    await working.stop(1_000)
  },
}

const LOCK: Covers<OpenStore['lock']> = {
  withLease: () =>
    worker.lock.withLease(place.app, place.environment, async (lease) => {
      await lease.assertHeld()
      await worker.store.transaction(
        (tx) => tx.putStep(RELEASES, { name: 'push', state: 'done', attempt: 1, effect: 'some' }),
        { lease },
      )
    }),
  withLock: () => worker.lock.withLock(place.app, place.environment, async () => undefined),
}

const AUDIT: Covers<OpenStore['audit']> = {
  readChain: () =>
    opened.audit.readChain(async ({ rows }) => {
      for await (const page of rows) if (page.length === 0) return
    }),
  rowsOf: () => opened.audit.rowsOf(RELEASES / 2),
  posted: () => opened.audit.posted(RELEASES / 2),
  readNumbers: () =>
    opened.audit.readNumbers({ since: new Date(Date.now() - 86_400_000 * 3) }, ['release_ended'], async ({ rows }) => {
      for await (const page of rows) if (page.length === 0) return
    }),
}

const WAITING: Covers<OpenStore['waiting']> = {
  outbox: () => opened.waiting.outbox(),
  inboxUnhandled: () => opened.waiting.inboxUnhandled(),
  releases: () => opened.waiting.releases(),
  overdueStarts: () => opened.waiting.overdueStarts(),
  heads: () => opened.waiting.heads(),
  workerSeenMs: () => opened.waiting.workerSeenMs(),
}

const OPEN_STORE: Covers<Omit<OpenStore, 'superseded' | 'close'>> = {
  store: () => callAll('store', STORE),
  inbox: () => callAll('inbox', INBOX),
  outbox: () => callAll('outbox', OUTBOX),
  homes: () => callAll('homes', HOMES),
  webhooks: () => callAll('webhooks', WEBHOOKS),
  waiting: () => callAll('waiting', WAITING),
  jobs: () => callAll('jobs', JOBS),
  lock: () => callAll('lock', LOCK),
  audit: () => callAll('audit', AUDIT),
  news: () => opened.news(1, AbortSignal.abort()),
  forget: () => opened.forget(),
  rerouteJobs: () => opened.rerouteJobs(),
  fillFigures: () => opened.fillFigures(100),
  ping: () => opened.ping(),
}

function apps() {
  return Array.from({ length: APPS }, (_, at) => {
    const app = `app${at}`
    return anApp({ name: app, environments: [anIntegration({ app }), anEnvironment({ app })] })
  })
}

const environments = () =>
  apps().flatMap((each) => each.environments.map(({ app, name }) => ({ app, environment: name })))

const unasked = () => Promise.reject(new Error('nobody is looked up here'))
const nobody = { person: unasked, groupMembers: unasked, lookUpGroup: unasked, channel: unasked, permalink: unasked }
const everybody = {
  ...nobody,
  person: async (id: string) => ({ is: 'member', id, name: 'Dana' }) as const,
  groupMembers: async () => [],
  permalink: async () => undefined,
  groupIds: async () => ({}),
  unmatched: async () => 0,
  idsByEmail: async () => [],
  authors: async () => ({}),
}

function ofPeople(): Readonly<Record<string, () => Promise<unknown>>> {
  const service = createReleaseService({ store: opened.store, directory: nobody, apps: apps(), services: SERVICES })
  const home = createHomeDrawing({
    ...{ store: opened.store, directory: everybody, apps: apps(), services: SERVICES },
    ...{ progress: 'lines', directMessages: true },
  })
  return {
    status: () => service.status(),
    tick: () => service.tick(),
    history: () => service.history({ app: place.app }),
    home: () => home.draw('U7', 1),
  }
}

function ofWorker(): Readonly<Record<string, () => Promise<unknown>>> {
  const fail = (fields: object, message: string) => {
    throw new Error(`${message}: ${JSON.stringify(fields)}`)
  }
  const ports = {
    ...{ store: worker.store, jobs: worker.jobs, apps: apps() },
    ...{ git: { keptPicks: async () => [], forgetPicks: async () => undefined } },
    ...{ log: { info: () => undefined, warn: fail, error: fail } },
  } as unknown as WorkerPorts
  return {
    'follow up': () => followUpHotfixes(ports),
    awaiting: () => checkAwaiting(ports),
    'refused merges': () => checkRefusedMerges(ports),
    sweep: () => endAbandoned(ports),
  }
}

/** pg-boss's own tables are not among them: it deletes ended jobs after a week. */
const grows = (table: string) => (TABLES as Readonly<Record<string, string>>)[table] === 'grows'

/** Whether a look reads what is over: a whole table that grows, or more rows of it than a page has. */
function isOverHistory({ how, table, rows }: Scan, mayReadMore: boolean): boolean {
  return grows(table) && (how === 'Seq Scan' || (rows > MOST_ROWS && !mayReadMore))
}

/** What a connection or pg-boss sends by itself meanwhile. */
const isOfConnection = (text: string) => text === 'select 1' || text.includes('pgboss')

describe('After 100,000 releases', () => {
  it('T12: no statement that runs by itself or for a person reads what is over', async () => {
    await callAll('', OPEN_STORE)
    await callAll('service', ofPeople())
    await callAll('worker', ofWorker())
    const called = new Set(sent.map(({ by }) => by))
    expect(called.size).toBeGreaterThan(100)
    const offenders = sent.flatMap(({ by, text, scans }) =>
      scans
        .filter((scan) => isOverHistory(scan, MAY_READ_MORE[by] !== undefined))
        .map(({ how, table, index = '', rows }) => {
          const words = text.replaceAll(/\s+/g, ' ')
          return `${by}: ${how} ${index} of ${table}, ${rows} rows: ${words.slice(0, 60)} … ${words.slice(-160)}`
        }),
    )
    expect([...new Set(offenders)]).toEqual([])
  })

  it.each(Object.entries(MOST_STATEMENTS))('T12: %s sends at most %i statements', (call, most) => {
    const texts = sent.filter(({ by, text }) => by === call && !isOfConnection(text)).map(({ text }) => text)
    expect(texts.length, texts.join('\n')).toBeGreaterThan(0)
    expect(texts.length, texts.join('\n')).toBeLessThanOrEqual(most)
  })
})
