/**
 * What people can do with releases: the one way in for commands and buttons. Each call looks people up first, then
 * decides and records in one transaction. Refusals are values. Every call is safe to repeat.
 */

import { nearestFirst } from '../lib/edit-distance.ts'
import { applyDeadlines, missingWorker } from './deadlines.ts'
import {
  type ActionRequest,
  cancel,
  close,
  type Done,
  go,
  nameOf,
  type Refused,
  retry,
  sign,
  type Transition,
} from './deeds.ts'
import { deployedNow } from './deployed.ts'
import { makeRelease, type Replacing, type RequestCommand, type Requested } from './making.ts'
import type { EnvironmentStatus } from './messages.ts'
import { type Action, groupsOf, type Person, refusal } from './policy.ts'
import type { Directory } from './ports/directory.ts'
import type { Store } from './ports/store.ts'
import type { ServiceWords } from './ports/words.ts'
import type { Release } from './release.ts'
import { type App, type Environment, findApp, findEnvironment } from './settings.ts'
import type { SignOffKind } from './terms.ts'

/** What may let a release go: under the rules that it was asked for with, and no others. */
const STARTS: readonly Action[] = ['qa', 'approval', 'talked over', 'emergency', 'retry']

/** What a release can take more than once in its life: it takes each of a person's deeds once. */
const CAN_COME_BACK: readonly Action[] = ['cancel', 'retry']

export interface ReleaseService {
  /** Makes the release and its planning job. Refuses unknown names, busy environments, channels that can't be posted to. */
  request(command: RequestCommand): Promise<Requested>
  /** Asks for a plan that is shown privately and changes nothing. */
  preview(asked: {
    app: string
    environment: string
    by: string
    key: string
    responseUrl?: string
  }): Promise<{ asked: true } | Refused>
  /** Records a word on the release's fingerprint. The last one that is owed, and an emergency, start it. */
  signOff(kind: SignOffKind, press: ActionRequest): Promise<Done>
  /** Before the run at once; in a run no new step starts. */
  cancel(press: ActionRequest): Promise<Done>
  /** Takes up the same plan with the same sign-offs, from the first step whose effect is not there. */
  retry(press: ActionRequest): Promise<Done>
  /** Starts a hot-fix whose plan its requester has seen, where nobody signs. */
  go(press: ActionRequest): Promise<Done>
  /** Ends a release that needs attention, with a person's reason; the environment is free again. */
  close(press: ActionRequest): Promise<Done>
  /** Makes a new release of the same environment for the person who asks; the old one is replaced. */
  planAgain(press: ActionRequest & { key: string }): Promise<Requested>
  /**
   * The same for a release that checks have stopped: they hold the new one on its card, where Must go out now… waives
   * them. Refuses where anything else stopped it, or nobody may say that.
   */
  planForEmergency(press: ActionRequest & { key: string }): Promise<Requested>
  /** Whether this person may do it now: asked before a modal opens, and again, with the same rules, when it is sent. */
  may(action: Action, press: ActionRequest): Promise<Done>
  status(): Promise<{ environments: readonly EnvironmentStatus[]; workerSeenAt?: string }>
  /** The newest first; ten unless said. */
  history(filter: { app?: string; environment?: string; before?: number; limit?: number }): Promise<readonly Release[]>
  /** Whether this person may read of releases: every full member may. */
  mayRead(by: string): Promise<Refused | undefined>
  /** Expires, reminds and ends what waits in vain, by the store's clock. Called every half minute by the bot. */
  tick(): Promise<void>
}

