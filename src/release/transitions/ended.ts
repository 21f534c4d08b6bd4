/** Stopped and ended: this file alone decides the state of a release that can't continue. */
import { defined } from '../../lib/defined.ts'
import { isAutomatic, isQuietRefusal } from '../automatic.ts'
import type { Attribution } from '../events.ts'
import { awaitsGo, needsBackport } from '../hotfix.ts'
import type { Transaction } from '../ports/store.ts'
import type { Problem } from '../refusals.ts'
import { hasStartedIrreversible, isRefusedByRules, type Release } from '../release.ts'
import type { PersonName, ReleaseState } from '../terms.ts'
import { addThreadLine, privateMessage } from '../thread.ts'
import { assertTransition, deliveryData, nameOf, type Transition } from './transition.ts'

/** Who ended a release, and the reason they gave. */
interface Ending {
  readonly actor: string
  readonly by?: PersonName
  readonly reason?: string
  /** Set if no other event records the person's action. */
  readonly attribution?: Attribution
}

const STOPPED_AS: Partial<Record<Problem['because']['gate'], ReleaseState>> = {
  plan_outdated: 'outdated',
  hotfix_goes_first: 'outdated',
  rollback_goes_first: 'outdated',
  expired: 'expired',
  announcement_unconfirmed: 'expired',
}

/**
 * The state of a release that a problem has stopped: `needs attention` once anything irreversible has started or if the
 * forge's rules refused the merge, `refused` during planning, `outdated` for a moved fact, `expired` for a deadline or for
 * what holds a scheduled start back, and else `failed`.
 */
export function stateAfterStop(
  release: Pick<Release, 'state' | 'steps'>,
  problem: { readonly because: Pick<Problem['because'], 'gate'> & { readonly byRules?: true } },
) {
  const { gate, byRules } = problem.because
  if (hasStartedIrreversible(release.steps)) return 'needs attention'
  if (gate === 'merge_refused' && byRules === true) return 'needs attention'
  if (release.state === 'planning' && gate !== 'hotfix_goes_first' && gate !== 'rollback_goes_first') return 'refused'
  // What still holds it back an hour after its time.
  return STOPPED_AS[gate] ?? (release.state === 'scheduled' ? 'expired' : 'failed')
}

/** Stops a release that can't continue: it ends or, once anything irreversible has started, needs attention. */
export async function stop(tx: Transaction, release: Release, problem: Problem, ending: Ending): Promise<void> {
  const state = stateAfterStop(release, problem)
  if (state === 'needs attention') return needAttention(tx, release, problem, ending)
  await end(tx, release, state, { ...ending, problem })
}

/** Keeps the environment busy until a person presses Retry or Close. */
async function needAttention(tx: Transaction, release: Release, problem: Problem, { actor }: Ending): Promise<void> {
  const { number, attempt } = release
  assertTransition(release, 'needs attention')
  await tx.changeRelease(number, { state: 'needs attention', problem })
  tx.addEvent({
    release: number,
    type: 'attention_needed',
    actor,
    data: { gate: problem.because.gate, ...defined({ step: problem.step }), attempt },
  })
  await tx.send({ kind: 'card', release: number })
  await tx.send({ kind: 'outcome', release: number, key: `${number}:attention:${attempt}` })
  if (isRefusedByRules(problem)) await tx.enqueue({ kind: 'look', release: number, at: tx.now.toISOString() })
}

/** **Cancel**: ends the release at once before the run; during the run no new step starts. */
export const cancel: Transition = async (tx, { release, person, request, attribution }) => {
  const by = nameOf(person)
  tx.addEvent({
    release: release.number,
    type: 'cancel_asked',
    actor: person.id,
    data: { state: release.state, ...attribution, ...deliveryData(request) },
  })
  await stopByPerson(tx, release, by)
  if (release.state !== 'running') return undefined
  const during = release.steps.find(({ state }) => state === 'running')?.name
  const line = { is: 'cancel asked' as const, person: by, ...defined({ during }) }
  await addThreadLine(tx, release.number, `cancel:${release.attempt}`, line)
  return undefined
}

