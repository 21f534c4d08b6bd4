/** A bot and a worker as processes: the real code on simulated ports. They can be killed, and made to stand still. */
import type { WebClient } from '@slack/web-api'
import { createGitRemote } from '../../../src/adapters/git-remote/git-remote.ts'
import { createScrubber } from '../../../src/operations/scrub.ts'
import { scrubStore } from '../../../src/operations/scrubbed-store.ts'
import { createHeadDeployer } from '../../../src/release/deploy-heads.ts'
import type { Inbox } from '../../../src/release/ports/deliveries.ts'
import type { Claim } from '../../../src/release/ports/jobs.ts'
import type { Store } from '../../../src/release/ports/store.ts'
import { createReleaseService } from '../../../src/release/service.ts'
import type { App } from '../../../src/release/settings.ts'
import { type Budget, createBudget, type SlackCall } from '../../../src/slack/budget.ts'
import { toSlackError } from '../../../src/slack/clients.ts'
import { createIntake, type Intake } from '../../../src/slack/inbox.ts'
import { startDelivery } from '../../../src/slack/outbox/delivery.ts'
import { handleJob } from '../../../src/worker/jobs/index.ts'
import type { Log, Times, WorkerPorts } from '../../../src/worker/ports.ts'
import { checkAwaiting } from '../../../src/worker/watch/awaiting.ts'
import { followUpHotfixes } from '../../../src/worker/watch/follow-up.ts'
import { createHeadWatch } from '../../../src/worker/watch/heads.ts'
import { endAbandoned } from '../../../src/worker/watch/sweep.ts'
import { SERVICES } from '../builders.ts'
import { namedCheckouts } from '../checkouts.ts'
import { OURS } from './clicks.ts'
import { SECRET } from './failures.ts'
import { type FaultPlan, type Gate, type Role, throughFaults } from './faults.ts'
import type { Mirror } from './git.ts'
import { noted, type ServiceAnswer } from './intake.ts'
import type { MemoryStore, StoreConnection } from './memory-store.ts'
import { BOT_ID, BOT_USER } from './slack.ts'
import type { VirtualTime } from './virtual-time.ts'
import type { World } from './world.ts'

const SEEN_EVERY_MS = 10_000
const TICK_EVERY_MS = 30_000

export interface Process {
  readonly role: Role
  readonly name: string
  isAlive(): boolean
  /** Since when it has neither been dead nor stood still; undefined: it is or does. */
  awakeSince(): number | undefined
  /** When it was awake last. */
  lastAwake(): number
  kill(): void
  /** As SIGSTOP beyond its lease, until `resume`. */
  stall(): void
  resume(): void
}

export interface BotProcess extends Process {
  readonly intake: Intake
  /** What the service has answered to people, in order. */
  readonly answers: readonly ServiceAnswer[]
  /** Does its rounds once more, beside the one that is under way. */
  again(): void
}

/** What all processes share. */
export interface House {
  readonly app: App
  readonly world: World
  readonly memory: MemoryStore
  readonly time: VirtualTime
  readonly plan: FaultPlan
  readonly times: Times
  readonly log: Log
  strike: Gate['strike']
  /** What the store has of a delivery. */
  received(delivery: string): void
  handled(delivery: string): void
  isSlackDown(): boolean
}

interface Life {
  readonly process: Process
  readonly gate: Gate
  readonly connection: StoreConnection
  /** Again and again, while it lives and does not stand still. */
  every(ms: number, work: () => Promise<unknown>): void
  readonly clock: { now(): number; sleep(ms: number, signal?: AbortSignal): Promise<void> }
}

