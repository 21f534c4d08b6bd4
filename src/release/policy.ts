/**
 * Who may do what, as small named rules over facts. No I/O: people, state and the store's time are handed in.
 * Each rule gives a refusal or nothing; a list of them is asked from the first to the last.
 */

import { awaitsGo } from './hotfix.ts'
import { type CheckStatus, haveAllPassed, type Plan } from './plan.ts'
import type { Gate, Refusal } from './refusals.ts'
import { isEmergency, type Release } from './release.ts'
import type { Environment } from './settings.ts'
import { hasEnded, type SignOffKind } from './terms.ts'

/** A full member of the workspace, with the groups of the environment's lists that they belong to (handles with `@`). */
export interface Person {
  readonly id: string
  readonly name: string
  readonly email?: string
  readonly groups: readonly string[]
  /** Groups of those lists whose members Slack did not tell: a right that only they could give can't be denied. */
  readonly unknownGroups?: readonly string[]
}

/** What is still owed before a release may go on or, after an emergency, afterwards. */
export interface Owed {
  readonly kind: 'qa' | 'approval' | 'talked over'
  readonly count: number
  /** Group handles and user ids. */
  readonly by: readonly string[] | 'every full member'
}

export type Action =
  | 'qa'
  | 'approval'
  | 'talked over'
  | 'rejection'
  | 'emergency'
  | 'cancel'
  | 'retry'
  | 'close'
  | 'plan again'
  | 'plan for an emergency'
  | 'details'
  | 'go'

export const EVERYONE = 'every full member'

/** The people lists that an action asks for; absent lists and environments without sign_off mean every full member. */
export function whoMay(action: Action, environment: Environment): readonly string[] | 'every full member' {
  const rules = environment.signOff
  if (rules === undefined) return EVERYONE
  const approvers = rules.approvers ?? EVERYONE
  const qaBy = rules.qaBy ?? EVERYONE
  switch (action) {
    case 'qa':
      return qaBy
    case 'approval':
    case 'cancel':
    case 'retry':
    case 'close':
      return approvers
    case 'talked over':
      return environment.migrations?.approvers ?? approvers
    case 'rejection':
      return approvers === EVERYONE || qaBy === EVERYONE ? EVERYONE : [...new Set([...approvers, ...qaBy])]
    case 'emergency':
      return rules.emergencyBy ?? approvers
    case 'plan again':
    case 'plan for an emergency':
    case 'details':
    case 'go':
      return EVERYONE
  }
}

/** Every group handle that the environment's lists name: what has to be looked up for a person. */
export function groupsOf(environment: Environment): readonly string[] {
  const rules = environment.signOff
  const lists = [rules?.approvers, rules?.qaBy, rules?.emergencyBy, environment.migrations?.approvers]
  return [...new Set(lists.flatMap((list) => list ?? []).filter((entry) => entry.startsWith('@')))]
}

/** Where a person's right comes from: a group's handle, `named by id`, or `every full member`. */
export function rightFrom(list: readonly string[] | 'every full member', person: Person): string | undefined {
  if (list === EVERYONE) return EVERYONE
  if (list.includes(person.id)) return 'named by id'
  return list.find((entry) => person.groups.includes(entry))
}

/** By which right `refusal` has allowed it: as `rightFrom` says it or, for what is the requester's, `the requester`. */
export function rightTo(action: Action, { environment, release, person }: Omit<Asked, 'action' | 'now'>): string {
  const isTheirs = RULES[action].some((rule) => rule === isRequesterOrHasTheRight || rule === isTheRequester)
  if (isTheirs && release.requester.id === person.id) return 'the requester'
  return rightFrom(whoMay(action, environment), person) ?? 'unknown'
}

function validSignOffs(release: Release, kind: SignOffKind): readonly string[] {
  return release.signOffs
    .filter((signOff) => signOff.kind === kind && signOff.fingerprint === release.fingerprint)
    .map((signOff) => signOff.person.id)
}

/** Whether the plan has a migration of a kind that must be talked over first. */
export function mustBeTalkedOver(
  environment: Environment,
  release: { readonly plan?: Pick<Plan, 'migrations'> },
): boolean {
  const kinds = environment.migrations?.talkItOver ?? []
  // Not only the worst finding of each: a migration that destroys may lock too.
  return (release.plan?.migrations ?? []).some(({ risk, findings = [] }) =>
    [risk, ...findings.map((each) => each.risk)].some((each) => each !== undefined && kinds.includes(each)),
  )
}

/**
 * What is owed on the release's fingerprint, most pressing first. After an emergency it still tells what was waived;
 * `goesOn` then does not wait for it.
 */