/** Builds the service over its ports. `apps` is what the bot's releases.yml declares. */
export function createReleaseService(ports: {
  store: Store
  directory: Directory
  apps: readonly App[]
  services: Pick<ServiceWords, 'platforms'>
}): ReleaseService {
  const { store, directory, apps, services } = ports

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

  /** Looks the person up at the moment of the click, never from what the click says. */
  async function member(id: string, groups: readonly string[]): Promise<Person | Refused> {
    const found = await directory.person(id)
    if (found.is === 'unknown') return { refused: { gate: 'not_a_member', why: 'Slack did not answer' } }
    if (found.is === 'not a member') return { refused: { gate: 'not_a_member', why: found.why } }
    const members = await Promise.all(groups.map((handle) => directory.groupMembers(handle)))
    return {
      id,
      name: found.name,
      ...(found.email !== undefined && { email: found.email }),
      groups: groups.filter((_, index) => members[index]?.includes(id)),
      unknownGroups: groups.filter((_, index) => members[index] === undefined),
    }
  }

  /** Looks up, locks, asks policy; the deed then changes the release in the same transaction. */
  async function press(action: Action, asked: ActionRequest, deed: Transition): Promise<Done> {
    const { release: number, by, key } = asked
    const known = await store.release(number)
    if (known === undefined) return { refused: { gate: 'unknown_release', number } }
    const found = find(known.app, known.environment)
    if ('refused' in found) return found
    const { environment } = found
    const person = await member(by, groupsOf(environment))
    if ('refused' in person) return person
    const isKeyed = key !== undefined && CAN_COME_BACK.includes(action)
    const isDone = isKeyed && (await store.events(number)).some(({ data }) => data.delivery === key)
    const refused = await store.transaction(async (tx): Promise<Refused | undefined> => {
      const release = await tx.lockRelease(number)
      if (release === undefined) return { refused: { gate: 'unknown_release', number } }
      const refusedBy = refusal({ action, environment, release, person, now: tx.now })
      if (refusedBy !== undefined) return { refused: refusedBy }
      // What was done since it was looked at may have been by this very delivery, in other hands.
      if (isDone || (isKeyed && release.attempt !== known.attempt)) {
        return { refused: { gate: 'already_decided', number, state: release.state, by: nameOf(person) } }
      }
      if (STARTS.includes(action) && release.configuration !== environment.digest) {
        return { refused: { gate: 'configuration_differs', app: release.app, environment: release.environment } }
      }
      return deed(tx, { release, environment, person, asked })
    })
    if (refused !== undefined) return refused
    const release = await store.release(number)
    return release === undefined ? { refused: { gate: 'unknown_release', number } } : { release }
  }

  async function again(
    as: Replacing['as'],
    { release: number, by, key }: ActionRequest & { key: string },
  ): Promise<Requested> {
    const old = await store.release(number)
    if (old === undefined) return { refused: { gate: 'unknown_release', number } }
    const found = find(old.app, old.environment)
    if ('refused' in found) return found
    const person = await member(by, [])
    if ('refused' in person) return person
    const { app, environment, kind, reason, picks } = old
    const command = {
      app,
      environment,
      kind,
      by,
      key,
      ...(reason !== undefined && { reason }),
      ...(picks && { picks }),
    }
    return makeRelease(ports, command, { environment: found.environment, person }, { replaces: number, as })
  }

  return {
    async request(command) {
      const found = find(command.app, command.environment)
      if ('refused' in found) return found
      const person = await member(command.by, [])
      if ('refused' in person) return person
      return makeRelease(ports, command, { environment: found.environment, person })
    },

    async preview(asked) {
      const found = find(asked.app, asked.environment)
      if ('refused' in found) return found
      const person = await member(asked.by, [])
      if ('refused' in person) return person
      const missing = await missingWorker(store)
      if (missing) return { refused: { gate: 'no_worker', ...missing } }
      await store.transaction((tx) =>
        tx.enqueue({
          kind: 'preview',
          id: asked.key,
          app: asked.app,
          environment: asked.environment,
          configuration: found.environment.digest,
          user: person.id,
          asked: tx.now.toISOString(),
          ...(asked.responseUrl !== undefined && { responseUrl: asked.responseUrl }),
        }),
      )
      return { asked: true }
    },

    signOff: (kind, asked) => press(kind, asked, sign(kind)),
    cancel: (asked) => press('cancel', asked, cancel),
    retry: (asked) => press('retry', asked, retry),
    go: (asked) => press('go', asked, go),
    close: (asked) => press('close', asked, close),

    planAgain: (asked) => again('plan again', asked),

    planForEmergency: (asked) => again('plan for an emergency', asked),

    may(action, asked) {
      return press(action, asked, async () => undefined)
    },

    async status() {
      const [last] = await store.workers()
      const environments: EnvironmentStatus[] = []
      for (const environment of apps.flatMap((each) => each.environments)) {
        const { app, name, remote } = environment
        const [live, underWay] = await Promise.all([
          deployedNow(store, environment, services.platforms[remote.platform]),
          store.current(app, name),
        ])
        environments.push({ app, environment: name, ...(live && { live }), ...(underWay && { under_way: underWay }) })
      }
      return { environments, ...(last && { workerSeenAt: last.at.toISOString() }) }
    },

    history: (filter) => store.releases({ limit: 10, ...filter }),

    async mayRead(by) {
      const person = await member(by, [])
      return 'refused' in person ? person : undefined
    },

    tick: () => applyDeadlines({ store, apps }),
  }
}

function namesNear(asked: string, named: readonly { readonly name: string }[]): readonly string[] {
  return nearestFirst(
    asked,
    named.map(({ name }) => name),
  )
}