function live(role: Role, name: string, house: House): Life {
  const { memory, time, log } = house
  const connection = memory.connect(name)
  const rounds: (() => void)[] = []
  let alive = true
  let awakeSince: number | undefined = time.now()
  let asleepSince = 0
  const fallAsleep = () => {
    if (awakeSince !== undefined) asleepSince = time.now()
    awakeSince = undefined
  }
  let standing: { until: Promise<void>; go(): void } | undefined

  const process: Process = {
    role,
    name,
    isAlive: () => alive,
    awakeSince: () => awakeSince,
    lastAwake: () => (awakeSince === undefined ? asleepSince : time.now()),
    kill() {
      alive = false
      fallAsleep()
      for (const end of rounds.splice(0)) end()
      standing?.go()
      connection.die()
    },
    stall() {
      if (standing !== undefined || !alive) return
      let go = () => {}
      const until = new Promise<void>((resolve) => {
        go = resolve
      })
      standing = { until, go }
      fallAsleep()
      connection.stall()
    },
    resume() {
      const was = standing
      standing = undefined
      if (alive && was !== undefined) awakeSince = time.now()
      was?.go()
    },
  }
  const gate: Gate = {
    role,
    process: name,
    isAlive: () => alive,
    standing: () => standing?.until,
    strike: house.strike,
    failStore: (when) => memory.failNext(name, when),
    isSlackDown: house.isSlackDown,
    sleep: (ms) => time.sleep(ms),
  }
  const awake = async () => {
    while (standing !== undefined && alive) await standing.until
    if (!alive) await new Promise<never>(() => undefined)
  }
  return {
    process,
    gate,
    connection,
    every(ms, work) {
      const round = () => {
        if (standing === undefined) work().catch((err: unknown) => log.warn({ err, process: name }, 'a round failed'))
      }
      rounds.push(time.every(ms, round))
    },
    clock: {
      now: time.now,
      sleep: (ms, signal) => time.sleep(ms, signal).then(awake),
    },
  }
}

/** As in service: the last net against secrets in what tools say. The same words come again and again, so they are kept. */
const scrub = createScrubber([SECRET])
const scrubbedWords = new Map<string, string>()
function scrubOnce(text: string): string {
  const known = scrubbedWords.get(text) ?? scrub(text)
  if (scrubbedWords.size < 10_000) scrubbedWords.set(text, known)
  return known
}
const scrubbed = (store: Store) => scrubStore(store, scrubOnce)

function wrapped(house: House, gate: Gate, of?: { readonly job: string; isOvertaken?(): boolean }) {
  return <T extends object>(target: T, port: string): T =>
    throughFaults(target, port, { gate, plan: house.plan, now: house.time.now, ...of })
}

export function startBotProcess(name: string, house: House, slackPace: SlackPace): BotProcess {
  const { app, world, log } = house
  const { process, gate, connection, every, clock } = live('bot', name, house)
  const through = wrapped(house, gate)
  const store = scrubbed(through(connection.store, 'store'))
  const outbox = through(connection.outbox, 'outbox')
  const seen: Inbox = {
    ...connection.inbox,
    async receive(delivery) {
      const isNew = await connection.inbox.receive(delivery)
      if (isNew) house.received(delivery.id)
      return isNew
    },
    async handled(delivery) {
      // First: a commit whose answer is lost is a commit. One that never was is made up for by the next sweep.
      house.handled(delivery)
      await connection.inbox.handled(delivery)
    },
  }
  const inbox = through(seen, 'inbox')
  const directory = through(world.slack.directory, 'directory')
  const { updateEveryMs, ...limits } = slackPace
  const budget = createBudget({ now: clock.now, ...limits })
  const client = counted(through(world.slack.client, 'slack'), budget, clock.now)
  const apps = [app]
  const service = createReleaseService({ store, directory, apps, services: SERVICES })
  const drawing = { store, directory, apps, client, clock, log, progress: 'lines' as const, services: SERVICES }
  startDelivery({
    ...drawing,
    outbox,
    botUser: BOT_USER,
    botId: BOT_ID,
    budget,
    ...(updateEveryMs !== undefined && { updateEveryMs }),
  })
  const headDeployer = () => createHeadDeployer({ store, directory, apps, services: SERVICES, log })
  every(TICK_EVERY_MS, () => service.tick())
  every(TICK_EVERY_MS, headDeployer())
  const answers: ServiceAnswer[] = []
  const intake = createIntake({
    ...drawing,
    interactive: through(world.slack.client, 'interactive'),
    // Homes are tried with a real store (test/slack/home.test.ts).
    home: { opened: async () => undefined, asked: async () => undefined },
    service: noted(service, answers),
    inbox,
    ours: OURS,
  })
  // As another bot does them: one does not begin a round before the last has ended.
  const again = () => {
    for (const round of [() => service.tick(), headDeployer()]) void round().catch(() => undefined)
  }
  return { ...process, intake, answers, again }
}

