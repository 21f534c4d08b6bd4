import { type Answer, refuse } from './answers.ts'
import { addMessage, readContent } from './chat-methods.ts'
import { type Ephemeral, findMessage, type Json, type ResponseUrl, type State } from './state.ts'

const lasts = 30 * 60 * 1000
const mostUses = 5

/**
 * Shows the app's answer to a person: only to that person, unless `response_type` is `in_channel`. The bot doesn't have to
 * be in the channel.
 */
export function showAnswer(
  state: State,
  to: { user: string; channel: string },
  args: Json,
  source: Ephemeral['source'],
): Answer {
  const read = readContent(args, state)
  if ('refusal' in read) return read.refusal
  const { text = '', blocks = [], attachments = [] } = read.content
  const threadTs = typeof args.thread_ts === 'string' ? args.thread_ts : undefined
  if (args.response_type === 'in_channel') {
    addMessage(state, { channel: to.channel, user: state.identity.botUserId, text, blocks, attachments, threadTs })
  } else {
    state.ephemerals.push({ ts: state.newTs(), ...to, text, blocks, threadTs, source })
  }
  return { ok: true }
}

/** Replaces or deletes the message of the response_url. */
function changeOriginal(state: State, url: ResponseUrl, args: Json): Answer {
  const isIt = (one: { ts: string; channel: string }) => one.ts === url.messageTs && one.channel === url.channel
  const original = url.isEphemeral ? state.ephemerals.find(isIt) : findMessage(state, url.channel, url.messageTs ?? '')
  if (!original) return refuse('message_not_found')
  if (args.delete_original === true) {
    if (url.isEphemeral) state.ephemerals.splice(state.ephemerals.findIndex(isIt), 1)
    else state.messages.splice(state.messages.findIndex(isIt), 1)
    return { ok: true }
  }
  const read = readContent(args, state)
  if ('refusal' in read) return read.refusal
  original.text = read.content.text ?? ''
  original.blocks = read.content.blocks ?? []
  return { ok: true }
}

/** Handles a POST to a response_url, which is valid five times within thirty minutes. */
export function useResponseUrl(state: State, url: ResponseUrl | undefined, args: Json): Answer {
  if (!url || state.now() - url.issuedAt > lasts) return refuse('expired_url')
  if (url.uses >= mostUses) return refuse('used_url')
  const isChange = url.messageTs !== undefined && (args.replace_original === true || args.delete_original === true)
  const answer = isChange ? changeOriginal(state, url, args) : showAnswer(state, url, args, 'response_url')
  if (answer.ok) url.uses += 1
  return answer
}
