import type { Channel, Json, State } from './state.ts'
import { string } from './state.ts'

/** What a Web API method answers: `ok: false` carries Slack's word for the error. */
export type Answer = Json & { ok: boolean }

export type Method = {
  /** The scopes that the bot's token needs, all of them. Left out: none. */
  scope?: string[]
  required?: string[]
  run: (args: Json, state: State) => Answer
}

export const refuse = (error: string, extra: Json = {}): Answer => ({ ok: false, error, ...extra })

export const refuseArguments = (problems: string[]): Answer =>
  refuse('invalid_arguments', { response_metadata: { messages: problems.map((problem) => `[ERROR] ${problem}`) } })

/** Arguments come as JSON values or as form text. */
export const isTrue = (value: unknown): boolean => value === true || value === 'true' || value === '1' || value === 1

/** The channel, if the bot can know of it: private ones only from inside. */
export function visibleChannel(state: State, id: unknown): Channel | undefined {
  const channel = state.channels.get(string(id))
  return channel && (channel.kind === 'public' || channel.botIsMember) ? channel : undefined
}

const scopeFamily = { public: 'channels', private: 'groups', direct: 'im' } as const

/** Reading a conversation needs the scope of its own kind. */
export const scopeFor = (channel: Channel, verb: 'read' | 'history'): string => `${scopeFamily[channel.kind]}:${verb}`

/** One page of a list, with a cursor when there is more. */
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
