/** Slack's channels behind the part of its client that delivery uses, and its people. */
import type { View } from '@slack/types'
import { WebAPIPlatformError, type WebClient } from '@slack/web-api'
import type { PersonLookup } from '../../../src/release/ports/directory.ts'
import type { SlackDirectory } from '../../../src/slack/directory.ts'
import { keysOf } from '../../../src/slack/outbox/find-posted-message.ts'
import type { TruthLog } from './truth.ts'
import type { VirtualTime } from './virtual-time.ts'

const POST_MS = 150
export const BOT_USER = 'U0SIGNOFF'
export const BOT_ID = 'B0SIGNOFF'

export interface SlackMessage {
  readonly channel: string
  readonly ts: string
  readonly thread_ts?: string
  readonly user: string
  readonly bot_id: string
  readonly text: string
  readonly blocks?: unknown
  readonly metadata?: {
    readonly event_type: string
    readonly event_payload: { readonly key: string; readonly also?: string }
  }
}

export interface SlackWorld {
  readonly client: WebClient
  readonly directory: SlackDirectory
  /** Every message of every channel and conversation, in order. */
  readonly messages: readonly SlackMessage[]
  /** The window that was opened by this trigger. */
  opened(trigger: string): View | undefined
  /** The message with this key in its metadata. */
  withKey(key: string): SlackMessage | undefined
  /** A person, from now; undefined: deactivated. */
  personIs(id: string, person: { name: string; email: string } | undefined): void
  groupIs(handle: string, members: readonly string[]): void
}

interface Post {
  channel: string
  text: string
  blocks?: unknown
  thread_ts?: string
  metadata?: SlackMessage['metadata']
}
interface Page {
  channel: string
  oldest?: string
  ts?: string
}

export function createSlack({ time, truth }: { time: VirtualTime; truth: TruthLog }): SlackWorld {
  const messages: SlackMessage[] = []
  const windows = new Map<string, View>()
  const people = new Map<string, PersonLookup>()
  const groups = new Map<string, readonly string[]>()
  let posted = 0

  const refused = (error: string) => new WebAPIPlatformError({ ok: false, error })
  const idOf = (channel: string) => (channel.startsWith('#') ? `C-${channel.slice(1)}` : channel)

  function read({ channel, oldest = '0' }: Page, isAsked: (message: SlackMessage) => boolean) {
    const found = messages.filter((each) => each.channel === channel && Number(each.ts) >= Number(oldest))
    return { ok: true, messages: found.filter(isAsked) }
  }

  const client = {
    chat: {
      async postMessage({ channel, text, blocks, thread_ts, metadata }: Post) {
        await time.sleep(POST_MS)
        posted += 1
        const ts = `${Math.floor(time.now() / 1000)}.${String(posted).padStart(6, '0')}`
        const key = metadata?.event_payload.key
        messages.push({
          channel: idOf(channel),
          ts,
          user: BOT_USER,
          bot_id: BOT_ID,
          text,
          ...(blocks !== undefined && { blocks }),
          ...(thread_ts !== undefined && { thread_ts }),
          ...(metadata && { metadata }),
        })
        const kind = key === undefined ? 'private message' : 'message'
        const keys = metadata === undefined ? [text] : keysOf(metadata.event_payload).map(String)
        for (const each of keys) truth.happened({ kind, key: each, where: idOf(channel), detail: text })
        await time.sleep(POST_MS)
        return { ok: true, channel: idOf(channel), ts }
      },
      async update({ channel, ts, text, blocks }: Post & { ts: string }) {
        await time.sleep(POST_MS)
        const index = messages.findIndex((each) => each.channel === channel && each.ts === ts)
        const before = messages[index]
        if (before === undefined) throw refused('message_not_found')
        messages[index] = { ...before, text, ...(blocks !== undefined && { blocks }) }
        return { ok: true, channel, ts }
      },
    },
    views: {
      async open({ trigger_id, view }: { trigger_id: string; view: View }) {
        await time.sleep(POST_MS)
        windows.set(trigger_id, view)
        return { ok: true }
      },
    },
    conversations: {
      async history(page: Page) {
        await time.sleep(POST_MS)
        return read(page, ({ thread_ts }) => thread_ts === undefined)
      },
      async replies(page: Page) {
        await time.sleep(POST_MS)
        return read(page, ({ thread_ts, ts }) => thread_ts === page.ts || ts === page.ts)
      },
      async open({ users }: { users: string }) {
        await time.sleep(POST_MS)
        return { ok: true, channel: { id: `D-${users}` } }
      },
    },
  }

  const directory: SlackDirectory = {
    person: async (id) => people.get(id) ?? { is: 'not a member', why: 'other workspace' },
    groupMembers: async (handle) => groups.get(handle) ?? [],
    lookUpGroup: async (handle) => {
      const members = groups.get(handle)
      return members === undefined ? { is: 'missing' } : { is: 'there', members }
    },
    channel: async (nameOrId) => ({ id: idOf(nameOrId) }),
    permalink: async ({ channel, ts }) => `https://team.slack.example/archives/${channel}/p${ts}`,
    groupIds: async (handles) => Object.fromEntries(handles.map((handle) => [handle, `S-${handle.slice(1)}`])),
    async unmatched(emails) {
      const known = new Set([...people.values()].flatMap((each) => (each.is === 'member' ? [each.email] : [])))
      return emails.filter((email) => !known.has(email)).length
    },
    authors: async (emails) =>
      Object.fromEntries(
        [...people.values()].flatMap((each) =>
          each.is === 'member' && each.email !== undefined && emails.includes(each.email)
            ? [[each.email, { id: each.id, name: each.name }] as const]
            : [],
        ),
      ),
    idsByEmail: async (emails) =>
      [...people.values()].flatMap((each) =>
        each.is === 'member' && emails.includes(each.email ?? '') ? [each.id] : [],
      ),
  }

  return {
    client: client as unknown as WebClient,
    directory,
    messages,
    opened: (trigger) => windows.get(trigger),
    withKey: (key) => messages.find(({ metadata }) => metadata && keysOf(metadata.event_payload).includes(key)),
    personIs(id, person) {
      people.set(id, person ? { is: 'member', id, ...person } : { is: 'not a member', why: 'deactivated' })
    },
    groupIs: (handle, members) => void groups.set(handle, members),
  }
}
