/// <reference lib="dom" />
import { byId, el, refresh } from './dom.ts'
import { act, type Screen, toast } from './store.ts'

export function drawTrouble(screen: Screen): void {
  const armed = screen.troubles.filter((one) => one.armed > 0).length
  const toggle = byId('trouble-toggle')
  toggle.textContent = armed === 0 ? 'Make trouble' : `Make trouble (${armed} waiting)`
  refresh(byId('trouble'), [screen.troubles, screen.work], () => [
    el(
      'div',
      { class: 'pane-head' },
      el('h2', {}, 'Make trouble'),
      el(
        'button',
        {
          type: 'button',
          class: 'quiet',
          'aria-label': 'Close',
          'data-focus': 'close',
          click: () => showTrouble(false),
        },
        '✕',
      ),
    ),
    el('p', { class: 'note' }, 'Each shows how the bot takes it. Ask for a release before or after.'),
    el('ul', {}, ...screen.troubles.map(drawOne)),
    el('h3', {}, 'Give it work'),
    el('ul', {}, ...screen.work.map(drawWork)),
  ])
}

function drawOne({ name, title, what, expect, armed }: Screen['troubles'][number]): HTMLElement {
  const make = async () => {
    const outcome = await act('trouble', { name })
    if (outcome.error === undefined) toast(`${title}: made.`)
  }
  return el(
    'li',
    { class: armed > 0 ? 'armed' : '' },
    el(
      'button',
      { type: 'button', 'data-trouble': name, 'data-focus': name, 'aria-describedby': `about-${name}`, click: make },
      title,
    ),
    armed > 0 && el('span', { class: 'badge' }, 'waiting'),
    el('p', { id: `about-${name}` }, what, el('br'), el('em', {}, expect)),
  )
}

function drawWork({ name, title, detail }: Screen['work'][number]): HTMLElement {
  const give = async () => {
    const outcome = await act('work', { name })
    if (outcome.error === undefined) toast(`${title}: it is there.`)
  }
  return el(
    'li',
    {},
    el('button', { type: 'button', 'data-work': name, 'data-focus': name, click: give }, title),
    el('p', {}, detail),
  )
}

export function showTrouble(isShown: boolean): void {
  const drawer = byId('trouble')
  const toggle = byId('trouble-toggle')
  drawer.hidden = !isShown
  toggle.setAttribute('aria-expanded', String(isShown))
  if (isShown) drawer.querySelector<HTMLElement>('[data-trouble]')?.focus()
  else toggle.focus()
}
