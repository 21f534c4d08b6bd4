/** Starts a bot or a worker of either version for a workplace. */
import type { Pace } from '../../src/cli/start.ts'
import { startRole, type Version, type VersionProcess } from './versions.ts'
import type { Workplace } from './workplace.ts'

/** Where the version before has its limits. */
const LIMITS_BEFORE = { settleMerge: 1_500, settlePush: { heroku: 1_500, git: 1_500 }, confirm: 20_000 }

/** What takes its time in service takes moments here. Both versions read it. */
const PACE: Pace = {
  times: {
    pause: 50,
    poll: 50,
    sweep: 1_000,
    ...LIMITS_BEFORE,
  },
  limits: {
    forge: { mergeArrivesWithinMs: 1_500, pushArrivesWithinMs: 1_500 },
    platforms: {
      heroku: { pushArrivesWithinMs: 1_500, releaseAppearsWithinMs: 1_500, confirmedWithinMs: 20_000 },
      git: { pushArrivesWithinMs: 1_500 },
    },
    migrator: { endsWithinMs: 20_000 },
  },
  jobTiming: { pollSeconds: 0.5, superviseSeconds: 1, retrySeconds: 1 },
  updateEveryMs: 50,
  postEveryMs: 20,
  updatesAMinute: 10_000,
  sweepEveryMs: 200,
}

/** Resolves when the bot is connected to Slack. */
export async function startBot(at: Workplace, version: Version): Promise<VersionProcess> {
  const before = at.slack.sockets
  const isReady = async () => at.slack.sockets > before
  const bot = await startRole(version, 'bot', { place: at, pace: PACE, isReady })
  at.processes.push(bot)
  return bot
}

/**
 * Resolves when the worker is in the store. `host` is its DATA_DIR: another name stands for another machine. `lookEveryMs`
 * is how often it looks at releases that await sign-off.
 */
export async function startWorker(
  at: Workplace,
  version: Version,
  { host = 'data', lookEveryMs = 60_000 } = {},
): Promise<VersionProcess> {
  const pace = { ...PACE, times: { ...PACE.times, look: lookEveryMs } }
  const before = await at.store.workers()
  const place = { ...at, env: { ...at.env, DATA_DIR: `${at.directory}/${host}` } }
  const isReady = async () => (await at.store.workers()) > before
  const worker = await startRole(version, 'worker', { place, pace, isReady })
  at.processes.push(worker)
  return worker
}
