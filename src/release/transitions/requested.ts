/** Requested: a release is made, in `planning`. */
import type { Attribution } from '../events.ts'
import { SUPERSEDED_BY_HOTFIX } from '../hotfix.ts'
import { EVERYONE, type Person } from '../policy.ts'
import type { NewRelease, Transaction } from '../ports/store.ts'
import type { Refusal, Refused } from '../refusals.ts'
import type { Release } from '../release.ts'
import { hasEnded } from '../terms.ts'
import { stop } from './ended.ts'
import { nameOf } from './transition.ts'

/** The release that a new one replaces. */
export interface Replacing {
  readonly replaces: number
  /** Checks that have not passed hold the new one on its card, and do not refuse it. */
  readonly forEmergency: boolean
  /** What stands against it, asked of the old release as it is locked. */
  readonly refusal: (old: Release, now: Date) => Refusal | undefined
}

export interface ReleaseRequest {
  readonly release: Omit<NewRelease, 'replaces'>
  readonly person: Person
  /** Releases that the person was told a hot-fix ends; no other is ended. */
  readonly ends: readonly number[]
  readonly replacing?: Replacing
  /** No worker was seen lately, so that the card is posted before there is a plan. */
  readonly waitsForWorker: boolean
}

/**
 * Makes a release and enqueues its planning. What it replaces, or goes before as a hot-fix, is ended first. `seen`: this
 * request, or one that replaces the same release, has made it before. `busy`: another release is under way.
 */
export async function requested(
  tx: Transaction,
  request: ReleaseRequest,
): Promise<{ made: Release } | { seen: Release } | { busy: Release } | Refused> {
  const { release: wanted, person, replacing } = request
  await tx.lockEnvironment(wanted.app, wanted.environment)
  const replaced = replacing && (await replace(tx, replacing, request))
  if (replaced !== undefined) return replaced
  const replaces = replacing?.replaces
  const release = { ...wanted, ...(replaces !== undefined && { replaces }) }
  let created = await tx.createRelease(release)
  if ('busy' in created && (await supersede(tx, created.busy, request))) created = await tx.createRelease(release)
  if (!('made' in created)) return created

  const { number, app, environment, kind } = created.made
  const forEmergency = replacing?.forEmergency === true && ({ forEmergency: true } as const)
  tx.addEvent({
    release: number,
    type: 'release_requested',
    actor: person.id,
    data: {
      app,
      environment,
      kind,
      ...(replaces !== undefined && { replaces }),
      ...forEmergency,
      ...memberAttribution(person),
    },
  })
  if (replaces !== undefined) {
    await tx.changeRelease(replaces, { replacedBy: number })
    // One that was refused privately has no card, and gets none.
    if ((await tx.lockRelease(replaces))?.card) await tx.send({ kind: 'card', release: replaces })
  }
  await tx.enqueue({ kind: 'plan', release: number, ...forEmergency })
  if (request.waitsForWorker) await tx.send({ kind: 'card', release: number })
  return created
}

/** Every full member may ask for a release, plan again, and let a hot-fix go first. */
function memberAttribution({ name }: Person): Attribution {
  return { name, right: EVERYONE }
}

/**
 * Ends the release that is replaced, where it still awaits sign-off. One that is replaced already is not replaced again:
 * its successor is given, to the person who made it as `seen`, to others as `busy` while it is under way.
 */
async function replace(
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
  if (refused !== undefined) return { refused }
  if (old.state === 'awaiting sign-off') {
    const because = { gate: 'plan_outdated' as const, moved: [] }
    await stop(tx, old, { because }, { actor: person.id, by: nameOf(person), attribution: memberAttribution(person) })
  }
  return undefined
}

/** Ends the release that a hot-fix goes before, if the person was told so and nobody has approved it meanwhile. */
async function supersede(tx: Transaction, busy: Release, { release, ends, person }: ReleaseRequest): Promise<boolean> {
  if (release.kind !== 'hotfix' || !ends.includes(busy.number)) return false
  const old = await tx.lockRelease(busy.number)
  if (old === undefined || !SUPERSEDED_BY_HOTFIX.includes(old.state)) return false
  const because = { gate: 'hotfix_goes_first' as const, requester: nameOf(person) }
  await stop(tx, old, { because }, { actor: person.id, attribution: memberAttribution(person) })
  return true
}
