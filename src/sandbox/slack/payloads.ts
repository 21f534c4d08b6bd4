import { randomBytes } from 'node:crypto'
import type { Delivery } from './courier.ts'
import { messageShape, viewShape } from './payload-shapes.ts'
import {
  type Channel,
  directChannel,
  type Ephemeral,
  type Json,
  type Message,
  type State,
  type User,
  type View,
} from './state.ts'

/** Creates the payloads that Slack sends for the actions of people. */
export function createPayloads({
  state,
  origin,
  shouldEscape,
}: {
  state: State
  origin: string
  shouldEscape: boolean
}) {
  const { identity } = state
  const token = randomBytes(12).toString('hex')
  const team = { id: identity.teamId, domain: identity.teamDomain }

  function newTrigger(user: User, fromView?: string): string {
    const id = `${Math.floor(state.now())}.${state.triggers.size + 1}.${randomBytes(16).toString('hex')}`
    state.triggers.set(id, { user: user.id, issuedAt: undefined, isUsed: false, fromView })
    return id
  }

  function newResponseUrl(user: User, channel: Channel, of?: { ts: string; isEphemeral: boolean }): string {
    const path = `/response/${identity.teamId}/${randomBytes(12).toString('hex')}`
    state.responseUrls.set(path, {
      user: user.id,
      channel: channel.id,
      messageTs: of?.ts,
      isEphemeral: of?.isEphemeral ?? false,
      issuedAt: state.now(),
      uses: 0,
    })
    return `${origin}${path}`
  }

  /** Replaces names by ids and escapes `&`, `<` and `>`, as with `should_escape: true` in the app's manifest. */
  function escapeText(text: string): string {
    if (!shouldEscape) return text
    const plain = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
    return plain.replace(/(^|\s)([@#])([\w.-]+)/g, (whole, before: string, sign: string, name: string) => {
      if (sign === '#') {
        const channel = [...state.channels.values()].find((one) => one.name === name && one.kind !== 'direct')
        return channel ? `${before}<#${channel.id}|${name}>` : whole
      }
      const user = [...state.users.values()].find((one) => one.name === name)
      if (user) return `${before}<@${user.id}|${name}>`
      const group = [...state.groups.values()].find((one) => one.handle === name)
      return group ? `${before}<!subteam^${group.id}|@${name}>` : whole
    })
  }

  const channelName = (channel: Channel) =>
    channel.kind === 'direct' ? 'directmessage' : channel.kind === 'private' ? 'privategroup' : channel.name

  const who = (user: User) => ({ id: user.id, username: user.name, name: user.name, team_id: user.teamId })

  function delivery(type: Delivery['type'], payload: Json, acceptsResponsePayload: boolean): Delivery {
    return { type, payload, envelopeId: crypto.randomUUID(), acceptsResponsePayload }
  }

  const interaction = (type: string, user: User): Json => ({
    type,
    user: who(user),
    api_app_id: identity.appId,
    token,
    team,
    enterprise: identity.enterpriseId === undefined ? null : { id: identity.enterpriseId, name: 'Org' },
    is_enterprise_install: false,
  })

  function action(block: Json, element: Json, extra: Json): Json {
    return {
      action_id: element.action_id,
      block_id: block.block_id,
      ...(element.text ? { text: structuredClone(element.text) } : {}),
      ...(element.value === undefined ? {} : { value: element.value }),
      ...(element.style ? { style: element.style } : {}),
      ...(element.confirm ? { confirm: structuredClone(element.confirm) } : {}),
      type: element.type,
      action_ts: state.newTs(),
      ...extra,
    }
  }

  return {
    command(user: User, channel: Channel, command: string, text: string): Delivery {
      return delivery(
        'slash_commands',
        {
          token,
          team_id: identity.teamId,
          team_domain: identity.teamDomain,
          channel_id: channel.id,
          channel_name: channelName(channel),
          user_id: user.id,
          user_name: user.name,
          command,
          text: escapeText(text),
          api_app_id: identity.appId,
          is_enterprise_install: 'false',
          ...(identity.enterpriseId === undefined
            ? {}
            : { enterprise_id: identity.enterpriseId, enterprise_name: 'Org' }),
          response_url: newResponseUrl(user, channel),
          trigger_id: newTrigger(user),
        },
        true,
      )
    },

    messageAction(
      user: User,
      channel: Channel,
      on: Message | Ephemeral,
      block: Json,
      element: Json,
      extra: Json,
    ): Delivery {
      const isEphemeral = 'source' in on
      return delivery(
        'interactive',
        {
          ...interaction('block_actions', user),
          container: {
            type: 'message',
            message_ts: on.ts,
            channel_id: channel.id,
            is_ephemeral: isEphemeral,
            ...(on.threadTs ? { thread_ts: on.threadTs } : {}),
          },
          trigger_id: newTrigger(user),
          channel: { id: channel.id, name: channelName(channel) },
          ...(isEphemeral ? {} : { message: messageShape(state, on) }),
          state: { values: {} },
          response_url: newResponseUrl(user, channel, { ts: on.ts, isEphemeral }),
          actions: [action(block, element, extra)],
        },
        false,
      )
    },

    viewAction(user: User, view: View, block: Json, element: Json, extra: Json): Delivery {
      return delivery(
        'interactive',
        {
          ...interaction('block_actions', user),
          container: { type: 'view', view_id: view.id },
          trigger_id: newTrigger(user, view.id),
          view: viewShape(state, view),
          actions: [action(block, element, extra)],
        },
        false,
      )
    },

    submission(user: User, view: View): Delivery {
      return delivery(
        'interactive',
        {
          ...interaction('view_submission', user),
          trigger_id: newTrigger(user, view.id),
          view: viewShape(state, view),
          response_urls: structuredClone(view.responseUrls),
        },
        true,
      )
    },

    /** A person opened the app (docs.slack.dev/reference/events/app_home_opened). */
    homeOpened(user: User, tab: 'home' | 'messages'): Delivery {
      const view = tab === 'home' ? state.homes.get(user.id) : undefined
      const channel = directChannel(state, user).id
      const more = view === undefined ? {} : { view: viewShape(state, view) }
      return this.event({ type: 'app_home_opened', user: user.id, channel, tab, ...more })
    },

    /** An event for apps that have subscribed to it; `event` is the inner event with its `type`. */
    event(event: Json): Delivery {
      return delivery(
        'events_api',
        {
          token,
          team_id: identity.teamId,
          api_app_id: identity.appId,
          event: { event_ts: state.newTs(), ...event },
          type: 'event_callback',
          event_id: state.newId('Ev'),
          event_time: Math.floor(state.now() / 1000),
          authorizations: [{ team_id: identity.teamId, user_id: identity.botUserId, is_bot: true }],
        },
        false,
      )
    },

    closing(user: User, view: View, isCleared: boolean): Delivery {
      return delivery(
        'interactive',
        { ...interaction('view_closed', user), view: viewShape(state, view), is_cleared: isCleared },
        false,
      )
    },
  }
}
