/**
 * The grammar of what people type after `/deploy` and `/hotfix`. Pure: text and apps in, a value out.
 * Nothing defaults to an environment; what can't be read with certainty is answered with help and the reason.
 */
import { isNear, nearestFirst } from '../lib/edit-distance.ts'
import type { Refusal } from './refusals.ts'
import { type App, findApp, findEnvironment } from './settings.ts'

/** Words that mean something in the grammar, so that no app and no environment may bear them. */
export const RESERVED_WORDS = ['to', 'preview', 'status', 'history', 'cancel', 'retry', 'help'] as const

/** Words that were names in the first edition: no app may be called by a newer command, no environment by `lock all`'s. */
export const NEWER_RESERVED_WORDS = {
  app: ['lock', 'unlock', 'rollback', 'bad', 'good', 'report'],
  environment: ['all'],
} as const

/** What a commit looks like when a person writes it: 4 to 40 hex digits. */
export const COMMIT_PATTERN = /^[0-9a-f]{4,40}$/

/** How people write a release's number. */
const NUMBER = /^#?0*[1-9][0-9]{0,8}$/

const MAX_TEXT_LENGTH = 20_000
const MAX_BRANCH_LENGTH = 200
/** The address of a commit at a forge, as people copy it from there; Slack sets links in angle brackets. */
const COMMIT_ADDRESS = /\/commits?\/([0-9a-f]{4,40})\/?(?:[?#].*)?>?$/
/** Of ways to write it that a reason offers. */
const MAX_EXAMPLES = 4

/** One environment of one app, by names that exist. */
export interface Target {
  readonly app: string
  readonly environment: string
}

export type UnknownName = Extract<Refusal, { gate: 'unknown_app' | 'unknown_environment' }>

/**
 * Help is asked for, or it answers what was not understood; then `reason` is a sentence that says why. It is plain
 * text that may repeat up to 40 letters of what the person typed: show it as text, never as markup.
 */
export interface Help {
  readonly is: 'help'
  readonly reason?: string
}

/** A name that does not exist. */
export interface ParseProblem {
  readonly is: 'refused'
  readonly refusal: UnknownName
}

export type DeployCommand =
  | { readonly is: 'modal' }
  | ({ readonly is: 'release' } & Target)
  | ({ readonly is: 'preview' } & Target)
  | { readonly is: 'status' }
  /** `before`: only releases with a smaller number. */
  | { readonly is: 'history'; readonly app?: string; readonly environment?: string; readonly before?: number }
  | { readonly is: 'cancel'; readonly number: number }
  | { readonly is: 'retry'; readonly number: number }
  | Help

export type HotfixCommand =
  | { readonly is: 'modal' }
  | ({ readonly is: 'hotfix'; readonly commits: readonly string[] } & Target)
  /** A name that is no environment: it may be a branch. */
  | { readonly is: 'refused'; readonly refusal: UnknownName; readonly commits: readonly string[] }
  | Help

type TargetFound = { readonly is: 'target'; readonly target: Target } | Help | ParseProblem

/**
 * Reads the text after `/deploy`. Letters' case, white space, quotation marks and Slack's escapes don't matter. Never
 * throws. Names that do not exist come back as the refusal to show, with the names there are, the nearest first.
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
      return byNumber(first, rest)
    case 'preview': {
      const found = findTarget(rest, apps, '/deploy preview')
      return found.is === 'target' ? { is: 'preview', ...found.target } : found
    }
    default: {
      const found = findTarget(words, apps, '/deploy')
      return found.is === 'target' ? { is: 'release', ...found.target } : found
    }
  }
}

/** The commit that a word names, as digits or as its address; other words as they are. */
export function commitOf(word: string): string {
  return COMMIT_ADDRESS.exec(word)?.[1] ?? word
}

/**
 * Reads the text after `/hotfix`: commits or their addresses, then the environment. A commit named twice counts once; the
 * order is kept. How many are too many is a gate's to say. Never throws.
 */
export function parseHotfix(text: string, apps: readonly App[]): HotfixCommand {
  const spelled = spelledWordsOf(text)
  const words = spelled.map((word) => commitOf(word.toLowerCase()))
  if (words.length === 0) return { is: 'modal' }
  if (words[0] === 'help') return { is: 'help' }
  const end = words.findIndex((word) => !COMMIT_PATTERN.test(word))
  const commits = [...new Set(end === -1 ? words : words.slice(0, end))]
  const rest = end === -1 ? [] : words.slice(end)
  if (commits.length === 0) {
    return notUnderstood(`A hot-fix begins with a commit, 4 to 40 hex digits; ${quoted(words[0])} is none.`)
  }
  const found = findTarget(rest, apps, `/hotfix ${commits[0]}`)
  if (found.is === 'refused') return { ...found, refusal: branchIn(found.refusal, rest, spelled.at(-1), apps), commits }
  return found.is === 'target' ? { is: 'hotfix', commits, ...found.target } : found
}

/** What stands for the environment may be a branch: with its letters' case, and whole, since it is shown to be pasted. */
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

/** `[app] [to] <env>` and nothing else. `before` is what was typed before it, for the examples in reasons. */
function findTarget(words: readonly string[], apps: readonly App[], before: string): TargetFound {
  const names = words[0] === 'to' ? words.slice(1) : words.filter((word, index) => !(index === 1 && word === 'to'))
  const [first, second, extra] = names
  if (first === undefined) return environmentMissing(apps, before)
  if (names.includes('to')) return notUnderstood('“to” stands once, before the environment.')
  if (extra !== undefined) {
    return notUnderstood(`An app and an environment are all that is asked for; ${quoted(extra)} is too much.`)
  }
  if (second === undefined) return findByOneName(first, apps, before)
  const app = findApp(apps, first)
  if (app === undefined) {
    const swapped = findApp(apps, second)
    if (swapped !== undefined && findEnvironment(swapped, first) !== undefined) {
      return notUnderstood(`The app comes first: “${before} ${second} ${first}”.`)
    }
    return apps.some((each) => findEnvironment(each, first) !== undefined)
      ? notUnderstood(`Nothing stands after the environment; ${quoted(second)} is too much.`)
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
  return notUnderstood(`There are several apps, so name the one that you mean: ${examples.join(' or ')}.`)
}

function historyOf(words: readonly string[], apps: readonly App[]): DeployCommand | ParseProblem {
  // No app and no environment is called by a number.
  const last = words.at(-1) ?? ''
  const before = NUMBER.test(last) ? Number(last.replace('#', '')) : undefined
  const [first, second, extra] = before === undefined ? words : words.slice(0, -1)
  const history = { is: 'history' as const, ...(before !== undefined && { before }) }
  if (first === undefined) return history
  if (extra !== undefined) return notUnderstood('“history” takes an app and an environment, both optional.')
  const app = findApp(apps, first)
  if (second !== undefined) {
    if (app === undefined) return unknownApp(first, apps)
    return findEnvironment(app, second) === undefined
      ? unknownEnvironment(second, app)
      : { ...history, app: app.name, environment: second }
  }
  if (app !== undefined) return { ...history, app: app.name }
  return apps.some((each) => findEnvironment(each, first) !== undefined)
    ? { ...history, environment: first }
    : unknownName(first, apps)
}

function byNumber(is: 'cancel' | 'retry', words: readonly string[]): DeployCommand {
  const [first, extra] = words
  if (first === undefined || extra !== undefined || !NUMBER.test(first)) {
    return notUnderstood(`“${is}” takes the number of one release, such as “${is} 12”.`)
  }
  return { is, number: Number(first.replace('#', '')) }
}

function unknownApp(asked: string, apps: readonly App[]): ParseProblem {
  const names = nearestFirst(
    asked,
    apps.map((app) => app.name),
  )
  return { is: 'refused', refusal: { gate: 'unknown_app', asked: shortened(asked), names } }
}

/** The environment that follows a branch of the asked name is what was probably meant, so it leads. */
function unknownEnvironment(asked: string, app: App): ParseProblem {
  const following = app.environments.filter((environment) => environment.branch.toLowerCase() === asked)
  const others = app.environments.filter((environment) => !following.includes(environment))
  const names = [
    ...following.map((environment) => environment.name),
    ...nearestFirst(
      asked,
      others.map((environment) => environment.name),
    ),
  ]
  return {
    is: 'refused',
    refusal: {
      gate: 'unknown_environment',
      asked: shortened(asked),
      app: app.name,
      names,
      ...(following.length > 0 && { followedBy: following.map(({ name }) => name) }),
    },
  }
}

/** An environment of none of the apps. */
function unknownAmong(asked: string, apps: readonly App[]): UnknownName {
  const all = apps.flatMap(({ environments }) => environments)
  const names = nearestFirst(asked, [...new Set(all.map(({ name }) => name))])
  const following = all.filter(({ branch }) => branch.toLowerCase() === asked)
  return {
    gate: 'unknown_environment',
    asked: shortened(asked),
    names,
    ...(following.length > 0 && { followedBy: following.map(({ app, name }) => `${app} ${name}`) }),
  }
}

/** One word that may have been meant as an app or as an environment: the nearest of both decides. */
function unknownName(asked: string, apps: readonly App[]): ParseProblem {
  const [only, another] = apps
  if (only !== undefined && another === undefined) return unknownEnvironment(asked, only)
  const refusal = unknownAmong(asked, apps)
  const [nearest] = refusal.names
  return nearest !== undefined && isNear(asked, nearest) ? { is: 'refused', refusal } : unknownApp(asked, apps)
}

function notUnderstood(reason: string): Help {
  return { is: 'help', reason }
}

function quoted(word: string | undefined): string {
  return `“${shortened(word ?? '')}”`
}

function shortened(word: string): string {
  const letters = Array.from(word.slice(0, 200))
  return letters.length > 40 ? `${letters.slice(0, 39).join('')}…` : word
}

/** The words of a text as a person meant them, in lower case. */
function wordsOf(text: string): string[] {
  return spelledWordsOf(text).map((word) => word.toLowerCase())
}

/**
 * The same with their letters' case: without the quotation marks and the invisible characters that phones and pasting
 * add, with Slack's escapes undone. A mention or link is one word that is no name.
 */
function spelledWordsOf(text: string): string[] {
  return text
    .slice(0, MAX_TEXT_LENGTH)
    .replace(/<[^<>]{0,1000}>/g, mentionAsWord)
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .split(/[\s,;]+/)
    .map((word) => word.replace(/\p{C}/gu, '').replace(/^[\p{Pi}\p{Pf}"'`„‚]+|[\p{Pi}\p{Pf}"'`„‚]+$/gu, ''))
    .filter((word) => word !== '')
}

/** `<@U1|dana>` → `@dana`, `<#C1|product>` → `#product`, `<!here>` → `@here`, `<https://a.b|a.b>` → `<a.b>`. */
function mentionAsWord(mention: string): string {
  const [target = '', label] = mention.slice(1, -1).split('|')
  const shown = (label === undefined || label === '' ? target.replace(/^[@#!]/, '') : label).replace(/\s+/g, '_')
  if (target.startsWith('#')) return `#${shown}`
  if (target.startsWith('@') || target.startsWith('!')) return shown.startsWith('@') ? shown : `@${shown}`
  return `&lt;${shown}&gt;`
}
