/** Whether a message whose answer was lost stands in Slack: what is asked, and what is taken for it. */
import { WebAPIPlatformError, type WebClient } from '@slack/web-api'
import { describe, expect, it } from 'vitest'
import type { Posting } from '../../src/release/ports/deliveries.ts'
import type { SlackDirectory } from '../../src/slack/directory.ts'
import { createLookup, type Message } from '../../src/slack/outbox/find-posted-message.ts'

const TRIED = new Date('2026-11-22T10:00:00Z')
const posting = { id: 7, tries: 1, firstTriedAt: TRIED, putInAt: TRIED } as Posting
const words: Message = { channel: '#product', drawn: { text: 'Approved.' }, key: '12:signed' }
const header = (text: string) => [{ type: 'header', text: { type: 'plain_text', text } }]
const card: Message = {
  channel: '#product',
  key: '12:card',
  drawn: { text: 'Release #12 awaits sign-off.', blocks: header('Release #12') as never },
}
const metadata = (key: string) => ({ event_type: 'signoff_message', event_payload: { key } })
const ours = { user: 'U0SIGNOFF', bot_id: 'B0SIGNOFF', ts: '100.1' }

type Page = Record<string, unknown>

/** Slack has these pages; the calls that were made. */
async function looked(message: Message, pages: readonly (readonly Page[] | Error)[]) {
  const asked: Page[] = []
  const read = (method: string) => async (page: Page) => {
    asked.push({ method, ...page })
    const messages = pages[asked.length - 1] ?? []
    if (messages instanceof Error) throw messages
    const next = asked.length < pages.length ? `page ${asked.length}` : ''
    return { ok: true, messages, response_metadata: { next_cursor: next } }
  }
  const lookup = createLookup({
    client: { conversations: { history: read('history'), replies: read('replies') } } as unknown as WebClient,
    directory: {
      channel: async (name: string) => (name === '#gone' ? { unreachable: 'gone' } : { id: 'C1' }),
    } as unknown as SlackDirectory,
    botUser: 'U0SIGNOFF',
    botId: 'B0SIGNOFF',
  })
  return { found: await lookup.find(posting, message), asked }
}

describe('what is asked', () => {
  it('is the channel’s history with metadata, from two hours before the first try, to its last page', async () => {
    const there = { ...ours, text: 'Approved.', metadata: metadata('12:signed') }
    const { found, asked } = await looked(words, [[{ ...ours, text: 'Other.' }], [there]])
    expect(found).toEqual({ is: 'there', at: { channel: 'C1', ts: '100.1' }, isAsDrawn: true })
    const page = { method: 'history', channel: 'C1', include_all_metadata: true, limit: 200 }
    const oldest = String((TRIED.getTime() - 2 * 3_600_000) / 1_000)
    expect(asked).toEqual([
      { ...page, oldest },
      { ...page, oldest, cursor: 'page 1' },
    ])
  })

  it('is the thread for what belongs there', async () => {
    const { asked } = await looked({ ...words, thread: '99.1' }, [[]])
    expect(asked).toMatchObject([{ method: 'replies', ts: '99.1' }])
  })

  it('is nothing of a channel that is gone, and what Slack does not tell is not known', async () => {
    const gone = await looked({ ...words, channel: '#gone' }, [])
    expect(gone).toMatchObject({ asked: [], found: { is: 'unreadable', failure: 'refused' } })
    const down = await looked(words, [[], new WebAPIPlatformError({ ok: false, error: 'internal_error' })])
    expect(down.found).toMatchObject({ is: 'unreadable', failure: 'unknown' })
  })
})

describe('what is taken for it', () => {
  it.each<[string, Message, Page, 'there' | 'not there']>([
    ['the same key', words, { ...ours, text: 'Approved!', metadata: metadata('12:signed') }, 'there'],
    [
      'the same words with another key',
      words,
      { ...ours, text: 'Approved.', metadata: metadata('11:signed') },
      'not there',
    ],
    ['the same words without metadata', words, { ...ours, text: 'Approved.' }, 'there'],
    ['other words without metadata', words, { ...ours, text: 'Rejected.' }, 'not there'],
    ['a card of the same number', card, { ...ours, text: 'It runs.', blocks: header('Release #12') }, 'there'],
    ['a card of another number', card, { ...ours, text: card.drawn.text, blocks: header('Release #1') }, 'not there'],
    ['ours by the bot’s id only', words, { bot_id: 'B0SIGNOFF', ts: '1.1', text: 'Approved.' }, 'there'],
    [
      'somebody else’s, with our key',
      words,
      { user: 'U1', ts: '1.1', text: 'x', metadata: metadata('12:signed') },
      'not there',
    ],
    ['another bot’s, with our words', words, { bot_id: 'B1', ts: '1.1', text: 'Approved.' }, 'not there'],
  ])('%s', async (_what, message, stands, is) => {
    expect((await looked(message, [[stands]])).found.is).toBe(is)
  })
})
