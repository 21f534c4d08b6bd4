import { type ButtonName, type FormValues, fill, findButton, findInput, usedControl } from './controls.ts'
import type { createCourier, DeliverOptions, Delivery } from './courier.ts'
import { closeFrom, notSent, type Seen, showOutcome } from './outcomes.ts'
import type { createPayloads } from './payloads.ts'
import {
  type Channel,
  type Ephemeral,
  isRecord,
  type Json,
  type Message,
  membersOf,
  type State,
  string,
  type User,
  type View,
} from './state.ts'
import { clientErrors } from './view-values.ts'

export type ById = string | { id: string }
export type Click = { user: ById; channel: ById; ts: string } & ButtonName
const idOf = (given: ById): string => (typeof given === 'string' ? given : given.id)

/** Acts as people in their Slack clients. Each act returns when the app has acknowledged it or Slack has timed out. */
export function createPeople(given: {
  state: State
  courier: ReturnType<typeof createCourier>
  payloads: ReturnType<typeof createPayloads>
}) {
  const { state, courier, payloads } = given

  function userOf(by: ById): User {
    const user = state.users.get(idOf(by)) ?? [...state.users.values()].find((one) => one.name === by)
    if (!user) throw new Error(`there is no person ${idOf(by)}`)
    return user
  }

  function channelOf(by: ById): Channel {
    const name = idOf(by).replace(/^#/, '')
    const channel = state.channels.get(idOf(by)) ?? [...state.channels.values()].find((one) => one.name === name)
    if (!channel) throw new Error(`there is no channel ${idOf(by)}`)
    return channel
  }

  function present(by: ById, where: ById): { user: User; channel: Channel } {
    const [user, channel] = [userOf(by), channelOf(where)]
    if (!membersOf(state, channel).includes(user.id)) {
      throw new Error(`${user.name} is not in ${channel.name}${user.deleted ? ', the account is deactivated' : ''}`)
    }
    return { user, channel }
  }

  async function deliver(delivery: Delivery, options?: DeliverOptions): Promise<Seen[]> {
    const receipts = await courier.deliver(delivery, options)
    const all = receipts.map((receipt) => showOutcome(state, delivery, receipt))
    state.changed()
    return all
  }

  async function deliverOnce(delivery: Delivery, confirmation?: Json): Promise<Seen> {
    const [first] = await deliver(delivery)
    if (!first) throw new Error('nothing was delivered')
    return { ...first, confirmation }
  }

  function shownMessage(user: User, channel: Channel, ts: string): Message | Ephemeral {
    const found =
      state.messages.find((one) => one.channel === channel.id && one.ts === ts) ??
      state.ephemerals.find((one) => one.channel === channel.id && one.ts === ts && one.user === user.id)
    if (!found) throw new Error(`${user.name} sees no message ${ts} in ${channel.name}`)
    return found
  }

  function findClick(click: Click): { delivery: Delivery; confirmation: Json | undefined } {
    const { user, channel } = present(click.user, click.channel)
    const on = shownMessage(user, channel, click.ts)
    const { block, element, extra } = findButton(on.blocks, click)
    const confirmation = isRecord(element.confirm) ? structuredClone(element.confirm) : undefined
    return { delivery: payloads.messageAction(user, channel, on, block, element, extra), confirmation }
  }

  function openView(by: ById): View | undefined {
    return structuredClone(state.modals.get(userOf(by).id)?.at(-1))
  }

  function liveView(by: ById, view: ById | undefined): { user: User; view: View } {
    const user = userOf(by)
    const home = state.homes.get(user.id)
    const open = [...(home !== undefined && view !== undefined ? [home] : []), ...(state.modals.get(user.id) ?? [])]
    const found = view === undefined ? open.at(-1) : open.find((one) => one.id === idOf(view))
    if (!found) throw new Error(`${user.name} has ${view ? 'that view not' : 'no view'} open`)
    return { user, view: found }
  }

  function captureHomeOpened({ user: by, tab = 'home' }: { user: ById; tab?: 'home' | 'messages' }) {
    const user = userOf(by)
    if (!state.events.includes('app_home_opened')) return undefined
    return payloads.homeOpened(user, state.hasHomeTab ? tab : 'messages')
  }

  return {
    userOf,
    channelOf,
    deliver,
    openView,

    /** Types a slash command. `text` is as typed: `@name` and `#name` become references as in Slack. */
    async command(act: { user: ById; channel: ById; command: string; text?: string }): Promise<Seen> {
      const { user, channel } = present(act.user, act.channel)
      return deliverOnce(payloads.command(user, channel, act.command, act.text ?? ''))
    },

    /** Returns the command as a delivery, to be forged, repeated or delivered later. */
    captureCommand(act: { user: ById; channel: ById; command: string; text?: string }): Delivery {
      const { user, channel } = present(act.user, act.channel)
      return payloads.command(user, channel, act.command, act.text ?? '')
    },

    /** Returns an event as a delivery, e.g. `{ type: 'app_home_opened', user: 'U…', tab: 'home' }`. */
    captureEvent: (event: Json): Delivery => payloads.event(event),

    /** The event that Slack sends when a person opens the app; undefined if the app doesn't subscribe to it. */
    captureHomeOpened,

    /**
     * Opens the app's Home, or its Messages tab where the app has no Home. Returns when the app has acknowledged the event;
     * undefined if the app doesn't subscribe to it.
     */
    async openHome(act: { user: ById; tab?: 'home' | 'messages' }): Promise<Seen | undefined> {
      const delivery = captureHomeOpened(act)
      return delivery && deliverOnce(delivery)
    },

    /**
     * Uses a control of the person's Home: a button, an entry of a menu or a list by its `option`, or ticked boxes by all of
     * `options`. `blockId` tells controls with one action id apart.
     */
    async useHome(act: { user: ById; blockId?: string; actionId: string; option?: string; options?: string[] }) {
      const user = userOf(act.user)
      const view = state.homes.get(user.id)
      if (!view) throw new Error(`${user.name} has no Home`)
      return deliverOnce(payloads.viewAction(user, view, ...usedControl(state, view, act)))
    },

    /** Presses a button of a message and accepts its confirmation, or denies it with `confirm: false`. Throws if it's missing. */
    async click(act: Click & { confirm?: boolean }): Promise<Seen> {
      const { delivery, confirmation } = findClick(act)
      if (confirmation && act.confirm === false) return notSent('denied', { confirmation })
      return deliverOnce(delivery, confirmation)
    },

    /** Returns the click as a delivery, to be delivered after the message or the person has changed. */
    captureClick: (act: Click): Delivery => findClick(act).delivery,

    /** Fills the inputs by their labels and presses the modal's submit button. */
    async submit(act: { user: ById; view?: ById; values?: FormValues }): Promise<Seen> {
      const { user, view } = liveView(act.user, act.view)
      fill(state, view, act.values ?? {})
      const errors = clientErrors(view.blocks, view.values)
      state.changed()
      if (Object.keys(errors).length > 0) return notSent('not_sent', { errors })
      if (view.submit === undefined) throw new Error(`the view "${view.title}" has no submit button`)
      return deliverOnce(payloads.submission(user, view))
    },

    captureSubmit(act: { user: ById; view?: ById; values?: FormValues }): Delivery {
      const { user, view } = liveView(act.user, act.view)
      fill(state, view, act.values ?? {})
      return payloads.submission(user, view)
    },

    /** Fills one input. The app is notified at once if the input has `dispatch_action` or is outside an input block. */
    async choose(act: { user: ById; view?: ById; label: string; value: string | boolean | string[] }): Promise<Seen> {
      const { user, view } = liveView(act.user, act.view)
      fill(state, view, { [act.label]: act.value })
      const { block, element } = findInput(view, act.label)
      if (block.type === 'input' && block.dispatch_action !== true) return notSent('not_sent', {})
      const value = view.values[string(block.block_id)]?.[string(element.action_id)] ?? {}
      return deliverOnce(payloads.viewAction(user, view, block, element, value))
    },

    /** Presses a button inside a modal. */
    async press(act: { user: ById; view?: ById } & ButtonName): Promise<Seen> {
      const { user, view } = liveView(act.user, act.view)
      const { block, element, extra } = findButton(view.blocks, act)
      return deliverOnce(payloads.viewAction(user, view, block, element, extra))
    },

    /** Closes the top modal with its close button. The app is notified if it asked for that. */
    async closeView(act: { user: ById; view?: ById }): Promise<Seen | undefined> {
      const { user, view } = liveView(act.user, act.view)
      closeFrom(state, view, view.clearOnClose)
      state.changed()
      return view.notifyOnClose ? deliverOnce(payloads.closing(user, view, view.clearOnClose)) : undefined
    },
  }
}
