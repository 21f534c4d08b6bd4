/**
 * The table of actions that a person can take on a release: who may take each, under which rules, and what it changes.
 * The row of the same name in `slack/actions.ts` has its button, dialogs and answers.
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
  permissionSource,
  qaPeople,
} from './policy.ts'
import type { Gate, Refusal } from './refusals.ts'
import type { Release } from './release.ts'
import {
  asksForQaAsAWhole,
  asksForQaOfChanges,
  canBeCancelled,
  canBePlannedAgain,
  didNotDeclareEmergency,
  didNotWriteEveryCommit,
  hasItsSignOffs,
  hasNotSigned,
  hasPermission,
  hasQaPermission,
  isAwaitingGo,
  isMarkable,
  isNotExpired,
  isNotRequester,
  isRefusedByChecks,
  isRequester,
  isRequesterOrHasPermission,
  isScheduled,
  isUndecided,
  isUndecidedOrAfterEmergency,
  needsAttention,
  type Rule,
  waitsForTime,
} from './rules.ts'
import type { Environment } from './settings.ts'
import { SIGN_OFF_KINDS } from './terms.ts'
import {
  cancel,
  changeTime,
  close,
  go,
  mark,
  retry,
  sign,
  startNow,
  type Transition,
  testChanges,
} from './transitions/index.ts'

/** Every action's name. A sign-off's name is its stored kind. */
export const ACTION_NAMES = [
  ...SIGN_OFF_KINDS,
  'cancel',
  'retry',
  'close',
  'plan again',
  'plan for an emergency',
  'details',
  'go',
  'start now',
  'change time',
  'mark bad',
  'mark good',
  'roll back',
  'test changes',
] as const

export type Action = (typeof ACTION_NAMES)[number]

/** The action creates a new release of the same environment, which replaces this one. */
export interface Replacement {
  /** Checks that have not passed don't refuse the new release: its card asks for an emergency instead. */
  readonly forEmergency: boolean
}

export interface ActionDefinition {
  /** Checked in this order; the first refusal is the answer. */
  readonly rules: readonly Rule[]
  /** Who may take it. A rule says whether the requester may too. */
  readonly people: PeopleOf
  /** Completes "You can't …". */
  readonly words: string
  /** It can start a run, so it is refused when the configuration has changed since the request. */
  readonly startsRun: boolean
  /** It can happen more than once in a release's life, so only the delivery's key tells a repeat from a new press. */
  readonly canRecur: boolean
  /** It acts on the run, which the sign-offs say nothing about: `already_decided` then doesn't name who signed. */
  readonly isOnRun: boolean
  /** The requester may do it also while Slack gives no answer about them, because stopping is always safe. */
  readonly isSafeUnverified?: true
  /** What it does once it is allowed; null: it only shows something. */
  readonly transition: Transition | Replacement | null
}

export const ACTIONS: Readonly<Record<Action, ActionDefinition>> = {
  qa: {
    rules: [
      isUndecidedOrAfterEmergency,
      isNotExpired,
      hasQaPermission,
      didNotDeclareEmergency,
      asksForQaAsAWhole,
      hasNotSigned('qa'),
    ],
    people: qaPeople,
    words: 'confirm that QA passed',
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
    words: 'confirm that the migrations were discussed',
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
    words: 'send it out as an emergency',
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
    isSafeUnverified: true,
    transition: cancel,
  },
  retry: {
    rules: [needsAttention, isRequesterOrHasPermission, hasItsSignOffs],
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
  'start now': {
    rules: [isScheduled, isNotExpired, isRequesterOrHasPermission],
    people: approvers,
    words: 'start it now',
    startsRun: true,
    canRecur: false,
    isOnRun: false,
    transition: startNow,
  },
  'change time': {
    rules: [waitsForTime, isNotExpired, isRequesterOrHasPermission],
    people: approvers,
    words: 'change its time',
    startsRun: false,
    canRecur: true,
    isOnRun: false,
    transition: changeTime,
  },
  'mark bad': {
    rules: [hasPermission, isMarkable('bad')],
    people: approvers,
    words: 'mark it as bad',
    startsRun: false,
    canRecur: true,
    isOnRun: true,
    transition: mark('bad'),
  },
  'mark good': {
    rules: [hasPermission, isMarkable('good')],
    people: approvers,
    words: 'mark it as good',
    startsRun: false,
    canRecur: true,
    isOnRun: true,
    transition: mark('good'),
  },
  'roll back': {
    rules: [],
    people: everyone,
    words: 'roll back',
    startsRun: false,
    canRecur: false,
    isOnRun: false,
    transition: null,
  },
  'test changes': {
    rules: [isUndecidedOrAfterEmergency, isNotExpired, hasQaPermission, didNotDeclareEmergency, asksForQaOfChanges],
    people: qaPeople,
    words: 'confirm that changes were tested',
    startsRun: true,
    // What it records is recorded once, however often the delivery comes.
    canRecur: false,
    isOnRun: false,
    transition: testChanges,
  },
}

/** Who wants to take which action, with the release as it is locked. */
export interface Attempt {
  readonly action: Action
  readonly environment: Environment
  readonly release: Release
  readonly person: Person
  /** The store's time. */
  readonly now: Date
}

const DENIALS: readonly Gate[] = ['not_an_approver', 'not_a_qa', 'not_allowed']

/**
 * Checks the action's rules in order and returns the first refusal. When Slack could not list a group that would give
 * the person the permission, the refusal says that Slack did not answer, and not that they lack it.
 */
export function refusal({ action, ...attempt }: Attempt): Refusal | undefined {
  const { rules, words, isOnRun, people: peopleOf } = ACTIONS[action]
  const people = peopleOf(attempt.environment, attempt.release)
  for (const rule of rules) {
    const refused = rule({ ...attempt, people, words, isOnRun })
    if (refused === undefined) continue
    const { unknownGroups = [] } = attempt.person
    const isUnsure =
      DENIALS.includes(refused.gate) && people !== EVERYONE && people.some((entry) => unknownGroups.includes(entry))
    return isUnsure ? { gate: 'not_a_member', why: 'Slack did not answer' } : refused
  }
  return undefined
}

/**
 * Where the permission for an allowed action came from: as `permissionSource` gives it, `the requester`, or `unverified`
 * where Slack gave no answer about the requester. It is stored.
 */
export function permissionFor({ action, environment, release, person }: Omit<Attempt, 'now'>): string {
  if (person.isUnverified) return 'unverified'
  const { rules, people } = ACTIONS[action]
  const requesterMay = rules.includes(isRequesterOrHasPermission) || rules.includes(isRequester)
  if (requesterMay && release.requester.id === person.id) return 'the requester'
  return permissionSource(people(environment, release), person) ?? 'unknown'
}
