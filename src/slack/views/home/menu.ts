/** What can be done at an environment from Home: the entries of its menu, and the modal that has them as buttons. */
import type { Button, KnownBlock, ModalView, Overflow, PlainTextOption } from '@slack/types'
import { VIEW } from '../../ids.ts'
import { actions, plain } from '../parts/blocks.ts'

/** Each opens a modal or acts at once; `card` is a link. The names are sent to Slack, so none is ever renamed. */
export const HOME_ITEMS = {
  card: 'Open card',
  deploy: 'Deploy…',
  lock: 'Lock…',
  roll_back: 'Roll back…',
  extend_lock: 'Extend',
  unlock: 'Unlock',
  take_over: 'Take over…',
} as const

export type HomeItemName = keyof typeof HOME_ITEMS

/** `token` stands for the environment, or for the lock. */
export type HomeItem =
  | { readonly is: 'card'; readonly url: string }
  | { readonly is: Exclude<HomeItemName, 'card'>; readonly token: string }

/** Slack's limit. */
const MOST = 5

/** The value of an entry: what it does, and what to. */
function valueOfItem(item: HomeItem): string {
  return item.is === 'card' ? 'card' : `${item.is}:${item.token}`
}

/** What an entry's value says; undefined if it isn't one of ours. */
export function readItem(value: string): { readonly is: HomeItemName; readonly token: string } | undefined {
  const [is = '', token = ''] = value.split(':', 2)
  return isItem(is) ? { is, token } : undefined
}

export function isItem(name: string): name is HomeItemName {
  return Object.hasOwn(HOME_ITEMS, name)
}

/** The menu beside an environment; undefined where nothing can be done. */
export function menu(items: readonly HomeItem[], actionId: string): Overflow | undefined {
  if (items.length === 0) return undefined
  const options = items.slice(0, MOST).map((item): PlainTextOption => {
    const url = item.is === 'card' ? { url: item.url } : {}
    return { text: plain(HOME_ITEMS[item.is], 75), value: valueOfItem(item), ...url }
  })
  return { type: 'overflow', action_id: actionId, options }
}

/** The same as buttons below what is said of the environment. `metadata` comes back with a press. */
export function placeModal({
  about,
  items,
  metadata,
}: {
  readonly about: readonly KnownBlock[]
  readonly items: readonly HomeItem[]
  readonly metadata: string
}): ModalView {
  const buttons = items.map((item): Button => {
    const more = item.is === 'card' ? { url: item.url } : {}
    return {
      type: 'button',
      action_id: `home_${item.is}`,
      text: plain(HOME_ITEMS[item.is], 75),
      value: valueOfItem(item),
      ...more,
    }
  })
  return {
    type: 'modal',
    callback_id: VIEW.place,
    title: plain('Environment', 24),
    close: plain('Close', 24),
    private_metadata: metadata,
    blocks: [...about, ...actions(buttons)],
  }
}
