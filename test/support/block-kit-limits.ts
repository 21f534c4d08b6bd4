/**
 * Tells what Slack would refuse of a message or a view: lengths, counts, ids used twice, what is missing.
 * The limits are slackblocks' (block-kit-limits/limits.json, under its own licence), and a few that Slack documents
 * or was seen to have beside them.
 */
import { readFileSync } from 'node:fs'

type Json = Record<string, unknown>
interface Limit {
  readonly min_length?: number
  readonly max_length?: number
}

const LIMITS = JSON.parse(readFileSync(new URL('./block-kit-limits/limits.json', import.meta.url), 'utf8')) as {
  readonly [name: string]: Record<string, Limit & Record<string, number>>
}

/** chat.update answers `msg_too_long` above it. */
const MESSAGE_TEXT = 4000
const MESSAGE_BLOCKS = 50
/** Of no document: where chat.postMessage was seen to answer `msg_blocks_too_long` (bolt-js issue 2509). */
const MESSAGE_BLOCK_CHARACTERS = 13_200
const VIEW_BYTES = 250_000
const PLACEHOLDER = 150

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function length(text: unknown): number {
  return typeof text === 'string' ? [...text].length : Number.NaN
}

function textOf(value: unknown): unknown {
  return isObject(value) ? value.text : value
}

/** Problems of a message with its `text` and `blocks`; an empty list when Slack would take it. */
export function messageProblems(message: { readonly text: string; readonly blocks?: readonly unknown[] }): string[] {
  const blocks = message.blocks ?? []
  const problems = [
    ...blocksProblems(blocks),
    ...within('text', message.text, { min_length: 1, max_length: MESSAGE_TEXT }),
  ]
  if (message.blocks !== undefined && blocks.length === 0) problems.push('blocks: empty')
  if (blocks.length > MESSAGE_BLOCKS) problems.push(`blocks: ${blocks.length} of at most ${MESSAGE_BLOCKS}`)
  const all = JSON.stringify(blocks).length
  if (all > MESSAGE_BLOCK_CHARACTERS) problems.push(`blocks: ${all} characters`)
  return problems
}

/** Problems of a modal. */
export function viewProblems(view: unknown): string[] {
  if (!isObject(view) || !Array.isArray(view.blocks)) return ['view: no blocks']
  const limits = LIMITS.view ?? {}
  const problems = blocksProblems(view.blocks)
  for (const field of ['title', 'submit', 'close', 'callback_id', 'private_metadata'])
    if (view[field] !== undefined) problems.push(...within(field, textOf(view[field]), limits[field]))
  if (view.title === undefined) problems.push('title: missing')
  const inputs = view.blocks.some((block) => isObject(block) && block.type === 'input')
  if (inputs && view.submit === undefined) problems.push('submit: missing beside inputs')
  if (view.blocks.length < 1 || view.blocks.length > 100) problems.push(`blocks: ${view.blocks.length}`)
  const bytes = Buffer.byteLength(JSON.stringify(view))
  if (bytes > VIEW_BYTES) problems.push(`view: ${bytes} bytes`)
  return problems
}

function within(at: string, text: unknown, limit: Limit | undefined): string[] {
  if (typeof text !== 'string') return [`${at}: not a text`]
  const count = length(text)
  if (count < (limit?.min_length ?? 0)) return [`${at}: ${count} characters, too short`]
  if (limit?.max_length !== undefined && count > limit.max_length)
    return [`${at}: ${count} of at most ${limit.max_length} characters`]
  return []
}

function items(at: string, list: unknown, limit: Record<string, number> | undefined): string[] {
  if (!Array.isArray(list)) return [`${at}: not a list`]
  if (list.length < (limit?.min_items ?? 1)) return [`${at}: ${list.length} items, too few`]
  if (limit?.max_items !== undefined && list.length > limit.max_items)
    return [`${at}: ${list.length} of at most ${limit.max_items} items`]
  return []
}

const BLOCKS = ['header', 'section', 'context', 'actions', 'input', 'rich_text', 'divider', 'plan']
const ONLY_PLAIN = ['header', 'button', 'confirm', 'option', 'input', 'view']

