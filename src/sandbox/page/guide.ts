/// <reference lib="dom" />
import type { GuideAction } from '../next-step.ts'
import { propose } from './composer.ts'
import { byId, el, refresh } from './dom.ts'
import { openHome } from './home.ts'
import { showThread } from './messages.ts'
import { clearTheWay, showFaults } from './panels.ts'
import { act, become, load, looking, openChannel, type Screen } from './store.ts'

type Action = GuideAction | { label: string; do: 'open card' }
type Hint = { at: number; words: string; actions: readonly Action[] }

const GONE: Hint = {
  at: 0,
  words: 'The sandbox has stopped. Start it again with npm run sandbox: this page then continues.',
  actions: [],
}

const STEPS = ['Request', 'QA', 'Approve', 'Deploy']

/** Shows a newcomer the next step, with buttons that lead to it. */
export function drawGuide(screen: Screen): void {
  const { at, words, actions } = looking.isGone ? GONE : hintOf(screen)
  document.title = `${at === STEPS.length ? '✓ ' : ''}Signoff sandbox`
  refresh(byId('guide'), [at, words, actions.map(({ label }) => label)], () => [
    el(
      'ol',
      { class: 'steps', 'aria-hidden': 'true' },
      ...STEPS.map((name, index) => el('li', { class: index < at ? 'done' : index === at ? 'now' : '' }, name)),
    ),
    el('p', {}, words),
    el(
      'div',
      { class: 'guide-actions' },
      ...actions.map((action, index) =>
        el('button', { type: 'button', 'data-focus': `guide ${index}`, click: () => perform(action) }, action.label),
      ),
    ),
  ])
}

/** What the person looks at decides the rest: the page alone knows it. */
function hintOf({ next }: Screen): Hint {
  if (next.needsCard && looking.channel !== 'product') {
    return {
      at: next.at,
      words: 'The release card is in #product.',
      actions: [{ label: 'Go to #product', do: 'open card' }],
    }
  }
  const { inThread } = next
  if (inThread !== undefined && looking.thread === inThread.ts) return { ...next, words: inThread.words, actions: [] }
  return next
}

function perform(action: Action): void {
  if (action.do === 'become') become(action.person)
  else if (action.do === 'type') {
    openChannel('product')
    propose(action.text)
  } else if (action.do === 'show button') showButton(action.ts, action.button)
  else if (action.do === 'open thread') showThread(action.ts)
  else if (action.do === 'work') void act('work', { name: action.name })
  else PLAIN[action.do]()
}

const PLAIN = {
  'open card': () => openChannel('product'),
  'set clock': () => void act('clock', { to: 'next start' }).then(load),
  'open home': openHome,
  'open faults': () => showFaults(true),
}

/** Scrolls to a button of the card and focuses it; pressing it is left to the person. */
function showButton(ts: string, label: string): void {
  clearTheWay()
  const buttons = document.querySelectorAll<HTMLElement>(`#messages [data-ts="${CSS.escape(ts)}"] .slack-button`)
  const button = [...buttons].find(({ textContent }) => textContent === label)
  button?.scrollIntoView({ block: 'center' })
  button?.focus()
  button?.classList.remove('pointed')
  void button?.offsetWidth
  button?.classList.add('pointed')
}
