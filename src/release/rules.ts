/** The rules of the actions: each is a pure function that returns a refusal or undefined. */

import { defined } from '../lib/defined.ts'
import { awaitsGo } from './hotfix.ts'
import {
  allowsEmergency,
  EVERYONE,
  lackingDisputed,
  owed,
  type PeopleList,
  type Person,
  permissionSource,
} from './policy.ts'
import type { Refusal } from './refusals.ts'
import { isEmergency, type Release, type ReleaseMark } from './release.ts'
import type { Environment } from './settings.ts'
import { asksForEachChange } from './sign-off-counts.ts'
import { hasEnded, type ReleaseState, type SignOffKind } from './terms.ts'

/** What a rule decides by: the person, the locked release, and the action's row. */
export interface RuleFacts {
  readonly environment: Environment
  readonly release: Release
  readonly person: Person
  /** The store's time. */
  readonly now: Date
  /** Who may take the action. */
  readonly people: PeopleList
  /** Completes "You can't …". */
  readonly words: string
  /** It acts on the run, which the sign-offs say nothing about. */
  readonly isOnRun: boolean
}

export type Rule = (facts: RuleFacts) => Refusal | undefined

const AFTER_EMERGENCY = ['approved', 'running', 'needs attention', 'succeeded', 'closed']

/** Names who decided and when: who ended it, else who cancelled it, else who declared the emergency or signed last. */
function alreadyDecided({ isOnRun, release }: RuleFacts): Refusal {
  const { number, state, endedBy, endedAt, cancelRequestedBy, signOffs } = release
  const deciding = signOffs.findLast(({ kind }) => kind === 'emergency') ?? signOffs.at(-1)
  const [by, at] = hasEnded(state)
    ? [endedBy, endedAt]
    : cancelRequestedBy
      ? [cancelRequestedBy, undefined]
      : isOnRun
        ? []
        : [deciding?.person, deciding?.at ?? release.approvedAt]
  return { gate: 'already_decided', number, state, ...defined({ by, at: at?.toISOString() }) }
}

function names(list: PeopleList): readonly string[] {
  return list === EVERYONE ? [EVERYONE] : list
}

// ------------------------------------------------------------------------------------------------ state and time

export const isUndecided: Rule = (facts) =>
  facts.release.state === 'awaiting sign-off' ? undefined : alreadyDecided(facts)

/** Sign-offs that an emergency waived may still be given afterwards. */
export const isUndecidedOrAfterEmergency: Rule = (facts) =>
  isEmergency(facts.release) && AFTER_EMERGENCY.includes(facts.release.state) ? undefined : isUndecided(facts)

/** It waits for people or for its time. */
const WAITING: readonly ReleaseState[] = ['awaiting sign-off', 'scheduled']

export const isNotExpired: Rule = ({ release: { number, state, expiresAt }, now }) => {
  const isOver = WAITING.includes(state) && expiresAt !== undefined && now >= expiresAt
  return isOver ? { gate: 'expired', number, at: expiresAt.toISOString() } : undefined
}

export const canBeCancelled: Rule = (facts) =>
  hasEnded(facts.release.state) || facts.release.state === 'needs attention' || facts.release.cancelRequestedBy
    ? alreadyDecided(facts)
    : undefined

export const needsAttention: Rule = (facts) =>
  facts.release.state === 'needs attention' ? undefined : alreadyDecided(facts)

/** Without the sign-offs that it was approved with, a run does not continue. */
export const hasItsSignOffs: Rule = ({ environment, release }) => {
  const disputed = lackingDisputed(release, owed(environment, release))
  return disputed && { gate: 'sign_off_disputed', number: release.number, kind: disputed.kind, person: disputed.person }
}

export const canBePlannedAgain: Rule = (facts) => {
  const { release } = facts
  if (release.replacedBy !== undefined) return alreadyDecided(facts)
  const again = ['failed', 'outdated', 'expired', 'refused', 'cancelled', 'rejected'].includes(release.state)
  const newerWait = WAITING.includes(release.state) && (release.newerCommits ?? 0) > 0
  return again || newerWait ? undefined : alreadyDecided(facts)
}