export function owed(environment: Environment, release: Release): readonly Owed[] {
  const { qa, approvals } = environment.signOff ?? { qa: 0, approvals: 0 }
  if (release.plan === undefined) return []
  const all: Owed[] = [
    {
      kind: 'talked over',
      count: (mustBeTalkedOver(environment, release) ? 1 : 0) - validSignOffs(release, 'talked over').length,
      by: whoMay('talked over', environment),
    },
    { kind: 'qa', count: qa - validSignOffs(release, 'qa').length, by: whoMay('qa', environment) },
    {
      kind: 'approval',
      count: approvals - validSignOffs(release, 'approval').length,
      by: whoMay('approval', environment),
    },
  ]
  return all.filter(({ count }) => count > 0)
}

/** Whether **Must go out now…** can be said there: only on a card that asks for sign-offs, by somebody. */
export function mayBeEmergency(environment: Environment): boolean {
  return environment.signOff !== undefined && whoMay('emergency', environment).length > 0
}

/**
 * The checks for which only an emergency lets this plan go; undefined where nothing holds it. They are those of the
 * plan: what has passed since lets it go as usual.
 */
export function heldByChecks(
  environment: Environment,
  { plan }: { readonly plan?: Pick<Plan, 'checks'> },
): readonly CheckStatus[] | undefined {
  if (environment.signOff?.requireChecks !== true || plan === undefined) return undefined
  return haveAllPassed(plan.checks) ? undefined : plan.checks
}

/** Whether nothing that people owe stands before the run. */
export function goesOn(environment: Environment, release: Release): boolean {
  return isEmergency(release) || owed(environment, release).length === 0
}

/** Whether one more word of this kind would leave nothing owed: such a click is confirmed first. */
export function isLastOwed(owing: readonly Owed[], kind: Owed['kind']): boolean {
  const [only, ...others] = owing.filter(({ count }) => count > 0)
  return only?.kind === kind && only.count === 1 && others.length === 0
}

/** What a rule looks at. */
export interface Asked {
  readonly action: Action
  readonly environment: Environment
  readonly release: Release
  readonly person: Person
  /** The store's time. */
  readonly now: Date
}

/** What others read while this release is under way. `link`: the address of its card. */
export function environmentBusy(release: Release, link: string | undefined): Refusal {
  const { number, app, environment, state, requester } = release
  return {
    gate: 'environment_busy',
    number,
    app,
    environment,
    state,
    requester,
    ...(awaitsGo(release) && { waitsForGo: true }),
    ...(link !== undefined && { link }),
  }
}

type Rule = (asked: Asked) => Refusal | undefined

const AFTER_EMERGENCY = ['approved', 'running', 'needs attention', 'succeeded', 'closed']

const ACTION_WORDS: Record<Action, string> = {
  qa: 'say that QA passed',
  approval: 'approve',
  'talked over': 'say that it was talked over',
  rejection: 'reject',
  emergency: 'say that it must go out now',
  cancel: 'cancel',
  retry: 'retry',
  close: 'close',
  'plan again': 'plan again',
  'plan for an emergency': 'plan for an emergency',
  details: 'see the details',
  go: 'let it go',
}

/** Actions on a run: whoever signed has not decided about those. */
const ON_A_RUN: readonly Action[] = ['cancel', 'retry', 'close']

/** Whose word decided it, and when: who ended it, else who asked to cancel it, else who let it go on. */
function alreadyDecided({ action, release }: Asked): Refusal {
  const { number, state, endedBy, endedAt, cancelRequestedBy, signOffs } = release
  const letGo = signOffs.findLast(({ kind }) => kind === 'emergency') ?? signOffs.at(-1)
  const [by, at] = hasEnded(state)
    ? [endedBy, endedAt]
    : cancelRequestedBy
      ? [cancelRequestedBy, undefined]
      : ON_A_RUN.includes(action)
        ? []
        : [letGo?.person, letGo?.at ?? release.approvedAt]
  return { gate: 'already_decided', number, state, ...(by && { by }), ...(at && { at: at.toISOString() }) }
}

const isUndecided: Rule = (asked) => {
  const { action, release } = asked
  if (release.state === 'awaiting sign-off') return undefined
  const owedAfterwards = action === 'qa' || action === 'approval' || action === 'talked over'
  if (owedAfterwards && isEmergency(release) && AFTER_EMERGENCY.includes(release.state)) return undefined
  return alreadyDecided(asked)
}

const isInTime: Rule = ({ release, now }) =>
  release.state === 'awaiting sign-off' && release.expiresAt !== undefined && now >= release.expiresAt
    ? { gate: 'expired', number: release.number, at: release.expiresAt.toISOString() }
    : undefined

function names(list: readonly string[] | 'every full member'): readonly string[] {
  return list === EVERYONE ? [EVERYONE] : list
}

const hasTheRight: Rule = ({ action, environment, person }) => {
  const list = whoMay(action, environment)
  if (rightFrom(list, person) !== undefined) return undefined
  if (action === 'qa') return { gate: 'not_a_qa', who: names(list) }
  return { gate: 'not_an_approver', who: names(list), action: ACTION_WORDS[action] }
}

