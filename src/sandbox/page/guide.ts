/// <reference lib="dom" />
import type { PersonName } from '../people.ts'
import { propose } from './composer.ts'
import { byId, el, refresh } from './dom.ts'
import { showThread } from './messages.ts'
import { become, looking, openChannel, type Screen } from './store.ts'
import { showTrouble } from './trouble.ts'

type Hint = { at: number; words: string; act?: { label: string; do: () => void } }

/** Says what a newcomer can do next, and offers to do the part that is not the point. */
export function drawGuide(screen: Screen): void {
  const hint = hintOf(screen)
  document.title = `${hint.at === 4 ? '✓ ' : ''}Signoff sandbox`
  refresh(byId('guide'), [hint.at, hint.words, hint.act?.label], () => [
    el(
      'ol',
      { class: 'steps', 'aria-hidden': 'true' },
      ...['Ask', 'QA', 'Approve', 'Watch'].map((name, index) =>
        el('li', { class: index < hint.at ? 'done' : index === hint.at ? 'now' : '' }, name),
      ),
    ),
    el('p', {}, hint.words),
    hint.act &&
      el('button', { type: 'button', class: 'strong', 'data-focus': 'guide', click: hint.act.do }, hint.act.label),
  ])
}

function hintOf(screen: Screen): Hint {
  const { next, as } = screen
  if (looking.channel !== 'product' && next.step !== 'ask' && next.step !== 'done') {
    return {
      at: atOf(next.step),
      words: 'The release’s card is in #product.',
      act: { label: 'Go to #product', do: () => openChannel('product') },
    }
  }
  switch (next.step) {
    case 'ask':
      return ask(as, 'Ship to production: as Dana, ask for a release. Type /deploy production below and press Enter.')
    case 'wait':
      return {
        at: 0,
        words: 'The worker looks at git, Heroku and the database and makes a plan. Its card comes in a moment.',
      }
    case 'qa':
      return as === 'lin'
        ? {
            at: 1,
            words: 'You are Lin, and QA is yours to give: press QA passed on the card.',
            act: show(next.ts, 'QA passed'),
          }
        : {
            at: 1,
            words: 'The plan needs a person who says that QA passed, and another who approves. Lin does QA.',
            act: turn('lin', 'Become Lin'),
          }
    case 'talk':
      return as === 'tom'
        ? {
            at: 1,
            words:
              'You are Tom. The migration may destroy data or has an unknown effect: press Talked over, and say with whom.',
            act: show(next.ts, 'Talked over'),
          }
        : {
            at: 1,
            words: 'Its migration has to be talked over first, and an approver says that it was. Tom may.',
            act: turn('tom', 'Become Tom'),
          }
    case 'approve':
      return as === 'tom'
        ? {
            at: 2,
            words: 'You are Tom. Read what goes, press Approve on the card, and confirm.',
            act: show(next.ts, 'Approve'),
          }
        : {
            at: 2,
            words: 'Now it needs an approval. Tom may approve; Dana asked, so she may not: try it, if you like.',
            act: turn('tom', 'Become Tom'),
          }
    case 'running':
      return looking.thread === next.ts
        ? { at: 3, words: 'It runs. The thread tells each step, and the outside world changes at the right.' }
        : {
            at: 3,
            words: 'It runs: announced, merged, migrated, pushed. Watch its thread and the outside world.',
            act: { label: 'Open the thread', do: () => showThread(next.ts) },
          }
    case 'done':
      return isShipped(screen)
        ? {
            at: 4,
            words:
              'You have shipped to production. Nothing is left to release: give it work, or make trouble and watch.',
            act: { label: 'Make trouble', do: () => showTrouble(true) },
          }
        : ask(as, 'There is something new on master. Ask for the next release: /deploy production.')
    case 'stopped': {
      const [first = ''] = next.words.replaceAll('\u00a0', ' ').split(/(?<=\.) /)
      const { offers } = next
      if (offers === undefined) return ask(as, `${first} Ask anew when you like: /deploy production.`)
      const words = `${first} The card says what stands, and offers ${offers}.`
      const mayPress = as === 'dana' || as === 'tom'
      return { at: 3, words, act: mayPress ? show(next.ts, offers) : turn('dana', 'Become Dana') }
    }
  }
}

const atOf = (step: string): number => ({ talk: 1, qa: 1, approve: 2, running: 3, stopped: 3, done: 4 })[step] ?? 0

const isShipped = ({ world }: Screen) => world.environments.find(({ name }) => name === 'production')?.behind === 0

function ask(as: PersonName, words: string): Hint {
  if (as !== 'dana') return { at: 0, words, act: turn('dana', 'Become Dana') }
  return {
    at: 0,
    words,
    act: {
      label: 'Type it for me',
      do() {
        openChannel('product')
        propose('/deploy production')
      },
    },
  }
}

/** Leads to a button of the card; pressing it is the person's own deed. */
function show(ts: string, label: string): { label: string; do: () => void } {
  return {
    label: 'Show me',
    do() {
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

function turn(person: PersonName, label: string): { label: string; do: () => void } {
  return { label, do: () => become(person) }
}