function blocksProblems(blocks: readonly unknown[]): string[] {
  const problems = blocks.flatMap((block, index) => blockProblems(block, `blocks/${index}`))
  const ids = blocks.flatMap((block) => (isObject(block) && typeof block.block_id === 'string' ? [block.block_id] : []))
  for (const id of ids.filter((one, index) => ids.indexOf(one) !== index)) problems.push(`block_id ${id} twice`)
  const actions = actionIds(blocks)
  for (const id of actions.filter((one, index) => actions.indexOf(one) !== index))
    problems.push(`action_id ${id} twice`)
  return problems
}

function actionIds(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(actionIds)
  if (!isObject(value)) return []
  const own = typeof value.action_id === 'string' ? [value.action_id] : []
  return [...own, ...Object.values(value).flatMap(actionIds)]
}

function blockProblems(block: unknown, at: string): string[] {
  if (!isObject(block) || typeof block.type !== 'string') return [`${at}: not a block`]
  const { type } = block
  if (!BLOCKS.includes(type)) return [`${at}: ${type} is not among the blocks that we use`]
  const id = block.block_id === undefined ? [] : within(`${at}/block_id`, block.block_id, LIMITS.block_id)
  return [...id, ...contents(block, type, `${at}(${type})`)]
}

function contents(block: Json, type: string, at: string): string[] {
  switch (type) {
    case 'header':
      return textProblems(block.text, at, LIMITS.header?.text, type)
    case 'section': {
      const accessory = block.accessory === undefined ? [] : elementProblems(block.accessory, `${at}/accessory`)
      return [...textProblems(block.text, at, { min_length: 1, ...LIMITS.section?.text }, type), ...accessory]
    }
    case 'context': {
      const elements = Array.isArray(block.elements) ? block.elements : []
      return [
        ...items(at, block.elements, LIMITS.context?.elements),
        ...elements.flatMap((element, index) => textProblems(element, `${at}/${index}`, LIMITS.text as Limit, type)),
      ]
    }
    case 'actions': {
      const elements = Array.isArray(block.elements) ? block.elements : []
      return [
        ...items(at, block.elements, LIMITS.actions?.elements),
        ...elements.flatMap((element, index) => elementProblems(element, `${at}/${index}`)),
      ]
    }
    case 'input':
      return [
        ...textProblems(block.label, `${at}/label`, LIMITS.input?.label, type),
        ...(block.hint === undefined ? [] : textProblems(block.hint, `${at}/hint`, LIMITS.input?.hint, type)),
        ...elementProblems(block.element, `${at}/element`),
      ]
    case 'rich_text':
      return richTextProblems(block, at)
    case 'plan':
      return planProblems(block, at)
    default:
      return []
  }
}

function textProblems(text: unknown, at: string, limit: Limit | undefined, where: string): string[] {
  if (!isObject(text)) return [`${at}: no text object`]
  if (text.type !== 'mrkdwn' && text.type !== 'plain_text') return [`${at}: text of type ${String(text.type)}`]
  const wrong = text.type === 'mrkdwn' && ONLY_PLAIN.includes(where) ? [`${at}: mrkdwn is refused here`] : []
  return [...wrong, ...within(at, text.text, { min_length: 1, ...limit })]
}

function elementProblems(element: unknown, at: string): string[] {
  if (!isObject(element)) return [`${at}: not an element`]
  const id =
    element.action_id === undefined
      ? [`${at}: no action_id`]
      : within(`${at}/action_id`, element.action_id, LIMITS.action_id)
  const asks = element.confirm === undefined ? [] : confirmProblems(element.confirm, `${at}/confirm`)
  return [...id, ...asks, ...ownProblems(element, at)]
}

function ownProblems(element: Json, at: string): string[] {
  const limits = LIMITS[String(element.type)] ?? {}
  const placeholder =
    element.placeholder === undefined
      ? []
      : textProblems(element.placeholder, `${at}/placeholder`, { max_length: PLACEHOLDER }, 'input')
  switch (element.type) {
    case 'button':
      return [
        ...textProblems(element.text, at, limits.text, 'button'),
        ...(element.value === undefined ? [] : within(`${at}/value`, element.value, limits.value)),
        ...(element.accessibility_label === undefined
          ? []
          : within(`${at}/accessibility_label`, element.accessibility_label, limits.accessibility_label)),
      ]
    case 'static_select':
    case 'checkboxes': {
      if (element.type === 'static_select' && Array.isArray(element.option_groups) && element.options === undefined) {
        return [...placeholder, ...optionGroupProblems(element.option_groups, `${at}/option_groups`)]
      }
      const options = Array.isArray(element.options) ? element.options : []
      const count = element.type === 'checkboxes' ? limits.options : LIMITS.select?.options
      return [
        ...placeholder,
        ...items(`${at}/options`, element.options, { min_items: 1, ...count }),
        ...options.flatMap((option, index) => optionProblems(option, `${at}/options/${index}`)),
      ]
    }
    case 'datetimepicker':
      return element.initial_date_time === undefined || /^[0-9]{10}$/.test(String(element.initial_date_time))
        ? []
        : [`${at}/initial_date_time: not 10 digits`]
    case 'plain_text_input':
      return [...placeholder, ...inputLengths(element, at)]
    default:
      return [`${at}: ${String(element.type)} is not among the elements that we use`]
  }
}

