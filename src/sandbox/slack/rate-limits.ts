import { type Json, string } from './state.ts'

type Rate = { perMinute: number; burst: number }

const tier2 = { perMinute: 20, burst: 20 }
const tier3 = { perMinute: 50, burst: 50 }
const tier4 = { perMinute: 100, burst: 100 }
const posting = { perMinute: 60, burst: 5 }

const rates: Record<string, Rate> = {
  'chat.postMessage': posting,
  'chat.update': tier3,
  'chat.delete': tier3,
  'conversations.info': tier3,
  'conversations.history': tier3,
  'conversations.replies': tier3,
  'reactions.add': tier3,
  'conversations.list': tier2,
  'users.list': tier2,
  'usergroups.list': tier2,
  'usergroups.users.list': tier2,
}

/** Slack's published rate limits per method; chat.postMessage allows one per second and channel, with a short burst. */
export function createRateLimits(now: () => number) {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return {
    /** The seconds to wait, or 0 if the call is allowed. */
    take(method: string, args: Json): number {
      const rate = rates[method] ?? tier4
      const key = method === 'chat.postMessage' ? `${method} ${string(args.channel)}` : method
      const before = buckets.get(key) ?? { tokens: rate.burst, at: now() }
      const tokens = Math.min(rate.burst, before.tokens + ((now() - before.at) / 60_000) * rate.perMinute)
      const isAllowed = tokens >= 1
      buckets.set(key, { tokens: isAllowed ? tokens - 1 : tokens, at: now() })
      return isAllowed ? 0 : Math.max(1, Math.ceil(((1 - tokens) * 60) / rate.perMinute))
    },
  }
}
