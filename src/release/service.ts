/**
 * What people can do with releases: the one way in for commands and buttons. Each call looks people up first, then
 * decides and records in one transaction. Refusals are values. Every call is safe to repeat.
 */
import { type App, type Environment, findApp, findEnvironment } from './app.ts'
import { end, needAttention, say, tellMigrations } from './course.ts'
import { GIVES_WAY } from './hotfix.ts'
import { liveNow } from './live.ts'
import type { EnvironmentStatus } from './messages.ts'
import { nearestFirst } from './nearest.ts'
import { passTime, workerGone } from './passing-time.ts'
import { type Action, environmentBusy, goesOn, groupsOf, type Person, refusal, rightFrom, whoMay } from './policy.ts'
import type { Directory } from './ports/directory.ts'
import type { Store, Transaction } from './ports/store.ts'
import type { Refusal } from './refusals.ts'
import {
  hasEnded,
  irreversibleBegun,
  type PersonName,
  type Release,
  type ReleaseKind,
  SHORTEST_REASON,
  type SignOffKind,
} from './release.ts'

/** What may let a release go: under the rules that it was asked for with, and no others. */
const STARTS: readonly Action[] = ['qa', 'approval', 'talked over', 'emergency', 'retry']

/** What a release can take more than once in its life: it takes each of a person's deeds once. */
const CAN_COME_BACK: readonly Action[] = ['cancel', 'retry']

export interface RequestCommand {
  readonly app: string
  readonly environment: string
  readonly kind: ReleaseKind
  /** Slack user id. */
  readonly by: string
  /** Slack's id of the delivery: the same key gives the same release. */
  readonly key: string
  readonly responseUrl?: string
  readonly reason?: string
  readonly picks?: readonly string[]
  /** Releases that the person was told a hot-fix ends; no other is ended. */
  readonly ends?: readonly number[]
}

export type Refused = { readonly refused: Refusal }
/** `noWorker`: planning waits, since no worker was seen; when one last was. */
export type Requested = { readonly release: Release; readonly noWorker?: { readonly lastSeen?: string } } | Refused
export type Done = { readonly release: Release } | Refused

