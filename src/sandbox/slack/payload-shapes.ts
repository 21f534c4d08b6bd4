import { type Channel, type Json, type Message, membersOf, type State, type User, type View } from './state.ts'

/** A message in the format of Slack's answers and payloads. */
export function messageShape(state: State, message: Message, { withMetadata = false } = {}): Json {
  const { identity } = state
  const isBot = message.user === identity.botUserId
  const replies = state.messages.filter((one) => one.channel === message.channel && one.threadTs === message.ts)
  return {
    type: 'message',
    ...(message.isBroadcast ? { subtype: 'thread_broadcast' } : {}),
    user: message.user,
    ts: message.ts,
    text: message.text,
    team: identity.teamId,
    ...(isBot
      ? {
          bot_id: identity.botId,
          app_id: identity.appId,
          bot_profile: {
            id: identity.botId,
            app_id: identity.appId,
            user_id: identity.botUserId,
            name: identity.botName,
            deleted: false,
            team_id: identity.teamId,
          },
        }
      : {}),
    ...(message.blocks.length > 0 ? { blocks: structuredClone(message.blocks) } : {}),
    ...(message.attachments.length > 0 ? { attachments: structuredClone(message.attachments) } : {}),
    ...(message.isEdited ? { edited: { user: message.user, ts: message.ts } } : {}),
    ...(message.threadTs ? { thread_ts: message.threadTs, parent_user_id: identity.botUserId } : {}),
    ...(replies.length > 0
      ? {
          thread_ts: message.ts,
          reply_count: replies.length,
          reply_users: [...new Set(replies.map((reply) => reply.user))],
          latest_reply: replies.at(-1)?.ts,
        }
      : {}),
    ...(message.reactions.length > 0
      ? { reactions: message.reactions.map((name) => ({ name, users: [identity.botUserId], count: 1 })) }
      : {}),
    ...(withMetadata && message.metadata ? { metadata: structuredClone(message.metadata) } : {}),
  }
}

export function channelShape(state: State, channel: Channel): Json {
  return {
    id: channel.id,
    ...(channel.kind === 'direct'
      ? { user: channel.members?.[0] }
      : { name: channel.name, name_normalized: channel.name }),
    is_channel: channel.kind === 'public',
    is_group: false,
    is_im: channel.kind === 'direct',
    is_mpim: false,
    is_private: channel.kind !== 'public',
    is_archived: channel.isArchived,
    is_general: false,
    is_shared: false,
    is_ext_shared: false,
    is_org_shared: false,
    is_member: channel.botIsMember,
    num_members: membersOf(state, channel).length + (channel.botIsMember ? 1 : 0),
    context_team_id: state.identity.teamId,
  }
}

/** A user in the format of `users.info`; with the e-mail only if the token can read it. */
export function userShape(user: User, { withEmail }: { withEmail: boolean }): Json {
  const common = {
    id: user.id,
    ...(user.teamId === '' ? {} : { team_id: user.teamId }),
    ...(user.teams === undefined
      ? {}
      : { enterprise_user: { id: user.id, enterprise_id: 'E0ORG', enterprise_name: 'Org', teams: user.teams } }),
    name: user.name,
    deleted: user.deleted,
    profile: {
      real_name: user.realName,
      display_name: user.displayName,
      real_name_normalized: user.realName,
      display_name_normalized: user.displayName,
      team: user.teamId,
      ...(withEmail && user.email !== undefined && !user.external ? { email: user.email } : {}),
    },
    is_bot: user.bot,
    is_app_user: false,
    updated: 1_700_000_000,
  }
  // Slack omits the roles of a deactivated account.
  if (user.deleted) return common
  return {
    ...common,
    real_name: user.realName,
    color: '9f69e7',
    tz: user.timeZone ?? 'Etc/UTC',
    is_admin: false,
    is_owner: false,
    is_primary_owner: false,
    is_restricted: user.guest !== undefined,
    is_ultra_restricted: user.guest === 'single',
    is_email_confirmed: true,
    ...(user.external ? { is_stranger: true } : {}),
  }
}

export function viewShape(state: State, view: View): Json {
  const { identity } = state
  const label = (text: string | undefined) => (text === undefined ? null : { type: 'plain_text', text, emoji: true })
  return {
    id: view.id,
    team_id: identity.teamId,
    type: view.type,
    blocks: structuredClone(view.blocks),
    private_metadata: view.privateMetadata,
    callback_id: view.callbackId,
    state: { values: structuredClone(view.values) },
    hash: view.hash,
    title: label(view.title),
    clear_on_close: view.clearOnClose,
    notify_on_close: view.notifyOnClose,
    close: label(view.close),
    submit: label(view.submit),
    previous_view_id: view.previousId ?? null,
    root_view_id: view.rootId,
    app_id: identity.appId,
    external_id: view.externalId,
    app_installed_team_id: identity.teamId,
    bot_id: identity.botId,
  }
}
