/** What holds a card whose checks had not passed when it was planned for an emergency. */
import type { KnownBlock } from '@slack/types'
import { heldByChecks, whoMay } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { BUTTON_LABEL } from '../ids.ts'
import { bold, bullets, emoji, type Line, rich, richLines } from './blocks.ts'
import { allowedPeople, type People } from './people.ts'
import { checksWords } from './refusals-of-the-world.ts'

/** The gate that holds, with its facts, and who can waive it; nothing where nothing holds. */
export function heldBlocks(release: Release, facts: People & { readonly environment: Environment }): KnownBlock[] {
  const checks = heldByChecks(facts.environment, release)
  if (checks === undefined) return []
  const { why, list } = checksWords(checks)
  return [
    richLines([[emoji('no_entry_sign'), ' ', bold(`Held: ${why}.`)]]),
    ...(list.length === 0 ? [] : [rich(bullets(list))]),
    richLines([
      ['The last sign-off looks at the checks again: it does not let this go before they have passed.'],
      [bold(BUTTON_LABEL.emergency), ' does, said by ', ...emergencyBy(facts), '.'],
    ]),
  ]
}

/** `1 check did not pass: Unit tests failed`, for sentences; nothing where nothing holds. */
export function heldSpoken(release: Release, environment: Environment): string | undefined {
  const checks = heldByChecks(environment, release)
  if (checks === undefined) return undefined
  const bad = checks.filter(({ state }) => state !== 'passed').slice(0, 5)
  const { why } = checksWords(checks)
  return bad.length === 0 ? why : `${why}: ${bad.map(({ name, state }) => `${name} ${state}`).join(', ')}`
}

function emergencyBy({ environment, ...people }: People & { readonly environment: Environment }): Line {
  const who = whoMay('emergency', environment)
  return who === 'every full member' ? ['any full member'] : allowedPeople(who, people)
}
