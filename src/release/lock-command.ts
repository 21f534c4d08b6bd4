/** Parses `/deploy lock …` and `/deploy unlock …`. No I/O: when a time is, is worked out later, in the person's time zone. */
import { defined } from '../lib/defined.ts'
import type { LockPlace } from './lock.ts'
import { splitReason } from './reason.ts'
import type { Refusal } from './refusals.ts'
import { typedWords } from './typed-words.ts'

/** When a lock is to end, as it was typed. */
export interface TypedEnd {
  readonly by: 'for' | 'until'
  readonly words: string
}

export type LockCommand =
  /** `/deploy lock` alone: the locks that there are. */
  | { readonly is: 'locks' }
  | { readonly is: 'lock'; readonly on: LockPlace; readonly end?: TypedEnd; readonly reason?: string }
  | { readonly is: 'unlock'; readonly on: LockPlace }

type Help = { readonly is: 'help'; readonly reason?: string }
type Problem = {
  readonly is: 'refused'
  readonly refusal: Extract<Refusal, { gate: 'unknown_app' | 'unknown_environment' }>
}

/** Finds `[app] [to] <env>`; `before` is the text before it, for examples. */
type Find = (
  words: readonly string[],
  before: string,
) => { readonly is: 'target'; readonly target: { readonly app: string; readonly environment: string } } | Help | Problem

const ENDS = ['for', 'until']

/** `text` begins with `lock` or `unlock`. Never throws. */
export function parseLock(text: string, find: Find): LockCommand | Help | Problem {
  const { before, reason } = splitReason(text)
  const [verb = '', ...words] = typedWords(before).map((word) => word.toLowerCase())
  if (words.length === 0) {
    return reason === undefined ? { is: 'locks' } : { is: 'help', reason: 'Say which environment, before “because”.' }
  }
  const at = words.findIndex((word, index) => index > 0 && ENDS.includes(word))
  const names = at === -1 ? words : words.slice(0, at)
  const on = placeIn(names, find, `/deploy ${verb}`)
  if (on.is === 'help' || on.is === 'refused') return on
  if (verb === 'unlock') {
    return at === -1 && reason === undefined
      ? { is: 'unlock', on }
      : { is: 'help', reason: '“unlock” takes an environment and nothing after it.' }
  }
  const end = at === -1 ? undefined : { by: words[at] as TypedEnd['by'], words: words.slice(at + 1).join(' ') }
  if (end?.words === '') {
    const example = end.by === 'for' ? '“for 2h”' : '“until 18:00”'
    return { is: 'help', reason: `Say how long after “${end.by}”, such as ${example}.` }
  }
  return { is: 'lock', on, ...defined({ end, reason }) }
}

function placeIn(names: readonly string[], find: Find, before: string): LockPlace | Help | Problem {
  if (names.includes('all')) {
    return names.length === 1
      ? { is: 'all' }
      : { is: 'help', reason: `“all” means every environment of every app: “${before} all”.` }
  }
  const found = find(names, before)
  return found.is === 'target' ? { is: 'environment', ...found.target } : found
}
