/// <reference lib="dom" />
import { byId, el } from './dom.ts'
import { act, channelOf, current, toast } from './store.ts'

type Completion = { text: string; description: string }

const COMPLETIONS: readonly Completion[] = [
  { text: '/deploy production', description: 'request a release; needs QA and approval' },
  { text: '/deploy integration', description: 'deploy master to integration; starts at once' },
  { text: '/deploy preview production', description: 'show the plan, only to you; changes nothing' },
  { text: '/deploy production at ', description: 'and a time, such as 18:00: plan it now, start it then' },
  { text: '/deploy rollback production', description: 'go back to what an earlier release proved' },
  { text: '/deploy lock production because ', description: 'and why: keep others from releasing there' },
  { text: '/deploy unlock production', description: 'end that lock' },
  { text: '/deploy status', description: 'what is deployed and what is in progress' },
  { text: '/deploy history', description: 'recent releases' },
  { text: '/deploy', description: 'choose app and environment in a form' },
  { text: '/deploy cancel ', description: 'and a number: cancel a release' },
  { text: '/deploy retry ', description: 'and a number: resume a release that stopped' },
  { text: '/deploy help', description: 'list all commands' },
  { text: '/hotfix ', description: 'release single commits that can’t wait' },
]

/** Includes a hot-fix of the newest commit on master if production lacks it, so that nobody has to look up a SHA. */
function completions(): readonly Completion[] {
  const world = current()?.world
  const master = world?.branches.find(({ name }) => name === 'master')
  const lacksIt = world?.environments.some(({ name, behind }) => name === 'production' && (behind ?? 0) > 0)
  if (master === undefined || lacksIt !== true) return COMPLETIONS
  const pick = {
    text: `/hotfix ${master.sha.slice(0, 8)} production`,
    description: `newest on master: ${master.title}`,
  }
  return [...COMPLETIONS, pick]
}

let chosen = -1
let offered: readonly Completion[] = []

/** Fills the composer with a text that the person can send. */
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
    'aria-label': 'Message, or a command that starts with /',
    'aria-expanded': 'false',
    'aria-controls': 'completions',
    'aria-autocomplete': 'list',
    placeholder: 'Type a message, or / for commands',
    spellcheck: 'false',
    input: () => offer(input.value),
    keydown: (event) => onKey(event as KeyboardEvent, input),
    blur: () => setTimeout(() => offer(''), 150),
  })
  const list = el('ul', { id: 'completions', role: 'listbox', 'aria-label': 'Commands', hidden: true })
  const form = byId('composer')
  form.append(list, input, el('button', { type: 'submit', class: 'send' }, 'Send'))
  // On a touch screen that would open the keyboard over what there is to read.
  if (document.activeElement === document.body && matchMedia('(pointer: fine)').matches) input.focus()
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
  // The response appears at the end of the list.
  const messages = byId('messages')
  messages.scrollTop = messages.scrollHeight
  const isCommand = text.startsWith('/')
  if (!isCommand && channel.kind === 'direct')
    return toast('Signoff doesn’t read messages here. Type a / command or press a button.')
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
    ...offered.map(({ text, description }, index) =>
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
        ` ${description}`,
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
