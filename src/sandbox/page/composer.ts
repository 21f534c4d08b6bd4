/// <reference lib="dom" />
import { byId, el } from './dom.ts'
import { act, channelOf, current, toast } from './store.ts'

type Completion = { text: string; words: string }

const COMPLETIONS: readonly Completion[] = [
  { text: '/deploy production', words: 'ask for a release; QA and approval are needed' },
  { text: '/deploy integration', words: 'bring master to integration; goes at once' },
  { text: '/deploy preview production', words: 'the plan, for your eyes; changes nothing' },
  { text: '/deploy status', words: 'what runs where, what is under way' },
  { text: '/deploy history', words: 'the last releases' },
  { text: '/deploy', words: 'a form that asks for app and environment' },
  { text: '/deploy cancel ', words: 'and a number: stop a release' },
  { text: '/deploy retry ', words: 'and a number: go on with one that stopped' },
  { text: '/deploy help', words: 'all of it' },
  { text: '/hotfix ', words: 'single commits, when they can not wait' },
]

/** With the commit that a hot-fix could pick: a newcomer knows no SHA by heart. */
function completions(): readonly Completion[] {
  const world = current()?.world
  const master = world?.branches.find(({ name }) => name === 'master')
  const lacksIt = world?.environments.some(({ name, behind }) => name === 'production' && (behind ?? 0) > 0)
  if (master === undefined || lacksIt !== true) return COMPLETIONS
  const pick = { text: `/hotfix ${master.sha.slice(0, 8)} production`, words: `master’s newest: ${master.title}` }
  return [...COMPLETIONS, pick]
}

let chosen = -1
let offered: readonly Completion[] = []

/** Puts words into the composer, for the person to send. */
export function propose(text: string): void {
  const input = byId<HTMLInputElement>('composer-input')
  input.value = text
  input.focus()
  offer('')
}

export function makeComposer(): void {
  const input: HTMLInputElement = el('input', {
    id: 'composer-input',
    type: 'text',
    role: 'combobox',
    'aria-label': 'Write a message, or a command that begins with /',
    'aria-expanded': 'false',
    'aria-controls': 'completions',
    'aria-autocomplete': 'list',
    placeholder: 'Write a message, or / for commands',
    spellcheck: 'false',
    input: () => offer(input.value),
    keydown: (event) => onKey(event as KeyboardEvent, input),
    blur: () => setTimeout(() => offer(''), 150),
  })
  const list = el('ul', { id: 'completions', role: 'listbox', 'aria-label': 'Commands', hidden: true })
  const form = byId('composer')
  form.append(list, input, el('button', { type: 'submit', class: 'send' }, 'Send'))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void send(input)
  })
}

async function send(input: HTMLInputElement): Promise<void> {
  const text = input.value.trim()
  const screen = current()
  const channel = screen && channelOf(screen)
  if (text === '' || channel === undefined) return
  offer('')
  input.value = ''
  // What comes of it comes at the end.
  const messages = byId('messages')
  messages.scrollTop = messages.scrollHeight
  const isCommand = text.startsWith('/')
  if (!isCommand && channel.kind === 'direct') return toast('The bot reads commands and buttons, no messages.')
  const outcome = await act(isCommand ? 'command' : 'message', { channel: channel.id, text })
  if (outcome.error !== undefined && input.value === '') input.value = text
}

function onKey(event: KeyboardEvent, input: HTMLInputElement): void {
  if (offered.length === 0) return
  const take = (completion: Completion | undefined) => {
    if (completion === undefined) return
    event.preventDefault()
    input.value = completion.text
    offer('')
  }
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault()
    const step = event.key === 'ArrowDown' ? 1 : -1
    chosen = (chosen + step + offered.length + (chosen < 0 && step < 0 ? 1 : 0)) % offered.length
    mark(input)
  } else if (event.key === 'Escape') offer('')
  else if (event.key === 'Tab' && !event.shiftKey) take(offered[Math.max(chosen, 0)])
  else if (event.key === 'Enter' && chosen >= 0) take(offered[chosen])
}

function offer(typed: string): void {
  const input = byId<HTMLInputElement>('composer-input')
  const list = byId('completions')
  offered = typed.startsWith('/') ? completions().filter(({ text }) => text.startsWith(typed) && text !== typed) : []
  chosen = -1
  list.hidden = offered.length === 0
  input.setAttribute('aria-expanded', String(offered.length > 0))
  list.replaceChildren(
    ...offered.map(({ text, words }, index) =>
      el(
        'li',
        {
          id: `completion-${index}`,
          role: 'option',
          'aria-selected': 'false',
          mousedown(event) {
            event.preventDefault()
            input.value = text
            offer('')
          },
        },
        el('strong', {}, text),
        ` ${words}`,
      ),
    ),
  )
  mark(input)
}

function mark(input: HTMLInputElement): void {
  for (const [index, option] of [...byId('completions').children].entries()) {
    option.setAttribute('aria-selected', String(index === chosen))
  }
  if (chosen >= 0) input.setAttribute('aria-activedescendant', `completion-${chosen}`)
  else input.removeAttribute('aria-activedescendant')
}
