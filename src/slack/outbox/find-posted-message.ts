/** Resolves channels, and reads from Slack whether a message whose answer was lost has arrived. */
import type { WebClient } from '@slack/web-api'
import { defined } from '../../lib/defined.ts'
import type { Posting } from '../../release/ports/deliveries.ts'
import type { PostedMessage } from '../../release/terms.ts'
import { ask, type SlackError } from '../clients.ts'
import type { SlackDirectory } from '../directory.ts'
import type { Drawn } from '../views/parts/blocks.ts'

export interface Message {
  /** `#name` or an id. */
  readonly channel: string
  readonly drawn: Drawn
  readonly key: string
  /** The keys of the lines that are combined with it. */
  readonly also?: readonly string[]
  readonly thread?: string
}

export type Found =
  /** `isAsDrawn`: its text equals the message as it is drawn now. */
  | { readonly is: 'there'; readonly at: PostedMessage; readonly isAsDrawn: boolean }
  | { readonly is: 'not there' }
  | ({ readonly is: 'unreadable' } & SlackError)

export interface LookupPorts {
  /** Retries off, rate limits rejected. */
  readonly client: WebClient
  readonly directory: SlackDirectory
  /** Our own user and bot id: only messages of ours count. */
  readonly botUser: string
  readonly botId: string
}

export interface Lookup {
  /** The channel's id; without one, why Slack does not let us use it. */
  channel(nameOrId: string): Promise<{ readonly id?: string; readonly error?: SlackError }>
  /** The channel's id for a name or an id; the name itself where the id is not known yet. */
  knownId(nameOrId: string): string
  /** Finds a message of ours whose answer was lost, by its key in the metadata or, without metadata, by its text. */
  find(posting: Posting, message: Message): Promise<Found>
}

/** The store's clock and Slack's may differ by this much. */
const LOOK_BACK_MS = 2 * 60 * 60_000
/** An id stays when its channel is renamed; whether it may be used Slack says with each call. */
const ID_KEPT_MS = 5 * 60_000
const REFUSED_AS = { 'not a member': 'not_in_channel', archived: 'is_archived', gone: 'channel_not_found' } as const

export function createLookup(ports: LookupPorts): Lookup {
  const ids = new Map<string, { readonly id: string; readonly at: number }>()

  async function channel(nameOrId: string): Promise<{ readonly id?: string; readonly error?: SlackError }> {
    if (!nameOrId.startsWith('#')) return { id: nameOrId }
    const before = ids.get(nameOrId)
    if (before !== undefined && performance.now() - before.at < ID_KEPT_MS) return { id: before.id }
    const known = await ports.directory.channel(nameOrId)
    if ('id' in known) {
      ids.set(nameOrId, { id: known.id, at: performance.now() })
      return { id: known.id }
    }
    const { unreachable } = known
    return unreachable === 'Slack did not answer'
      ? { error: { failure: 'unknown', detail: unreachable } }
      : { error: { failure: 'refused', error: REFUSED_AS[unreachable], messages: [] } }
  }

  return {
    channel,

    knownId: (nameOrId) => ids.get(nameOrId)?.id ?? nameOrId,

    async find(posting, { channel: nameOrId, drawn, key, thread }) {
      const { id, error } = await channel(nameOrId)
      if (id === undefined) return { is: 'unreadable', ...(error ?? { failure: 'unknown', detail: nameOrId }) }
      const oldest = String(((posting.firstTriedAt ?? posting.putInAt).getTime() - LOOK_BACK_MS) / 1_000)
      for (let cursor: string | undefined; ; ) {
        const page = {
          channel: id,
          oldest,
          include_all_metadata: true,
          limit: 200,
          ...defined({ cursor }),
        }
        const read = await ask(() =>
          thread === undefined
            ? ports.client.conversations.history(page)
            : ports.client.conversations.replies({ ...page, ts: thread }),
        )
        if (!read.ok) return { is: 'unreadable', ...read }
        for (const each of read.value.messages ?? []) {
          const isByUs = each.user === ports.botUser || (each.bot_id !== undefined && each.bot_id === ports.botId)
          if (!isByUs || each.ts === undefined) continue
          const payload = each.metadata?.event_payload as { key?: unknown; also?: unknown } | undefined
          const isIt = payload?.key === undefined ? looksLike(each, drawn) : keysOf(payload).includes(key)
          if (isIt) return { is: 'there', at: { channel: id, ts: each.ts }, isAsDrawn: each.text === drawn.text }
        }
        cursor = read.value.response_metadata?.next_cursor || undefined
        if (cursor === undefined) return { is: 'not there' }
      }
    },
  }
}

/** The keys that a message of ours carries: its own, and those of lines that were combined with it. */
export function keysOf({ key, also }: { key?: unknown; also?: unknown }): readonly unknown[] {
  return [key, ...(typeof also === 'string' ? also.split(' ') : [])]
}

/**
 * Where Slack keeps no metadata: the same text, also among combined lines, or, for a card, whose text changes, the same header
 * with its number.
 */
function looksLike(found: { text?: string; blocks?: unknown }, drawn: Drawn): boolean {
  const headerOf = (blocks: unknown) => {
    const [first] = Array.isArray(blocks) ? (blocks as { type?: string; text?: { text?: string } }[]) : []
    return first?.type === 'header' ? first.text?.text : undefined
  }
  const header = headerOf(drawn.blocks)
  return header === undefined ? isSaidIn(found.text ?? '', drawn.text) : headerOf(found.blocks) === header
}

function isSaidIn(found: string, text: string): boolean {
  return found === text || found.split('\n').includes(text)
}
