/** What the cards of releases that ended without success share. */
import type { ActionsBlock, Button, KnownBlock } from '@slack/types'
import { hasStartedIrreversible, type Release } from '../../../release/release.ts'
import type { PersonName } from '../../../release/terms.ts'
import { quote, rich, richLines, section } from './blocks.ts'
import { foot, planSummary } from './card-lines.ts'
import { currentState, type PlatformFacts } from './current-state.ts'
import { type PersonFacts, shown } from './persons.ts'
import { cut, oneLine } from './text.ts'

interface Facts extends PlatformFacts, PersonFacts {
  readonly link?: (number: number) => string | undefined
  readonly details: Button | undefined
  readonly row: readonly ActionsBlock[]
}

interface Ended {
  /** How it ended. */
  readonly line: string
  /** The person's reason; by default `endReason`. */
  readonly reason?: string | undefined
  /** The findings, before the current state. */
  readonly more?: readonly KnownBlock[]
}

/** A whole card below its header. */
export function endedCard(release: Release, facts: Facts, ended: Ended): KnownBlock[] {
  return [...endBlocks(release, facts, ended), ...facts.row, ...planSummary(release, facts), foot(release, facts)]
}

/** The card's beginning: how it ended, why, the current state, and its replacement. */
export function endBlocks(
  release: Release,
  facts: Facts,
  { line, reason = release.endReason, more = [] }: Ended,
): KnownBlock[] {
  const replaced = replacedBy(release, facts)
  return [
    section(line),
    ...quoted(reason),
    ...more,
    hasStartedIrreversible(release.steps) || release.plan !== undefined
      ? richLines(currentState(release, facts))
      : section('Nothing was changed.'),
    ...(replaced === undefined ? [] : [section(replaced)]),
  ]
}

/** The person's reason as a quote; empty without one. */
export function quoted(text: string | undefined): KnownBlock[] {
  return text === undefined || text.trim() === '' ? [] : [rich(quote(text))]
}

/** Who cancelled or closed it. */
export function ender(release: Release): PersonName | undefined {
  return release.endedBy ?? release.cancelRequestedBy
}

/** ` by Tom`, for mrkdwn and, without facts, for `text`. */
export function by(person: PersonName | undefined, facts: PersonFacts = {}): string {
  return person === undefined ? '' : ` by ${shown(person, facts)}`
}

/** ` by Tom`, for rich text. */
export function byPlain(person: PersonName | undefined): string {
  return person === undefined ? '' : ` by ${cut(oneLine(person.name), 40)}`
}

/** `Replaced by #13.` */
export function replacedBy(
  { replacedBy: number }: Release,
  { link }: { readonly link?: (number: number) => string | undefined },
): string | undefined {
  if (number === undefined) return undefined
  const url = link?.(number)
  const name = `#${number}`
  return `Replaced by ${url === undefined || !/^https?:\/\/[^\s|<>]+$/.test(url) ? name : `<${url.replaceAll('&', '&amp;')}|${name}>`}.`
}
