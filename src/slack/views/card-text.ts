/** The card as one sentence: for notifications, and for people who have the screen read to them. */
import { awaitsGo } from '../../release/hotfix.ts'
import type { Owed } from '../../release/policy.ts'
import { isEmergency, type Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { spoken } from './blocks.ts'
import { ender, expiredBecause } from './card-ends.ts'
import { problemOf, where } from './card-troubles.ts'
import {
  calledInFull,
  finalCommit,
  place,
  risks,
  signers,
  standing,
  stepNow,
  stepOf,
  took,
  whatGoes,
  whoSignedSpoken,
} from './facts.ts'
import { owedNames, owedSpoken } from './owed.ts'
import type { People } from './people.ts'
import { defused, short } from './text.ts'

/** The state as a full sentence, without markup; names in it are defused. */
export function cardText(
  release: Release,
  facts: People & { readonly environment: Environment; readonly owed: readonly Owed[] },
): string {
  const { environment, owed } = facts
  const it = `${calledInFull(release)} of ${release.app} to ${release.environment}`
  const asker = defused(release.requester.name, 40)
  const nothing = defused(standing(release, facts).map(spoken).join(' '), 600)
  const because = problemOf(release, { services: facts.services })
  const why = because === undefined ? '' : `: ${defused(because.why, 300)}`
  const by = ender(release)
  const who = by === undefined ? '' : ` by ${defused(by, 40)}`
  switch (release.state) {
    case 'planning':
      return `${it}, asked for by ${asker}, is being planned.`
    case 'awaiting sign-off':
      if (awaitsGo(release)) return `${it} is planned and waits for the Go of ${asker}.`
      return `${it} awaits sign-off: ${given(release)}${owedSpoken(owed)} ${areOwed(owed)}. ${asker} asks for ${asks(release)}.`
    case 'approved':
      return isEmergency(release)
        ? `${it} is about to run${withoutWhat(release, owed)}.`
        : `${it} is approved and about to run.`
    case 'running': {
      const now = stepNow(release)
      const without = withoutWhat(release, owed)
      return `${it} is running${without}${now === undefined ? '' : `: ${stepOf(release, now.name)}, ${now.name}`}.`
    }
    case 'succeeded':
      return succeededText(release, owed)
    case 'failed':
      return `${it} failed${where(release).at}${why}. ${nothing} Plan again to go on.`
    case 'needs attention':
      return because?.unknown === undefined
        ? `${it} needs attention${why}. ${nothing} A person must press Retry or Close.`
        : `${it} needs attention: ${defused(because.unknown.question, 200)} It is not known ${defused(because.unknown.what, 200)}. A person must look.`
    case 'refused':
      return `${it} was refused${why}. ${nothing}`
    case 'outdated':
      return `${it} is outdated${why}, so its sign-offs are void. ${nothing} Plan again to go on.`
    case 'expired':
      return `${it} expired: ${expiredBecause(release, environment, owed)}. ${nothing} Plan again to go on.`
    case 'rejected':
      return `${it} was rejected${who}; the reason is on the card. ${nothing}`
    case 'cancelled':
      return `${it} was cancelled${who}. ${nothing}`
    case 'closed':
      return `${it} was closed${who}; the reason is on the card. ${nothing}`
  }
}

/** ` without QA and approval`, for an emergency. */
function withoutWhat(release: Release, owed: readonly Owed[]): string {
  return isEmergency(release) && owed.length > 0 ? ` without ${owedNames(owed)}` : ''
}

function given(release: Release): string {
  const qa = signers(release, 'qa').map((name) => `QA passed, said ${defused(name, 40)}`)
  const approvals = signers(release, 'approval').map((name) => `${defused(name, 40)} approved`)
  const words = [...qa, ...approvals]
  return words.length === 0 ? '' : `${words.join('; ')}; `
}

function areOwed(owed: readonly Owed[]): string {
  const one = owed.length === 0 || (owed.length === 1 && owed[0]?.count === 1)
  return one ? 'is owed' : 'are owed'
}

function asks(release: Release): string {
  if (release.plan === undefined) return 'it'
  const risky = risks(release.plan)
  return `${whatGoes(release.plan)}${risky === '' ? '' : `; of the migrations, ${risky}`}`
}

/** `Release #12 succeeded: api production runs c0ffee1, after 4 min 12 s. QA by Lin, approved by Tom, asked for by Dana.` */
export function succeededText(release: Release, owed: readonly Owed[]): string {
  const time = took(release)
  const commit = finalCommit(release)
  const runs = commit === undefined ? '' : `: ${place(release)} runs ${short(commit)}`
  const people = whoSignedSpoken(release)
  const still = isEmergency(release) && owed.length > 0 ? ` Still owed: ${owedSpoken(owed)}.` : ''
  const after = time === undefined ? '' : `, after ${time}`
  return `${calledInFull(release)} succeeded${runs}${after}. ${people.charAt(0).toUpperCase()}${people.slice(1)}.${still}`
}
