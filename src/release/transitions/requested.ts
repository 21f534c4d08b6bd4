/** Requested: a release is created, in `planning`. */
import { defined } from '../../lib/defined.ts'
import { AUTOMATICALLY, SIGNOFF } from '../automatic.ts'
import type { Attribution } from '../events.ts'
import { SUPERSEDED_BY_HOTFIX } from '../hotfix.ts'
import { EVERYONE, type Person } from '../policy.ts'
import type { NewRelease, Transaction } from '../ports/store.ts'
import type { Refusal, Refused } from '../refusals.ts'
import type { Release } from '../release.ts'
import type { Environment } from '../settings.ts'
import { heldBack } from '../start-conditions.ts'
import { hasEnded } from '../terms.ts'
import { headHeldBack } from './automatic.ts'
import { stop } from './ended.ts'
import { nameOf } from './transition.ts'

/** The release that a new one replaces. */
export interface Replacing {
  readonly replaces: number
  /** Checks that have not passed don't refuse the new release: its card asks for an emergency instead. */
  readonly forEmergency: boolean
  /** Why the old release, once locked, may not be replaced; undefined if it may. */
  readonly refusal: (old: Release, now: Date) => Refusal | undefined
}

export interface ReleaseRequest {
  readonly release: Omit<NewRelease, 'replaces'>
  readonly environment: Environment
  readonly person: Person
  /** What refuses it, unless the same request was handled before. */
  readonly refused?: Refusal
  /** Releases that the person agreed to end with a hot-fix or a rollback; no other is ended. */
  readonly ends: readonly number[]
  readonly replacing?: Replacing
  /** As in `Replacing`, for a release that replaces none. */
  readonly forEmergency?: true
  /** No worker is alive, so the card is posted before there is a plan. */
  readonly waitsForWorker: boolean
  /** The head that Signoff itself requests the release for. */
  readonly head?: string
}

/**
 * Creates a release and enqueues its planning, after ending the release that it replaces or supersedes.
 * `seen`: the release that the same request already created. `busy`: another release is under way.
 */
export async function requested(
  tx: Transaction,
  request: ReleaseRequest,
): Promise<{ made: Release } | { seen: Release } | { busy: Release } | Refused> {
  const { release: wanted, environment: settings, person, replacing } = request
  await tx.lockEnvironment(wanted.app, wanted.environment)
  const seen = await tx.releaseOfRequest(wanted.requestKey)
  if (seen !== undefined) return { seen }
  if (request.refused !== undefined) return { refused: request.refused }
  const replaced = replacing && (await notReplaceable(tx, replacing, request))
  if (replaced !== undefined) return replaced
  const isEmergency = replacing?.forEmergency === true || request.forEmergency === true
  const held = await heldBack(tx, {
    moment: 'request',
    environment: settings,
    kind: wanted.kind,
    requester: wanted.requester,
    isEmergency,
    ...defined({ startAt: wanted.schedule?.at }),
  })
  if (held !== undefined) return { refused: held }
  if (replacing !== undefined) await endReplaced(tx, replacing, request)
  const replaces = replacing?.replaces
  const release = { ...wanted, ...defined({ replaces }) }
  let created = await tx.createRelease(release)
  if ('busy' in created && (await supersede(tx, created.busy, request))) created = await tx.createRelease(release)
  if (!('made' in created)) return created

  const { number, app, environment, kind } = created.made
  const forEmergency = isEmergency && ({ forEmergency: true } as const)
  tx.addEvent({
    release: number,
    type: 'release_requested',
    actor: person.id,
    data: {
      app,
      environment,
      kind,
      ...defined({ replaces }),
      ...forEmergency,
      ...defined({ startAt: wanted.schedule?.at.toISOString(), timeZone: wanted.schedule?.timeZone }),
      ...wanted.rollback,
      ...defined({ head: request.head }),
      ...memberAttribution(person),
    },
  })
  if (replaces !== undefined) {
    await tx.changeRelease(replaces, { replacedBy: number })
    // A release that was refused before it had a card gets none now.
    if ((await tx.lockRelease(replaces))?.card) await tx.send({ kind: 'card', release: replaces })
  }
  await tx.enqueue({ kind: 'plan', release: number, ...forEmergency })
  if (request.waitsForWorker) {
    await tx.changeRelease(number, { workerMissingShown: true })
    await tx.send({ kind: 'card', release: number })
  }
  return created
}

/** Every full member may request a release, plan again, and supersede a release with a hot-fix or a rollback. */
function memberAttribution({ id, name }: Person): Attribution {
  return { name, right: id === SIGNOFF.id ? AUTOMATICALLY : EVERYONE }
}

/**
 * Why the old release can't be replaced. A release is replaced only once: after that its successor is returned, as `seen`
 * to the person who created it, to others as `busy` while it is under way.
 */
async function notReplaceable(
  tx: Transaction,
  { replaces: number, refusal }: Replacing,
  { person }: ReleaseRequest,
): Promise<Refused | { seen: Release } | { busy: Release } | undefined> {
  const old = await tx.lockRelease(number)
  if (old === undefined) return { refused: { gate: 'unknown_release', number } }
  const successor = old.replacedBy === undefined ? undefined : await tx.lockRelease(old.replacedBy)
  if (successor?.requester.id === person.id) return { seen: successor }
  if (successor !== undefined && !hasEnded(successor.state)) return { busy: successor }
  const refused = refusal(old, tx.now)
  return refused === undefined ? undefined : { refused }
}

/** Ends the old release if it still awaits sign-off or its time. */
async function endReplaced(tx: Transaction, { replaces }: Replacing, { person }: ReleaseRequest): Promise<void> {
  const old = await tx.lockRelease(replaces)
  if (old?.state !== 'awaiting sign-off' && old?.state !== 'scheduled') return
  const because = { gate: 'plan_outdated' as const, moved: [] }
  await stop(tx, old, { because }, { actor: person.id, by: nameOf(person), attribution: memberAttribution(person) })
}

/** Ends the release that a hot-fix or a rollback supersedes, if the person agreed to it and the release is not yet approved. */
async function supersede(tx: Transaction, busy: Release, { release, ends, person }: ReleaseRequest): Promise<boolean> {
  if (release.kind === 'deploy' || !ends.includes(busy.number)) return false
  const old = await tx.lockRelease(busy.number)
  if (old === undefined || !SUPERSEDED_BY_HOTFIX.includes(old.state)) return false
  const gate = release.kind === 'hotfix' ? ('hotfix_goes_first' as const) : ('rollback_goes_first' as const)
  const because = { gate, requester: nameOf(person) }
  await stop(tx, old, { because }, { actor: person.id, attribution: memberAttribution(person) })
  const ended = await tx.lockRelease(old.number)
  if (ended !== undefined) await headHeldBack(tx, ended)
  return true
}
