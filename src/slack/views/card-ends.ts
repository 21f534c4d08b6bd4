/** The middle of a card that ended without success, by refusal, by a person, by time, or because the world moved. */
import type { KnownBlock } from '@slack/types'
import type { Owed } from '../../release/policy.ts'
import { irreversibleBegun, type Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { quote, rich, richLines, section } from './blocks.ts'
import { evidence, problemOf, replaced } from './card-troubles.ts'
import { signers, standing } from './facts.ts'
import { owedSpoken } from './owed.ts'
import type { People } from './people.ts'
import { STATE_EMOJI } from './states.ts'
import { defused, duration } from './text.ts'

interface Facts extends People {
  readonly environment: Environment
  readonly owed: readonly Owed[]
  readonly link?: (number: number) => string | undefined
}

export function endBlocks(release: Release, facts: Facts): KnownBlock[] {
  return [
    section(endLine(release, facts)),
    ...reason(release),
    ...problem(release, facts),
    ...stands(release, facts),
    ...(release.replacedBy === undefined ? [] : [section(replaced(release, facts))]),
  ]
}

function endLine(release: Release, facts: Facts): string {
  const line = (word: string, fact: string) => `:${STATE_EMOJI[release.state]}: *${word}*${fact}`
  const by = ender(release)
  const who = by === undefined ? '' : ` by ${defused(by, 40)}`
  switch (release.state) {
    case 'rejected':
      return line('Rejected', who)
    case 'cancelled':
      return line('Cancelled', who)
    case 'closed':
      return line('Closed', who)
    case 'expired':
      return line('Expired', `: ${expiredBecause(release, facts.environment, facts.owed)}`)
    case 'outdated':
    case 'refused': {
      const why = problemOf(release, facts)?.why
      return line(
        release.state === 'refused' ? 'Refused' : 'Outdated',
        why === undefined ? '' : `: ${defused(why, 300)}`,
      )
    }
    default:
      return line(release.state, '')
  }
}

/** Who ended it: rejected, cancelled or closed. */
export function ender(release: Release): string | undefined {
  const rejected = release.signOffs.findLast(({ kind }) => kind === 'rejection')?.person
  const person = release.endedBy ?? (release.state === 'rejected' ? rejected : release.cancelRequestedBy)
  return person?.name
}

/** `approval was not given within 24 h`, or that the run did not begin in time. */
export function expiredBecause(release: Release, environment: Environment, owed: readonly Owed[]): string {
  if (release.problem?.because.gate === 'announcement_unconfirmed') {
    return 'Slack did not confirm the announcement within an hour of the last sign-off, and nothing starts before it'
  }
  if (release.approvedAt !== undefined) return 'the run did not begin within an hour of the last sign-off'
  if (release.plan?.hotfix?.asksGo === true) return 'Go was not pressed within an hour'
  const within =
    environment.signOff === undefined ? 'in time' : `within ${duration(environment.signOff.expiresAfterMs)}`
  const missing = owed.filter(({ count }) => count > 0)
  if (missing.length === 0) return `not everything that is owed was given ${within}`
  return `${owedSpoken(missing)} ${missing.length === 1 && missing[0]?.count === 1 ? 'was' : 'were'} not given ${within}`
}

function reason(release: Release): KnownBlock[] {
  const rejection = release.signOffs.findLast(({ kind }) => kind === 'rejection')
  const text = release.endReason ?? (release.state === 'rejected' ? rejection?.note : undefined)
  return text === undefined || text.trim() === '' ? [] : [rich(quote(text))]
}

function problem(release: Release, facts: Facts): KnownBlock[] {
  const words = problemOf(release, facts)
  if (words === undefined || (release.state !== 'refused' && release.state !== 'outdated')) return []
  return [...evidence(words), ...(words.next.length === 0 ? [] : [richLines(words.next)])]
}

/** What is true now: nothing, or what the run had done already; and that sign-offs are void where there were any. */
function stands(release: Release, facts: Facts): KnownBlock[] {
  const lines = [...standing(release, facts)]
  const void_ = [
    ...signers(release, 'qa').map((name) => `QA by ${defused(name, 40)}`),
    ...signers(release, 'approval').map((name) => `approval by ${defused(name, 40)}`),
  ]
  const voided = release.state === 'outdated' && void_.length > 0
  return [
    ...(voided ? [section(`Void: ${void_.join(', ')}.`)] : []),
    ...(irreversibleBegun(release.steps) || release.plan !== undefined
      ? [richLines(lines)]
      : [section('Nothing was changed.')]),
  ]
}
