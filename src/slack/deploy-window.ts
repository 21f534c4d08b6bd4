/** Opens the modal that requests a release: for `/deploy`, and from App Home. */
import { defined } from '../lib/defined.ts'
import { openLocks } from '../release/lock-service.ts'
import { metadata, openModal } from './modal-window.ts'
import type { HandlerPorts } from './ports.ts'
import { type Reply, refused } from './replies.ts'
import { deployModal } from './views/deploy-modal.ts'
import { freezeNotes } from './views/parts/freeze.ts'
import { lockNotes } from './views/parts/lock-lines.ts'

/** Replies where it did not open, with why. `chosen`: picked at first. */
export async function openDeploy(
  ports: HandlerPorts,
  asked: {
    readonly by: string
    readonly trigger: string
    readonly responseUrl?: string
    readonly chosen?: { readonly app: string; readonly environment: string }
  },
  options?: { readonly above: boolean },
): Promise<Reply> {
  const { by, trigger, responseUrl, chosen } = asked
  const denied = await ports.service.mayRead(by)
  if (denied !== undefined) return refused(denied.refused)
  const now = await ports.store.now()
  const held = [...lockNotes(await openLocks(ports.store), by), ...freezeNotes(ports.apps, now)]
  const context = metadata({ token: '', ...defined({ responseUrl }) })
  const modal = deployModal({ apps: ports.apps, held, metadata: context, ...defined({ chosen }) })
  return openModal(ports, trigger, modal, options)
}
