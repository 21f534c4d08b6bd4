import { isRecord, type Json, records, type State, string } from './state.ts'

type Values = Record<string, Record<string, Json>>

const optionsOf = (element: Json): Json[] => [
  ...records(element.options),
  ...records(element.option_groups).flatMap((group) => records(group.options)),
]

export const labelOf = (owner: unknown): string => (isRecord(owner) ? string(owner.text) : '')

/** An element's initial state, in Slack's format. */
function untouched(element: Json): Json {
  const type = string(element.type)
  if (type === 'checkboxes' || type === 'multi_static_select') {
    return { type, selected_options: records(element.initial_options) }
  }
  if (type === 'static_select' || type === 'radio_buttons') {
    return { type, selected_option: element.initial_option ?? null }
  }
  if (type === 'users_select') return { type, selected_user: element.initial_user ?? null }
  if (type === 'multi_users_select') return { type, selected_users: element.initial_users ?? [] }
  if (type === 'conversations_select') return { type, selected_conversation: element.initial_conversation ?? null }
  if (type === 'channels_select') return { type, selected_channel: element.initial_channel ?? null }
  if (type === 'datepicker') return { type, selected_date: element.initial_date ?? null }
  if (type === 'timepicker') return { type, selected_time: element.initial_time ?? null }
  if (type === 'datetimepicker') return { type, selected_date_time: element.initial_date_time ?? null }
  return { type, value: element.initial_value ?? null }
}

/** The state of all inputs of a view. Keeps filled-in values whose block id and action id stay the same. */
export function valuesOf(blocks: Json[], before: Values = {}): Values {
  const values: Values = {}
  for (const block of blocks) {
    const stateful = [block.element, block.accessory, ...(block.type === 'actions' ? records(block.elements) : [])]
    for (const element of stateful.filter(isRecord)) {
      if (['button', 'overflow', 'image'].includes(string(element.type))) continue
      const [blockId, actionId] = [string(block.block_id), string(element.action_id)]
      const kept = before[blockId]?.[actionId]
      values[blockId] = {
        ...values[blockId],
        [actionId]: kept !== undefined && kept.type === element.type ? kept : untouched(element),
      }
    }
  }
  return values
}

/**
 * An element's state after a person has entered `given`: text, an option by label or value, a person by id or name; for
 * a moment the seconds since 1970; for checkboxes true (all), false (none) or a list of labels. Throws if there is no such option.
 */
export function filled(element: Json, given: string | boolean | string[], state: State): Json {
  const type = string(element.type)
  const options = optionsOf(element)
  const pick = (wanted: string) => {
    const found = options.find((one) => labelOf(one.text) === wanted || one.value === wanted)
    const labels = options.map((one) => labelOf(one.text)).join(', ')
    if (!found) throw new Error(`there is no option "${wanted}" among: ${labels}`)
    return found
  }
  const person = (wanted: string) => {
    const found = [...state.users.values()].find((user) => user.id === wanted || user.name === wanted)
    if (!found) throw new Error(`there is no person "${wanted}"`)
    return found.id
  }
  const several = Array.isArray(given) ? given : typeof given === 'string' ? [given] : []
  const single = Array.isArray(given) ? string(given[0]) : String(given)
  if (type === 'checkboxes' && typeof given === 'boolean') return { type, selected_options: given ? options : [] }
  if (type === 'checkboxes' || type === 'multi_static_select') return { type, selected_options: several.map(pick) }
  if (type === 'static_select' || type === 'radio_buttons') return { type, selected_option: pick(single) }
  if (type === 'users_select') return { type, selected_user: person(single) }
  if (type === 'multi_users_select') return { type, selected_users: several.map(person) }
  if (type === 'conversations_select') return { type, selected_conversation: single }
  if (type === 'channels_select') return { type, selected_channel: single }
  if (type === 'datepicker') return { type, selected_date: single }
  if (type === 'timepicker') return { type, selected_time: single }
  if (type === 'datetimepicker') return { type, selected_date_time: single === '' ? null : Number(single) }
  return { type, value: single === '' ? null : single }
}

const isEmpty = (value: Json): boolean =>
  Object.entries(value).every(
    ([key, one]) => key === 'type' || one === null || (Array.isArray(one) && one.length === 0),
  )

/** The errors that Slack's client shows by input label, before it sends anything to the app. */
export function clientErrors(blocks: Json[], values: Values): Record<string, string> {
  const errors: Record<string, string> = {}
  for (const block of blocks) {
    if (block.type !== 'input' || !isRecord(block.element)) continue
    const { element } = block
    const value = values[string(block.block_id)]?.[string(element.action_id)] ?? { type: element.type }
    const label = labelOf(block.label)
    const length = [...string(value.value)].length
    if (isEmpty(value)) {
      if (block.optional !== true) errors[label] = 'Please complete this required field.'
    } else if (typeof element.max_length === 'number' && length > element.max_length) {
      errors[label] = `This entry must be less than ${element.max_length + 1} characters.`
    } else if (typeof element.min_length === 'number' && length < element.min_length) {
      errors[label] = `This entry must be more than ${element.min_length - 1} characters.`
    }
  }
  return errors
}
