/** Locks in Slack: the commands `/deploy lock` and `/deploy unlock`, their modals and buttons. */
import { defined } from '../lib/defined.ts'
import { factsOfLock, type LockPlace } from '../release/lock.ts'
import type { LockCommand, TypedEnd } from '../release/lock-command.ts'
import type { LockOutcome } from '../release/lock-service.ts'
import type { Subject } from '../release/subjects.ts'
import { CONTROLS } from './controls.ts'
import { type ModalContext, metadata, openModal } from './modal-window.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { PRESS_AGAIN, type Reply, refused, STALE } from './replies.ts'
import { lockModal, takeOverModal } from './views/lock-modals.ts'
import { lockedPlace } from './views/parts/lock-lines.ts'

type PressArrival = Extract<Arrival, { is: 'press' }>
type CommandArrival = Extract<Arrival, { is: 'command' }>
type SubmissionArrival = Extract<Arrival, { is: 'submission' }>

/** Runs `/deploy lock …` or `/deploy unlock …`. A lock without a reason opens a modal that asks for it. */
export async function runLockCommand(
  ports: HandlerPorts,
  arrival: CommandArrival,
  command: LockCommand,
  fresh: boolean,
): Promise<Reply> {
  const { locks } = ports.service
  const { user: by, id: key, responseUrl } = arrival
  switch (command.is) {
    case 'locks': {
      const listed = await locks.list(by)
      return 'refused' in listed
        ? refused(listed.refused)
        : { is: 'locks', locks: listed.locks.map((lock) => factsOfLock(lock)) }
    }
    case 'unlock':
      return unlocked(await locks.unlock({ on: command.on, by, key }))
    case 'lock': {
      const { on, end, reason } = command
      if (reason !== undefined) return locked(await locks.lock({ on, reason, by, key, ...defined({ end }) }))
      if (!fresh) return PRESS_AGAIN
      return openLockReason(ports, { on, by, trigger: arrival.trigger, responseUrl, ...defined({ end }) })
    }
  }
}

/** Asks for a lock's reason in a modal. Replies where it did not open, with why. */
export async function openLockReason(
  ports: HandlerPorts,
  asked: {
    readonly on: LockPlace
    readonly end?: TypedEnd
    readonly by: string
    readonly trigger: string
    readonly responseUrl?: string
  },
  options?: { readonly above: boolean },
): Promise<Reply> {
  const { on, end, by, trigger, responseUrl } = asked
  const lock = { on, ...defined({ end }) }
  const denied = await ports.service.locks.mayLock({ ...lock, by })
  if (denied !== undefined) return refused(denied.refused)
  const context = metadata({ token: '', lock, ...defined({ responseUrl }) })
  return openModal(ports, trigger, lockModal({ lock, metadata: context }), options)
}

/** The submission of the modal that asks for a lock's reason. */
export async function submitLock(
  { service }: HandlerPorts,
  { user: by, key, values }: SubmissionArrival,
  { lock }: ModalContext,
): Promise<Reply> {
  if (lock === undefined) return STALE
  return locked(await service.locks.lock({ ...lock, reason: values.reason ?? '', by, key }))
}

/** The submission of **Take over…**. */
export async function submitTakeOver(
  { service, store }: HandlerPorts,
  { user: by, key, values }: SubmissionArrival,
  { token }: ModalContext,
): Promise<Reply> {
  const meant = await store.resolveSubject(token)
  if (meant?.subject.is !== 'lock') return STALE
  return locked(await service.locks.takeOver({ id: meant.subject.id, reason: values.reason ?? '', by, key }))
}

interface LockPress {
  readonly arrival: PressArrival
  readonly subject: Subject
  readonly fresh: boolean
}

/** A press that acts at once, on a message or in App Home. */
interface LockAct {
  readonly arrival: { readonly user: string; readonly id: string }
  readonly subject: Subject
}

/** Asks whether to take over a lock. Replies where the modal did not open, with why. */
export async function openTakeOver(
  ports: HandlerPorts,
  { id, by, trigger }: { readonly id: number; readonly by: string; readonly trigger: string },
  options?: { readonly above: boolean },
): Promise<Reply> {
  const may = await ports.service.locks.mayTakeOver(id, by)
  if ('refused' in may) return refused(may.refused)
  const token = await ports.store.subjectToken({ is: 'lock', id }, CONTROLS['take over'].id)
  const modal = takeOverModal({ lock: factsOfLock(may.lock), metadata: metadata({ token }) })
  return openModal(ports, trigger, modal, options)
}

/** **Take over…**: the question, with the reason that the old holder reads. */
export async function pressTakeOver(ports: HandlerPorts, { arrival, subject, fresh }: LockPress): Promise<Reply> {
  if (subject.is !== 'lock') return STALE
  if (!fresh) return PRESS_AGAIN
  const may = await ports.service.locks.mayTakeOver(subject.id, arrival.user)
  if ('refused' in may) return refused(may.refused)
  const { token, responseUrl, trigger } = arrival
  const modal = takeOverModal({ lock: factsOfLock(may.lock), metadata: metadata({ token, responseUrl }) })
  return openModal(ports, trigger, modal)
}

/** **Extend** */
export async function pressExtend({ service }: HandlerPorts, { arrival, subject }: LockAct): Promise<Reply> {
  if (subject.is !== 'lock') return STALE
  return locked(await service.locks.extend({ id: subject.id, by: arrival.user, key: arrival.id }))
}

/** **Unlock** */
export async function pressUnlock({ service }: HandlerPorts, { arrival, subject }: LockAct): Promise<Reply> {
  if (subject.is !== 'lock') return STALE
  return unlocked(await service.locks.unlock({ id: subject.id, by: arrival.user, key: arrival.id }))
}

/** **Tell me when it is free** */
export async function pressTellWhenFree({ service }: HandlerPorts, { arrival, subject }: LockPress): Promise<Reply> {
  if (subject.is !== 'environment') return STALE
  const { app, environment } = subject
  const told = await service.locks.tellWhenFree({ app, environment, by: arrival.user })
  if ('refused' in told) return refused(told.refused)
  if ('free' in told) return { is: 'free', app, environment }
  const where = `${app} ${environment}`
  if ('off' in told) {
    const why =
      told.off === 'by the person'
        ? 'You have switched these direct messages off. Switch When it is free on in the Home tab of Signoff, then press again.'
        : 'This Signoff sends no direct messages (slack.direct_messages in releases.yml). Look with /deploy status.'
    return {
      is: 'done',
      text: `You are not told when ${where} is free. ${why} It is locked by ${told.lock.holder.name} now.`,
    }
  }
  const { holder } = told.waitsFor
  return {
    is: 'done',
    text: `You get one direct message when ${where} is free. It is locked by ${holder.name} now.`,
  }
}

function locked(outcome: LockOutcome): Reply {
  if ('refused' in outcome) return refused(outcome.refused)
  const { lock, before } = outcome
  return { is: 'locked', lock: factsOfLock(lock), ...defined({ before: before?.holder }) }
}

function unlocked(outcome: LockOutcome): Reply {
  if ('refused' in outcome) return refused(outcome.refused)
  const { lock } = outcome
  const what = lockedPlace(factsOfLock(lock))
  return { is: 'done', text: `The lock of ${what} has ended.` }
}
