/** The gate that blocks a card whose checks had not passed when it was planned for an emergency. */
import type { KnownBlock } from '@slack/types'
import { emergencyPeople, heldByChecks } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { ACTION_VIEWS } from '../actions.ts'
import { bold, bullets, emoji, type Line, rich, richLines } from './parts/blocks.ts'
import { allowedPeople, type People } from './parts/people.ts'
import { checksWords } from './refusals-of-services.ts'

/** The gate that blocks, with its facts, and who can waive it; empty where none does. */
export function heldBlocks(release: Release, facts: People & { readonly environment: Environment }): KnownBlock[] {
  const checks = heldByChecks(facts.environment, release)
  if (checks === undefined) return []
  const { why, list } = checksWords(checks)
  return [
    richLines([[emoji('no_entry_sign'), ' ', bold(`Held: ${why}.`)]]),
    ...(list.length === 0 ? [] : [rich(bullets(list))]),
    richLines([
      ['The last sign-off checks again, and starts nothing before the checks have passed.'],
      [bold(ACTION_VIEWS.emergency.label), ' deploys without them. It can be pressed by ', ...emergencyBy(facts), '.'],
    ]),
  ]
}

function emergencyBy({ environment, ...people }: People & { readonly environment: Environment }): Line {
  const who = emergencyPeople(environment)
  return who === 'every full member' ? ['any full member'] : allowedPeople(who, people)
}
