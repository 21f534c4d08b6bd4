/** What a press on each control does: the button acts on the subject that its token stands for. */
import type { Subject } from '../release/subjects.ts'
import type { Control } from './controls.ts'
import { pressExtend, pressTakeOver, pressTellWhenFree, pressUnlock } from './locks.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { pressNotMe } from './receipts.ts'
import { type Reply, requested, STALE } from './replies.ts'
import { pressShare } from './report.ts'

interface ControlPress {
  readonly arrival: Extract<Arrival, { is: 'press' }>
  readonly subject: Subject
  /** Its trigger can still open a modal. */
  readonly fresh: boolean
}

/** Safe to repeat, as every press. */
type OnPress = (ports: HandlerPorts, press: ControlPress) => Promise<Reply>

const ON_PRESS: Readonly<Record<Control, OnPress>> = {
  'plan now': async ({ service }, { arrival, subject }) => {
    if (subject.is !== 'environment') return STALE
    const { app, environment } = subject
    const { user: by, id: key, responseUrl } = arrival
    return requested(await service.request({ app, environment, kind: 'deploy', by, key, responseUrl }))
  },
  'tell when free': pressTellWhenFree,
  'take over': pressTakeOver,
  'extend lock': pressExtend,
  unlock: pressUnlock,
  'request for an emergency': async ({ service }, { arrival, subject }) => {
    if (subject.is !== 'environment') return STALE
    const { app, environment } = subject
    const { user: by, id: key, responseUrl } = arrival
    const asked = { app, environment, kind: 'deploy', by, key, responseUrl, forEmergency: true } as const
    return requested(await service.request(asked))
  },
  'not me': pressNotMe,
  'share report': pressShare,
}

/** Takes the control's action on the subject of the button's token; a token that isn't ours is stale. */
export async function pressControl(
  ports: HandlerPorts,
  control: Control,
  press: Omit<ControlPress, 'subject'>,
): Promise<Reply> {
  const meant = await ports.store.resolveSubject(press.arrival.token)
  if (meant?.action !== press.arrival.action) return STALE
  return ON_PRESS[control](ports, { ...press, subject: meant.subject })
}
