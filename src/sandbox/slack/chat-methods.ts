import { type Answer, isTrue, type Method, refuse, refuseArguments, visibleChannel } from './answers.ts'
import { lengthOf } from './block-shapes.ts'
import { areBlocksTooLong, problemsOfBlocks, withIds } from './blocks.ts'
import { messageShape } from './payload-shapes.ts'
import {
  type Channel,
  directChannel,
  findMessage,
  isRecord,
  type Json,
  type Message,
  membersOf,
  records,
  type State,
  string,
} from './state.ts'

export type Content = { text: string | undefined; blocks: Json[] | undefined; attachments: Json[] | undefined }

/** A workspace to which some types of blocks have not come yet refuses the message as if they did not exist. */
function problemsOfNewer(state: State, blocks: Json[]): string[] {
  return blocks.flatMap(({ type }, index) => {
    const left = state.unknownBlocks.get(string(type)) ?? 0
    if (left <= 0) return []
    state.unknownBlocks.set(string(type), left - 1)
    return [`unsupported type: ${string(type)} [json-pointer:/blocks/${index}/type]`]
  })
}

/** The text, blocks and attachments of a new message, or Slack's error about them. */
export function readContent(args: Json, state: State): { content: Content } | { refusal: Answer } {
  const { blocks, attachments, markdown_text: markdown } = args
  if (markdown !== undefined && (args.text || blocks)) return { refusal: refuse('markdown_text_conflict') }
  if (blocks !== undefined && !Array.isArray(blocks)) return { refusal: refuse('invalid_blocks_format') }
  if (attachments !== undefined && !Array.isArray(attachments)) return { refusal: refuse('invalid_attachments') }
  if (records(attachments).length > 100) return { refusal: refuse('too_many_attachments') }
  const given = markdown === undefined ? blocks : [{ type: 'markdown', text: markdown }]
  const problems = given === undefined ? [] : problemsOfBlocks(given, 'message')
  for (const [index, one] of records(attachments).entries()) {
    if (one.blocks !== undefined)
      problems.push(...problemsOfBlocks(one.blocks, 'message', `/attachments/${index}/blocks`))
  }
  problems.push(...problemsOfNewer(state, records(given)))
  if (problems.length > 0) {
    const messages = problems.map((problem) => `[ERROR] ${problem}`)
    return { refusal: refuse('invalid_blocks', { errors: problems, response_metadata: { messages } }) }
  }
  if (areBlocksTooLong(records(given))) return { refusal: refuse('msg_blocks_too_long') }
  const text = args.text === undefined || args.text === null ? undefined : String(args.text)
  if (!text && records(given).length === 0 && records(attachments).length === 0) return { refusal: refuse('no_text') }
  return {
    content: {
      text,
      blocks: given === undefined ? undefined : withIds(records(given), state.newId),
      attachments: attachments === undefined ? undefined : structuredClone(records(attachments)),
    },
  }
}

function metadataRefusal(metadata: unknown): Answer | undefined {
  if (metadata === undefined) return undefined
  if (!isRecord(metadata)) return refuse('invalid_metadata_format')
  if (Object.keys(metadata).length === 0) return undefined
  if (typeof metadata.event_type !== 'string' || !isRecord(metadata.event_payload))
    return refuse('invalid_metadata_format')
  return JSON.stringify(metadata).length > 8000 ? refuse('metadata_too_large') : undefined
}