/** As the real clients: each message is counted in the budget, and Slack's limits hold back what comes after. */
function counted(client: WebClient, budget: Budget, now: () => number): WebClient {
  async function through<T>(call: SlackCall, make: () => Promise<T>): Promise<T> {
    budget.began(call)
    try {
      return await make()
    } catch (error) {
      const failed = toSlackError(error)
      if (failed.failure === 'rate limited') budget.pause(call.method, now() + failed.afterMs)
      throw error
    }
  }
  const chat = {
    postMessage: (message: Parameters<WebClient['chat']['postMessage']>[0]) =>
      through({ method: 'chat.postMessage', channel: String(message?.channel) }, () =>
        client.chat.postMessage(message),
      ),
    update: (message: Parameters<WebClient['chat']['update']>[0]) =>
      through({ method: 'chat.update' }, () => client.chat.update(message)),
  }
  return {
    chat,
    get conversations() {
      return client.conversations
    },
  } as unknown as WebClient
}

export interface SlackPace {
  readonly updateEveryMs?: number
  readonly postEveryMs?: number
  readonly updatesAMinute?: number
}

export interface WorkerProcess extends Process {
  /** Takes a job up once more, as a queue that gives it out twice. */
  again(job: string): void
}

export function startWorkerProcess(name: string, house: House, mirror: Mirror): WorkerProcess {
  const { app, world, log, times, memory } = house
  const { process, gate, connection, every, clock } = live('worker', name, house)
  const git = world.git(mirror)

  function portsFor(job: string, claim?: Claim): WorkerPorts {
    const isOvertaken = () =>
      claim !== undefined && memory.jobs().some(({ id, attempt }) => id === claim.id && attempt > claim.attempt)
    const through = wrapped(house, gate, { job, isOvertaken })
    const ofJob = through(git, 'git')
    const platform = through(world.platform, 'platform')
    const plain = createGitRemote({ git: ofJob, settings: SERVICES.forge.settings })
    return {
      apps: [app],
      store: scrubbed(through(connection.store, 'store')),
      jobs: through(connection.jobs, 'jobs'),
      lock: through(connection.lock, 'lock'),
      health: { ask: async () => ({ isHealthy: true, status: 200, ms: 1 }) },
      git: ofJob,
      forge: through(world.forge, 'forge'),
      words: SERVICES,
      platforms: { heroku: platform, git: plain },
      // It reads a text, and asks nobody.
      migrator: { ...through(world.migrator, 'migrator'), placeOf: world.migrator.placeOf },
      sqlRisks: { classify: async (revisions) => revisions.map(() => ({ findings: [], commits: false })) },
      checkouts: namedCheckouts(ofJob),
      times,
      clock,
      log,
    }
  }

  const own = portsFor('own')
  const seen = () => connection.store.workerSeen({ id: name, configurations: {} })
  void seen()
  every(SEEN_EVERY_MS, seen)
  every(times.sweep, () => endAbandoned(own))
  const heads = createHeadWatch(own, name)
  const lookAtHeads = () => heads.look()
  void lookAtHeads().catch((err: unknown) => log.warn({ err, process: name }, 'a round failed'))
  every(times.heads, lookAtHeads)
  every(times.look, async () => {
    await checkAwaiting(own)
    await followUpHotfixes(own)
  })
  const inHand = new Map<string, () => void>([['own', () => void lookAtHeads().catch(() => undefined)]])
  void connection.jobs.work(async (claim) => {
    const { job } = claim
    const called = `${job.kind} ${'release' in job ? job.release : job.id}`
    const ports = portsFor(called, claim)
    const handle = () =>
      handleJob(ports, claim).catch((err: unknown) => {
        log.info({ err, job: called, process: name }, 'a job was interrupted')
        throw err
      })
    inHand.set(called, () => void handle().catch(() => undefined))
    await handle()
  })
  return { ...process, again: (job) => inHand.get(job)?.() }
}
