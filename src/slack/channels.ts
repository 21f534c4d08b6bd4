/**
 * The ids of channels by their names. Slack has no look-up by name, and a workspace may have thousands of channels, so only
 * those that the bot is in are read. The id that was found is kept in the store: a channel that was renamed is still found.
 */
import type { WebClient } from '@slack/web-api'
import { defined } from '../lib/defined.ts'
import type { Store } from '../release/ports/store.ts'
import { ask } from './clients.ts'
import { remembered } from './remembered.ts'

const OWN_KEPT_MS = 5 * 60_000
const LOGGED_EVERY_MS = 60_000
/** Slack's most for one page is 999 (users.conversations). */
const PAGE = 999

export type ChannelIds = Pick<Store, 'noteChannel' | 'notedChannel'>

export interface ChannelLog {
  warn(fields: object, message: string): void
}

/** The id of `#name`; why there is none otherwise. */
export type ChannelFound = { readonly id: string } | { readonly unreachable: 'not a member' | 'Slack did not answer' }

export function createChannelNames(
  client: WebClient,
  { ids, log }: { readonly ids?: ChannelIds | undefined; readonly log?: ChannelLog | undefined },
): (name: string) => Promise<ChannelFound> {
  const own = remembered(OWN_KEPT_MS, async () => {
    const found = new Map<string, string>()
    for (let cursor: string | undefined; ; ) {
      const page = await ask(() =>
        client.users.conversations({
          types: 'public_channel,private_channel',
          exclude_archived: false,
          limit: PAGE,
          ...defined({ cursor }),
        }),
      )
      if (!page.ok) return undefined
      for (const { id, name } of page.value.channels ?? []) if (id && name) found.set(name, id)
      cursor = page.value.response_metadata?.next_cursor || undefined
      if (cursor === undefined) return found
    }
  })
  const noted = new Map<string, string>()
  const loggedAt = new Map<string, number>()

  function warn(channel: string, fields: object, message: string): void {
    if ((loggedAt.get(channel) ?? Number.NEGATIVE_INFINITY) + LOGGED_EVERY_MS > performance.now()) return
    loggedAt.set(channel, performance.now())
    log?.warn({ channel, ...fields }, message)
  }

  async function note(name: string, id: string): Promise<void> {
    if (noted.get(name) === id) return
    await ids?.noteChannel(name, id)
    noted.set(name, id)
  }

  return async (name) => {
    const plain = name.slice(1)
    const kept = await own()
    // The bot may have been invited since.
    const now = kept === undefined || kept.has(plain) ? kept : await own({ refresh: true })
    const id = now?.get(plain)
    if (id !== undefined) {
      await note(name, id)
      return { id }
    }
    const before = await ids?.notedChannel(name)
    const isAnswered = now !== undefined
    if (before !== undefined) {
      if (isAnswered)
        warn(name, { id: before }, 'the channel has another name now, or Signoff left it: write its id in releases.yml')
      return { id: before }
    }
    const unreachable = isAnswered ? 'not a member' : 'Slack did not answer'
    warn(name, { why: unreachable }, 'the channel was not found: invite Signoff to it, or write its id in releases.yml')
    return { unreachable }
  }
}
