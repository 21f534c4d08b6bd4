/**
 * Parses the text after `/deploy` and `/hotfix`. No I/O. No environment is ever assumed: input that is ambiguous is
 * answered with help and the reason.
 */
import { defined } from '../lib/defined.ts'
import { isNear, nearestFirst } from '../lib/edit-distance.ts'
import type { FigureDays } from './figures.ts'
import { type LockCommand, parseLock } from './lock-command.ts'
import { splitReason } from './reason.ts'
import { reportWords } from './report-command.ts'
import { rollbackWords } from './rollback-command.ts'
import { type App, findApp, findEnvironment } from './settings.ts'
import { COMMIT_PATTERN, commitOf, typedWords } from './typed-words.ts'
import {
  shortened,
  type UnknownName,
  unknownAmong,
  unknownApp,
  unknownEnvironment,
  unknownName,
} from './unknown-names.ts'

/** Words of the grammar, which no app and no environment may be named. */
export const RESERVED_WORDS = ['to', 'preview', 'status', 'history', 'cancel', 'retry', 'help'] as const

/** The words with which a command begins. */
const VERBS: readonly string[] = [
  ...RESERVED_WORDS.filter((word) => word !== 'to'),
  ...['lock', 'unlock', 'rollback', 'bad', 'good', 'report'],
]

/** Words that the first version allowed as names: commands that came later, and the `all` of `lock all`. */
export const NEWER_RESERVED_WORDS = {
  app: ['lock', 'unlock', 'rollback', 'bad', 'good', 'report'],
  environment: ['all'],
} as const

/** A release's number as people write it. */
const NUMBER = /^#?0*[1-9][0-9]{0,8}$/

/** How the first word of a time begins: with a digit, or with a day. */
const TIME_BEGINS = /^([0-9]|today|tomorrow|(mon|tue|wed|thu|fri|sat|sun)[a-z]*$)/

const MAX_BRANCH_LENGTH = 200
/** How many examples a reason shows. */
const MAX_EXAMPLES = 4

/** An app and its environment; both exist. */
export interface Target {
  readonly app: string
  readonly environment: string
}

/**
 * Help was requested, or the input was not understood; then `reason` is a sentence that says why. It may repeat up to 40
 * characters of what the person typed, so show it as plain text, never as markup.
 */
export interface Help {
  readonly is: 'help'
  readonly reason?: string
}

/** The text names an app or environment that doesn't exist. */
export interface ParseProblem {
  readonly is: 'refused'
  readonly refusal: UnknownName
}

export type DeployCommand =
  | { readonly is: 'modal' }
  /** `at`: the time at which it shall start, as it was typed. */
  | ({ readonly is: 'release'; readonly at?: string } & Target)
  | ({ readonly is: 'preview' } & Target)
  | { readonly is: 'status' }
  /** `before`: only releases with a smaller number. */
  | { readonly is: 'history'; readonly app?: string; readonly environment?: string; readonly before?: number }
  | { readonly is: 'cancel'; readonly number: number }
  | { readonly is: 'retry'; readonly number: number }
  | LockCommand
  /** `to`: the release to go back to. */
  | ({ readonly is: 'rollback'; readonly to?: number; readonly reason?: string } & Target)
  | { readonly is: 'bad'; readonly number: number; readonly reason?: string }
  | { readonly is: 'good'; readonly number: number }
  | { readonly is: 'report'; readonly app?: string; readonly environment?: string; readonly days: FigureDays }
  | Help

export type HotfixCommand =
  | { readonly is: 'modal' }
  | ({ readonly is: 'hotfix'; readonly commits: readonly string[] } & Target)
  /** The name isn't an environment; it may be a branch. */
  | { readonly is: 'refused'; readonly refusal: UnknownName; readonly commits: readonly string[] }
  | Help

type TargetFound = { readonly is: 'target'; readonly target: Target } | Help | ParseProblem

/**
 * Parses the text after `/deploy`. Ignores case, white space, quotation marks and Slack's escapes. A name that doesn't
 * exist gives the refusal to show, with the names that do, the nearest first. Never throws.
 */
