/**
 * Whose right an action is, and what a release still needs from people. No I/O: people, state and environment are handed
 * in. `rules.ts` builds on these facts, and `actions.ts` says which rules each action has.
 */

import { awaitsGo } from './hotfix.ts'
import { type CheckStatus, haveAllPassed, type Plan } from './plan.ts'
import type { Refusal } from './refusals.ts'
import { isEmergency, type Release } from './release.ts'
import type { Environment } from './settings.ts'
import type { SignOffKind } from './terms.ts'

/** A full member of the workspace, with the groups of the environment's lists that they belong to (handles with `@`). */
export interface Person {
  readonly id: string
  readonly name: string
  readonly email?: string
  readonly groups: readonly string[]
  /** Groups of those lists whose members Slack did not tell: a right that only they could give can't be denied. */
  readonly unknownGroups?: readonly string[]
}

/** Group handles and user ids, or everybody who is a full member of the workspace. */
export type PeopleList = readonly string[] | 'every full member'

/** What is still owed before a release may go on or, after an emergency, afterwards. */
export interface Owed {
  readonly kind: 'qa' | 'approval' | 'talked over'
  readonly count: number
  readonly by: PeopleList
}

export const EVERYONE = 'every full member'

/** Whose right an action is in an environment. Absent lists, and environments without `sign_off`, mean every full member. */
export type PeopleOf = (environment: Environment) => PeopleList

export const everyone: PeopleOf = () => EVERYONE

export const approvers: PeopleOf = ({ signOff }) => signOff?.approvers ?? EVERYONE

export const qaPeople: PeopleOf = ({ signOff }) => signOff?.qaBy ?? EVERYONE

/** Those who may say that migrations were discussed. */
export const migrationApprovers: PeopleOf = (environment) =>
  environment.signOff === undefined ? EVERYONE : (environment.migrations?.approvers ?? approvers(environment))

/** Whoever may approve or say QA passed. */
export const approversAndQa: PeopleOf = (environment) => {
  const [first, second] = [approvers(environment), qaPeople(environment)]
  return first === EVERYONE || second === EVERYONE ? EVERYONE : [...new Set([...first, ...second])]
}

export const emergencyPeople: PeopleOf = (environment) => environment.signOff?.emergencyBy ?? approvers(environment)

/** Every group handle that the environment's lists name: what has to be looked up for a person. */
export function groupsOf(environment: Environment): readonly string[] {
  const rules = environment.signOff
  const lists = [rules?.approvers, rules?.qaBy, rules?.emergencyBy, environment.migrations?.approvers]
  return [...new Set(lists.flatMap((list) => list ?? []).filter((entry) => entry.startsWith('@')))]
}

/** Where a person's right comes from: a group's handle, `named by id`, or `every full member`. */
export function rightFrom(list: PeopleList, person: Person): string | undefined {
  if (list === EVERYONE) return EVERYONE
  if (list.includes(person.id)) return 'named by id'
  return list.find((entry) => person.groups.includes(entry))
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
 * `canProceed` then does not wait for it.
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

/** Whether **Must go out now…** can be said there: only on a card that asks for sign-offs, by somebody. */
export function allowsEmergency(environment: Environment): boolean {
  return environment.signOff !== undefined && emergencyPeople(environment).length > 0
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
export function canProceed(environment: Environment, release: Release): boolean {
  return isEmergency(release) || owed(environment, release).length === 0
}

/** Whether one more word of this kind would leave nothing owed: such a click is confirmed first. */
export function isLastOwed(owing: readonly Owed[], kind: Owed['kind']): boolean {
  const [only, ...others] = owing.filter(({ count }) => count > 0)
  return only?.kind === kind && only.count === 1 && others.length === 0
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