/** Plan for an emergency is only for a release refused by its checks, in an environment that allows emergencies. */
export const isRefusedByChecks: Rule = (facts) =>
  facts.release.problem?.because.gate === 'checks_failed' && allowsEmergency(facts.environment)
    ? undefined
    : alreadyDecided(facts)

export const isScheduled: Rule = (facts) => (facts.release.state === 'scheduled' ? undefined : alreadyDecided(facts))

/** Whether it has a time that can still be changed. */
export const waitsForTime: Rule = (facts) => {
  const { schedule, state } = facts.release
  return schedule !== undefined && WAITING.includes(state) ? undefined : alreadyDecided(facts)
}

export const isAwaitingGo: Rule = (facts) => (awaitsGo(facts.release) ? undefined : alreadyDecided(facts))

/** Only a release that has proven its commit can be gone back to, so only such a one is marked. */
export function isMarkable(mark: ReleaseMark['is']): Rule {
  return ({ release }) => {
    const { number, state, mark: before } = release
    const refused = { gate: 'mark_refused', number, mark, state } as const
    if (state !== 'succeeded') return { ...refused, why: 'not proven' }
    if (before?.is !== mark) return undefined
    return { ...refused, why: 'marked so', by: before.by, at: before.at.toISOString() }
  }
}

// ------------------------------------------------------------------------------------------------ permissions

export const hasPermission: Rule = ({ people, person, words }) =>
  permissionSource(people, person) === undefined
    ? { gate: 'not_an_approver', who: names(people), action: words }
    : undefined

export const hasQaPermission: Rule = ({ people, person }) =>
  permissionSource(people, person) === undefined ? { gate: 'not_a_qa', who: names(people) } : undefined

export const isRequesterOrHasPermission: Rule = ({ people, person, release, words }) =>
  release.requester.id === person.id || permissionSource(people, person) !== undefined
    ? undefined
    : { gate: 'not_allowed', action: words, who: ['the requester', ...names(people)] }

export const isRequester: Rule = ({ release, person, words }) =>
  release.requester.id === person.id ? undefined : { gate: 'not_allowed', action: words, who: [release.requester.id] }

// ------------------------------------------------------------------------------------------------ two people

export const isNotRequester: Rule = ({ people, release, person }) =>
  release.requester.id === person.id ? { gate: 'own_release', who: names(people) } : undefined

/** The commits of a rollback go away, so who wrote them may approve it. */
export const didNotWriteEveryCommit: Rule = ({ people, release, person }) => {
  if (release.kind === 'rollback') return undefined
  const authors = release.plan?.authors ?? []
  const email = person.email?.toLowerCase()
  const wroteAll = authors.length > 0 && authors.every((author) => author.email.toLowerCase() === email)
  return wroteAll ? { gate: 'own_commits', who: names(people) } : undefined
}

/** The person who declared an emergency can't give the sign-offs that it waived. */
export const didNotDeclareEmergency: Rule = ({ people, release, person }) =>
  release.signOffs.some((signOff) => signOff.kind === 'emergency' && signOff.person.id === person.id)
    ? { gate: 'own_release', who: names(people), asEmergency: true }
    : undefined

/** QA of this release is not asked for each change; its button was drawn for something else. */
export const asksForQaAsAWhole: Rule = ({ environment, release }) =>
  asksForEachChange(environment, release) ? { gate: 'stale_button' } : undefined

export const asksForQaOfChanges: Rule = ({ environment, release }) =>
  asksForEachChange(environment, release) ? undefined : { gate: 'stale_button' }

export function hasNotSigned(kind: SignOffKind): Rule {
  return ({ release, person }) => {
    const before = release.signOffs.find(
      (signOff) =>
        signOff.kind === kind && signOff.person.id === person.id && signOff.fingerprint === release.fingerprint,
    )
    return before && { gate: 'already_signed', kind, at: before.at.toISOString() }
  }
}
