/// <reference lib="dom" />
import { drawParts } from './controls.ts'
import { byId, el, refresh, timeOf } from './dom.ts'
import { act, channelOf, looking, openThread, repliesTo, type Screen, type ShownMessage, topLevel } from './store.ts'

const GROUP_WITHIN_S = 5 * 60

/** Draws the open channel and the open thread. */
export function drawMessages(screen: Screen): void {
  const channel = channelOf(screen)
  if (channel === undefined) return
  byId('channel-name').textContent = channel.kind === 'direct' ? channel.name : `# ${channel.name}`
  const shown = topLevel(screen, channel.id)
  fill(byId('messages'), shown, (message) => {
    const replies = repliesTo(screen, channel.id, message.ts)
    return { replies: replies.length, last: replies.at(-1)?.ts, open: looking.thread === message.ts }
  })
  if (shown.length === 0) emptyWords(byId('messages'), channel)
  if (screen.as === looking.as) byId('messages').ariaBusy = null
  drawThread(screen, channel)
}

function emptyWords(place: HTMLElement, channel: Screen['channels'][number]): void {
  const words =
    channel.kind === 'direct'
      ? 'Direct messages from Signoff appear here.'
      : `No messages in #${channel.name} yet. Type /deploy to start a release.`
  place.replaceChildren(el('p', { class: 'empty' }, words))
}

/** Opens a thread and moves the focus there. */
export function showThread(ts: string): void {
  openThread(ts)
  byId('thread').querySelector<HTMLElement>('.messages')?.focus()
}

/** Closes the thread and moves the focus back to the button that opens it. */
export function closeThread(): void {
  const ts = looking.thread
  openThread(undefined)
  document.querySelector<HTMLElement>(`#messages [data-ts="${CSS.escape(ts ?? '')}"] .replies`)?.focus()
}

function drawThread(screen: Screen, channel: Screen['channels'][number]): void {
  const place = byId('thread')
  const root = screen.messages.find((one) => one.channel === channel.id && one.ts === looking.thread)
  place.hidden = root === undefined
  document.body.classList.toggle('has-thread', root !== undefined)
  if (root === undefined) {
    place.replaceChildren()
    return
  }
  if (place.dataset.of !== root.key || place.childElementCount === 0) {
    place.dataset.of = root.key
    place.replaceChildren(
      el(
        'div',
        { class: 'pane-head' },
        el('h2', {}, 'Thread'),
        el('button', { type: 'button', class: 'quiet', 'aria-label': 'Close the thread', click: closeThread }, '✕'),
      ),
      el('div', { class: 'messages', role: 'log', 'aria-live': 'off', 'aria-label': 'Thread', tabindex: 0 }),
      el('form', { class: 'composer', submit: (event) => void reply(event, channel.id, root.ts) }, ...replyBox()),
    )
  }
  const list = place.querySelector<HTMLElement>('.messages')
  if (list !== null) fill(list, [root, ...repliesTo(screen, channel.id, root.ts)], () => undefined)
}

function replyBox(): HTMLElement[] {
  const input = el('input', { type: 'text', name: 'text', placeholder: 'Reply…', 'aria-label': 'Reply in the thread' })
  return [input, el('button', { type: 'submit', class: 'send' }, 'Send')]
}

async function reply(event: Event, channel: string, thread: string): Promise<void> {
  event.preventDefault()
  const input = (event.target as HTMLFormElement).querySelector('input')
  const text = input?.value.trim() ?? ''
  if (input === null || text === '') return
  input.value = ''
  const outcome = await act('message', { channel, thread, text })
  if (outcome.error !== undefined && input.value === '') input.value = text
}

type Foot = { replies: number; last: string | undefined; open: boolean } | undefined

