/**
 * The entry point for commands and buttons. Each call looks the person up, then decides and records in one transaction.
 * Refusals are values. Every call is safe to repeat.
 */

import { defined } from '../lib/defined.ts'
import { ACTIONS, type Action, permissionFor, type Replacement, refusal } from './actions.ts'
import { currentConfiguration, isSameConfiguration } from './configuration.ts'
import { applyDeadlines } from './deadlines.ts'
import { deployedNow } from './deployed.ts'
import { emergencyDenied, withWaysOut } from './environment-frozen.ts'
import { applyLockDeadlines } from './lock-deadlines.ts'
import { createLockService, type LockService } from './lock-service.ts'
import { isUnanswered } from './look-up-member.ts'
import { groupsAtThisMoment, groupsOf, type Person } from './policy.ts'
import type { Directory } from './ports/directory.ts'
import type { Store } from './ports/store.ts'
import type { ServiceWords } from './ports/words.ts'
import { createReceiptService, type ReceiptService } from './receipt-service.ts'
import type { Refusal, Refused } from './refusals.ts'
import type { Release } from './release.ts'
import { type RequestCommand, type Requested, requestRelease } from './request.ts'
import { namedTarget, type RollbackChoices, type RollbackCommand, rollbackChoices } from './rollback.ts'
import { isDue } from './schedule.ts'
import { type App, type Environment, findApp, findEnvironment, namesNear } from './settings.ts'
import { type EnvironmentsStatus, environmentsStatus } from './status.ts'
import type { PersonName } from './terms.ts'
import { type ActionRequest, nameOf, type Replacing, type Transition } from './transitions/index.ts'
import { showMissingWorkers } from './worker-missing.ts'
import { findMissingWorker } from './workers.ts'

/** The release after the action, or why nothing was changed. */
export type Done = { readonly release: Release } | Refused

/** The release after the action or, if the action replaced it, the new one. */
export type ActionOutcome = Done | Requested

export interface ReleaseService {
  /** Creates a release and its planning job. Refuses unknown names, busy environments and unreachable channels. */
  request(command: RequestCommand): Promise<Requested>
  /**
   * Requests a rollback, as `request` does a release. Refuses an empty reason, and to go back to what was never proven
   * there or is marked as bad.
   */
  requestRollback(command: RollbackCommand): Promise<Requested>
  /** What a person can choose from for a rollback, as the store knows it. Refuses people who may not request one. */
  rollbackChoices(asked: { app: string; environment: string; by: string }): Promise<RollbackChoices | Refused>
  /** Enqueues a preview: a plan that only this person sees and that changes nothing. */
  preview(asked: {
    app: string
    environment: string
    by: string
    key: string
    responseUrl?: string
  }): Promise<{ asked: true } | Refused>
  /**
   * Takes an action of `actions.ts` on a release. Refuses what the action's rules refuse, and to start a run when the
   * configuration has changed since the request. `noWorker` is set as for a request if a new release is created.
   */
  act(action: Action, request: ActionRequest): Promise<ActionOutcome>
  /** Whether the rules allow the action now, for a modal that is about to open. Changes nothing. */
  may(action: Action, request: ActionRequest): Promise<Done>
  /** `all`: the lock over all environments, while there is one. */
  status(): Promise<EnvironmentsStatus>
  /** Releases, the newest first; ten by default. */
  history(filter: { app?: string; environment?: string; before?: number; limit?: number }): Promise<readonly Release[]>
  /** Refuses a person who may not read about releases: anyone but a full member. */
  mayRead(by: string): Promise<Refused | undefined>
  /** Applies the deadlines, by the store's clock. The bot calls it every 30 seconds. */
  tick(): Promise<void>
  readonly locks: LockService
  readonly receipts: ReceiptService
}