/** Ends a release that waits or is approved. One that runs starts no new step, and ends when the step under way has. */
export async function stopByPerson(tx: Transaction, release: Release, by: PersonName): Promise<void> {
  const { number, state, problem, steps } = release
  await tx.changeRelease(number, { cancelRequestedBy: by })
  if (state === 'running') {
    await tx.send({ kind: 'card', release: number })
    return
  }
  if (state === 'approved' && problem !== undefined && hasStartedIrreversible(steps)) {
    // A retry is cancelled before its run starts: the problem remains, so the release needs attention again.
    return stop(tx, release, problem, { actor: by.id })
  }
  await end(tx, release, 'cancelled', { actor: by.id, by })
}

/** **Close**: ends a release that needs attention, without changing anything else. Refuses an empty reason. */
export const close: Transition = async (tx, { release, person, request, attribution }) => {
  const reason = request.note?.trim() ?? ''
  if (reason === '') return { refused: { gate: 'reason_too_short', least: 1 } }
  await addThreadLine(tx, release.number, 'closed', { is: 'closed', person: nameOf(person), reason })
  const { problem } = release
  const ending = { actor: person.id, by: nameOf(person), reason, attribution, ...defined({ problem }) }
  await end(tx, release, 'closed', ending)
  return undefined
}

/**
 * Ends a release whose cancel was committed while a step ran. Where a disputed sign-off stopped it after something irreversible
 * had begun, it needs attention instead: somebody has to look at what was done in another person's name.
 */
export async function endCancelled(tx: Transaction, release: Release): Promise<void> {
  const by = release.cancelRequestedBy
  const disputed = release.disputed?.findLast(({ person }) => person.id === by?.id)
  if (disputed !== undefined && hasStartedIrreversible(release.steps)) {
    const { kind, person } = disputed
    const because = { gate: 'sign_off_disputed' as const, number: release.number, kind, person }
    return stop(tx, release, { because }, { actor: 'worker' })
  }
  await end(tx, release, 'cancelled', { actor: by?.id ?? 'worker', ...defined({ by }) })
}

/**
 * Ends a release: state, event, card, the thread's last line, and the jobs that clean up. Without a card, its requester
 * is told privately instead; where Signoff requested it, the channel is told of a refusal. Throws InvalidTransition if the state doesn't allow it.
 */
export async function end(
  tx: Transaction,
  release: Release,
  state: ReleaseState,
  { actor, by, reason, attribution, problem }: Ending & { readonly problem?: Problem },
): Promise<void> {
  const { number, app, environment } = release
  assertTransition(release, state)
  await tx.changeRelease(number, {
    state,
    endedAt: tx.now,
    problem,
    ...defined({ endedBy: by, endReason: reason }),
  })
  tx.addEvent({
    release: number,
    type: 'release_ended',
    actor,
    data: {
      app,
      environment,
      state,
      ...defined({ gate: problem?.because.gate, step: problem?.step, reason }),
      ...attribution,
    },
  })
  const mayHaveOpened = release.state === 'planning' && release.kind !== 'rollback'
  if (release.plan?.pullRequest !== undefined || mayHaveOpened) {
    await tx.enqueue({ kind: 'tidy', release: number })
  }
  if (needsBackport(release)) await tx.enqueue({ kind: 'carry', release: number })
  if ((release.state === 'planning' || awaitsGo(release)) && release.card === undefined) {
    if (!isAutomatic(release)) {
      await tx.send(privateMessage(release, 'ended', { is: 'ended', number }))
      return
    }
    if (state !== 'refused' || isQuietRefusal(problem)) return
  }
  await tx.send({ kind: 'card', release: number })
  await tx.send({ kind: 'outcome', release: number, key: `${number}:outcome` })
  if (release.announcement !== undefined)
    await tx.send({ kind: 'announcement', release: number, key: `${number}:announcement:ended`, ended: true })
}
