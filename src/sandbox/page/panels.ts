/// <reference lib="dom" />
import { byId } from './dom.ts'
import { closeThread } from './messages.ts'
import { looking } from './store.ts'

/** Opens or closes the drawer with faults, and moves the focus into it or back to its button. */
export function showFaults(isShown: boolean): void {
  const drawer = byId('faults')
  const toggle = byId('faults-toggle')
  drawer.hidden = !isShown
  drawer.style.top = `${document.querySelector('.top')?.getBoundingClientRect().bottom ?? 0}px`
  toggle.setAttribute('aria-expanded', String(isShown))
  if (isShown) drawer.querySelector<HTMLElement>('[data-fault]')?.focus()
  else toggle.focus()
}

const areSystemsOver = () => document.body.classList.contains('shows-systems')

/** The same with the Systems panel, which lies over the channel on a narrow screen and beside it on a wide one. */
export function showSystems(isShown: boolean): void {
  document.body.classList.toggle('shows-systems', isShown)
  const toggle = byId('systems-toggle')
  toggle.setAttribute('aria-expanded', String(isShown))
  if (isShown) byId('systems').querySelector<HTMLElement>('[data-focus="close systems"]')?.focus()
  else toggle.focus()
}

/** Closes the panel that was opened last. Returns whether there was one. */
export function closePanel(): boolean {
  if (!byId('faults').hidden) showFaults(false)
  else if (areSystemsOver()) showSystems(false)
  else if (looking.thread !== undefined) closeThread()
  else return false
  return true
}

/** Leaves nothing over the channel: what is pointed at there must be seen. */
export function clearTheWay(): void {
  if (!byId('faults').hidden) showFaults(false)
  if (areSystemsOver()) showSystems(false)
  // Beside the channel on a wide screen a thread is not in the way.
  const isOver = getComputedStyle(byId('thread')).position === 'absolute'
  if (isOver && looking.thread !== undefined) closeThread()
}
