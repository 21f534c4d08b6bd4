/// <reference lib="dom" />
import type { Part } from '../drawing.ts'
import { el, newId } from './dom.ts'

type Json = Record<string, unknown>
/** `chosen`: the value of a menu's or list's entry; of ticked boxes all values. */
export type Press = (element: Json, chosen?: string | string[], block?: string) => Promise<unknown>

const textOf = (value: unknown): string => {
  const text = (value as Json | undefined)?.text
  return typeof text === 'string' ? text : ''
}
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value : [])

/** Draws the parts of a message or a modal. Calls `onPress` when a button is pressed, after its confirmation. */
export function drawParts(parts: readonly Part[], onPress: Press): HTMLElement[] {
  return parts.map((part) => {
    if (part.kind === 'actions') {
      return el(
        'div',
        { class: 'actions', role: 'group' },
        ...part.elements.map((one) => control(one, onPress, part.block)),
      )
    }
    if (part.kind === 'input') return field(part)
    const read = el('div', { class: 'read' })
    // Safe: the server draws this HTML from blocks and escapes all text.
    read.innerHTML = part.html
    if (part.beside === undefined) return read
    return el('div', { class: 'with-beside' }, read, control(part.beside, onPress, part.block))
  })
}

function control(element: Json, onPress: Press, block?: string): HTMLElement {
  if (element.type === 'overflow') return overflow(element, onPress, block)
  if (element.type === 'static_select') return select(element, onPress, block)
  if (element.type === 'checkboxes') return boxes(element, onPress, block)
  if (element.type !== 'button') return el('span', { class: 'unknown' }, `(${String(element.type)})`)
  if (typeof element.url === 'string') return linkButton(element, onPress, block)
  const button = el(
    'button',
    {
      type: 'button',
      class: `slack-button ${String(element.style ?? '')}`,
      'data-action-id': String(element.action_id),
      'data-focus': String(element.action_id),
      'aria-label': element.accessibility_label as string | undefined,
      async click() {
        // `disabled` would remove the focus.
        if (button.ariaBusy === 'true') return
        if (element.confirm !== undefined && !(await ask(element.confirm as Json))) return
        button.ariaBusy = 'true'
        await onPress(element, undefined, block)
        button.ariaBusy = null
      },
    },
    textOf(element.text),
  )
  return button
}

/** A link that looks like a button. Slack tells the app of a click on it too. */
function linkButton(element: Json, onPress: Press, block?: string): HTMLElement {
  const click = () => void onPress(element, undefined, block)
  const href = String(element.url)
  return el('a', { class: 'slack-button', href, target: '_blank', rel: 'noreferrer', click }, textOf(element.text))
}

/** The menu behind `…`. */
function overflow(element: Json, onPress: Press, block?: string): HTMLElement {
  const focus = `${block}/${String(element.action_id)}`
  const opener = el('summary', { class: 'slack-button menu', 'aria-label': 'More actions', 'data-focus': focus }, '⋯')
  const entries = listOf(element.options).map((option) => {
    const pick = () => {
      menu.open = false
      void onPress(element, String(option.value), block)
    }
    const words = textOf(option.text)
    const entry =
      typeof option.url === 'string'
        ? el('a', { href: option.url, target: '_blank', rel: 'noreferrer', click: pick }, words)
        : el('button', { type: 'button', click: pick }, words)
    return el('li', {}, entry)
  })
  const menu: HTMLDetailsElement = el('details', { class: 'overflow' }, opener, el('ul', {}, ...entries))
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !menu.open) return
    event.stopPropagation()
    menu.open = false
    opener.focus()
  })
  menu.addEventListener('focusout', (event) => {
    if (event.relatedTarget instanceof Node && !menu.contains(event.relatedTarget)) menu.open = false
  })
  return menu
}

