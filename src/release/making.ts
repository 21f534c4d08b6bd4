/**
 * How a release comes to be, in one transaction: the old one that it replaces, or that gives way, is taken out of the way,
 * the new one is made, and its planning is enqueued.
 */

import { currentConfiguration } from './configuration.ts'
import { type Attribution, end } from './course.ts'
import { missingWorker } from './deadlines.ts'
import { nameOf, type Refused } from './deeds.ts'
import { SUPERSEDED_BY_HOTFIX } from './hotfix.ts'
import { EVERYONE, environmentBusy, type Person, refusal } from './policy.ts'
import type { Directory } from './ports/directory.ts'
import type { Store, Transaction } from './ports/store.ts'
import type { Release } from './release.ts'
import type { Environment } from './settings.ts'
import { hasEnded, type ReleaseKind } from './terms.ts'

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

/** `noWorker`: planning waits, since no worker was seen; when one last was. */
export type Requested = { readonly release: Release; readonly noWorker?: { readonly lastSeen?: string } } | Refused
/** The release that is made anew, and why. */
export interface Replacing {
  readonly replaces: number
  readonly as: 'plan again' | 'plan for an emergency'
}

/**
 * Makes a release of this environment for this person. Refuses a channel that can't be posted to, a busy environment, and
 * what policy does not allow of the release that is replaced. The same `key` gives the same release.
 */
export async function makeRelease(
  { store, directory }: { store: Store; directory: Directory },
  command: RequestCommand,
  { environment, person }: { environment: Environment; person: Person },
  again?: Replacing,
): Promise<Requested> {
  const channel = await directory.channel(environment.channel)
  if ('unreachable' in channel) {
    return { refused: { gate: 'channel_unreachable', channel: environment.channel, why: channel.unreachable } }
  }
  const missing = await missingWorker(store)
  const configuration = await currentConfiguration(store, environment)
  const replaces = again?.replaces
  const forEmergency = again?.as === 'plan for an emergency' && ({ forEmergency: true } as const)
  const outcome = await store.transaction(async (tx) => {
    await tx.lockEnvironment(environment.app, environment.name)
    if (again !== undefined) {
      const instead = await replace(tx, again, environment, person)
      if (instead !== undefined) return instead
    }
    const wanted = {
      app: environment.app,
      environment: environment.name,
      kind: command.kind,
      requester: { id: person.id, name: person.name },
      configuration,
      requestKey: command.key,
      ...(command.responseUrl !== undefined && { responseUrl: command.responseUrl }),
      ...(command.reason !== undefined && { reason: command.reason }),
      ...(command.picks && { picks: command.picks }),
      ...(replaces !== undefined && { replaces }),
    }
    let created = await tx.createRelease(wanted)
    if ('busy' in created && (await supersede(tx, created.busy, command, person)))
      created = await tx.createRelease(wanted)
    if ('made' in created) {
      const { number, app, environment: name, kind } = created.made
      const told = { ...(replaces !== undefined && { replaces }), ...forEmergency, ...attributionOf(person) }
      const asked = { app, environment: name, kind, ...told }
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
  if ('busy' in outcome) return busy(outcome.busy, directory)
  const release = 'made' in outcome ? outcome.made : outcome.seen
  return { release, ...(missing && { noWorker: missing }) }
}

/** Whoever is a member may ask for a release, plan again, and let a hot-fix go first. */
function attributionOf({ name }: Person): Attribution {
  return { name, right: EVERYONE }
}

async function busy(release: Release, directory: Directory): Promise<Refused> {
  const link = release.card && (await directory.permalink(release.card))
  return { refused: environmentBusy(release, link) }
}

/**
 * Takes the old release out of the way of the one that replaces it. One that is replaced already is not replaced
 * again: whoever did it gets the release that they have made, others read of it while it is under way.
 */
async function replace(
  tx: Transaction,
  { replaces: number, as }: Replacing,
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
    const by = { actor: person.id, by: nameOf(person), word: attributionOf(person) }
    await end(tx, old, 'outdated', { ...by, problem: { because } })
  }
  return undefined
}

/** Ends the release that is in a hot-fix's way, if the person was told so and nobody has let it go on meanwhile. */
async function supersede(tx: Transaction, busy: Release, command: RequestCommand, person: Person): Promise<boolean> {
  if (command.kind !== 'hotfix' || command.ends?.includes(busy.number) !== true) return false
  const release = await tx.lockRelease(busy.number)
  if (release === undefined || !SUPERSEDED_BY_HOTFIX.includes(release.state)) return false
  const because = { gate: 'hotfix_goes_first' as const, requester: nameOf(person) }
  await end(tx, release, 'outdated', { actor: person.id, word: attributionOf(person), problem: { because } })
  return true
}
