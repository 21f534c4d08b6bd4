/**
 * Who may take which action, and which sign-offs a release still needs. No I/O. `rules.ts` builds on these facts, and
 * `actions.ts` lists the rules of each action.
 */

import { type OwedChanges, owedChanges } from './changes.ts'
import { isRollbackToBeDiscussed } from './old-code.ts'
import { type CheckStatus, haveAllPassed, type Plan } from './plan.ts'
import type { PlannedMigration } from './planned-migration.ts'
import { type DisputedSignOff, isEmergency, type Release, type SignOff } from './release.ts'
import type { RollbackPlan } from './rollback-plan.ts'
import type { Environment, MigrationSettings } from './settings.ts'
import { asksForEachChange, neededCounts } from './sign-off-counts.ts'
import type { SignOffKind } from './terms.ts'

/** A full member of the workspace, with those of the environment's groups (handles with `@`) that they belong to. */
export interface Person {
  readonly id: string
  readonly name: string
  readonly email?: string
  /** Their own time zone, else that of releases.yml. */
  readonly timeZone?: string
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
  /** Which databases' migrations are to be discussed, where the environment has several. */
  readonly databases?: readonly string[]
  /** Of QA that is asked for each change: how many are untested, and whose. Then `count` is 1: one person may test all. */
  readonly changes?: OwedChanges
}

export const EVERYONE = 'every full member'

/** Who may take an action, with a release if it depends on that. Without a list or without `sign_off`: every full member. */
export type PeopleOf = (environment: Environment, release?: Release) => PeopleList

export const everyone: PeopleOf = () => EVERYONE

export const approvers: PeopleOf = ({ signOff }) => signOff?.approvers ?? EVERYONE

export const qaPeople: PeopleOf = ({ signOff }) => signOff?.qaBy ?? EVERYONE

/** Who may confirm a discussion of migrations: one that the release still needs, else any. */
export const migrationApprovers: PeopleOf = (environment, release) => {
  const open = release === undefined ? [] : owedDiscussions(environment, release).map(({ by }) => by)
  const all = environment.migrations.map((each) => discussedBy(environment, each))
  return anyOf(open.length > 0 ? open : all.length > 0 ? all : [approvers(environment)])
}

/** Who may approve or confirm QA. */
export const approversAndQa: PeopleOf = (environment) => anyOf([approvers(environment), qaPeople(environment)])

/** Everyone on one of the lists. */
function anyOf(lists: readonly PeopleList[]): PeopleList {
  const named: string[] = []
  for (const list of lists) {
    if (list === EVERYONE) return EVERYONE
    named.push(...list)
  }
  return [...new Set(named)]
}

/** Who may lock and unlock an environment: without `sign_off` everyone, else those who may approve. */
export const lockPeople: PeopleOf = approvers

/** Who may lock all environments, and unlock them: those who may approve in one that needs sign-offs. */
export function stopSwitchPeople(environments: readonly Environment[]): PeopleList {
  const signed = environments.filter(({ signOff }) => signOff !== undefined)
  return signed.length === 0 ? EVERYONE : anyOf(signed.map((each) => approvers(each)))
}

export const emergencyPeople: PeopleOf = (environment) => environment.signOff?.emergencyBy ?? approvers(environment)

/** Who may take over a lock: also those who may declare an emergency, which a lock holds back too. */
export const takeOverPeople: PeopleOf = (environment) => anyOf([lockPeople(environment), emergencyPeople(environment)])

/** Every group handle in the environment's lists. A person's membership is looked up for each. */
export function groupsOf(environment: Environment): readonly string[] {
  const rules = environment.signOff
  const lists = [
    rules?.approvers,
    rules?.qaBy,
    rules?.emergencyBy,
    ...environment.migrations.map((each) => each.approvers),
  ]
  return [...new Set(lists.flatMap((list) => list ?? []).filter((entry) => entry.startsWith('@')))]
}

