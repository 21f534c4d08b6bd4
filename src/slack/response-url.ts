/**
 * Answers at a response URL (docs.slack.dev/interactivity/handling-user-interaction). By Node's own client, because `fetch` took
 * three times the processor time and twice the memory for each answer, and these are most of what a burst of commands asks for.
 */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { defined } from '../lib/defined.ts'
import type { Drawn } from './views/parts/blocks.ts'

const ANSWER_WITHIN_MS = 5_000
/** Slack answers `ok`, or an error's code. A connection whose answer is longer is closed, and not used again. */
const LONGEST_ANSWER = 64 * 1024

/**
 * Posts to a response URL, where Slack refuses newer blocks a second time without them. Returns whether Slack took it; never
 * throws. It came signed from Slack; still, only https or this machine is ever called, and no redirect is followed. Repeating
 * after false may show it twice to the one person.
 */
export async function respond(url: string, drawn: Drawn, withinMs = ANSWER_WITHIN_MS): Promise<boolean> {
  if (!URL.canParse(url)) return false
  const target = new URL(url)
  const isLocal = target.protocol === 'http:' && /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(target.hostname)
  if (target.protocol !== 'https:' && !isLocal) return false
  try {
    const status = await post(target, drawn, withinMs)
    if (isTaken(status)) return true
    if (status < 400 || drawn.withoutNewer === undefined) return false
    return isTaken(await post(target, { text: drawn.text, blocks: drawn.withoutNewer }, withinMs))
  } catch {
    return false
  }
}

const isTaken = (status: number) => status >= 200 && status <= 299

/** Gives the status of the answer. Rejects where none comes in time. The default agents keep connections for 5 s. */
function post(target: URL, { text, blocks }: Drawn, withinMs: number): Promise<number> {
  const body = JSON.stringify({
    response_type: 'ephemeral',
    replace_original: false,
    unfurl_links: false,
    unfurl_media: false,
    text,
    ...defined({ blocks }),
  })
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const request = (target.protocol === 'https:' ? requestHttps : requestHttp)(target, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  })
  // A timer costs less than a signal, which has to be cleared up for each request.
  const late = setTimeout(() => request.destroy(new Error('no answer in time')), withinMs)
  request.once('close', () => clearTimeout(late))
  request.on('error', reject)
  request.on('response', (response) => {
    let read = 0
    response.on('error', () => undefined)
    response.on('data', (part: Buffer) => {
      read += part.length
      if (read > LONGEST_ANSWER) response.destroy()
    })
    resolve(response.statusCode ?? 0)
  })
  request.end(body)
  return promise
}
