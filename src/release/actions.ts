/**
 * Every action that a person can take on a release, a row each: who may, under which rules, and what it changes. What
 * people see of it (button, dialogs, answers) is the row of the same name in `slack/actions.ts`.
 */

import {
  approvers,
  approversAndQa,
  EVERYONE,
  emergencyPeople,
  everyone,
  migrationApprovers,
  type PeopleOf,
  type Person,
  qaPeople,
  rightFrom,
} from './policy.ts'
import type { Gate, Refusal } from './refusals.ts'
import type { Release } from './release.ts'
import {
  canBeCancelled,
  canBePlannedAgain,
  didNotDeclareEmergency,
  didNotWriteEveryCommit,
  hasNotSigned,
  hasPermission,
  hasQaPermission,
  isAwaitingGo,
  isNotExpired,
  isNotRequester,
  isRefusedByChecks,
  isRequester,
  isRequesterOrHasPermission,
  isUndecided,
  isUndecidedOrAfterEmergency,
  needsAttention,
  type Rule,
} from './rules.ts'
import type { Environment } from './settings.ts'
import { SIGN_OFF_KINDS } from './terms.ts'
import { cancel, close, go, retry, sign, type Transition } from './transitions/index.ts'

/** The names by which code and tests know the actions. A sign-off's name is its stored kind. */
export const ACTION_NAMES = [
  ...SIGN_OFF_KINDS,
  'cancel',
  'retry',
  'close',
  'plan again',
  'plan for an emergency',
  'details',
  'go',
] as const

export type Action = (typeof ACTION_NAMES)[number]

/** Makes a new release of the same environment in the place of this one. */
export interface Replacement {
  /** Checks that have not passed hold the new one on its card and do not refuse it. */
  readonly forEmergency: boolean
}

export interface ActionDefinition {
  /** Asked in this order: the first refusal is the answer. */
  readonly rules: readonly Rule[]
  /** Whose right it is. Rules say whether the requester has it too. */
  readonly people: PeopleOf
  /** Completes "You can't …". */
  readonly words: string
  /** It can let the release go on: only under the rules that the release was requested with. */
  readonly startsRun: boolean
  /** A release can take it more than once in its life, so a repeated delivery is known by its key alone. */
  readonly canRecur: boolean
  /** It acts on a run: whoever signed has not decided about that. */
  readonly isOnRun: boolean
  /** What it does once it is allowed; null: it only shows something. */
  readonly transition: Transition | Replacement | null
}

export const ACTIONS: Readonly<Record<Action, ActionDefinition>> = {
  qa: {
    rules: [isUndecidedOrAfterEmergency, isNotExpired, hasQaPermission, didNotDeclareEmergency, hasNotSigned('qa')],
    people: qaPeople,
    words: 'say that QA passed',
    startsRun: true,
    canRecur: false,
    isOnRun: false,
    transition: sign('qa'),
  },
  approval: {
    rules: [
      isUndecidedOrAfterEmergency,
      isNotExpired,
      hasPermission,
      didNotDeclareEmergency,
      isNotRequester,
      didNotWriteEveryCommit,
      hasNotSigned('approval'),
    ],
    people: approvers,
    words: 'approve',
    startsRun: true,
    canRecur: false,
    isOnRun: false,
    transition: sign('approval'),
  },
  'talked over': {
    rules: [
      isUndecidedOrAfterEmergency,
      isNotExpired,
      hasPermission,
      didNotDeclareEmergency,
      hasNotSigned('talked over'),
    ],
    people: migrationApprovers,
    words: 'say that it was talked over',
    startsRun: true,
    canRecur: false,
    isOnRun: false,
    transition: sign('talked over'),
  },
  rejection: {
    rules: [isUndecided, isNotExpired, hasPermission],
    people: approversAndQa,
    words: 'reject',
    startsRun: false,
    canRecur: false,
    isOnRun: false,
    transition: sign('rejection'),
  },
  emergency: {
    rules: [isUndecided, isNotExpired, hasPermission],
    people: emergencyPeople,
    words: 'say that it must go out now',
    startsRun: true,
    canRecur: false,
    isOnRun: false,
    transition: sign('emergency'),
  },
  cancel: {
    rules: [canBeCancelled, isRequesterOrHasPermission],
    people: approvers,
    words: 'cancel',
    startsRun: false,
    canRecur: true,
    isOnRun: true,
    transition: cancel,
  },
  retry: {
    rules: [needsAttention, isRequesterOrHasPermission],
    people: approvers,
    words: 'retry',
    startsRun: true,
    canRecur: true,
    isOnRun: true,
    transition: retry,
  },
  close: {
    rules: [needsAttention, hasPermission],
    people: approvers,
    words: 'close',
    startsRun: false,
    canRecur: false,
    isOnRun: true,
    transition: close,
  },
  'plan again': {
    rules: [canBePlannedAgain],
    people: everyone,
    words: 'plan again',
    startsRun: false,
    canRecur: false,
    isOnRun: false,
    transition: { forEmergency: false },
  },
  'plan for an emergency': {
    rules: [canBePlannedAgain, isRefusedByChecks],
    people: everyone,
    words: 'plan for an emergency',
    startsRun: false,
    canRecur: false,
    isOnRun: false,
    transition: { forEmergency: true },
  },
  details: {
    rules: [],
    people: everyone,
    words: 'see the details',
    startsRun: false,
    canRecur: false,
    isOnRun: false,
    transition: null,
  },
  go: {
    rules: [isAwaitingGo, isNotExpired, isRequester],
    people: everyone,
    words: 'press Go',
    startsRun: true,
    canRecur: false,
    isOnRun: false,
    transition: go,
  },
}

/** Who asks for what, on the release as it is locked. */
export interface Asked {
  readonly action: Action
  readonly environment: Environment
  readonly release: Release
  readonly person: Person
  /** The store's time. */
  readonly now: Date
}

const DENIALS: readonly Gate[] = ['not_an_approver', 'not_a_qa', 'not_allowed']

/** Asks every rule of the action; the first refusal is the answer. Nobody is denied a right that Slack could not tell. */
export function refusal({ action, ...asked }: Asked): Refusal | undefined {
  const { rules, words, isOnRun, people: peopleOf } = ACTIONS[action]
  const people = peopleOf(asked.environment)
  for (const rule of rules) {
    const refused = rule({ ...asked, people, words, isOnRun })
    if (refused === undefined) continue
    const { unknownGroups = [] } = asked.person
    const isUnsure =
      DENIALS.includes(refused.gate) && people !== EVERYONE && people.some((entry) => unknownGroups.includes(entry))
    return isUnsure ? { gate: 'not_a_member', why: 'Slack did not answer' } : refused
  }
  return undefined
}

/** By which right `refusal` has allowed it: as `rightFrom` says it or, for what is the requester's, `the requester`. */
export function rightTo({ action, environment, release, person }: Omit<Asked, 'now'>): string {
  const { rules, people } = ACTIONS[action]
  const isTheirs = rules.includes(isRequesterOrHasPermission) || rules.includes(isRequester)
  if (isTheirs && release.requester.id === person.id) return 'the requester'
  return rightFrom(people(environment), person) ?? 'unknown'
}
