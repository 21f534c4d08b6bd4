import { controlsOf } from './blocks.ts'
import { type Json, records, type State, string, type View } from './state.ts'
import { filled, labelOf } from './view-values.ts'

export type ButtonName = { actionId: string; label?: never } | { label: string; actionId?: never }
export type FormValues = Record<string, string | boolean | string[]>

type Button = { block: Json; element: Json; extra: Json }

/** The one control with this label or action id; options of an overflow menu match by label. */
export function findButton(blocks: Json[], name: ButtonName): Button {
  const buttons: (Button & { label: string })[] = []
  const visit = (block: Json) => {
    for (const child of records(block.child_blocks)) visit(child)
    for (const element of controlsOf({ ...block, child_blocks: [] })) {
      if (element.type === 'button') buttons.push({ block, element, extra: {}, label: labelOf(element.text) })
      if (element.type !== 'overflow') continue
      for (const option of records(element.options)) {
        buttons.push({ block, element, extra: { selected_option: option }, label: labelOf(option.text) })
      }
    }
  }
  for (const block of blocks) visit(block)
  const wanted = name.label ?? name.actionId
  const found = buttons.filter((one) =>
    name.label === undefined ? one.element.action_id === wanted : one.label === wanted,
  )
  const [only] = found
  if (!only || found.length > 1) {
    const shown = buttons.map((one) => `[${one.label}]`).join(' ') || 'no buttons'
    throw new Error(`${only ? 'several buttons are' : 'there is no button'} "${wanted}" among: ${shown}`)
  }
  return only
}

/** An input of a view by its label or a checkbox's label; an input without a label by its placeholder. */
export function findInput(view: View, label: string): { block: Json; element: Json } {
  const inputs = view.blocks.flatMap((block) =>
    controlsOf(block)
      .filter((element) => element.type !== 'button')
      .map((element) => ({ block, element })),
  )
  const found =
    inputs.find(({ block }) => labelOf(block.label) === label) ??
    inputs.find(({ element }) => labelOf(element.placeholder) === label) ??
    inputs.find(({ element }) => records(element.options).some((one) => labelOf(one.text) === label))
  if (found) return found
  const labels = inputs.map(({ block, element }) => labelOf(block.label) || labelOf(element.placeholder)).join(', ')
  throw new Error(`there is no input "${label}" among: ${labels}`)
}

/** Fills the form: stores the values in the view's state. */
export function fill(state: State, view: View, values: FormValues): void {
  for (const [label, value] of Object.entries(values)) {
    const { block, element } = findInput(view, label)
    const isBox = typeof value === 'boolean' && labelOf(block.label) !== label
    const ticked = isBox ? (value ? [label] : []) : value
    const [blockId, actionId] = [string(block.block_id), string(element.action_id)]
    view.values[blockId] = { ...view.values[blockId], [actionId]: filled(element, ticked, state) }
  }
}

/** The control of a view with this action id, as a person uses it; stores what is picked or ticked in the view's state. */
export function usedControl(
  state: State,
  view: View,
  { blockId, actionId, option, options }: { blockId?: string; actionId: string; option?: string; options?: string[] },
): [block: Json, element: Json, extra: Json] {
  const [found, another] = view.blocks
    .filter((block) => blockId === undefined || block.block_id === blockId)
    .flatMap((block) => controlsOf(block).map((element) => ({ block, element })))
    .filter(({ element }) => element.action_id === actionId)
  if (!found || another) throw new Error(`${found ? 'several controls are' : 'there is no control'} ${actionId}`)
  const { block, element } = found
  if (element.type === 'button') return [block, element, {}]
  if (element.type === 'overflow') {
    const chosen = records(element.options).find(({ text, value }) => value === option || labelOf(text) === option)
    if (!chosen) throw new Error(`there is no entry "${option}"`)
    return [block, element, { selected_option: structuredClone(chosen) }]
  }
  const value = filled(element, options ?? option ?? '', state)
  view.values[string(block.block_id)] = { ...view.values[string(block.block_id)], [actionId]: value }
  return [block, element, value]
}
