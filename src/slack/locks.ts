/** Locks in Slack: the commands `/deploy lock` and `/deploy unlock`, their modals and buttons. */
import { defined } from '../lib/defined.ts'
import { factsOfLock } from '../release/lock.ts'
import type { LockCommand } from '../release/lock-command.ts'
import type { LockOutcome } from '../release/lock-service.ts'
import type { Subject } from '../release/subjects.ts'
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
      const denied = await locks.mayLock({ on, by, ...defined({ end }) })
      if (denied !== undefined) return refused(denied.refused)
      const lock = { on, ...defined({ end }) }
      return openModal(
        ports,
        arrival.trigger,
        lockModal({ lock, metadata: metadata({ token: '', responseUrl, lock }) }),
      )
    }
  }
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
export async function pressExtend({ service }: HandlerPorts, { arrival, subject }: LockPress): Promise<Reply> {
  if (subject.is !== 'lock') return STALE
  return locked(await service.locks.extend({ id: subject.id, by: arrival.user, key: arrival.id }))
}

/** **Unlock** */
export async function pressUnlock({ service }: HandlerPorts, { arrival, subject }: LockPress): Promise<Reply> {
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
  const { holder } = told.waitsFor
  return {
    is: 'done',
    text: `You get one direct message when ${app} ${environment} is free. It is locked by ${holder.name} now.`,
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
