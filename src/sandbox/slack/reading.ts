import type { ById } from './people.ts'
import { plainText, readable } from './rendering.ts'
import {
  type Channel,
  directChannel,
  type Ephemeral,
  type Group,
  type Json,
  type Message,
  type State,
  type User,
  type View,
} from './state.ts'

type Given = { state: State; userOf: (by: ById) => User; channelOf: (by: ById) => Channel }

/** Reads what people can see. All results are copies. */
export function createReading({ state, userOf, channelOf }: Given) {
  const snapshot = <T>(all: T[]): T[] => structuredClone(all)

  const nameOf = (id: string) => state.users.get(id)?.name ?? id
  const lineOf = (one: Message | Ephemeral) => {
    const to = 'source' in one ? ` → ${nameOf(one.user)} alone` : ''
    const from = 'source' in one ? one.source : nameOf(one.user)
    const text = plainText(state, one).replaceAll('\n', '\n    ')
    return `${one.threadTs ? '  ↳ ' : ''}${from}${to}: ${text}`
  }

  /** The messages of one channel, or of all, in order, as people read them. */
  function transcript(channel?: ById): string {
    const channels = channel === undefined ? [...state.channels.values()] : [channelOf(channel)]
    return channels
      .map((one) => {
        const here = [...state.messages, ...state.ephemerals].filter((message) => message.channel === one.id)
        const lines = here.sort((a, b) => a.ts.localeCompare(b.ts)).map(lineOf)
        const title = one.kind === 'direct' ? `direct messages with ${one.name}` : `#${one.name}`
        return [`── ${title}`, ...(lines.length > 0 ? lines : ['(nothing)'])].join('\n')
      })
      .join('\n')
  }

  return {
    transcript,
    /** The top-level messages of a channel and the replies broadcast to it, oldest first. */
    messages(channel: ById): Message[] {
      const { id } = channelOf(channel)
      return snapshot(state.messages.filter((one) => one.channel === id && (!one.threadTs || one.isBroadcast)))
    },
    /** The replies of a thread, oldest first, without its root. */
    thread(channel: ById, ts: string): Message[] {
      const { id } = channelOf(channel)
      return snapshot(state.messages.filter((one) => one.channel === id && one.threadTs === ts))
    },
    /** The ephemeral messages to this person in all channels, oldest first. */
    ephemerals(user: ById): Ephemeral[] {
      const { id } = userOf(user)
      return snapshot(state.ephemerals.filter((one) => one.user === id))
    },
    /** The direct messages between the bot and this person, oldest first. */
    directMessages(user: ById): Message[] {
      const { id } = directChannel(state, userOf(user))
      return snapshot(state.messages.filter((one) => one.channel === id))
    },
    directChannel: (user: ById): Channel => structuredClone(directChannel(state, userOf(user))),
    homeView: (user: ById): View | undefined => structuredClone(state.homes.get(userOf(user).id)),
    channels: (): Channel[] => snapshot([...state.channels.values()]),
    users: (): User[] => snapshot([...state.users.values()]),
    groups: (): Group[] => snapshot([...state.groups.values()]),
    plainText: (shown: { text?: string; title?: string; blocks: Json[] }): string => plainText(state, shown),
    /** mrkdwn as people read it. */
    readable: (mrkdwn: string): string => readable(state, mrkdwn),
  }
}
