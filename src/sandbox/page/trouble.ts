/// <reference lib="dom" />
import { byId, el, refresh } from './dom.ts'
import { act, type Screen, toast } from './store.ts'

/** Which environment is struck by the troubles that strike one. */
let struck = 'production'

export function drawTrouble(screen: Screen): void {
  const armed = screen.troubles.filter((one) => one.armed > 0).length
  const toggle = byId('trouble-toggle')
  const words = armed === 1 ? '1 trouble waits or lasts' : `${armed} troubles wait or last`
  refresh(toggle, armed, () => [
    'Make trouble',
    armed > 0 && el('span', { class: 'count', title: words, 'aria-hidden': 'true' }, String(armed)),
    armed > 0 && el('span', { class: 'visually-hidden' }, `, ${words}`),
  ])
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
    drawStruck(),
    el('ul', {}, ...screen.troubles.map(drawOne)),
    el('h3', {}, 'Give it work'),
    el('ul', {}, ...screen.work.map(drawWork)),
  ])
}

function drawStruck(): HTMLElement {
  const select = el(
    'select',
    {
      id: 'struck',
      'data-focus': 'struck',
      change: () => {
        struck = select.value
      },
    },
    ...['production', 'integration'].map((name) => el('option', { value: name }, name)),
  )
  select.value = struck
  return el('p', { class: 'struck' }, el('label', { for: 'struck' }, 'Those marked • strike'), select)
}

function drawOne(one: Screen['troubles'][number]): HTMLElement {
  const { name, title, what, expect, armed, lasts, strikesOne } = one
  const make = async () => {
    const outcome = await act('trouble', strikesOne ? { name, environment: struck } : { name })
    if (outcome.error === undefined) toast(`${title}: made.`)
  }
  const end = async () => {
    const outcome = await act('trouble', { name, end: true })
    if (outcome.error === undefined) toast(`${title}: over.`)
  }
  return el(
    'li',
    { class: armed > 0 ? 'armed' : '' },
    el(
      'button',
      { type: 'button', 'data-trouble': name, 'data-focus': name, 'aria-describedby': `about-${name}`, click: make },
      title,
    ),
    strikesOne && el('span', { class: 'mark', title: 'Strikes the environment that is chosen above' }, ' •'),
    armed > 0 && el('span', { class: 'badge' }, lasts ? 'now' : 'waiting'),
    lasts &&
      el(
        'button',
        {
          type: 'button',
          class: 'end',
          'data-end': name,
          'data-focus': `end ${name}`,
          'aria-label': `End it: ${title}`,
          click: end,
        },
        'End it',
      ),
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
  drawer.style.top = `${document.querySelector('.top')?.getBoundingClientRect().bottom ?? 0}px`
  toggle.setAttribute('aria-expanded', String(isShown))
  if (isShown) drawer.querySelector<HTMLElement>('[data-trouble]')?.focus()
  else toggle.focus()
}
