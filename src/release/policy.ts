/**
 * Who may take which action, and which sign-offs a release still needs. No I/O. `rules.ts` builds on these facts, and
 * `actions.ts` lists the rules of each action.
 */

import { defined } from '../lib/defined.ts'
import { awaitsGo } from './hotfix.ts'
import { type CheckStatus, haveAllPassed, type Plan } from './plan.ts'
import type { Refusal } from './refusals.ts'
import { isEmergency, type Release } from './release.ts'
import type { Environment } from './settings.ts'
import type { SignOffKind } from './terms.ts'

/** A full member of the workspace, with those of the environment's groups (handles with `@`) that they belong to. */
export interface Person {
  readonly id: string
  readonly name: string
  readonly email?: string
  readonly groups: readonly string[]
  /** The members of each group that Slack listed, by handle. */
  readonly groupMembers?: Readonly<Record<string, readonly string[]>>
  /** Groups whose members Slack did not list: a permission that depends on them is unknown, not denied. */
  readonly unknownGroups?: readonly string[]
  /** Slack gave no answer about them: only what `isSafeUnverified` allows, and only to the requester. */
  readonly isUnverified?: true
}

/** Group handles and user ids, or every full member of the workspace. */
export type PeopleList = readonly string[] | 'every full member'

/** Sign-offs that are missing before the run or, in an emergency, after it. */
export interface Owed {
  readonly kind: 'qa' | 'approval' | 'talked over'
  readonly count: number
  readonly by: PeopleList
}

export const EVERYONE = 'every full member'

/** Who may take an action in an environment. Without a list or without `sign_off`: every full member. */
export type PeopleOf = (environment: Environment) => PeopleList

export const everyone: PeopleOf = () => EVERYONE

export const approvers: PeopleOf = ({ signOff }) => signOff?.approvers ?? EVERYONE

export const qaPeople: PeopleOf = ({ signOff }) => signOff?.qaBy ?? EVERYONE

/** Who may confirm that migrations were discussed. */
export const migrationApprovers: PeopleOf = (environment) =>
  environment.signOff === undefined ? EVERYONE : (environment.migrations?.approvers ?? approvers(environment))

/** Who may approve or confirm QA. */
export const approversAndQa: PeopleOf = (environment) => {
  const [first, second] = [approvers(environment), qaPeople(environment)]
  return first === EVERYONE || second === EVERYONE ? EVERYONE : [...new Set([...first, ...second])]
}

export const emergencyPeople: PeopleOf = (environment) => environment.signOff?.emergencyBy ?? approvers(environment)

/** Every group handle in the environment's lists. A person's membership is looked up for each. */
export function groupsOf(environment: Environment): readonly string[] {
  const rules = environment.signOff
  const lists = [rules?.approvers, rules?.qaBy, rules?.emergencyBy, environment.migrations?.approvers]
  return [...new Set(lists.flatMap((list) => list ?? []).filter((entry) => entry.startsWith('@')))]
}

/** Where a person's permission comes from: a group's handle, `named by id`, or `every full member`. */
export function permissionSource(list: PeopleList, person: Person): string | undefined {
  if (list === EVERYONE) return EVERYONE
  if (list.includes(person.id)) return 'named by id'
  return list.find((entry) => person.groups.includes(entry))
}

/** The members of a group at one moment, as an event stores them. */
export interface GroupMembers {
  readonly handle: string
  /** Absent: Slack did not list them. */
  readonly count?: number
  /** Slack user ids, the person's own first; at most `MOST_RECORDED_MEMBERS`. */
  readonly members?: readonly string[]
}

/** Events are kept for good, and a group may be the whole company. */
export const MOST_RECORDED_MEMBERS = 100

/** Who was in the groups of a people list when the person acted, bounded. Empty for a list without groups. */
export function groupsAtThisMoment(list: PeopleList, { id, groupMembers = {} }: Person): readonly GroupMembers[] {
  if (list === EVERYONE) return []
  return list
    .filter((entry) => entry.startsWith('@'))
    .map((handle) => {
      const members = groupMembers[handle]
      if (members === undefined) return { handle }
      const personFirst = [...members.filter((one) => one === id), ...members.filter((one) => one !== id)]
      return { handle, count: members.length, members: personFirst.slice(0, MOST_RECORDED_MEMBERS) }
    })
}

function validSignOffs(release: Release, kind: SignOffKind): readonly string[] {
  return release.signOffs
    .filter((signOff) => signOff.kind === kind && signOff.fingerprint === release.fingerprint)
    .map((signOff) => signOff.person.id)
}

/** Whether the plan has a migration that the team must discuss first (**Talked over**). */
export function mustBeTalkedOver(
  environment: Environment,
  release: { readonly plan?: Pick<Plan, 'migrations'> },
): boolean {
  const kinds = environment.migrations?.talkItOver ?? []
  // Checks every finding, not only the worst: a migration that destroys data may also lock.
  return (release.plan?.migrations ?? []).some(({ risk, findings = [] }) =>
    [risk, ...findings.map((each) => each.risk)].some((each) => each !== undefined && kinds.includes(each)),
  )
}

/**
 * The sign-offs that the release's fingerprint still lacks, in the order in which the card asks for them. An emergency
 * waives them for `canProceed`, but they stay listed here.
 */
export function owed(environment: Environment, release: Release): readonly Owed[] {
  const { qa, approvals } = environment.signOff ?? { qa: 0, approvals: 0 }
  if (release.plan === undefined) return []
  const all: Owed[] = [
    {
      kind: 'talked over',
      count: (mustBeTalkedOver(environment, release) ? 1 : 0) - validSignOffs(release, 'talked over').length,
      by: migrationApprovers(environment),
    },
    { kind: 'qa', count: qa - validSignOffs(release, 'qa').length, by: qaPeople(environment) },
    {
      kind: 'approval',
      count: approvals - validSignOffs(release, 'approval').length,
      by: approvers(environment),
    },
  ]
  return all.filter(({ count }) => count > 0)
}

/** Whether the environment has **Must go out now…**: it needs sign-offs, and someone may declare an emergency. */
export function allowsEmergency(environment: Environment): boolean {
  return environment.signOff !== undefined && emergencyPeople(environment).length > 0
}

/**
 * The plan's checks, if the environment requires them and they had not all passed at planning; else undefined. Then only
 * an emergency can deploy the release, unless they pass before the run.
 */
export function heldByChecks(
  environment: Environment,
  { plan }: { readonly plan?: Pick<Plan, 'checks'> },
): readonly CheckStatus[] | undefined {
  if (environment.signOff?.requireChecks !== true || plan === undefined) return undefined
  return haveAllPassed(plan.checks) ? undefined : plan.checks
}

/** Whether the run may start as far as sign-offs go: all are given, or it is an emergency. */
export function canProceed(environment: Environment, release: Release): boolean {
  return isEmergency(release) || owed(environment, release).length === 0
}

/** Whether one more sign-off of this kind is the last one, which the button then asks to confirm. */
export function isLastOwed(owing: readonly Owed[], kind: Owed['kind']): boolean {
  const [only, ...others] = owing.filter(({ count }) => count > 0)
  return only?.kind === kind && only.count === 1 && others.length === 0
}

/** The refusal for a request while this release is under way. `link`: the address of its card. */
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
    ...defined({ link }),
  }
}
