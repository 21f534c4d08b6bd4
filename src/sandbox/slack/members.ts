import type { ById } from './people.ts'
import type { Channel, Group, State, User } from './state.ts'

export type NewUser = {
  id?: string
  name: string
  realName?: string
  displayName?: string
  email?: string
  guest?: 'single' | 'multi'
  external?: boolean
  bot?: boolean
  deleted?: boolean
  /** In an Enterprise Grid: the home workspace, empty where Slack doesn't say, and all workspaces. */
  teamId?: string
  teams?: string[]
  timeZone?: string
}

type Given = { state: State; userOf: (by: ById) => User; channelOf: (by: ById) => Channel }

/** Manages the people, groups and channels of the workspace. The bot is a member from the start. */
export function createMembers({ state, userOf, channelOf }: Given) {
  const { identity } = state
  state.users.set(identity.botUserId, {
    id: identity.botUserId,
    name: identity.botName,
    realName: 'Signoff',
    displayName: 'Signoff',
    email: undefined,
    guest: undefined,
    external: false,
    bot: true,
    deleted: false,
    teamId: identity.teamId,
  })

  function change(act: () => void): void {
    act()
    state.changed()
  }

  function groupOf(group: ById): Group {
    const name = typeof group === 'string' ? group : group.id
    const found = [...state.groups.values()].find((one) => one.id === name || one.handle === name)
    if (!found) throw new Error(`there is no group ${name}`)
    return found
  }

  return {
    addUser(made: NewUser): User {
      const user: User = {
        id: made.id ?? state.newId('U'),
        name: made.name,
        realName: made.realName ?? made.name,
        displayName: made.displayName ?? made.name,
        email: made.email,
        guest: made.guest,
        external: made.external ?? false,
        bot: made.bot ?? false,
        deleted: made.deleted ?? false,
        teamId: made.teamId ?? (made.external ? 'T0PARTNER' : identity.teamId),
        ...(made.teams === undefined ? {} : { teams: made.teams }),
        ...(made.timeZone === undefined ? {} : { timeZone: made.timeZone }),
      }
      change(() => state.users.set(user.id, user))
      return { ...user }
    },
    addGroup(made: { handle: string; name?: string; users: ById[] }): Group {
      const users = made.users.map((one) => userOf(one).id)
      const handle = made.handle.replace(/^@/, '')
      const group: Group = { id: state.newId('S'), handle, name: made.name ?? handle, users }
      change(() => state.groups.set(group.id, group))
      return structuredClone(group)
    },
    setGroupUsers(group: ById, users: ById[]): void {
      groupOf(group).users = users.map((one) => userOf(one).id)
    },
    /** The workspace belongs to this Enterprise Grid organization from now on. */
    joinEnterprise: (id: string): void => change(() => Object.assign(identity, { enterpriseId: id })),
    /** A disabled group keeps its members and isn't listed; a renamed one has another handle. */
    changeGroup(group: ById, to: { handle?: string; isDisabled?: boolean }): void {
      change(() => Object.assign(groupOf(group), to))
    },
    removeGroup: (group: ById): void => change(() => void state.groups.delete(groupOf(group).id)),
    /** Slack refuses every call with the bot's token, with this error; undefined: it accepts it again. */
    refuseToken: (error: string | undefined): void => change(() => Object.assign(state, { tokenRefusedBy: error })),
    /** Adds a channel. Default for `members`: everyone, including people added later. */
    addChannel(made: { name: string; isPrivate?: boolean; botIsMember?: boolean; members?: ById[] }): Channel {
      const channel: Channel = {
        id: state.newId('C'),
        name: made.name.replace(/^#/, ''),
        kind: made.isPrivate ? 'private' : 'public',
        isArchived: false,
        members: made.members?.map((one) => userOf(one).id),
        botIsMember: made.botIsMember ?? true,
      }
      change(() => state.channels.set(channel.id, channel))
      return structuredClone(channel)
    },
    deactivate: (user: ById): void => change(() => Object.assign(userOf(user), { deleted: true })),
    reactivate: (user: ById): void => change(() => Object.assign(userOf(user), { deleted: false })),
    /** Makes a person a guest, or a full member again. */
    setGuest: (user: ById, guest: 'single' | 'multi' | undefined): void =>
      change(() => Object.assign(userOf(user), { guest })),
    archive: (channel: ById): void => change(() => Object.assign(channelOf(channel), { isArchived: true })),
    unarchive: (channel: ById): void => change(() => Object.assign(channelOf(channel), { isArchived: false })),
    rename: (channel: ById, name: string): void => change(() => Object.assign(channelOf(channel), { name })),
    removeBot: (channel: ById): void => change(() => Object.assign(channelOf(channel), { botIsMember: false })),
    inviteBot: (channel: ById): void => change(() => Object.assign(channelOf(channel), { botIsMember: true })),
  }
}