/** Creates the service. `apps` is what the bot's releases.yml declares. */
export function createReleaseService(ports: {
  store: Store
  directory: Directory
  apps: readonly App[]
  services: Pick<ServiceWords, 'platforms'>
  /** Of people whose own is unknown. */
  timeZone?: string
  /** False: `releases.yml` says that nobody gets direct messages. */
  directMessages?: boolean
}): ReleaseService {
  const { store, directory, apps, services, timeZone = 'UTC' } = ports

  function find(appName: string, environmentName: string): { app: App; environment: Environment } | Refused {
    const app = findApp(apps, appName)
    if (app === undefined) return { refused: { gate: 'unknown_app', asked: appName, names: namesNear(appName, apps) } }
    const environment = findEnvironment(app, environmentName)
    if (environment === undefined) {
      const names = namesNear(environmentName, app.environments)
      return { refused: { gate: 'unknown_environment', asked: environmentName, app: appName, names } }
    }
    return { app, environment }
  }

  /** Slack said nothing about somebody's rights; with its code, where that is because it refuses our token. */
  function unanswered(): Refusal {
    return { gate: 'not_a_member', why: 'Slack did not answer', ...defined({ error: directory.refusedBy?.() }) }
  }

  /** Looks the person up in Slack at every call: neither the payload nor an earlier answer is trusted. */
  async function member(id: string, groups: readonly string[]): Promise<Person | Refused> {
    const found = await directory.person(id)
    if (found.is === 'unknown') return { refused: unanswered() }
    if (found.is === 'not a member') return { refused: { gate: 'not_a_member', why: found.why } }
    const members = await Promise.all(groups.map((handle) => directory.groupMembers(handle)))
    return {
      id,
      name: found.name,
      timeZone: found.timeZone ?? timeZone,
      ...defined({ email: found.email }),
      groups: groups.filter((_, index) => members[index]?.includes(id)),
      groupMembers: Object.fromEntries(
        groups.flatMap((handle, index) => (members[index] === undefined ? [] : [[handle, members[index]]])),
      ),
      unknownGroups: groups.filter((_, index) => members[index] === undefined),
    }
  }

  /** As `member`. `safeFor`: the person who may act also while Slack gives no answer about them. */
  async function personFor(
    id: string,
    groups: readonly string[],
    safeFor: PersonName | undefined,
  ): Promise<Person | Refused> {
    const person = await member(id, groups)
    if (!('refused' in person) || safeFor?.id !== id || !isUnanswered(person.refused)) return person
    return { id, name: safeFor.name, groups: [], isUnverified: true }
  }

  /** Locks the release, checks the rules and makes the transition in one transaction. null: only checks. */
  async function change(action: Action, asked: ActionRequest, transition: Transition | null): Promise<Done> {
    const { startsRun, canRecur, isSafeUnverified } = ACTIONS[action]
    const { release: number, by, key } = asked
    const known = await store.release(number)
    if (known === undefined) return { refused: { gate: 'unknown_release', number } }
    const found = find(known.app, known.environment)
    if ('refused' in found) return found
    const { environment } = found
    const person = await personFor(by, groupsOf(environment), isSafeUnverified && known.requester)
    if ('refused' in person) return person
    const isKeyed = key !== undefined && canRecur
    const isDone =
      isKeyed && (await store.events(number)).some(({ data }) => 'delivery' in data && data.delivery === key)
    const refused = await store.transaction(async (tx): Promise<Refused | undefined> => {
      // Rows are locked in one order, the environment's first: the transition may need it to start the run.
      await tx.lockEnvironment(known.app, known.environment)
      const release = await tx.lockRelease(number)
      if (release === undefined) return { refused: { gate: 'unknown_release', number } }
      const refusedBy = refusal({ action, environment, release, person, now: tx.now })
      if (refusedBy !== undefined) return { refused: isUnanswered(refusedBy) ? unanswered() : refusedBy }
      // A newer attempt since the first read may come from this same delivery, handled by another process.
      if (isDone || (isKeyed && release.attempt !== known.attempt)) {
        return { refused: { gate: 'already_decided', number, state: release.state, by: nameOf(person) } }
      }
      if (startsRun && !isSameConfiguration(release.configuration, environment)) {
        return { refused: { gate: 'configuration_differs', app: release.app, environment: release.environment } }
      }
      const attribution = { name: person.name, right: permissionFor({ action, environment, release, person }) }
      const groups = groupsAtThisMoment(ACTIONS[action].people(environment), person)
      return transition?.(tx, { release, environment, person, request: asked, attribution, groups })
    })
    if (refused !== undefined) return refused
    const release = await store.release(number)
    return release === undefined ? { refused: { gate: 'unknown_release', number } } : { release }
  }

  async function replace(action: Action, asked: ActionRequest, { forEmergency }: Replacement): Promise<Requested> {
    // A release is replaced only once, so without a delivery its number identifies the request.
    const { release: number, by, key = `replaces ${asked.release}` } = asked
    const old = await store.release(number)
    if (old === undefined) return { refused: { gate: 'unknown_release', number } }
    const found = find(old.app, old.environment)
    if ('refused' in found) return found
    const { environment } = found
    const person = await member(by, [])
    if ('refused' in person) return person
    const { app, environment: name, kind, reason, picks, rollback, schedule } = old
    // A time that is still to come is kept; after it, a new release starts once nothing is owed, as people ask for it now.
    const at = schedule !== undefined && !isDue(old, await store.now()) ? { picked: schedule.at } : undefined
    const command = { app, environment: name, kind, by, key, ...defined({ reason, picks, rollback, at }) }
    return requestFor(command, environment, person, {
      replaces: number,
      forEmergency,
      refusal: (release, now) => refusal({ action, environment, release, person, now }),
    })
  }

  /** Requests it. What a refused person can do about a freeze depends on who they are. */
  async function requestFor(
    command: RequestCommand,
    environment: Environment,
    person: Person,
    replacing?: Replacing,
  ): Promise<Requested> {
    const outcome = await requestRelease(ports, command, { environment, person }, replacing)
    if (!('refused' in outcome) || outcome.refused.gate !== 'environment_frozen') return outcome
    const inGroups = await member(command.by, groupsOf(environment))
    if ('refused' in inGroups) return outcome
    return { refused: withWaysOut(outcome.refused, environment, inGroups, await store.now()) }
  }

  /** Who requests a release; for an emergency only those who may declare one. */
  async function requester(
    { by, forEmergency }: { readonly by: string; readonly forEmergency?: true },
    environment: Environment,
  ): Promise<Person | Refused> {
    const person = await member(by, forEmergency ? groupsOf(environment) : [])
    if ('refused' in person) return person
    const denied = forEmergency && emergencyDenied(environment, person)
    if (denied) return { refused: denied.gate === 'not_a_member' ? unanswered() : denied }
    return person
  }

  return {
    async request(command) {
      const found = find(command.app, command.environment)
      if ('refused' in found) return found
      const person = await requester(command, found.environment)
      if ('refused' in person) return person
      return requestFor(command, found.environment, person)
    },

    async requestRollback({ app, environment, to, reason, lock, ...asked }) {
      const found = find(app, environment)
      if ('refused' in found) return found
      const person = await requester(asked, found.environment)
      if ('refused' in person) return person
      const why = reason.trim()
      if (why === '') return { refused: { gate: 'reason_too_short', least: 1 } }
      const target = to === undefined ? undefined : await namedTarget(store, { app, environment }, to)
      if (target !== undefined && 'refused' in target) return target
      const rollback = { lock, ...defined({ to }) }
      const command = { app, environment, kind: 'rollback' as const, reason: why, rollback, ...asked }
      return requestFor(command, found.environment, person)
    },

    async rollbackChoices({ app, environment, by }) {
      const found = find(app, environment)
      if ('refused' in found) return found
      const person = await member(by, [])
      if ('refused' in person) return person
      const live = await deployedNow(store, found.environment, services.platforms[found.environment.remote.platform])
      return rollbackChoices(store, { app, environment }, live)
    },

    async preview(asked) {
      const found = find(asked.app, asked.environment)
      if ('refused' in found) return found
      const person = await member(asked.by, [])
      if ('refused' in person) return person
      const missing = await findMissingWorker(store, found.environment)
      if (missing) return { refused: { gate: 'no_worker', ...missing } }
      const configuration = await currentConfiguration(store, found.environment)
      await store.transaction((tx) =>
        tx.enqueue({
          kind: 'preview',
          id: asked.key,
          app: asked.app,
          environment: asked.environment,
          configuration,
          user: person.id,
          asked: tx.now.toISOString(),
          ...defined({ responseUrl: asked.responseUrl }),
        }),
      )
      return { asked: true }
    },

    act(action, asked) {
      const { transition } = ACTIONS[action]
      return transition === null || typeof transition === 'function'
        ? change(action, asked, transition)
        : replace(action, asked, transition)
    },

    may: (action, asked) => change(action, asked, null),

    status: () => environmentsStatus({ store, apps, services }),

    history: (filter) => store.releases({ limit: 10, ...filter }),

    async mayRead(by) {
      const person = await member(by, [])
      return 'refused' in person ? person : undefined
    },

    async tick() {
      // Each is independent of the other's errors.
      const rounds = [applyDeadlines(ports), applyLockDeadlines(store), showMissingWorkers(ports)]
      for (const each of await Promise.allSettled(rounds)) if (each.status === 'rejected') throw each.reason
    },

    locks: createLockService({ ...ports, environments: apps.flatMap((each) => each.environments), member, unanswered }),
    receipts: createReceiptService({ store, personFor }),
  }
}
