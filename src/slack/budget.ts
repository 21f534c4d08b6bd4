/**
 * Slack's limits, in one place: which call may begin when. Slack counts per method, app and workspace, and posts per channel
 * too (docs.slack.dev/apis/web-api/rate-limits). Every call of this process goes through one budget; another bot on the
 * same token is noticed by Slack's `Retry-After`. Depends only on the given clock.
 */

/**
 * Who a call is for, the most urgent first: people who wait, what the channel must know, cards that people act on, and
 * progress: lines of threads and cards of releases that run.
 */
export type Share = 'people' | 'news' | 'cards' | 'progress'

/** The part of a method's burst that a share leaves to those before it. */
const LEFT_TO_OTHERS: Readonly<Record<Share, number>> = { people: 0, news: 0.1, cards: 0.5, progress: 0.75 }

export interface SlackCall {
  /** Such as `chat.update`. */
  readonly method: string
  /** The channel that a message is posted to. */
  readonly channel?: string
}

export interface Budget {
  /**
   * 0: a call of this share may begin now; else the time, by the given clock, from which it may. Counts nothing. `ahead`:
   * calls that go before it and may not have begun.
   */
  allowedAt(call: SlackCall, share: Share, ahead?: readonly SlackCall[]): number
  /** Counts a call that begins now. */
  began(call: SlackCall): void
  /** Slack asked to wait: no call of this method before then, not even for people. Other methods continue. */
  pause(method: string, untilMs: number): void
}

/** `burst` calls at once, then one each `everyMs`. */
interface Rate {
  readonly burst: number
  readonly everyMs: number
}

const MINUTE_MS = 60_000
const POST = 'chat.postMessage'

/** Slack's tiers, in calls a minute. */
const TIER_2 = 20
const TIER_3 = 50
const TIER_4 = 100
const TIERS: Readonly<Record<string, number>> = {
  'apps.connections.open': TIER_3,
  'bots.info': TIER_3,
  'chat.delete': TIER_3,
  'chat.update': TIER_3,
  'conversations.history': TIER_3,
  'conversations.info': TIER_3,
  'conversations.list': TIER_2,
  'conversations.open': TIER_3,
  'conversations.replies': TIER_3,
  'team.info': TIER_3,
  'usergroups.list': TIER_2,
  'usergroups.users.list': TIER_2,
  'users.conversations': TIER_3,
  'users.list': TIER_2,
  'users.lookupByEmail': TIER_3,
}
/** Slack allows one post a second and channel, and short bursts. */
const POST_EVERY_MS = 1_000
const POST_BURST = 4
/** "Several hundred" posts a minute in a workspace. */
const POSTS_A_MINUTE = 300

/** No minute has more than `calls`: the burst, a part of them, and what comes after it are that many together. */
function rateOf(calls: number, burstPart: number): Rate {
  const burst = Math.max(1, Math.floor(burstPart * calls))
  return { burst, everyMs: MINUTE_MS / Math.max(1, calls - burst) }
}

/** People come in bursts. */
const BURST_PART = 0.7
/** What is shown goes on for minutes: each two seconds a last state can go. */
const STEADY_BURST_PART = 0.4

/**
 * `postEveryMs` and `updatesAMinute`: Slack's own limits where they are left out. A workspace that allows more updates allows
 * as many times more of every other call.
 */
export function createBudget({
  now,
  postEveryMs = POST_EVERY_MS,
  updatesAMinute = TIER_3,
}: {
  /** Milliseconds that only grow. */
  now: () => number
  postEveryMs?: number
  updatesAMinute?: number
}): Budget {
  const buckets = new Map<string, Bucket>()
  const paused = new Map<string, number>()
  const perChannel: Rate = { burst: POST_BURST, everyMs: postEveryMs }
  const posts = rateOf(Math.max(POSTS_A_MINUTE, MINUTE_MS / postEveryMs), STEADY_BURST_PART)
  const updates = rateOf(updatesAMinute, STEADY_BURST_PART)

  /** What counts the call: its method and, for a post, its channel. */
  function bucketsOf({ method, channel }: SlackCall): readonly Bucket[] {
    if (method !== POST) {
      const calls = (TIERS[method] ?? TIER_4) * (updatesAMinute / TIER_3)
      return [bucket(method, method === 'chat.update' ? updates : rateOf(calls, BURST_PART))]
    }
    const all = bucket(method, posts)
    return channel === undefined ? [all] : [all, bucket(`${method} ${channel}`, perChannel)]
  }

  function bucket(name: string, rate: Rate): Bucket {
    const known = buckets.get(name)
    if (known !== undefined) return known
    // A full bucket says no more than none.
    if (buckets.size > 1_000) for (const [each, { isFull }] of buckets) if (isFull(now())) buckets.delete(each)
    const made = createBucket(rate, now())
    buckets.set(name, made)
    return made
  }

  return {
    allowedAt(call, share, ahead = []) {
      const own = bucketsOf(call)
      const others = ahead.map(bucketsOf)
      // After them: a new bucket is full from its own moment on.
      const at = now()
      const from = own.map((each) => {
        return each.allowedAt(at, share, others.filter((buckets) => buckets.includes(each)).length)
      })
      const earliest = Math.max(paused.get(call.method) ?? 0, ...from)
      return earliest > at ? earliest : 0
    },
    began(call) {
      for (const each of bucketsOf(call)) each.take(now())
    },
    pause(method, untilMs) {
      paused.set(method, Math.max(paused.get(method) ?? 0, untilMs))
    },
  }
}

type Bucket = ReturnType<typeof createBucket>

function createBucket({ burst, everyMs }: Rate, start: number) {
  let tokens = burst
  let at = start
  const tokensAt = (time: number) => Math.min(burst, tokens + (time - at) / everyMs)
  return {
    isFull: (time: number) => tokensAt(time) >= burst,
    allowedAt(time: number, share: Share, ahead: number): number {
      const needed = Math.min(burst, 1 + Math.floor(LEFT_TO_OTHERS[share] * burst)) + ahead
      const lacking = needed - tokensAt(time)
      return lacking <= 1e-6 ? 0 : time + lacking * everyMs
    },
    take(time: number): void {
      tokens = tokensAt(time) - 1
      at = time
    },
  }
}
