import type { Channel, Json, State } from './state.ts'
import { string } from './state.ts'

/** The answer of a Web API method; with `ok: false` it has Slack's error code. */
export type Answer = Json & { ok: boolean }

export type Method = {
  /** The scopes that the bot's token needs, all of them. Default: none. */
  scope?: string[]
  required?: string[]
  run: (args: Json, state: State) => Answer
}

export const refuse = (error: string, extra: Json = {}): Answer => ({ ok: false, error, ...extra })

export const refuseArguments = (problems: string[]): Answer =>
  refuse('invalid_arguments', { response_metadata: { messages: problems.map((problem) => `[ERROR] ${problem}`) } })

/** Whether an argument is true, as a JSON value or as form text. */
export const isTrue = (value: unknown): boolean => value === true || value === 'true' || value === '1' || value === 1

/** The channel if the bot can see it: private ones only if the bot is a member. */
export function visibleChannel(state: State, id: unknown): Channel | undefined {
  const channel = state.channels.get(string(id))
  return channel && (channel.kind === 'public' || channel.botIsMember) ? channel : undefined
}

const scopeFamily = { public: 'channels', private: 'groups', direct: 'im' } as const

/** The scope for reading a conversation of this kind. */
export const scopeFor = (channel: Channel, verb: 'read' | 'history'): string => `${scopeFamily[channel.kind]}:${verb}`

/** One page of a list, with a cursor if there is more. */
export function page<T>(
  all: T[],
  args: Json,
  usual: number,
): { items: T[]; metadata: Json; hasMore: boolean } | undefined {
  const limit = Math.min(Math.max(Number(args.limit ?? usual) || usual, 1), 1000)
  const start = args.cursor ? Number(Buffer.from(string(args.cursor), 'base64').toString().replace('next:', '')) : 0
  if (!Number.isInteger(start)) return undefined
  const hasMore = start + limit < all.length
  const cursor = hasMore ? Buffer.from(`next:${start + limit}`).toString('base64') : ''
  return { items: all.slice(start, start + limit), metadata: { next_cursor: cursor }, hasMore }
}