/** The channel of a message, by its id or name, or a person's direct messages by the person's id. */
function destination(state: State, given: unknown): Channel | undefined {
  const name = string(given)
  const user = state.users.get(name)
  if (user) return user.bot || user.deleted ? undefined : directChannel(state, user)
  const byName = [...state.channels.values()].find(
    (one) => one.kind !== 'direct' && one.name === name.replace(/^#/, ''),
  )
  return visibleChannel(state, name) ?? (byName && visibleChannel(state, byName.id))
}

function threadRefusal(state: State, channel: Channel, threadTs: unknown): Answer | undefined {
  if (threadTs === undefined) return undefined
  if (!/^\d+\.\d{6}$/.test(String(threadTs))) return refuse('invalid_thread_ts')
  const root = findMessage(state, channel.id, String(threadTs))
  if (!root) return refuse('thread_not_found')
  return root.threadTs ? refuse('cannot_reply_to_message') : undefined
}

export function addMessage(
  state: State,
  made: Pick<Message, 'channel' | 'user' | 'text'> & Partial<Omit<Message, 'ts'>>,
): Message {
  const message: Message = {
    ts: state.newTs(),
    blocks: [],
    attachments: [],
    metadata: undefined,
    threadTs: undefined,
    isBroadcast: false,
    isEdited: false,
    reactions: [],
    ...made,
  }
  state.messages.push(message)
  return message
}

function postMessage(args: Json, state: State): Answer {
  const channel = destination(state, args.channel)
  if (!channel) return refuse('channel_not_found')
  if (!channel.botIsMember) return refuse('not_in_channel')
  if (channel.isArchived) return refuse('is_archived')
  const read = readContent(args, state)
  if ('refusal' in read) return read.refusal
  const refusal = metadataRefusal(args.metadata) ?? threadRefusal(state, channel, args.thread_ts)
  if (refusal) return refusal
  const { text = '', blocks = [], attachments = [] } = read.content
  const isTooLong = lengthOf(text) > 40_000
  const message = addMessage(state, {
    channel: channel.id,
    user: state.identity.botUserId,
    text: isTooLong ? [...text].slice(0, 40_000).join('') : text,
    blocks,
    attachments,
    metadata: isRecord(args.metadata) && args.metadata.event_type ? structuredClone(args.metadata) : undefined,
    threadTs: args.thread_ts === undefined ? undefined : String(args.thread_ts),
    isBroadcast: args.thread_ts !== undefined && isTrue(args.reply_broadcast),
  })
  return {
    ok: true,
    channel: channel.id,
    ts: message.ts,
    message: messageShape(state, message, { withMetadata: true }),
    ...(isTooLong ? { warning: 'message_truncated' } : {}),
  }
}

function ownMessage(
  args: Json,
  state: State,
  denied: string,
): { message: Message; channel: Channel } | { refusal: Answer } {
  const channel = visibleChannel(state, args.channel)
  if (!channel) return { refusal: refuse('channel_not_found') }
  const message = findMessage(state, channel.id, String(args.ts))
  if (!message) return { refusal: refuse('message_not_found') }
  if (message.user !== state.identity.botUserId) return { refusal: refuse(denied) }
  return channel.isArchived ? { refusal: refuse('is_inactive') } : { message, channel }
}

function update(args: Json, state: State): Answer {
  const own = ownMessage(args, state, 'cant_update_message')
  if ('refusal' in own) return own.refusal
  const { message, channel } = own
  const age = state.now() - Number(message.ts) * 1_000
  if (state.editWindowMs !== undefined && age >= state.editWindowMs) return refuse('edit_window_closed')
  if (lengthOf(string(args.text)) > 4000) return refuse('msg_too_long')
  const read = readContent(args, state)
  if ('refusal' in read) return read.refusal
  const refusal = metadataRefusal(args.metadata)
  if (refusal) return refusal
  const { text, blocks, attachments } = read.content
  message.isEdited ||= blocks === undefined
  // Text alone removes the blocks; blocks alone remove the text for notifications and screen readers.
  message.text = text ?? (blocks ? '' : message.text)
  message.blocks = blocks ?? (text === undefined ? message.blocks : [])
  if (attachments) message.attachments = attachments
  if (isRecord(args.metadata)) message.metadata = args.metadata.event_type ? structuredClone(args.metadata) : undefined
  if (message.threadTs && isTrue(args.reply_broadcast)) message.isBroadcast = true
  return { ok: true, channel: channel.id, ts: message.ts, text: message.text, message: messageShape(state, message) }
}

function remove(args: Json, state: State): Answer {
  const own = ownMessage(args, state, 'cant_delete_message')
  if ('refusal' in own) return own.refusal
  state.messages.splice(state.messages.indexOf(own.message), 1)
  return { ok: true, channel: own.channel.id, ts: String(args.ts) }
}

function postEphemeral(args: Json, state: State): Answer {
  const channel = visibleChannel(state, args.channel)
  if (!channel) return refuse('channel_not_found')
  if (!channel.botIsMember) return refuse('not_in_channel')
  if (channel.isArchived) return refuse('is_archived')
  const user = string(args.user)
  if (!membersOf(state, channel).includes(user)) return refuse('user_not_in_channel')
  const read = readContent(args, state)
  if ('refusal' in read) return read.refusal
  const refusal = threadRefusal(state, channel, args.thread_ts)
  if (refusal) return refusal
  const ts = state.newTs()
  const { text = '', blocks = [] } = read.content
  const threadTs = args.thread_ts === undefined ? undefined : String(args.thread_ts)
  state.ephemerals.push({ ts, channel: channel.id, user, text, blocks, threadTs, source: 'chat.postEphemeral' })
  return { ok: true, message_ts: ts }
}

function getPermalink(args: Json, state: State): Answer {
  const channel = visibleChannel(state, args.channel)
  if (!channel) return refuse('channel_not_found')
  const message = findMessage(state, channel.id, String(args.message_ts))
  if (!message) return refuse('message_not_found')
  const inThread = message.threadTs ? `?thread_ts=${message.threadTs}&cid=${channel.id}` : ''
  const at = `p${message.ts.replace('.', '')}${inThread}`
  const permalink = `https://${state.identity.teamDomain}.slack.com/archives/${channel.id}/${at}`
  return { ok: true, channel: channel.id, permalink }
}

function addReaction(args: Json, state: State): Answer {
  const channel = visibleChannel(state, args.channel)
  if (!channel) return refuse('channel_not_found')
  if (!channel.botIsMember) return refuse('not_in_channel')
  const message = findMessage(state, channel.id, String(args.timestamp))
  if (!message) return refuse('message_not_found')
  if (!/^[a-z0-9_+'-]+$/.test(string(args.name))) return refuseArguments(['invalid name [json-pointer:/name]'])
  if (message.reactions.includes(string(args.name))) return refuse('already_reacted')
  message.reactions.push(string(args.name))
  return { ok: true }
}

export const chatMethods: Record<string, Method> = {
  'chat.postMessage': { scope: ['chat:write'], required: ['channel'], run: postMessage },
  'chat.update': { scope: ['chat:write'], required: ['channel', 'ts'], run: update },
  'chat.delete': { scope: ['chat:write'], required: ['channel', 'ts'], run: remove },
  'chat.postEphemeral': { scope: ['chat:write'], required: ['channel', 'user'], run: postEphemeral },
  'chat.getPermalink': { required: ['channel', 'message_ts'], run: getPermalink },
  'reactions.add': { scope: ['reactions:write'], required: ['channel', 'timestamp', 'name'], run: addReaction },
}