function select(element: Json, onPress: Press, block?: string): HTMLElement {
  const placeholder = textOf(element.placeholder)
  const list: HTMLSelectElement = el(
    'select',
    {
      class: 'slack-button select',
      'aria-label': placeholder,
      'data-focus': `${block}/${String(element.action_id)}`,
      change: () => void onPress(element, list.value, block),
    },
    el('option', { value: '', disabled: true, selected: true }, placeholder),
    ...listOf(element.options).map((option) => el('option', { value: String(option.value) }, textOf(option.text))),
  )
  return list
}

/** Boxes outside a form: the app is told of each change at once, with all that are ticked. */
function boxes(element: Json, onPress: Press, block?: string): HTMLElement {
  const ticked = listOf(element.initial_options).map(({ value }) => String(value))
  const inputs = listOf(element.options).map((option) => {
    const value = String(option.value)
    const input = el('input', {
      type: 'checkbox',
      value,
      checked: ticked.includes(value),
      'data-focus': `${block}/${value}`,
      change: () => {
        const all = inputs.map(({ input }) => input).filter((one) => one.checked)
        void onPress(
          element,
          all.map((one) => one.value),
          block,
        )
      },
    })
    const words = el('span', {}, plainWords(textOf(option.text)))
    if (textOf(option.description) !== '')
      words.append(el('span', { class: 'description' }, plainWords(textOf(option.description))))
    return { input, label: el('label', { class: 'box' }, input, words) }
  })
  return el('div', { class: 'boxes', role: 'group' }, ...inputs.map(({ label }) => label))
}

/** Text without mrkdwn's marks. */
const plainWords = (text: string) => text.replaceAll('*', '')

/** Shows a button's confirmation dialog. Escape means no. */
export function ask(confirm: Json): Promise<boolean> {
  // A new dialog each time: its close event comes late, when the next one may be open.
  document.getElementById('confirm')?.remove()
  const dialog = el('dialog', { id: 'confirm', class: 'modal confirm', 'aria-labelledby': 'confirm-title' })
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const before = document.activeElement
  const yes = el(
    'button',
    {
      type: 'button',
      class: `slack-button ${confirm.style === 'danger' ? 'danger' : 'primary'}`,
      click: () => end(true),
    },
    textOf(confirm.confirm),
  )
  const no = el('button', { type: 'button', class: 'slack-button', click: () => end(false) }, textOf(confirm.deny))
  function end(isConfirmed: boolean): void {
    resolve(isConfirmed)
    dialog.close()
  }
  dialog.append(
    el('h2', { id: 'confirm-title' }, textOf(confirm.title)),
    el('p', {}, textOf(confirm.text)),
    el('div', { class: 'row' }, no, yes),
  )
  dialog.onclose = () => {
    resolve(false)
    dialog.remove()
    if (before instanceof HTMLElement) before.focus()
  }
  document.body.append(dialog)
  dialog.showModal()
  yes.focus()
  return promise
}

type Input = Extract<Part, { kind: 'input' }>