function inputLengths(element: Json, at: string): string[] {
  const most = LIMITS.plain_text_input?.max_length?.max ?? 3000
  return [element.min_length, element.max_length]
    .filter((value) => value !== undefined)
    .flatMap((value) =>
      typeof value === 'number' && value >= 0 && value <= most ? [] : [`${at}: length ${String(value)}`],
    )
}

function optionGroupProblems(groups: readonly unknown[], at: string): string[] {
  return [
    ...items(at, groups, { min_items: 1, ...LIMITS.select?.option_groups }),
    ...groups.flatMap((group, index) => {
      if (!isObject(group)) return [`${at}/${index}: not a group`]
      const options = Array.isArray(group.options) ? group.options : []
      return [
        ...textProblems(group.label, `${at}/${index}/label`, LIMITS.option_group?.label, 'option'),
        ...items(`${at}/${index}/options`, group.options, LIMITS.option_group?.options ?? {}),
        ...options.flatMap((option, each) => optionProblems(option, `${at}/${index}/options/${each}`)),
      ]
    }),
  ]
}

function optionProblems(option: unknown, at: string): string[] {
  if (!isObject(option)) return [`${at}: not an option`]
  return [
    ...textProblems(option.text, at, LIMITS.option?.text, 'option'),
    ...within(`${at}/value`, option.value, { min_length: 1, ...LIMITS.option?.value }),
    ...(option.description === undefined
      ? []
      : textProblems(option.description, `${at}/description`, LIMITS.option?.description, 'option')),
  ]
}

function confirmProblems(confirm: unknown, at: string): string[] {
  if (!isObject(confirm)) return [`${at}: not a confirm`]
  return ['title', 'text', 'confirm', 'deny'].flatMap((field) =>
    textProblems(confirm[field], `${at}/${field}`, LIMITS.confirmation?.[field], field === 'text' ? 'text' : 'confirm'),
  )
}

function richTextProblems(block: Json, at: string): string[] {
  if (!Array.isArray(block.elements) || block.elements.length === 0) return [`${at}: empty`]
  return block.elements.flatMap((element, index) => richElementProblems(element, `${at}/${index}`))
}

function richElementProblems(element: unknown, at: string): string[] {
  if (!isObject(element)) return [`${at}: not an element`]
  const inner = Array.isArray(element.elements) ? element.elements : []
  if (inner.length === 0) return [`${at}: empty`]
  if (element.type === 'rich_text_list')
    return inner.flatMap((one, index) => richElementProblems(one, `${at}/${index}`))
  return inner.flatMap((part, index) => richPartProblems(part, `${at}/${index}`))
}

function richPartProblems(part: unknown, at: string): string[] {
  if (!isObject(part)) return [`${at}: not a part`]
  if (part.type === 'text') return length(part.text) > 0 ? [] : [`${at}: empty text`]
  if (part.type === 'link') return within(`${at}/url`, part.url, { min_length: 1, max_length: 3000 })
  if (part.type === 'date') return Number.isInteger(part.timestamp) ? [] : [`${at}: timestamp`]
  return ['user', 'usergroup', 'emoji'].includes(String(part.type)) ? [] : [`${at}: ${String(part.type)}`]
}

function planProblems(block: Json, at: string): string[] {
  const tasks = Array.isArray(block.tasks) ? block.tasks : []
  const status = ['pending', 'in_progress', 'complete', 'error']
  return [
    ...(typeof block.title === 'string' ? [] : [`${at}: the title is a bare string`]),
    ...(tasks.length > 12 ? [`${at}: ${tasks.length} tasks`] : []),
    ...tasks.flatMap((task, index) =>
      isObject(task) && status.includes(String(task.status)) && length(task.title) > 0 ? [] : [`${at}/${index}: task`],
    ),
  ]
}
