/// <reference lib="dom" />
import { byId } from './dom.ts'
import { closePanel } from './panels.ts'

/** Not on a narrow screen, where some lie behind others. */
const isSeen = (element: HTMLElement) => element.getClientRects().length > 0

/** The parts of the page that F6 leads to, in their order: where in each the focus goes. */
const PARTS: readonly (() => HTMLElement | null | undefined)[] = [
  () => byId('guide').querySelector<HTMLElement>('button') ?? byId('guide'),
  () => byId('people').querySelector<HTMLElement>('input:checked'),
  () => (byId('home').hidden ? [...byId('messages').querySelectorAll<HTMLElement>('.message')].at(-1) : byId('home')),
  () => byId('composer-input'),
  () => byId('thread').querySelector<HTMLElement>('.messages'),
  () => [...byId('systems').querySelectorAll<HTMLElement>('button')].find(isSeen),
  () => byId('faults').querySelector<HTMLElement>('[data-fault]'),
]
const ROOMS = ['guide', 'people', 'messages', 'composer', 'thread', 'systems', 'faults']

/** F6 leads from part to part, as in Slack; ↑ and ↓ from message to message; Escape closes what lies over the channel. */
export function makeKeyboard(): void {
  document.addEventListener('keydown', (event) => {
    if (document.querySelector('dialog[open]') !== null) return
    if (event.key === 'Escape') closePanel()
    else if (event.key === 'F6') {
      event.preventDefault()
      toNextPart(event.shiftKey ? -1 : 1)
    } else if (event.key === 'ArrowUp' || event.key === 'ArrowDown') toNextMessage(event)
  })
}

function toNextPart(step: 1 | -1): void {
  const focused = document.activeElement
  const at = ROOMS.findIndex((id) => byId(id).contains(focused))
  const inOrder = PARTS.map((_, distance) => {
    const next = at + step * (distance + 1) + (at < 0 && step < 0 ? 1 : 0)
    return PARTS[(next + PARTS.length * 2) % PARTS.length]?.()
  })
  const target = inOrder.find((element) => element != null && isSeen(element.closest('label') ?? element))
  target?.scrollIntoView({ block: 'nearest' })
  target?.focus()
}

function toNextMessage(event: KeyboardEvent): void {
  const focused = document.activeElement
  const message = focused?.classList.contains('message') ? focused : undefined
  const next = event.key === 'ArrowUp' ? message?.previousElementSibling : message?.nextElementSibling
  if (!(next instanceof HTMLElement) || !next.classList.contains('message')) return
  event.preventDefault()
  next.scrollIntoView({ block: 'nearest' })
  next.focus()
}