/** Where a person's permission comes from: `every full member`, or `named by id` and the groups' handles, comma-separated. */
export function permissionSource(list: PeopleList, person: Person): string | undefined {
  if (list === EVERYONE) return EVERYONE
  const byId = list.includes(person.id) ? ['named by id'] : []
  const sources = [...byId, ...list.filter((entry) => person.groups.includes(entry))]
  return sources.length === 0 ? undefined : sources.join(', ')
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

/** A discussion that one of `by` must confirm. */
export interface Discussion {
  readonly by: PeopleList
  /** The names of the databases that it is about; empty if the environment has one. */
  readonly databases: readonly string[]
}

/** Who may confirm that the migrations of this entry were discussed. */
export function discussedBy({ signOff }: Environment, { approvers }: MigrationSettings): PeopleList {
  return signOff === undefined ? EVERYONE : (approvers ?? signOff.approvers ?? EVERYONE)
}

/** The discussions that the plan needs: one for each set of people, in the order of the databases. */
export function discussions(
  environment: Environment,
  { plan }: { readonly plan?: Pick<Plan, 'migrations' | 'rollback'> },
): readonly Discussion[] {
  if (plan?.rollback !== undefined) return rollbackDiscussions(environment, plan.rollback)
  return discussionsOf(environment, (entry) =>
    migrationsOf(environment, entry, plan?.migrations ?? []).some((migration) => isToBeDiscussed(entry, migration)),
  )
}

/** Of those who own the databases or, where it is about none, of the approvers. Where nobody signs, only what entries name. */
function rollbackDiscussions(environment: Environment, rollback: RollbackPlan): readonly Discussion[] {
  const ofDatabases = discussionsOf(environment, (entry) => isRollbackToBeDiscussed(environment, entry, rollback))
  const isOther = rollback.unknowns.some(({ what }) => what === 'commits' || what === 'runs')
  if (environment.signOff === undefined || !isOther || ofDatabases.length > 0) return ofDatabases
  return [{ by: approvers(environment), databases: [] }]
}

function discussionsOf(
  environment: Environment,
  isNeeded: (entry: MigrationSettings) => boolean,
): readonly Discussion[] {
  const needed = new Map<string, Discussion>()
  for (const entry of environment.migrations) {
    if (!isNeeded(entry)) continue
    const by = discussedBy(environment, entry)
    const key = JSON.stringify(by === EVERYONE ? by : [...by].sort())
    const databases = [...(needed.get(key)?.databases ?? []), ...(entry.name === undefined ? [] : [entry.name])]
    needed.set(key, { by, databases })
  }
  const all = [...needed.values()]
  return environment.migrations.length > 1 ? all : all.map(({ by }) => ({ by, databases: [] }))
}

/** The discussions that no sign-off on the release's fingerprint confirms. */
function owedDiscussions(environment: Environment, release: Release): readonly Discussion[] {
  const given = release.signOffs.filter(
    ({ kind, fingerprint }) => kind === 'talked over' && fingerprint === release.fingerprint,
  )
  const all = discussions(environment, release)
  // With one set of people, only they could sign.
  if (all.length === 1 && given.length > 0) return []
  return all.filter(({ by }) => !given.some((signOff) => isBy(by, signOff)))
}

/** The migrations of the plan that belong to one entry. */
function migrationsOf(
  environment: Environment,
  { name }: MigrationSettings,
  migrations: readonly PlannedMigration[],
): readonly PlannedMigration[] {
  return environment.migrations.length > 1 ? migrations.filter(({ database }) => database === name) : migrations
}

/** Checks every finding, not only the worst: a migration that destroys data may also lock. */
function isToBeDiscussed({ talkItOver }: MigrationSettings, { risk, findings = [] }: PlannedMigration): boolean {
  return [risk, ...findings.map((each) => each.risk)].some((each) => each !== undefined && talkItOver.includes(each))
}

/** Whether one of the permissions that the sign-off was given with comes from this list. */
function isBy(list: PeopleList, { person, right }: SignOff): boolean {
  if (list === EVERYONE) return true
  return right.split(', ').some((each) => (each === 'named by id' ? list.includes(person.id) : list.includes(each)))
}

/** A plan without changes is asked about as a whole. */
function owedQa(environment: Environment, release: Release): Owed {
  const { qa } = neededCounts(environment, release.kind)
  const of = { kind: 'qa' as const, by: qaPeople(environment) }
  if (!asksForEachChange(environment, release)) {
    return { ...of, count: (qa === 'each change' ? 1 : qa) - validSignOffs(release, 'qa').length }
  }
  const changes = owedChanges(release)
  return { ...of, count: Math.min(changes.untested, 1), changes }
}

/**
 * The sign-offs that the release's fingerprint still lacks, in the order in which the card asks for them. An emergency
 * waives them for `canProceed`, but they stay listed here.
 */
export function owed(environment: Environment, release: Release): readonly Owed[] {
  const { approvals } = neededCounts(environment, release.kind)
  if (release.plan === undefined) return []
  const all: Owed[] = [
    ...owedDiscussions(environment, release).map(
      ({ by, databases }): Owed => ({ kind: 'talked over', count: 1, by, ...(databases.length > 0 && { databases }) }),
    ),
    owedQa(environment, release),
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
  { plan }: { readonly plan?: Pick<Plan, 'checks' | 'rollback'> },
): readonly CheckStatus[] | undefined {
  if (environment.signOff?.requireChecks !== true || plan === undefined || plan.rollback !== undefined) return undefined
  return haveAllPassed(plan.checks) ? undefined : plan.checks
}

/** Whether the run may start as far as sign-offs go: all are given, or it is an emergency. */
export function canProceed(environment: Environment, release: Release): boolean {
  return isEmergency(release) || owed(environment, release).length === 0
}

/**
 * The last void sign-off of a release that lacks what it was approved with; undefined where it has all that it needs. `owing`:
 * as `owed` gives it.
 */
export function lackingDisputed(release: Release, owing: readonly Owed[]): DisputedSignOff | undefined {
  return isEmergency(release) || owing.length === 0 ? undefined : release.disputed?.at(-1)
}

/** Whether one more sign-off of this kind is the last one, which the button then asks to confirm. */
export function isLastOwed(owing: readonly Owed[], kind: Owed['kind']): boolean {
  const [only, ...others] = owing.filter(({ count }) => count > 0)
  return only?.kind === kind && only.count === 1 && others.length === 0
}
