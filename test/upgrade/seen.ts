/** What happened at Slack and Bitbucket, whichever version did it, and the shape of what was written to the store. */
import { messageKeys } from './slack-faults.ts'
import type { Written } from './store-view.ts'
import type { Workplace } from './workplace.ts'

/** How often each thing occurs. */
export type Count = Readonly<Record<string, number>>

export function count(things: readonly string[]): Count {
  const counts: Record<string, number> = {}
  for (const thing of things) counts[thing] = (counts[thing] ?? 0) + 1
  return counts
}

export interface Posted {
  /** From its metadata. */
  readonly key: string
  /** As people read it, with plain spaces. */
  readonly words: string
}

/** Every message that was posted with a key, in order, with its first words. */
export function posted({ slack }: Workplace): readonly Posted[] {
  return slack.log.flatMap(({ method, isApplied, args }) => {
    if (method !== 'chat.postMessage' || !isApplied) return []
    const { text, blocks } = args as { text?: string; blocks?: Record<string, unknown>[] }
    const words = slack.plainText({ ...(text !== undefined && { text }), blocks: blocks ?? [] })
    return messageKeys(args).map((key) => ({ key, words: plain(`${words}\n${text ?? ''}`) }))
  })
}

export function plain(words: string): string {
  return words.replaceAll('\u00a0', ' ')
}

/** How many pull requests were opened, by destination. */
export async function pullRequestsOpened({ bitbucket }: Workplace): Promise<Count> {
  const log = await bitbucket.log()
  return count(log.flatMap((event) => (event.kind === 'pull request created' ? [event.destination] : [])))
}

export async function merges({ bitbucket }: Workplace): Promise<number> {
  return (await bitbucket.log()).filter(({ kind }) => kind === 'pull request merged').length
}

/** How many records of sign-offs were written, by the number of the release. */
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

/** What a message shows where a fact is missing. */
export const HOLES = /\bundefined\b|\bNaN\b|Invalid Date|\[object Object\]/

/** All strings and numbers in a JSON value, without what is under these keys. */
export function leaves(value: unknown, except: readonly string[] = []): readonly string[] {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) => (except.includes(key) ? [] : leaves(each, except)))
}

/** The keys that all rows of one sort have, such as `.line.person.name`. */
export function shapes(written: Written): ReadonlyMap<string, readonly string[]> {
  const all = new Map<string, readonly string[]>()
  for (const { sort, holds } of written.values()) {
    const here = keysOf(holds)
    all.set(sort, all.get(sort)?.filter((path) => here.includes(path)) ?? here)
  }
  return all
}

/** Lists are not searched. */
function keysOf(value: unknown, at = ''): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [at]
  return [at, ...Object.entries(value).flatMap(([key, each]) => keysOf(each, `${at}.${key}`))]
}