export function parseDeploy(text: string, apps: readonly App[]): DeployCommand | ParseProblem {
  const words = wordsOf(text)
  const [first, ...rest] = words
  switch (first) {
    case undefined:
      return { is: 'modal' }
    case 'help':
      return { is: 'help' }
    case 'status':
      return rest.length === 0 ? { is: 'status' } : notUnderstood('“status” takes nothing after it.')
    case 'history':
      return historyOf(rest, apps)
    case 'cancel':
    case 'retry':
    case 'good':
      return byNumber(first, rest)
    case 'lock':
    case 'unlock':
      return parseLock(text, (names, before) => findTarget(names, apps, before))
    case 'bad': {
      const { before, reason } = splitReason(text)
      const read = byNumber('bad', wordsOf(before).slice(1))
      return read.is === 'bad' ? { ...read, ...defined({ reason }) } : read
    }
    case 'rollback':
      return rollbackOf(text, apps)
    case 'report':
      return reportOf(rest, apps)
    case 'preview': {
      const found = findTarget(rest, apps, '/deploy preview')
      return found.is === 'target' ? { is: 'preview', ...found.target } : found
    }
    default: {
      const meant = verbNear(first, apps)
      if (meant !== undefined) {
        return notUnderstood(`${quoted(first)} isn’t a command. Did you mean “/deploy ${meant}”?`)
      }
      const { names, at } = splitTime(words, apps)
      if (at === '') return notUnderstood('The time is missing after “at”: “at 18:00”, “at Mon 08:00”.')
      const found = findTarget(names, apps, '/deploy')
      return found.is === 'target' ? { is: 'release', ...found.target, ...defined({ at }) } : found
    }
  }
}

/** Splits `production at 18:00` at the last `at`. Where an app or environment has that name, a time must follow it. */
function splitTime(
  words: readonly string[],
  apps: readonly App[],
): { readonly names: readonly string[]; readonly at?: string } {
  const index = words.lastIndexOf('at')
  const isName = apps.some((app) => app.name === 'at' || findEnvironment(app, 'at') !== undefined)
  if (index < 1 || (isName && !TIME_BEGINS.test(words[index + 1] ?? ''))) return { names: words }
  return { names: words.slice(0, index), at: words.slice(index + 1).join(' ') }
}

/**
 * Parses the text after `/hotfix`: commits or their addresses, then the environment. Keeps the order and drops
 * duplicates; the number of commits is checked later, by a gate. Never throws.
 */
export function parseHotfix(text: string, apps: readonly App[]): HotfixCommand {
  const spelled = typedWords(text)
  const words = spelled.map((word) => commitOf(word.toLowerCase()))
  if (words.length === 0) return { is: 'modal' }
  if (words[0] === 'help') return { is: 'help' }
  const end = words.findIndex((word) => !COMMIT_PATTERN.test(word))
  const commits = [...new Set(end === -1 ? words : words.slice(0, end))]
  const rest = end === -1 ? [] : words.slice(end)
  if (commits.length === 0) {
    return notUnderstood(`A hot-fix starts with a commit of 4 to 40 hex digits; ${quoted(words[0])} isn’t one.`)
  }
  const found = findTarget(rest, apps, `/hotfix ${commits[0]}`)
  if (found.is === 'refused') return { ...found, refusal: branchIn(found.refusal, rest, spelled.at(-1), apps), commits }
  return found.is === 'target' ? { is: 'hotfix', commits, ...found.target } : found
}

/** The name in the environment's place may be a branch: it is kept whole and in its own case, since people paste it. */
function branchIn(
  refusal: UnknownName,
  words: readonly string[],
  spelled: string | undefined,
  apps: readonly App[],
): UnknownName {
  const asked = spelled === undefined || spelled.length > MAX_BRANCH_LENGTH ? refusal.asked : spelled
  if (refusal.gate === 'unknown_environment') return { ...refusal, asked }
  const isLone = words.filter((word) => word !== 'to').length === 1
  return isLone ? { ...unknownAmong(asked.toLowerCase(), apps), asked } : refusal
}

/** Parses `[app] [to] <env>`. `before` is the text before it, for the examples in reasons. */
function findTarget(words: readonly string[], apps: readonly App[], before: string): TargetFound {
  const names = words[0] === 'to' ? words.slice(1) : words.filter((word, index) => !(index === 1 && word === 'to'))
  const [first, second, extra] = names
  if (first === undefined) return environmentMissing(apps, before)
  if (names.includes('to')) return notUnderstood('Write “to” once, before the environment.')
  if (extra !== undefined) {
    return notUnderstood(`Name an app and an environment only; remove ${quoted(extra)}.`)
  }
  if (second === undefined) return findByOneName(first, apps, before)
  const app = findApp(apps, first)
  if (app === undefined) {
    const swapped = findApp(apps, second)
    if (swapped !== undefined && findEnvironment(swapped, first) !== undefined) {
      return notUnderstood(`The app comes first: “${before} ${second} ${first}”.`)
    }
    return apps.some((each) => findEnvironment(each, first) !== undefined)
      ? notUnderstood(`The environment comes last; remove ${quoted(second)}.`)
      : unknownApp(first, apps)
  }
  return findEnvironment(app, second) === undefined
    ? unknownEnvironment(second, app)
    : { is: 'target', target: { app: app.name, environment: second } }
}

