/**
 * What each press of a button does to a release, in the transaction in which policy has allowed it: state, event, messages
 * and jobs. A deed that is refused has changed nothing.
 */

import { type Attribution, end, needAttention, say, tellMigrations } from './course.ts'
import { goesOn, type Person } from './policy.ts'
import type { Transaction } from './ports/store.ts'
import type { Refusal } from './refusals.ts'
import { irreversibleBegun, type Release } from './release.ts'
import type { Environment } from './settings.ts'
import { type PersonName, SHORTEST_REASON, type SignOffKind } from './terms.ts'

export type Refused = { readonly refused: Refusal }
export type Done = { readonly release: Release } | Refused

export interface ActionRequest {
  readonly release: number
  /** Slack user id. */
  readonly by: string
  readonly note?: string
  /** Slack's id of the delivery: what it has done once, it does not do again. */
  readonly key?: string
}

/** The release as it is locked, and who presses, as looked up for this press. */
export interface ActionContext {
  readonly release: Release
  readonly environment: Environment
  readonly person: Person
  /** Where their right to it comes from. */
  readonly right: string
  readonly asked: ActionRequest
}

export type Transition = (tx: Transaction, pressed: ActionContext) => Promise<Refused | undefined>

export function nameOf({ id, name }: Person): PersonName {
  return { id, name }
}

function attributionOf({ person, right }: ActionContext): Attribution {
  return { name: person.name, right }
}

/** Records a word on the fingerprint; the last one that is owed starts the release, a rejection ends it. */
export function sign(kind: SignOffKind): Transition {
  return async (tx, pressed) => {
    const { release, environment, person, asked } = pressed
    const note = asked.note?.trim()
    const needsReason = kind === 'emergency' || kind === 'talked over' || kind === 'rejection'
    const least = kind === 'emergency' ? SHORTEST_REASON : 1
    if (needsReason && [...(note ?? '')].length < least) return { refused: { gate: 'reason_too_short', least } }
    const word = attributionOf(pressed)
    const fingerprint = release.fingerprint ?? ''
    const withNote = note !== undefined && note !== '' && { note }
    const signOff = { kind, person: nameOf(person), fingerprint, right: word.right, ...withNote }
    if (!(await tx.addSignOff(release.number, signOff))) {
      return { refused: { gate: 'already_signed', kind, at: tx.now.toISOString() } }
    }
    tx.addEvent({
      release: release.number,
      type: 'sign_off_given',
      actor: person.id,
      data: { kind, fingerprint, ...word, ...withNote },
    })
    const said = { is: 'signed', kind, person: nameOf(person), ...withNote } as const
    await say(tx, release.number, `signed:${kind}:${person.id}`, said)
    const signed = await tx.lockRelease(release.number)
    if (signed === undefined) return undefined
    if (kind === 'rejection') {
      const because = note !== undefined && { reason: note }
      await end(tx, signed, 'rejected', { actor: person.id, by: nameOf(person), ...because })
      return undefined
    }
    if (release.state === 'awaiting sign-off' && goesOn(environment, signed)) await start(tx, signed)
    await tx.send({ kind: 'card', release: release.number })
    return undefined
  }
}

/** Before the run at once; in a run no new step starts. */
export const cancel: Transition = async (tx, pressed) => {
  const { release, person, asked } = pressed
  const by = nameOf(person)
  await tx.changeRelease(release.number, { cancelRequestedBy: by })
  tx.addEvent({
    release: release.number,
    type: 'cancel_asked',
    actor: person.id,
    data: { state: release.state, ...attributionOf(pressed), ...delivered(asked) },
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
  const line = { is: 'cancel asked', person: by, ...(during && { during }) } as const
  await say(tx, release.number, `cancel:${release.attempt}`, line)
  await tx.send({ kind: 'card', release: release.number })
  return undefined
}

/** Takes up the same plan with the same sign-offs. */
export const retry: Transition = async (tx, pressed) => {
  const { release, person, asked } = pressed
  const attempt = release.attempt + 1
  await tx.changeRelease(release.number, { cancelRequestedBy: undefined })
  const data = { attempt, ...attributionOf(pressed), ...delivered(asked) }
  tx.addEvent({ release: release.number, type: 'retry_asked', actor: person.id, data })
  await say(tx, release.number, `retry:${attempt}`, { is: 'retried', person: nameOf(person) })
  await start(tx, release)
  await tx.send({ kind: 'card', release: release.number })
  return undefined
}

/** Starts a hot-fix whose plan its requester has seen. */
export const go: Transition = async (tx, pressed) => {
  const { release, person } = pressed
  const data = { fingerprint: release.fingerprint ?? '', ...attributionOf(pressed) }
  tx.addEvent({ release: release.number, type: 'go_given', actor: person.id, data })
  await start(tx, release)
  await tx.send({ kind: 'card', release: release.number })
  await tellMigrations(tx, release.number, release.plan)
  return undefined
}

/** Ends a release that needs attention; the environment is free again. */
export const close: Transition = async (tx, pressed) => {
  const { release, person, asked } = pressed
  const reason = asked.note?.trim() ?? ''
  if (reason === '') return { refused: { gate: 'reason_too_short', least: 1 } }
  await say(tx, release.number, 'closed', { is: 'closed', person: nameOf(person), reason })
  const { problem } = release
  const word = attributionOf(pressed)
  await end(tx, release, 'closed', { actor: person.id, by: nameOf(person), reason, word, ...(problem && { problem }) })
  return undefined
}

async function start(tx: Transaction, release: Release): Promise<void> {
  const attempt = release.attempt + 1
  await tx.changeRelease(release.number, { state: 'approved', approvedAt: tx.now, attempt })
  tx.addEvent({ release: release.number, type: 'release_approved', actor: 'bot', data: { attempt } })
  await tx.enqueue({ kind: 'preflight', release: release.number, attempt })
}

/** By what an event is known as this delivery's. */
function delivered({ key }: ActionRequest): { delivery?: string } {
  return key === undefined ? {} : { delivery: key }
}