export interface Press {
  readonly release: number
  /** Slack user id. */
  readonly by: string
  readonly note?: string
  /** Slack's id of the delivery: what it has done once, it does not do again. */
  readonly key?: string
}

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
  signOff(kind: SignOffKind, press: Press): Promise<Done>
  /** Before the run at once; in a run no new step starts. */
  cancel(press: Press): Promise<Done>
  /** Takes up the same plan with the same sign-offs, from the first step whose effect is not there. */
  retry(press: Press): Promise<Done>
  /** Starts a hot-fix whose plan its requester has seen, where nobody signs. */
  go(press: Press): Promise<Done>
  /** Ends a release that needs attention, with a person's reason; the environment is free again. */
  close(press: Press): Promise<Done>
  /** Makes a new release of the same environment for the person who asks; the old one is replaced. */
  planAgain(press: Press & { key: string }): Promise<Requested>
  /**
   * The same for a release that checks have stopped: they hold the new one on its card, where Must go out now… waives
   * them. Refuses where anything else stopped it, or nobody may say that.
   */
  planForEmergency(press: Press & { key: string }): Promise<Requested>
  /** Whether this person may do it now: asked before a modal opens, and again, with the same rules, when it is sent. */
  may(action: Action, press: Press): Promise<Done>
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
}): ReleaseService {
  const { store, directory, apps } = ports

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

  async function busyRefusal(release: Release): Promise<Refused> {
    const link = release.card && (await directory.permalink(release.card))
    return { refused: environmentBusy(release, link) }
  }

  async function make(
    command: RequestCommand,
    environment: Environment,
    person: Person,
    again?: { readonly replaces: number; readonly as: 'plan again' | 'plan for an emergency' },
  ): Promise<Requested> {
    const channel = await directory.channel(environment.channel)
    if ('unreachable' in channel) {
      return { refused: { gate: 'channel_unreachable', channel: environment.channel, why: channel.unreachable } }
    }
    const missing = await workerGone(store)
    const replaces = again?.replaces
    const forEmergency = again?.as === 'plan for an emergency' && ({ forEmergency: true } as const)
    const outcome = await store.transaction(async (tx) => {
      if (again !== undefined) {
        const instead = await replace(tx, again, environment, person)
        if (instead !== undefined) return instead
      }
      const wanted = {
        app: environment.app,
        environment: environment.name,
        kind: command.kind,
        requester: { id: person.id, name: person.name },
        configuration: environment.digest,
        requestKey: command.key,
        ...(command.responseUrl !== undefined && { responseUrl: command.responseUrl }),
        ...(command.reason !== undefined && { reason: command.reason }),
        ...(command.picks && { picks: command.picks }),
        ...(replaces !== undefined && { replaces }),
      }
      let created = await tx.createRelease(wanted)
      if ('busy' in created && (await giveWay(tx, created.busy, command, person)))
        created = await tx.createRelease(wanted)
      if ('made' in created) {
        const { number, app, environment: name, kind } = created.made
        const asked = { app, environment: name, kind, ...(replaces !== undefined && { replaces }), ...forEmergency }
        tx.addEvent({ release: number, type: 'release_requested', actor: person.id, data: asked })
        if (replaces !== undefined) {
          await tx.changeRelease(replaces, { replacedBy: number })
          // One that was refused privately has no card, and gets none.
          if ((await tx.lockRelease(replaces))?.card) await tx.send({ kind: 'card', release: replaces })
        }
        await tx.enqueue({ kind: 'plan', release: number, ...forEmergency })
        if (missing) await tx.send({ kind: 'card', release: number })
      }
      return created
    })
    if ('refused' in outcome) return outcome
    if ('busy' in outcome) return busyRefusal(outcome.busy)
    const release = 'made' in outcome ? outcome.made : outcome.seen
    return { release, ...(missing && { noWorker: missing }) }
  }

  /**
   * Takes the old release out of the way of the one that replaces it. One that is replaced already is not replaced
   * again: whoever did it gets the release that they have made, others read of it while it is under way.
   */
  async function replace(
    tx: Transaction,
    { replaces: number, as }: { readonly replaces: number; readonly as: 'plan again' | 'plan for an emergency' },
    environment: Environment,
    person: Person,
  ): Promise<Refused | { seen: Release } | { busy: Release } | undefined> {
    const old = await tx.lockRelease(number)
    if (old === undefined) return { refused: { gate: 'unknown_release', number } }
    const successor = old.replacedBy === undefined ? undefined : await tx.lockRelease(old.replacedBy)
    if (successor?.requester.id === person.id) return { seen: successor }
    if (successor !== undefined && !hasEnded(successor.state)) return { busy: successor }
    const refused = refusal({ action: as, environment, release: old, person, now: tx.now })
    if (refused !== undefined) return { refused }
    if (old.state === 'awaiting sign-off') {
      const because = { gate: 'plan_outdated' as const, moved: [] }
      await end(tx, old, 'outdated', { actor: person.id, by: name(person), problem: { because } })
    }
    return undefined
  }

  /** Ends the release that is in a hot-fix's way, if the person was told so and nobody has let it go on meanwhile. */
  async function giveWay(tx: Transaction, busy: Release, command: RequestCommand, person: Person): Promise<boolean> {
    if (command.kind !== 'hotfix' || command.ends?.includes(busy.number) !== true) return false
    const release = await tx.lockRelease(busy.number)
    if (release === undefined || !GIVES_WAY.includes(release.state)) return false
    const because = { gate: 'hotfix_goes_first' as const, requester: name(person) }
    await end(tx, release, 'outdated', { actor: person.id, problem: { because } })
    return true
  }

  function name(person: Person): PersonName {
    return { id: person.id, name: person.name }
  }

  /** Looks up, locks, asks policy; `act` then changes the release in the same transaction. */
  async function press(
    action: Action,
    { release: number, by, key }: Press,
    act: (tx: Transaction, release: Release, environment: Environment, person: Person) => Promise<Refused | undefined>,
  ): Promise<Done> {
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
        return { refused: { gate: 'already_decided', number, state: release.state, by: name(person) } }
      }
      if (STARTS.includes(action) && release.configuration !== environment.digest) {
        return { refused: { gate: 'configuration_differs', app: release.app, environment: release.environment } }
      }
      return act(tx, release, environment, person)
    })
    if (refused !== undefined) return refused
    const release = await store.release(number)
    return release === undefined ? { refused: { gate: 'unknown_release', number } } : { release }
  }

  async function again(
    as: 'plan again' | 'plan for an emergency',
    { release: number, by, key }: Press & { key: string },
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
    return make(command, found.environment, person, { replaces: number, as })
  }

  async function start(tx: Transaction, release: Release): Promise<void> {
    const attempt = release.attempt + 1
    await tx.changeRelease(release.number, { state: 'approved', approvedAt: tx.now, attempt })
    tx.addEvent({ release: release.number, type: 'release_approved', actor: 'bot', data: { attempt } })
    await tx.enqueue({ kind: 'preflight', release: release.number, attempt })
  }

  return {
    async request(command) {
      const found = find(command.app, command.environment)
      if ('refused' in found) return found
      const person = await member(command.by, [])
      return 'refused' in person ? person : make(command, found.environment, person)
    },

    async preview(asked) {
      const found = find(asked.app, asked.environment)
      if ('refused' in found) return found
      const person = await member(asked.by, [])
      if ('refused' in person) return person
      const missing = await workerGone(store)
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

    signOff(kind, asked) {
      return press(kind, asked, async (tx, release, environment, person) => {
        const note = asked.note?.trim()
        const needsReason = kind === 'emergency' || kind === 'talked over' || kind === 'rejection'
        const least = kind === 'emergency' ? SHORTEST_REASON : 1
        if (needsReason && [...(note ?? '')].length < least) return { refused: { gate: 'reason_too_short', least } }
        const added = await tx.addSignOff(release.number, {
          kind,
          person: name(person),
          fingerprint: release.fingerprint ?? '',
          right: rightFrom(whoMay(kind, environment), person) ?? 'unknown',
          ...(note !== undefined && note !== '' && { note }),
        })
        if (!added) return { refused: { gate: 'already_signed', kind, at: tx.now.toISOString() } }
        tx.addEvent({
          release: release.number,
          type: 'sign_off_given',
          actor: person.id,
          data: {
            kind,
            fingerprint: release.fingerprint ?? '',
            name: person.name,
            right: rightFrom(whoMay(kind, environment), person) ?? '',
            ...(note !== undefined && note !== '' && { note }),
          },
        })
        await say(tx, release.number, `signed:${kind}:${person.id}`, {
          is: 'signed',
          kind,
          person: name(person),
          ...(note !== undefined && note !== '' && { note }),
        })
        const signed = await tx.lockRelease(release.number)
        if (signed === undefined) return undefined
        if (kind === 'rejection') {
          await end(tx, signed, 'rejected', {
            actor: person.id,
            by: name(person),
            ...(note !== undefined && { reason: note }),
          })
          return undefined
        }
        if (release.state === 'awaiting sign-off' && goesOn(environment, signed)) await start(tx, signed)
        await tx.send({ kind: 'card', release: release.number })
        return undefined
      })
    },

    cancel(asked) {
      return press('cancel', asked, async (tx, release, _environment, person) => {
        const by = name(person)
        await tx.changeRelease(release.number, { cancelRequestedBy: by })
        tx.addEvent({
          release: release.number,
          type: 'cancel_asked',
          actor: person.id,
          data: { state: release.state, ...(asked.key !== undefined && { delivery: asked.key }) },
        })
        if (release.state === 'approved' && release.problem !== undefined && irreversibleBegun(release.steps)) {
          // It was retried: cancelled before it went on, it stands where it stood, and only Close frees the environment.
          await needAttention(tx, release, release.problem, { actor: person.id })
          return undefined
        }
        if (release.state !== 'running') {
          await end(tx, release, 'cancelled', { actor: person.id, by })
          return undefined
        }
        const during = release.steps.find(({ state }) => state === 'running')?.name
        await say(tx, release.number, `cancel:${release.attempt}`, {
          is: 'cancel asked',
          person: by,
          ...(during && { during }),
        })
        await tx.send({ kind: 'card', release: release.number })
        return undefined
      })
    },

    retry(asked) {
      return press('retry', asked, async (tx, release, _environment, person) => {
        await tx.changeRelease(release.number, { cancelRequestedBy: undefined })
        tx.addEvent({
          release: release.number,
          type: 'retry_asked',
          actor: person.id,
          data: { attempt: release.attempt + 1, ...(asked.key !== undefined && { delivery: asked.key }) },
        })
        await say(tx, release.number, `retry:${release.attempt + 1}`, { is: 'retried', person: name(person) })
        await start(tx, release)
        await tx.send({ kind: 'card', release: release.number })
        return undefined
      })
    },

    go(asked) {
      return press('go', asked, async (tx, release, _environment, person) => {
        const data = { fingerprint: release.fingerprint ?? '' }
        tx.addEvent({ release: release.number, type: 'go_given', actor: person.id, data })
        await start(tx, release)
        await tx.send({ kind: 'card', release: release.number })
        await tellMigrations(tx, release.number, release.plan)
        return undefined
      })
    },

    close(asked) {
      return press('close', asked, async (tx, release, _environment, person) => {
        const reason = asked.note?.trim() ?? ''
        if (reason === '') return { refused: { gate: 'reason_too_short', least: 1 } }
        await say(tx, release.number, 'closed', { is: 'closed', person: name(person), reason })
        const problem = release.problem
        await end(tx, release, 'closed', { actor: person.id, by: name(person), reason, ...(problem && { problem }) })
        return undefined
      })
    },

    planAgain: (asked) => again('plan again', asked),

    planForEmergency: (asked) => again('plan for an emergency', asked),

    may(action, asked) {
      return press(action, asked, async () => undefined)
    },

    async status() {
      const [last] = await store.workers()
      const environments: EnvironmentStatus[] = []
      for (const environment of apps.flatMap((each) => each.environments)) {
        const { app, name } = environment
        const [live, underWay] = await Promise.all([liveNow(store, environment), store.current(app, name)])
        environments.push({ app, environment: name, ...(live && { live }), ...(underWay && { under_way: underWay }) })
      }
      return { environments, ...(last && { workerSeenAt: last.at.toISOString() }) }
    },

    history: (filter) => store.releases({ limit: 10, ...filter }),

    async mayRead(by) {
      const person = await member(by, [])
      return 'refused' in person ? person : undefined
    },

    tick: () => passTime({ store, apps }),
  }
}

function namesNear(asked: string, named: readonly { readonly name: string }[]): readonly string[] {
  return nearestFirst(
    asked,
    named.map(({ name }) => name),
  )
}
