export type Json = Record<string, unknown>

export type User = {
  id: string
  name: string
  realName: string
  /** The display name; the user's name if none is chosen. */
  displayName: string
  email: string | undefined
  guest: 'single' | 'multi' | undefined
  external: boolean
  bot: boolean
  deleted: boolean
  /** Empty: Slack doesn't say, as for some people of an Enterprise Grid. */
  teamId: string
  /** The workspaces of a person in an Enterprise Grid. */
  teams?: string[]
  /** Left out: UTC. */
  timeZone?: string
}

export type Group = { id: string; handle: string; name: string; users: string[]; isDisabled?: boolean }

export type Channel = {
  id: string
  name: string
  kind: 'public' | 'private' | 'direct'
  isArchived: boolean
  /** If undefined, everyone is a member, including people added later. */
  members: string[] | undefined
  botIsMember: boolean
}

export type Message = {
  ts: string
  channel: string
  /** The author: the id of a person or the bot. */
  user: string
  text: string
  blocks: Json[]
  attachments: Json[]
  metadata: Json | undefined
  threadTs: string | undefined
  isBroadcast: boolean
  isEdited: boolean
  reactions: string[]
}

/** An ephemeral message to one person; Slack doesn't store it. `source` says where it came from. */
export type Ephemeral = {
  ts: string
  channel: string
  user: string
  text: string
  blocks: Json[]
  threadTs: string | undefined
  source: 'chat.postEphemeral' | 'response_url' | 'acknowledgement' | 'slackbot'
}

export type View = {
  id: string
  hash: string
  user: string
  type: 'modal' | 'home'
  title: string
  submit: string | undefined
  close: string | undefined
  callbackId: string
  privateMetadata: string
  notifyOnClose: boolean
  clearOnClose: boolean
  externalId: string
  rootId: string
  previousId: string | undefined
  blocks: Json[]
  /** The filled-in values by block id and action id, in Slack's format. */
  values: Record<string, Record<string, Json>>
  responseUrls: Json[]
}

/** The ids and names of the app and its workspace. */
export type Identity = {
  teamId: string
  teamName: string
  teamDomain: string
  appId: string
  botId: string
  botUserId: string
  botName: string
  /** The organization, if the workspace belongs to an Enterprise Grid. */
  enterpriseId?: string
}

export type Trigger = { user: string; issuedAt: number | undefined; isUsed: boolean; fromView: string | undefined }

export type ResponseUrl = {
  user: string
  channel: string
  messageTs: string | undefined
  isEphemeral: boolean
  issuedAt: number
  uses: number
}

export type State = ReturnType<typeof createState>

/** The state that survives a restart: no open modals and no triggers, which last three seconds. */
export type Remembered = {
  lastId: number
  lastTs: number
  users: User[]
  groups: Group[]
  channels: Channel[]
  messages: Message[]
  ephemerals: Ephemeral[]
  responseUrls: [path: string, url: ResponseUrl][]
}

/** Creates the state of a workspace. `now` returns milliseconds since 1970. */
export function createState({ now, identity }: { now: () => number; identity: Identity }) {
  let lastId = 0
  let lastTs = 0
  const listeners = new Set<() => void>()
  const newId = (prefix: string) => {
    lastId += 1
    return `${prefix}0${lastId.toString(36).toUpperCase().padStart(9, '0')}`
  }

  return {
    now,
    identity,
    newId,
    users: new Map<string, User>(),
    groups: new Map<string, Group>(),
    channels: new Map<string, Channel>(),
    messages: [] as Message[],
    ephemerals: [] as Ephemeral[],
    triggers: new Map<string, Trigger>(),
    responseUrls: new Map<string, ResponseUrl>(),
    /** Open modals by person, the visible one last. */
    modals: new Map<string, View[]>(),
    homes: new Map<string, View>(),
    /** Whether the app's Home tab is enabled. */
    hasHomeTab: true,
    /** The events that the app's manifest subscribes to. */
    events: ['app_home_opened'] as readonly string[],
    /** What the app showed at the fields of modals that it refused, oldest first. */
    modalErrors: [] as { ts: string; user: string; errors: Record<string, string> }[],
    /** The error of every call with the bot's token, such as `token_revoked`. */
    tokenRefusedBy: undefined as string | undefined,
    /** In place of the token that the workspace began with. */
    reissuedToken: undefined as string | undefined,
    /** Messages older than this can't be edited. */
    editWindowMs: undefined as number | undefined,
    /** Types of blocks that the workspace does not take yet, with how many messages it still refuses because of each. */
    unknownBlocks: new Map<string, number>(),
    /** The error of every call that posts or changes a message. */
    refusesMessages: undefined as string | undefined,

    /** A message's id in its channel: unique and increasing, in seconds with six decimals. */
    newTs(): string {
      lastTs = Math.max(lastTs + 1, Math.floor(now() * 1000))
      return `${Math.floor(lastTs / 1_000_000)}.${String(lastTs % 1_000_000).padStart(6, '0')}`
    },
    remembered(): Remembered {
      return {
        lastId,
        lastTs,
        users: [...this.users.values()],
        groups: [...this.groups.values()],
        channels: [...this.channels.values()],
        messages: this.messages,
        ephemerals: this.ephemerals,
        responseUrls: [...this.responseUrls],
      }
    },
    recall(before: Remembered): void {
      lastId = before.lastId
      lastTs = before.lastTs
      for (const kind of ['users', 'groups', 'channels'] as const) {
        const known = this[kind] as Map<string, { id: string }>
        for (const one of before[kind]) known.set(one.id, one)
      }
      this.messages.push(...before.messages)
      this.ephemerals.push(...before.ephemerals)
      for (const [path, url] of before.responseUrls) this.responseUrls.set(path, url)
    },
    changed(): void {
      for (const listener of [...listeners]) listener()
    },
    onChange(listener: () => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

export function membersOf(state: State, channel: Channel): string[] {
  const people = channel.members ?? [...state.users.values()].filter((user) => !user.bot).map((user) => user.id)
  return people.filter((id) => state.users.get(id)?.deleted === false)
}

export function findMessage(state: State, channel: string, ts: string): Message | undefined {
  return state.messages.find((message) => message.channel === channel && message.ts === ts)
}

/** The direct messages between the bot and one person; created on first use. */
export function directChannel(state: State, user: User): Channel {
  for (const channel of state.channels.values()) {
    if (channel.kind === 'direct' && channel.members?.[0] === user.id) return channel
  }
  const channel: Channel = {
    id: state.newId('D'),
    name: user.name,
    kind: 'direct',
    isArchived: false,
    members: [user.id],
    botIsMember: true,
  }
  state.channels.set(channel.id, channel)
  return channel
}

export const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const records = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isRecord) : [])

export const string = (value: unknown): string => (typeof value === 'string' ? value : '')
