/** The sign-offs that an emergency skips, and those it still needs. Empty for any other release. */
import type { KnownBlock } from '@slack/types'
import type { Owed } from '../../../release/policy.ts'
import { isEmergency, type Release } from '../../../release/release.ts'
import type { Ungivable } from '../../../release/who-can-sign.ts'
import { section } from './blocks.ts'
import { linesIfAny } from './card-lines.ts'
import { givenLines, owedLines, owedNames, ungivableLines } from './owed.ts'
import type { People } from './people.ts'
import type { PersonFacts } from './persons.ts'

interface Facts extends People, PersonFacts {
  readonly owed: readonly Owed[]
  readonly now: Date
  readonly mentionGroups: boolean
  readonly ungivable?: readonly Ungivable[]
}

/** Before and during the run, while a sign-off is missing. */
export function skippedSignOffs(release: Release, facts: Facts): KnownBlock[] {
  if (!isEmergency(release) || facts.owed.length === 0) return []
  return [section([...givenLines(release, facts), ...owedLines(release, facts, 'Skipped'), ...ungivableLines(facts)])]
}

/** After the run, where a sign-off is missing or was given. */
export function stillOwed(release: Release, facts: Facts): KnownBlock[] {
  if (!isEmergency(release)) return []
  return linesIfAny([
    ...givenLines(release, facts),
    ...owedLines(release, facts, 'Still needs'),
    ...ungivableLines(facts),
  ])
}

/** ` without QA and approval`, within a sentence. */
export function withoutWhat(release: Release, owed: readonly Owed[]): string {
  return isEmergency(release) && owed.length > 0 ? ` without ${owedNames(owed)}` : ''
}