/** Draws an input of a modal; `readFields` reads it by its label. */
function field({ label, hint, optional, element }: Input): HTMLElement {
  const id = newId()
  const placeholder = textOf(element.placeholder)
  const described = `${id}-hint ${id}-error`
  const shared = {
    id,
    'data-label': label,
    'aria-describedby': described,
    'aria-required': optional ? undefined : 'true',
  }
  const error = el('p', { id: `${id}-error`, class: 'error', 'data-error-of': label })
  const note = el('p', { id: `${id}-hint`, class: 'hint' }, hint)
  const mark = optional ? el('span', { class: 'optional' }, ' (optional)') : undefined
  if (element.type === 'checkboxes') {
    const ticked = listOf(element.initial_options).map(({ value }) => String(value))
    const boxes = listOf(element.options).map((option) =>
      el(
        'label',
        { class: 'box' },
        el('input', { type: 'checkbox', value: String(option.value), checked: ticked.includes(String(option.value)) }),
        el('span', {}, textOf(option.text)),
      ),
    )
    return el('fieldset', { ...shared, class: 'field' }, el('legend', {}, label, mark), ...boxes, note, error)
  }
  if (element.type === 'static_select') {
    const options = listOf(element.options).map((option) => {
      const description = textOf(option.description)
      const words = textOf(option.text)
      return el('option', { value: String(option.value) }, description === '' ? words : `${words}: ${description}`)
    })
    const select = el('select', shared, el('option', { value: '' }, placeholder || 'Pick one'), ...options)
    const initial = element.initial_option as Json | undefined
    if (initial !== undefined) select.value = String(initial.value)
    return el('div', { class: 'field' }, el('label', { for: id }, label, mark), select, note, error)
  }
  if (element.type === 'datetimepicker') {
    const moment = el('input', { ...shared, type: 'datetime-local' })
    const initial = element.initial_date_time
    moment.value = typeof initial === 'number' ? localMoment(initial) : ''
    return el('div', { class: 'field' }, el('label', { for: id }, label, mark), moment, note, error)
  }
  const box = element.multiline
    ? el('textarea', { ...shared, placeholder, rows: 4, maxlength: element.max_length as number | undefined })
    : el('input', { ...shared, placeholder, type: 'text', maxlength: element.max_length as number | undefined })
  box.value = typeof element.initial_value === 'string' ? element.initial_value : ''
  return el('div', { class: 'field' }, el('label', { for: id }, label, mark), box, note, error)
}

/** Seconds since 1970 in the format of a `datetime-local` input, in the browser's time zone. */
function localMoment(seconds: number): string {
  const local = new Date(seconds * 1000 - new Date(seconds * 1000).getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 16)
}

/** The values of a form's fields by label, in the format of the API. */
export function readFields(form: HTMLElement): Record<string, string | string[]> {
  const values: Record<string, string | string[]> = {}
  for (const one of form.querySelectorAll<HTMLElement>('[data-label]')) {
    const label = one.dataset.label ?? ''
    if (one instanceof HTMLFieldSetElement) {
      values[label] = [...one.querySelectorAll<HTMLInputElement>(':checked')].map((box) => box.value)
    } else if (one instanceof HTMLSelectElement) {
      if (one.value !== '') values[label] = one.value
    } else if (one instanceof HTMLInputElement && one.type === 'datetime-local') {
      if (one.value !== '') values[label] = String(Math.floor(new Date(one.value).getTime() / 1000))
    } else if (one instanceof HTMLInputElement || one instanceof HTMLTextAreaElement) values[label] = one.value
  }
  return values
}

/** Removes the error of a field once the person edits it. */
export function clearError(form: HTMLElement, changed: EventTarget | null): void {
  const field = changed instanceof Element ? changed.closest<HTMLElement>('[data-label]') : null
  const place = [...form.querySelectorAll<HTMLElement>('[data-error-of]')].find(
    (one) => one.dataset.errorOf === field?.dataset.label,
  )
  place?.replaceChildren()
  place?.removeAttribute('role')
  field?.removeAttribute('aria-invalid')
}

/** Shows errors beside their fields and focuses the first. */
export function showErrors(form: HTMLElement, errors: Readonly<Record<string, string>>): void {
  for (const place of form.querySelectorAll<HTMLElement>('[data-error-of]')) {
    const words = errors[place.dataset.errorOf ?? ''] ?? ''
    place.textContent = words
    if (words === '') place.removeAttribute('role')
    else place.setAttribute('role', 'alert')
  }
  const [first] = Object.keys(errors)
  for (const one of form.querySelectorAll<HTMLElement>('[data-label]')) {
    const isWrong = errors[one.dataset.label ?? ''] !== undefined
    one.setAttribute('aria-invalid', String(isWrong))
    if (one.dataset.label === first) (one.querySelector<HTMLElement>('input') ?? one).focus()
  }
}
