import { type Answer, isTrue, type Method, page, refuse, scopeFor, visibleChannel } from './answers.ts'
import { channelShape, messageShape } from './payload-shapes.ts'
import { type Channel, directChannel, type Json, type Message, membersOf, type State, string } from './state.ts'

function info(args: Json, state: State): Answer {
  const channel = visibleChannel(state, args.channel)
  return channel ? { ok: true, channel: channelShape(state, channel) } : refuse('channel_not_found')
}

const kinds: Record<string, Channel['kind'] | undefined> = {
  public_channel: 'public',
  private_channel: 'private',
  im: 'direct',
}

function listChannels(args: Json, state: State): Answer {
  const types = string(args.types || 'public_channel').split(',')
  const wanted = types.map((type) => kinds[type.trim()])
  const all = [...state.channels.values()].filter(
    (one) =>
      wanted.includes(one.kind) &&
      visibleChannel(state, one.id) !== undefined &&
      !(isTrue(args.exclude_archived) && one.isArchived),
  )
  const found = page(all, args, 100)
  if (!found) return refuse('invalid_cursor')
  const channels = found.items.map((one) => channelShape(state, one))
  return { ok: true, channels, response_metadata: found.metadata }
}

/** The channels that the bot is in. */
function ownChannels(args: Json, state: State): Answer {
  const own = { ...state, channels: new Map([...state.channels].filter(([, one]) => one.botIsMember)) }
  return listChannels(args, own)
}

function members(args: Json, state: State): Answer {
  const channel = visibleChannel(state, args.channel)
  if (!channel) return refuse('channel_not_found')
  const bot = channel.botIsMember ? [state.identity.botUserId] : []
  const found = page([...membersOf(state, channel), ...bot], args, 100)
  if (!found) return refuse('invalid_cursor')
  return { ok: true, members: found.items, response_metadata: found.metadata }
}

/** Whether a message is between `oldest` and `latest`; the bounds themselves match only with `inclusive`. */
function isWithin(message: Message, args: Json): boolean {
  const inclusive = isTrue(args.inclusive)
  const at = Number(message.ts)
  if (args.oldest !== undefined && !(at > Number(args.oldest) || (inclusive && at === Number(args.oldest))))
    return false
  return args.latest === undefined || at < Number(args.latest) || (inclusive && at === Number(args.latest))
}

function readableChannel(args: Json, state: State): { channel: Channel } | { refusal: Answer } {
  const channel = visibleChannel(state, args.channel)
  if (!channel) return { refusal: refuse('channel_not_found') }
  if (!channel.botIsMember) return { refusal: refuse('not_in_channel') }
  for (const bound of ['oldest', 'latest']) {
    if (args[bound] !== undefined && !/^\d+(\.\d+)?$/.test(String(args[bound]))) {
      return { refusal: refuse(`invalid_ts_${bound}`) }
    }
  }
  return { channel }
}

function answerMessages(all: Message[], args: Json, state: State, usual: number): Answer {
  const found = page(all, args, usual)
  if (!found) return refuse('invalid_cursor')
  const withMetadata = isTrue(args.include_all_metadata)
  return {
    ok: true,
    messages: found.items.map((message) => messageShape(state, message, { withMetadata })),
    has_more: found.hasMore,
    ...(found.hasMore ? { response_metadata: found.metadata } : {}),
  }
}

function history(args: Json, state: State): Answer {
  const read = readableChannel(args, state)
  if ('refusal' in read) return read.refusal
  const all = state.messages.filter(
    (one) => one.channel === read.channel.id && (!one.threadTs || one.isBroadcast) && isWithin(one, args),
  )
  return answerMessages(all.reverse(), args, state, 100)
}

function replies(args: Json, state: State): Answer {
  const read = readableChannel(args, state)
  if ('refusal' in read) return read.refusal
  const here = state.messages.filter((one) => one.channel === read.channel.id)
  const asked = here.find((one) => one.ts === String(args.ts))
  if (!asked) return refuse('thread_not_found')
  const rootTs = asked.threadTs ?? asked.ts
  const root = here.filter((one) => one.ts === rootTs)
  // Every page includes the root, independent of the bounds.
  const found = here.filter((one) => one.threadTs === rootTs && isWithin(one, args))
  return answerMessages([...root, ...found], args, state, 1000)
}

function join(args: Json, state: State): Answer {
  const channel = visibleChannel(state, args.channel)
  if (!channel) return refuse('channel_not_found')
  if (channel.kind !== 'public') return refuse('method_not_supported_for_channel_type')
  if (channel.isArchived) return refuse('is_archived')
  channel.botIsMember = true
  return { ok: true, channel: channelShape(state, channel) }
}

function open(args: Json, state: State): Answer {
  const known = visibleChannel(state, args.channel)
  if (known?.kind === 'direct') return { ok: true, channel: { id: known.id } }
  const ids = string(args.users).split(',').filter(Boolean)
  if (ids.length === 0) return refuse('users_list_not_supplied')
  if (ids.length > 1) return refuse('method_not_supported_for_channel_type')
  const user = state.users.get(ids[0] ?? '')
  if (!user) return refuse('user_not_found')
  if (user.deleted) return refuse('user_disabled')
  if (user.bot) return refuse('cannot_dm_bot')
  const channel = directChannel(state, user)
  return { ok: true, channel: isTrue(args.return_im) ? channelShape(state, channel) : { id: channel.id } }
}

/** The scope depends on the channel's kind; for a channel that can't be seen, any kind's scope is enough. */
export function conversationScopes(method: string, args: Json, state: State): string[] {
  const verb = method === 'conversations.history' || method === 'conversations.replies' ? 'history' : 'read'
  const channel = visibleChannel(state, args.channel)
  if (method === 'conversations.list' || method === 'users.conversations') {
    const families: Record<string, string> = {
      public_channel: 'channels',
      private_channel: 'groups',
      im: 'im',
      mpim: 'mpim',
    }
    return string(args.types || 'public_channel')
      .split(',')
      .map((type) => `${families[type.trim()] ?? 'channels'}:read`)
  }
  return channel ? [scopeFor(channel, verb)] : []
}

export const conversationMethods: Record<string, Method> = {
  'conversations.info': { required: ['channel'], run: info },
  'conversations.list': { run: listChannels },
  'users.conversations': { run: ownChannels },
  'conversations.members': { required: ['channel'], run: members },
  'conversations.history': { required: ['channel'], run: history },
  'conversations.replies': { required: ['channel', 'ts'], run: replies },
  'conversations.join': { scope: ['channels:join'], required: ['channel'], run: join },
  'conversations.open': { scope: ['im:write'], run: open },
}
