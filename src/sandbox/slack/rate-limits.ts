import { type Json, string } from './state.ts'

type Rate = { perMinute: number; burst: number }

const tier2 = { perMinute: 20, burst: 20 }
const tier3 = { perMinute: 50, burst: 50 }
const tier4 = { perMinute: 100, burst: 100 }
const posting = { perMinute: 60, burst: 5 }

const rates: Record<string, Rate> = {
  'chat.postMessage': posting,
  'chat.update': tier3,
  'apps.connections.open': tier3,
  'bots.info': tier3,
  'chat.delete': tier3,
  'conversations.info': tier3,
  'conversations.history': tier3,
  'conversations.replies': tier3,
  'reactions.add': tier3,
  'conversations.open': tier3,
  'conversations.list': tier2,
  'users.conversations': tier3,
  'users.list': tier2,
  'users.lookupByEmail': tier3,
  'usergroups.list': tier2,
  'usergroups.users.list': tier2,
}

/** How limits are kept: `bursts` refill all the time, `strict` lets no minute have more calls than the tier says. */
export type RateLimiting = 'bursts' | 'strict'

/** Slack's published rate limits per method; chat.postMessage allows one per second and channel, with a short burst. */
export function createRateLimits(now: () => number, how: RateLimiting = 'bursts') {
  const buckets = new Map<string, { tokens: number; at: number }>()
  const windows = new Map<string, number[]>()

  function takeOfWindow(key: string, perMinute: number): number {
    const calls = (windows.get(key) ?? []).filter((at) => at > now() - 60_000)
    windows.set(key, calls)
    const [oldest] = calls
    if (calls.length >= perMinute && oldest !== undefined)
      return Math.max(1, Math.ceil((oldest + 60_000 - now()) / 1_000))
    calls.push(now())
    return 0
  }

  return {
    /** The seconds to wait, or 0 if the call is allowed. */
    take(method: string, args: Json): number {
      const rate = rates[method] ?? tier4
      if (how === 'strict' && rate !== posting) return takeOfWindow(method, rate.perMinute)
      const key = method === 'chat.postMessage' ? `${method} ${string(args.channel)}` : method
      const before = buckets.get(key) ?? { tokens: rate.burst, at: now() }
      const tokens = Math.min(rate.burst, before.tokens + ((now() - before.at) / 60_000) * rate.perMinute)
      const isAllowed = tokens >= 1
      buckets.set(key, { tokens: isAllowed ? tokens - 1 : tokens, at: now() })
      return isAllowed ? 0 : Math.max(1, Math.ceil(((1 - tokens) * 60) / rate.perMinute))
    },
  }
}
