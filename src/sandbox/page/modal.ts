/// <reference lib="dom" />
import { clearError, drawParts, readFields, showErrors } from './controls.ts'
import { byId, el, refresh } from './dom.ts'
import { act, load, type Screen } from './store.ts'

let shownId: string | undefined

/** Shows the modal that the app has opened for this person, or closes it. */
export function drawModal(screen: Screen): void {
  const dialog = byId<HTMLDialogElement>('modal')
  const { view } = screen
  if (view === undefined) {
    shownId = undefined
    delete dialog.dataset.shown
    if (dialog.open) dialog.close()
    return
  }
  const isNew = view.id !== shownId
  shownId = view.id
  refresh(dialog, [view.id, view.title, view.parts], () => [drawForm(view)])
  dialog.oncancel = (event) => {
    event.preventDefault()
    void dismiss()
  }
  if (!dialog.open) dialog.showModal()
  if (isNew) dialog.querySelector<HTMLElement>('textarea, select, input')?.focus()
}

async function dismiss(): Promise<void> {
  await act('close', {})
  await load()
}

function drawForm(view: NonNullable<Screen['view']>): HTMLElement {
  const press = (element: Record<string, unknown>) => act('press', { action: element.action_id })
  const send = el('button', { type: 'submit', class: 'slack-button primary' }, view.submit ?? '')
  const form: HTMLFormElement = el(
    'form',
    {
      novalidate: true,
      input: (event) => clearError(form, event.target),
      async submit(event) {
        event.preventDefault()
        if (send.ariaBusy === 'true') return
        send.ariaBusy = 'true'
        const outcome = await act('submit', { values: readFields(form) })
        send.ariaBusy = null
        showErrors(form, outcome.errors ?? {})
        await load()
      },
    },
    el(
      'div',
      { class: 'modal-head' },
      el('h2', { id: 'modal-title' }, view.title),
      el('button', { type: 'button', class: 'quiet', 'aria-label': 'Dismiss', click: () => void dismiss() }, '✕'),
    ),
    el('div', { class: 'modal-body', tabindex: 0 }, ...drawParts(view.parts, press)),
    el(
      'div',
      { class: 'row' },
      el('button', { type: 'button', class: 'slack-button', click: () => void dismiss() }, view.close),
      view.submit !== undefined && send,
    ),
  )
  return form
}
