/** What really happened outside, counted in Slack, Bitbucket and the databases, whoever of the two versions did it. */
import { keyOf } from './slack-trouble.ts'
import type { Written } from './store-view.ts'
import type { Workplace } from './workplace.ts'

/** How often each thing is there. */
export type Count = Readonly<Record<string, number>>

export function count(things: readonly string[]): Count {
  const counts: Record<string, number> = {}
  for (const thing of things) counts[thing] = (counts[thing] ?? 0) + 1
  return counts
}

export interface Posted {
  /** By which Signoff knows the message again. */
  readonly key: string
  /** As people read it. */
  readonly words: string
  readonly isReply: boolean
}

/** Every message that was posted with a key, in order, as it was first posted. */
export function posted({ slack }: Workplace): readonly Posted[] {
  return slack.log.flatMap(({ method, isApplied, args }) => {
    const key = keyOf(args)
    if (method !== 'chat.postMessage' || !isApplied || key === '') return []
    const { text, blocks } = args as { text?: string; blocks?: Record<string, unknown>[] }
    const words = slack.plainText({ ...(text !== undefined && { text }), blocks: blocks ?? [] })
    return [{ key, words: plain(`${words}\n${text ?? ''}`), isReply: args.thread_ts !== undefined }]
  })
}

export function plain(words: string): string {
  return words.replaceAll('\u00a0', ' ')
}

/** Pull requests by where they lead to. */
export async function pullRequestsOpened({ bitbucket }: Workplace): Promise<Count> {
  const log = await bitbucket.log()
  return count(log.flatMap((event) => (event.kind === 'pull request created' ? [event.destination] : [])))
}

export async function merges({ bitbucket }: Workplace): Promise<number> {
  return (await bitbucket.log()).filter(({ kind }) => kind === 'pull request merged').length
}

/** Records of sign-offs, by the number of their release. */
export async function records({ bitbucket }: Workplace): Promise<Count> {
  const log = await bitbucket.log()
  return count(
    log.flatMap((event) => {
      const number =
        event.kind === 'comment created' ? /Signoff record of release #(\d+),/.exec(event.raw)?.[1] : undefined
      return number ?? []
    }),
  )
}

/** What a view shows that was made of a fact that is not there. */
export const HOLES = /\bundefined\b|\bNaN\b|Invalid Date|\[object Object\]/

/** All strings and numbers in a JSON value, but for what stands under these keys. */
export function leaves(value: unknown, except: readonly string[] = []): readonly string[] {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) => (except.includes(key) ? [] : leaves(each, except)))
}

/** By what was written, where in its JSON each of those rows holds something. */
export function shapes(written: Written): ReadonlyMap<string, readonly string[]> {
  const all = new Map<string, readonly string[]>()
  for (const { what, holds } of written.values()) {
    const here = keysOf(holds)
    all.set(what, all.get(what)?.filter((path) => here.includes(path)) ?? here)
  }
  return all
}

/** Keys of objects in objects, such as `line.person.name`; lists are not looked into. */
function keysOf(value: unknown, at = ''): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [at]
  return [at, ...Object.entries(value).flatMap(([key, each]) => keysOf(each, `${at}.${key}`))]
}
