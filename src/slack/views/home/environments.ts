/**
 * The environments: those where something is going on in full, with their menus; with many, the quiet ones a line an app, and
 * one list that leads to each of them.
 */
import type { KnownBlock, PlainTextOption } from '@slack/types'
import type { EnvironmentStatus } from '../../../release/messages.ts'
import { HOME } from '../../ids.ts'
import { context, plain, section } from '../parts/blocks.ts'
import { place } from '../parts/facts.ts'
import { lockEmoji, lockedBy } from '../parts/lock-lines.ts'
import { counted, cut, defused, oneLine } from '../parts/text.ts'
import { liveLine, statusLines } from '../private/status.ts'
import type { HomeFacts } from './home-facts.ts'
import { menu } from './menu.ts'

/** How many environments are shown in full, and of how many more apps a line: the first that fits Slack's limits. */
export const PLACES_SHOWN = [
  { full: 24, lines: 300 },
  { full: 24, lines: 100 },
  { full: 12, lines: 40 },
  { full: 4, lines: 10 },
  { full: 0, lines: 0 },
] as const

/** The lines of one section, which has 3,000 characters. */
const LINES_A_SECTION = 10
const CHARACTERS_A_SECTION = 2_800
/** Slack's limit of a select. */
const MOST_OPTIONS = 100

type EnvironmentFacts = Pick<HomeFacts, 'status' | 'services' | 'link' | 'menuOf' | 'tokenOf'>

/** Whether there is no more to say of it than what it runs. */
function isQuiet({ live, under_way: underWay, lock, freeze, automatic }: EnvironmentStatus): boolean {
  const isPlain =
    live === undefined || (live.is === 'proven' && live.bad === undefined && live.rolledBack === undefined)
  const waits = automatic?.head !== undefined && ['due', 'builds', 'given up'].includes(automatic.head.state)
  return isPlain && underWay === undefined && lock === undefined && freeze === undefined && !waits
}

export function environmentBlocks(facts: EnvironmentFacts, shown: (typeof PLACES_SHOWN)[number]): KnownBlock[] {
  const { all, environments } = facts.status
  if (environments.length === 0) return [section('No environment is declared.')]
  const isMany = environments.length > shown.full
  const busy = isMany ? environments.filter((one) => !isQuiet(one)) : environments
  const full = busy.slice(0, shown.full)
  const rest = isMany ? environments.filter((one) => !full.includes(one)) : []
  const apps = [...Map.groupBy(rest, ({ app }) => app)]
  const lines = apps.slice(0, shown.lines).map(([app, of]) => appLine(app, of, facts))
  const left = apps.slice(shown.lines).reduce((sum, [, of]) => sum + of.length, 0)
  const picked = isMany ? pick(facts) : undefined
  return [
    { type: 'actions', elements: [deployButton, ...(picked === undefined ? [] : [picked.select])] },
    ...(picked === undefined || picked.left === 0 ? [] : [context(picked.words)]),
    ...(all === undefined
      ? []
      : [withMenu([`${lockEmoji(all)} *All environments are locked* ${lockedBy(all)}`], facts, 'all')]),
    ...full.map((one) => withMenu(statusLines(one, facts), facts, one)),
    ...inSections(lines),
    ...(left > 0 ? [context(`and ${counted(left, 'more environment')}: \`/deploy status\``)] : []),
  ]
}

const deployButton = { type: 'button', action_id: HOME.deploy, text: plain('Deploy…', 75), style: 'primary' } as const

function withMenu(lines: string[], facts: EnvironmentFacts, on: Parameters<EnvironmentFacts['menuOf']>[0]): KnownBlock {
  const accessory = menu(facts.menuOf(on), HOME.menu)
  return { ...section(lines), ...(accessory && { accessory }) }
}

/** `*api* · integration 1f03ae2, #12 by Dana, 3 hours ago · production 5b8e6c0, #11 by Tom, 1 day ago`. */
function appLine(app: string, of: readonly EnvironmentStatus[], facts: EnvironmentFacts): string {
  return [`*${defused(app, 60)}*`, ...of.map((one) => inShort(one, facts))].join(' · ')
}

/** What is more than what it runs is said in a word. */
function inShort({ environment, live, under_way: underWay, lock, freeze }: EnvironmentStatus, facts: EnvironmentFacts) {
  const [runs = ''] = liveLine(live, facts)
    .replace(/^Live: /, '')
    .split('\n')
  const more = [
    ...(underWay === undefined ? [] : [`#${underWay.number} under way`]),
    ...(lock === undefined ? [] : [':lock: locked']),
    ...(freeze?.is === 'frozen' ? [':snowflake: frozen'] : []),
  ]
  return `${defused(environment, 60)} ${[...more, runs].join(', ')}`
}

function inSections(lines: readonly string[]): KnownBlock[] {
  const sections: string[][] = []
  for (const line of lines) {
    const last = sections.at(-1)
    const isFull = last === undefined || last.length === LINES_A_SECTION
    if (isFull || last.join('\n').length + line.length >= CHARACTERS_A_SECTION) sections.push([line])
    else last.push(line)
  }
  return sections.map((each) => section(each))
}

/** The list that opens what can be done at an environment. */
function pick({ status, tokenOf }: EnvironmentFacts) {
  const options = status.environments.slice(0, MOST_OPTIONS).flatMap((one): PlainTextOption[] => {
    const token = tokenOf(one)
    return token === undefined ? [] : [{ text: plain(cut(oneLine(place(one)), 75), 75), value: token }]
  })
  if (options.length === 0) return undefined
  const left = status.environments.length - options.length
  const placeholder = plain('Open an environment…', 150)
  const select = { type: 'static_select', action_id: HOME.pick, placeholder, options } as const
  return {
    select,
    left,
    words: `The list has the first ${options.length}. *Deploy…* and \`/deploy\` reach the others.`,
  }
}