function environmentMissing(apps: readonly App[], before: string): Help {
  const isOnly = apps.length === 1
  const ways = apps.flatMap(({ name: app, environments }) =>
    environments.map(({ name }) => `“${before} ${isOnly ? '' : `${app} `}${name}”`),
  )
  const more = ways.length > MAX_EXAMPLES ? ['…'] : []
  return notUnderstood(`The environment is missing: ${[...ways.slice(0, MAX_EXAMPLES), ...more].join(' or ')}.`)
}

function findByOneName(name: string, apps: readonly App[], before: string): TargetFound {
  const named = findApp(apps, name)
  if (named !== undefined) {
    const examples = named.environments.map((environment) => `“${before} ${name} ${environment.name}”`)
    return notUnderstood(`The environment is missing: ${examples.join(' or ')}.`)
  }
  const [only, another] = apps
  if (only !== undefined && another === undefined) {
    return findEnvironment(only, name) === undefined
      ? unknownEnvironment(name, only)
      : { is: 'target', target: { app: only.name, environment: name } }
  }
  const having = apps.filter((app) => findEnvironment(app, name) !== undefined)
  if (having.length === 0) return unknownName(name, apps)
  const examples = having.map((app) => `“${before} ${app.name} ${name}”`)
  return notUnderstood(`There are several apps, so name one: ${examples.join(' or ')}.`)
}

function historyOf(words: readonly string[], apps: readonly App[]): DeployCommand | ParseProblem {
  // Names of apps and environments are never numbers.
  const before = numberOf(words.at(-1) ?? '')
  const filter = filterOf('history', before === undefined ? words : words.slice(0, -1), apps)
  return 'is' in filter ? filter : { is: 'history', ...filter, ...defined({ before }) }
}

/** `[app] [env]`, both optional. */
function filterOf(
  verb: string,
  [first, second, extra]: readonly string[],
  apps: readonly App[],
): Partial<Target> | Help | ParseProblem {
  if (first === undefined) return {}
  if (extra !== undefined) return notUnderstood(`“${verb}” takes an app and an environment, both optional.`)
  const app = findApp(apps, first)
  if (second !== undefined) {
    if (app === undefined) return unknownApp(first, apps)
    return findEnvironment(app, second) === undefined
      ? unknownEnvironment(second, app)
      : { app: app.name, environment: second }
  }
  if (app !== undefined) return { app: app.name }
  return apps.some((each) => findEnvironment(each, first) !== undefined)
    ? { environment: first }
    : unknownName(first, apps)
}

function reportOf(words: readonly string[], apps: readonly App[]): DeployCommand | ParseProblem {
  const read = reportWords(words, apps)
  if ('reason' in read) return notUnderstood(read.reason)
  const filter = filterOf('report', read.names, apps)
  return 'is' in filter ? filter : { is: 'report', ...filter, days: read.days }
}

function byNumber(is: 'cancel' | 'retry' | 'bad' | 'good', words: readonly string[]): DeployCommand {
  const [first = '', extra] = words
  const number = numberOf(first)
  if (number === undefined || extra !== undefined) {
    return notUnderstood(`“${is}” takes the number of one release, such as “${is} 12”.`)
  }
  return { is, number }
}

function rollbackOf(text: string, apps: readonly App[]): DeployCommand | ParseProblem {
  const { before, reason } = splitReason(text)
  const words = rollbackWords(wordsOf(before).slice(1), numberOf)
  if ('reason' in words) return notUnderstood(words.reason)
  const found = findTarget(words.place, apps, '/deploy rollback')
  return found.is === 'target' ? { is: 'rollback', ...found.target, ...defined({ to: words.to, reason }) } : found
}

function numberOf(word: string): number | undefined {
  return NUMBER.test(word) ? Number(word.replace('#', '')) : undefined
}

/** The command that a mistyped first word is nearest to: nearer than to any name, or as near. */
function verbNear(word: string, apps: readonly App[]): string | undefined {
  const names = apps.flatMap((app) => [app.name, ...app.environments.map(({ name }) => name)])
  if (names.includes(word)) return undefined
  const [nearest] = nearestFirst(word, [...VERBS, ...names])
  return VERBS.find((verb) => verb === nearest && isNear(word, verb))
}

function notUnderstood(reason: string): Help {
  return { is: 'help', reason }
}

function quoted(word: string | undefined): string {
  return `“${shortened(word ?? '')}”`
}

/** The text's words in lower case. */
function wordsOf(text: string): string[] {
  return typedWords(text).map((word) => word.toLowerCase())
}
