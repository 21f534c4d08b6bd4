/** What blocks a card that awaits sign-off or its time: checks that had not passed at planning, and a freeze, also one that begins soon. */
import type { KnownBlock } from '@slack/types'
import { freezeNotice } from '../../release/freezes.ts'
import { allowsEmergency, emergencyPeople, heldByChecks } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { ACTION_VIEWS } from '../actions.ts'
import { bold, bullets, emoji, type Line, rich, richDate, richLines } from './parts/blocks.ts'
import { FREEZE_EMOJI, frozenUntil } from './parts/freeze.ts'
import { allowedPeople, type People } from './parts/people.ts'
import { checksWords } from './refusals-of-services.ts'

interface Facts extends People {
  readonly environment: Environment
  readonly now: Date
}

/** The gates that block, with their facts, and who can waive them; empty where none does. */
export function heldBlocks(release: Release, facts: Facts): KnownBlock[] {
  const canBeWaived = release.state === 'awaiting sign-off'
  return [...(canBeWaived ? checkBlocks(release, facts) : []), ...freezeBlocks(facts, canBeWaived)]
}

function freezeBlocks(facts: Facts, canBeWaived: boolean): KnownBlock[] {
  const { environment, now } = facts
  const notice = freezeNotice(environment.freezes ?? [], now)
  if (notice === undefined) return []
  const from: Line = notice.is === 'soon' ? [' from ', richDate(notice.from)] : []
  const lines: Line[] = [
    [emoji(FREEZE_EMOJI), ' ', bold('Frozen'), ...from, ...frozenUntil(notice), '.'],
    [notice.is === 'soon' ? 'From then on it can’t start.' : 'Until then it can’t start.'],
  ]
  const anyway: Line = [
    bold(ACTION_VIEWS.emergency.label),
    ' starts it anyway. It can be pressed by ',
    ...emergencyBy(facts),
    '.',
  ]
  return [richLines([...lines, ...(canBeWaived && allowsEmergency(environment) ? [anyway] : [])])]
}

function checkBlocks(release: Release, facts: Facts): KnownBlock[] {
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
