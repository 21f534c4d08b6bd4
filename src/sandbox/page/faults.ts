/// <reference lib="dom" />
import { byId, el, refresh } from './dom.ts'
import { showFaults } from './panels.ts'
import { act, type Screen, toast } from './store.ts'

type Fault = Screen['troubles'][number]

/** The environment for faults that need one. */
let environment = 'production'

/** Draws the drawer with all faults, and the number of active ones on the button that opens it. */
export function drawFaults(screen: Screen): void {
  const active = screen.troubles.filter((one) => one.armed > 0).length
  const words = `${active} ${active === 1 ? 'fault' : 'faults'} active`
  refresh(byId('faults-toggle'), active, () => [
    'Break something',
    active > 0 && el('span', { class: 'count', title: words, 'aria-hidden': 'true' }, String(active)),
    active > 0 && el('span', { class: 'visually-hidden' }, `, ${words}`),
  ])
  const groups = [...new Set(screen.troubles.map(({ group }) => group))]
  refresh(byId('faults'), [screen.troubles, screen.work], () => [
    el(
      'div',
      { class: 'pane-head' },
      el('h2', {}, 'Break something'),
      el(
        'button',
        {
          type: 'button',
          class: 'quiet',
          'aria-label': 'Close',
          'data-focus': 'close',
          click: () => showFaults(false),
        },
        '✕',
      ),
    ),
    el('p', { class: 'note' }, 'Cause a fault before or during a release, and see how Signoff handles it.'),
    drawEnvironment(),
    ...groups.flatMap((group) => [
      el('h3', {}, group),
      el('ul', {}, ...screen.troubles.filter((one) => one.group === group).map(drawFault)),
    ]),
    el('h3', {}, 'Something new to release'),
    el('ul', {}, ...screen.work.map(drawWork)),
  ])
}

function drawEnvironment(): HTMLElement {
  const select = el(
    'select',
    {
      id: 'fault-environment',
      'data-focus': 'fault-environment',
      change: () => {
        environment = select.value
      },
    },
    ...['production', 'integration'].map((name) => el('option', { value: name }, name)),
  )
  select.value = environment
  return el(
    'p',
    { class: 'fault-environment' },
    el('label', { for: 'fault-environment' }, 'Faults marked • affect'),
    select,
  )
}

function drawFault({ name, title, what, expect, armed, lasts, needsEnvironment }: Fault): HTMLElement {
  const inject = async () => {
    const outcome = await act('trouble', needsEnvironment ? { name, environment } : { name })
    if (outcome.error !== undefined) return
    toast(outcome.armed?.[name] === undefined ? `Done: ${title}` : `Fault set: ${title}`)
  }
  const end = async () => {
    const outcome = await act('trouble', { name, end: true })
    if (outcome.error === undefined) toast(`Ended: ${title}`)
  }
  return el(
    'li',
    { class: armed > 0 ? 'armed' : '' },
    el(
      'button',
      { type: 'button', 'data-fault': name, 'data-focus': name, 'aria-describedby': `about-${name}`, click: inject },
      title,
    ),
    needsEnvironment && el('span', { class: 'mark', title: 'Affects the environment chosen above' }, ' •'),
    armed > 0 && el('span', { class: 'badge' }, lasts ? 'active' : 'set'),
    lasts &&
      el(
        'button',
        {
          type: 'button',
          class: 'end',
          'data-end': name,
          'data-focus': `end ${name}`,
          'aria-label': `End now: ${title}`,
          click: end,
        },
        'End now',
      ),
    el('p', { id: `about-${name}` }, what, el('br'), el('em', {}, `Expected: ${expect}`)),
  )
}

function drawWork({ name, title, detail }: Screen['work'][number]): HTMLElement {
  const push = async () => {
    const outcome = await act('work', { name })
    if (outcome.error === undefined) toast(`Done: ${title}`)
  }
  return el(
    'li',
    {},
    el('button', { type: 'button', 'data-work': name, 'data-focus': name, click: push }, title),
    el('p', {}, detail),
  )
}