/** Keeps the elements of unchanged messages, so that focus and scroll position stay. */
function fill(place: HTMLElement, messages: readonly ShownMessage[], footOf: (message: ShownMessage) => Foot): void {
  const isAtEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 80
  const before = new Map(
    [...place.querySelectorAll<HTMLElement>(':scope > .message')].map((one) => [one.dataset.key, one]),
  )
  for (const other of place.querySelectorAll(':scope > :not(.message)')) other.remove()
  let at: Element | null = place.firstElementChild
  let previous: ShownMessage | undefined
  for (const message of messages) {
    const kept = before.get(message.key)
    before.delete(message.key)
    const isGrouped = follows(message, previous)
    previous = message
    const element =
      kept ?? el('article', { class: 'message', 'data-key': message.key, 'data-ts': message.ts, tabindex: -1 })
    if (element !== at) place.insertBefore(element, at)
    else at = at.nextElementSibling
    const foot = footOf(message)
    element.classList.toggle('grouped', isGrouped)
    element.classList.toggle('private', message.isPrivate)
    element.setAttribute('aria-label', `${message.author}, ${timeOf(message.ts)}`)
    const buttons = buttonsIn(element)
    refresh(element, [message, foot, isGrouped], () => drawMessage(message, foot, isGrouped))
    if (kept !== undefined && buttonsIn(element) !== buttons) holdStill(element)
  }
  for (const gone of before.values()) gone.remove()
  if (isAtEnd) place.scrollTop = place.scrollHeight
}

const buttonsIn = (message: HTMLElement) =>
  [...message.querySelectorAll('.slack-button')].map(({ textContent }) => textContent).join('\n')

const HELD_MS = 700

/** Another button may be under the pointer now: a second click of the same hand must not press it. */
function holdStill(message: HTMLElement): void {
  message.classList.add('held')
  setTimeout(() => message.classList.remove('held'), HELD_MS)
}

function follows(message: ShownMessage, previous: ShownMessage | undefined): boolean {
  if (previous === undefined || previous.author !== message.author || previous.isPrivate !== message.isPrivate)
    return false
  return Number(message.ts) - Number(previous.ts) < GROUP_WITHIN_S && !message.isBroadcast
}

function drawMessage(message: ShownMessage, foot: Foot, isGrouped: boolean): HTMLElement[] {
  const press = (element: Record<string, unknown>) =>
    act('click', { channel: message.channel, ts: message.ts, action: element.action_id })
  const time = el('time', { datetime: new Date(Number(message.ts) * 1000).toISOString() }, timeOf(message.ts))
  const head = el(
    'div',
    { class: 'head' },
    el('span', { class: 'author' }, message.author),
    message.isBot && el('span', { class: 'app' }, 'app'),
    time,
  )
  return [
    isGrouped ? el('span', { class: 'gutter' }, shortTime(message.ts)) : avatar(message.author, message.isBot),
    el(
      'div',
      { class: 'body' },
      message.isPrivate && el('p', { class: 'only-you' }, 'Only visible to you'),
      message.isBroadcast && el('p', { class: 'only-you' }, 'Also sent to the channel'),
      !isGrouped && head,
      ...drawParts(message.parts, press),
      message.isEdited && el('span', { class: 'edited' }, '(edited)'),
      footOf(message, foot),
    ),
  ]
}

/** The time for the narrow gutter, without AM or PM. */
const shortTime = (ts: string) => timeOf(ts).replace(/\s?[AP]M$/i, '')

function footOf(message: ShownMessage, foot: Foot): HTMLElement | false {
  if (foot === undefined || message.isPrivate) return false
  const target = message.thread ?? message.ts
  const words = foot.replies === 0 ? 'Reply in thread' : `${foot.replies} ${foot.replies === 1 ? 'reply' : 'replies'}`
  return el(
    'button',
    {
      type: 'button',
      class: foot.replies === 0 ? 'replies none' : 'replies',
      'data-focus': 'replies',
      'aria-expanded': String(foot.open),
      click: () => (foot.open ? closeThread() : showThread(target)),
    },
    words,
    foot.last !== undefined && el('span', { class: 'last' }, ` last at ${timeOf(foot.last)}`),
  )
}

export function avatar(name: string, isBot = false): HTMLElement {
  const hue = ([...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) * 137) % 360
  const made = el(
    'span',
    { class: isBot ? 'avatar bot' : 'avatar', 'aria-hidden': 'true' },
    isBot ? '✓' : name.slice(0, 1),
  )
  if (!isBot) made.style.setProperty('--hue', String(hue))
  return made
}