const isRequesterOrHasTheRight: Rule = (asked) => {
  if (asked.release.requester.id === asked.person.id) return undefined
  const list = whoMay(asked.action, asked.environment)
  if (rightFrom(list, asked.person) !== undefined) return undefined
  return { gate: 'not_allowed', action: ACTION_WORDS[asked.action], who: ['the requester', ...names(list)] }
}

const isNotTheirOwnRelease: Rule = ({ environment, release, person }) =>
  release.requester.id === person.id ? { gate: 'own_release', who: names(whoMay('approval', environment)) } : undefined

const didNotWriteEveryCommit: Rule = ({ environment, release, person }) => {
  const authors = release.plan?.authors ?? []
  const email = person.email?.toLowerCase()
  const wroteAll = authors.length > 0 && authors.every((author) => author.email.toLowerCase() === email)
  return wroteAll ? { gate: 'own_commits', who: names(whoMay('approval', environment)) } : undefined
}

/** What an emergency waived can be given only by others than who said it. */
const didNotSayTheEmergency: Rule = ({ environment, release, person, action }) =>
  release.signOffs.some((signOff) => signOff.kind === 'emergency' && signOff.person.id === person.id)
    ? { gate: 'own_release', who: names(whoMay(action, environment)), asEmergency: true }
    : undefined

const hasNotSigned: Rule = ({ action, release, person }) => {
  const before = release.signOffs.find(
    (signOff) =>
      signOff.kind === action && signOff.person.id === person.id && signOff.fingerprint === release.fingerprint,
  )
  return before && { gate: 'already_signed', kind: before.kind, at: before.at.toISOString() }
}

const mayStillBeCancelled: Rule = (asked) =>
  hasEnded(asked.release.state) || asked.release.state === 'needs attention' || asked.release.cancelRequestedBy
    ? alreadyDecided(asked)
    : undefined

const needsAttention: Rule = (asked) => (asked.release.state === 'needs attention' ? undefined : alreadyDecided(asked))

const mayBePlannedAgain: Rule = (asked) => {
  const { release } = asked
  if (release.replacedBy !== undefined) return alreadyDecided(asked)
  const again = ['failed', 'outdated', 'expired', 'refused', 'cancelled', 'rejected'].includes(release.state)
  const newerWait = release.state === 'awaiting sign-off' && (release.newerCommits ?? 0) > 0
  return again || newerWait ? undefined : alreadyDecided(asked)
}

/** Only what an emergency may waive is planned for one: checks that had not passed, where somebody may say it. */
const stoppedByChecks: Rule = (asked) =>
  asked.release.problem?.because.gate === 'checks_failed' && mayBeEmergency(asked.environment)
    ? undefined
    : alreadyDecided(asked)

const waitsForGo: Rule = (asked) => (awaitsGo(asked.release) ? undefined : alreadyDecided(asked))

const isTheRequester: Rule = ({ release, person }) =>
  release.requester.id === person.id
    ? undefined
    : { gate: 'not_allowed', action: ACTION_WORDS.go, who: [release.requester.id] }

/** The rules of each action, in the order in which they are asked. */
const RULES: Record<Action, readonly Rule[]> = {
  qa: [isUndecided, isInTime, hasTheRight, didNotSayTheEmergency, hasNotSigned],
  approval: [
    isUndecided,
    isInTime,
    hasTheRight,
    didNotSayTheEmergency,
    isNotTheirOwnRelease,
    didNotWriteEveryCommit,
    hasNotSigned,
  ],
  'talked over': [isUndecided, isInTime, hasTheRight, didNotSayTheEmergency, hasNotSigned],
  rejection: [isUndecided, isInTime, hasTheRight],
  emergency: [isUndecided, isInTime, hasTheRight],
  cancel: [mayStillBeCancelled, isRequesterOrHasTheRight],
  retry: [needsAttention, isRequesterOrHasTheRight],
  close: [needsAttention, hasTheRight],
  'plan again': [mayBePlannedAgain],
  'plan for an emergency': [mayBePlannedAgain, stoppedByChecks],
  details: [],
  go: [waitsForGo, isInTime, isTheRequester],
}

const DENIALS: readonly Gate[] = ['not_an_approver', 'not_a_qa', 'not_allowed']

/** Asks every rule of the action; the first refusal is the answer. Nobody is denied a right that Slack could not tell. */
export function refusal(asked: Asked): Refusal | undefined {
  for (const rule of RULES[asked.action]) {
    const refused = rule(asked)
    if (refused === undefined) continue
    const { unknownGroups = [] } = asked.person
    const list = whoMay(asked.action, asked.environment)
    const isUnsure =
      DENIALS.includes(refused.gate) && list !== EVERYONE && list.some((entry) => unknownGroups.includes(entry))
    return isUnsure ? { gate: 'not_a_member', why: 'Slack did not answer' } : refused
  }
  return undefined
}
