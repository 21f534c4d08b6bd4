/// <reference lib="dom" />
import { makeComposer } from './composer.ts'
import { byId, el, refresh } from './dom.ts'
import { drawFaults } from './faults.ts'
import { drawGuide } from './guide.ts'
import { drawHome, openHome } from './home.ts'
import { makeKeyboard } from './keyboard.ts'
import { avatar, drawMessages } from './messages.ts'
import { drawModal } from './modal.ts'
import { announceNews } from './news.ts'
import { showFaults, showSystems } from './panels.ts'
import { become, channelOf, follow, looking, onScreen, openChannel, type Screen, toast } from './store.ts'
import { drawSystems } from './systems.ts'

const read = new Map<string, string>()

function drawPeople(screen: Screen): void {
  refresh(byId('people'), screen.people, () => [
    el('legend', {}, 'Act as'),
    ...screen.people.map(({ name, realName, role, can }) => {
      const input = el('input', {
        type: 'radio',
        name: 'as',
        value: name,
        'data-focus': name,
        'aria-describedby': `can-${name}`,
        change: () => become(name),
      })
      return el(
        'label',
        { class: 'person', title: can },
        input,
        avatar(realName),
        el('span', {}, el('strong', {}, realName), el('span', { class: 'role' }, ` ${role}`)),
        el('span', { id: `can-${name}`, class: 'visually-hidden' }, can),
      )
    }),
  ])
  for (const input of byId('people').querySelectorAll('input')) input.checked = input.value === screen.as
}

function drawChannels(screen: Screen): void {
  const open = looking.home ? undefined : channelOf(screen)
  const rows = screen.channels.map((channel) => {
    const last = screen.messages.filter((one) => one.channel === channel.id).at(-1)?.ts ?? ''
    const key = `${screen.as}/${channel.id}`
    if (channel.id === open?.id) read.set(key, last)
    return { ...channel, isOpen: channel.id === open?.id, isUnread: last > (read.get(key) ?? '') }
  })
  refresh(byId('channels'), [rows, looking.home], () => [
    ...rows.map(({ name, kind, isOpen, isUnread }) =>
      el(
        'li',
        {},
        el(
          'button',
          {
            type: 'button',
            class: isUnread ? 'unread' : '',
            'aria-current': isOpen ? 'page' : undefined,
            'data-focus': name,
            click: () => openChannel(name),
          },
          kind === 'direct' ? `✓ ${name}` : `# ${name}`,
          isUnread && el('span', { class: 'dot' }, el('span', { class: 'visually-hidden' }, ' unread')),
        ),
      ),
    ),
    el(
      'li',
      {},
      el(
        'button',
        { type: 'button', 'aria-current': looking.home ? 'page' : undefined, 'data-focus': 'home', click: openHome },
        '⌂ Home',
      ),
    ),
  ])
}

/** Switches between the system theme, light and dark; remembers the choice. */
function makeTheme(): void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  const themes = ['system', 'light', 'dark']
  let theme = localStorage.getItem('theme') ?? 'system'
  const button = byId('theme')
  const show = () => {
    document.documentElement.dataset.theme = theme === 'system' ? (system.matches ? 'dark' : 'light') : theme
    button.textContent = { system: '◐', light: '☀', dark: '☾' }[theme] ?? ''
    button.setAttribute('aria-label', `Theme: ${theme}`)
    button.title = `Theme: ${theme}`
  }
  button.addEventListener('click', () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system'
    localStorage.setItem('theme', theme)
    show()
  })
  system.addEventListener('change', show)
  show()
}

function makeToggles(): void {
  byId('faults-toggle').addEventListener('click', () => showFaults(byId('faults').hidden !== false))
  byId('systems-toggle').addEventListener('click', () =>
    showSystems(!document.body.classList.contains('shows-systems')),
  )
}

/** Links on cards lead to the real hosts, which don't have this repository. Highlights the row in the Systems panel instead. */
function keepLinksHere(): void {
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>('.read a[href]') : null
    if (link === null || link.host === location.host) return
    event.preventDefault()
    const id = /pull-requests\/(\d+)/.exec(link.pathname)?.[1]
    const sha = /commits\/([0-9a-f]+)/.exec(link.pathname)?.[1]
    toast(`In real use, this link opens ${link.host}. Here, see the Systems panel.`)
    for (const row of document.querySelectorAll<HTMLElement>('#systems [data-is]')) {
      const isTarget = row.dataset.is === `pull request ${id}` || row.querySelector(`code[title="${sha}"]`) !== null
      row.classList.remove('fresh')
      if (!isTarget) continue
      void row.offsetWidth
      row.classList.add('fresh')
      row.scrollIntoView({ block: 'nearest' })
    }
  })
}

/** Keeps the newest message in view when the window is resized. */
function keepAtEnd(): void {
  const place = byId('messages')
  let isAtEnd = true
  place.addEventListener('scroll', () => {
    isAtEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 80
  })
  new ResizeObserver(() => {
    if (isAtEnd) place.scrollTop = place.scrollHeight
  }).observe(place)
}

makeTheme()
keepAtEnd()
keepLinksHere()
makeToggles()
makeKeyboard()
makeComposer()
for (const draw of [
  drawPeople,
  drawChannels,
  drawGuide,
  drawMessages,
  drawHome,
  drawModal,
  drawSystems,
  drawFaults,
  announceNews,
])
  onScreen(draw)
follow()
