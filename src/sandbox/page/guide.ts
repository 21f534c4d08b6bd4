/// <reference lib="dom" />
import type { PersonName } from '../people.ts'
import { propose } from './composer.ts'
import { byId, el, refresh } from './dom.ts'
import { openHome } from './home.ts'
import { showThread } from './messages.ts'
import { clearTheWay, showFaults } from './panels.ts'
import { act, become, load, looking, openChannel, type Screen } from './store.ts'

type Action = { label: string; do: () => void }
type Hint = { at: number; words: string; actions?: readonly Action[] }

const GONE: Hint = {
  at: 0,
  words: 'The sandbox has stopped. Start it again with npm run sandbox: this page then continues.',
}

const STEPS = ['Request', 'QA', 'Approve', 'Deploy']

/** Shows a newcomer the next step, with buttons that lead to it. */
export function drawGuide(screen: Screen): void {
  const { at, words, actions = [] } = looking.isGone ? GONE : hintOf(screen)
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
        el('button', { type: 'button', 'data-focus': `guide ${index}`, click: action.do }, action.label),
      ),
    ),
  ])
}

function hintOf(screen: Screen): Hint {
  const { next, as } = screen
  if (looking.channel !== 'product' && next.step !== 'ask' && next.step !== 'done') {
    return {
      at: indexOf(next.step),
      words: 'The release card is in #product.',
      actions: [{ label: 'Go to #product', do: () => openChannel('product') }],
    }
  }
  switch (next.step) {
    case 'ask':
      return request(as, 'Start a release to production: as Dana, type /deploy production below and press Enter.')
    case 'wait':
      return {
        at: 0,
        words: 'Signoff checks git, Heroku and the database and plans the release. Its card appears in a moment.',
      }
    case 'qa':
      return as === 'lin'
        ? {
            at: 1,
            words: 'You are Lin, who does QA. Press QA passed on the card.',
            actions: [showButton(next.ts, 'QA passed')],
          }
        : {
            at: 1,
            words: 'The release needs QA from one person and approval from another. Lin does QA.',
            actions: [switchTo('lin', 'Switch to Lin')],
          }
    case 'talk':
      return as === 'tom'
        ? {
            at: 1,
            words: 'You are Tom. The migration may lose data: press Talked over and note who discussed it.',
            actions: [showButton(next.ts, 'Talked over')],
          }
        : {
            at: 1,
            words: 'The team must discuss this migration first. Tom, an approver, can confirm that it did.',
            actions: [switchTo('tom', 'Switch to Tom')],
          }
    case 'approve':
      return as === 'tom'
        ? {
            at: 2,
            words: 'You are Tom, an approver. Review the plan, press Approve on the card, and confirm.',
            actions: [showButton(next.ts, 'Approve')],
          }
        : {
            at: 2,
            words: 'Now the release needs approval from Tom. Dana requested it, so she can’t approve it herself.',
            actions: [switchTo('tom', 'Switch to Tom')],
          }
    case 'scheduled':
      return {
        at: 3,
        words: 'It starts by itself at its time. Set the clock forward in the Systems panel, or press Start now.',
        actions: [
          {
            label: 'To the next start',
            do: () => void act('clock', { to: 'next start' }).then(load),
          },
        ],
      }
    case 'running':
      return looking.thread === next.ts
        ? { at: 3, words: 'The release is running. Its thread lists each step; the Systems panel shows the effects.' }
        : {
            at: 3,
            words: 'The release is running: merge, migrate, push. Follow it in its thread and in the Systems panel.',
            actions: [{ label: 'Open the thread', do: () => showThread(next.ts) }],
          }
    case 'done':
      return isUpToDate(screen)
        ? {
            at: STEPS.length,
            words:
              'Released to production. Release again, lock or roll back with / in the message box or in Home, or break something and watch.',
            actions: [
              { label: 'Push a commit', do: () => void act('work', { name: 'commit' }) },
              { label: 'Open Home', do: openHome },
              { label: 'Break something', do: () => showFaults(true) },
            ],
          }
        : request(as, 'Production is behind master. Start the next release: /deploy production.')
    case 'stopped': {
      const [first = ''] = next.words.replaceAll('\u00a0', ' ').split(/(?<=\.) /)
      const { offers } = next
      if (offers === undefined) return request(as, `${first} Start a new release with /deploy production.`)
      const words = `${first} The card explains why and offers ${offers}.`
      const canPress = as === 'dana' || as === 'tom'
      return { at: 3, words, actions: [canPress ? showButton(next.ts, offers) : switchTo('dana', 'Switch to Dana')] }
    }
  }
}

const indexOf = (step: string): number =>
  ({ talk: 1, qa: 1, approve: 2, scheduled: 3, running: 3, stopped: 3, done: 4 })[step] ?? 0

const isUpToDate = ({ world }: Screen) => world.environments.find(({ name }) => name === 'production')?.behind === 0

function request(as: PersonName, words: string): Hint {
  if (as !== 'dana') return { at: 0, words, actions: [switchTo('dana', 'Switch to Dana')] }
  return {
    at: 0,
    words,
    actions: [
      {
        label: 'Type it for me',
        do() {
          openChannel('product')
          propose('/deploy production')
        },
      },
    ],
  }
}

/** Scrolls to a button of the card and focuses it; pressing it is left to the person. */
function showButton(ts: string, label: string): Action {
  return {
    label: 'Show me',
    do() {
      clearTheWay()
      const buttons = document.querySelectorAll<HTMLElement>(`#messages [data-ts="${CSS.escape(ts)}"] .slack-button`)
      const button = [...buttons].find(({ textContent }) => textContent === label)
      button?.scrollIntoView({ block: 'center' })
      button?.focus()
      button?.classList.remove('pointed')
      void button?.offsetWidth
      button?.classList.add('pointed')
    },
  }
}

function switchTo(person: PersonName, label: string): Action {
  return { label, do: () => become(person) }
}
