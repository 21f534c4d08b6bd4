import { isRecord, type Json, records, type State, string } from './state.ts'
import { labelOf } from './view-values.ts'

/** mrkdwn as people read it: names instead of ids, labels instead of links, characters instead of entities. */
export function readable(state: State, mrkdwn: string): string {
  return mrkdwn
    .replace(/<([^<>]+)>/g, (_whole, inner: string) => {
      const [target = '', label] = inner.split('|', 2)
      if (target.startsWith('@')) return `@${state.users.get(target.slice(1))?.name ?? target.slice(1)}`
      if (target.startsWith('#')) return `#${state.channels.get(target.slice(1))?.name ?? label ?? target.slice(1)}`
      if (target.startsWith('!subteam^')) return `@${state.groups.get(target.slice(9))?.handle ?? target.slice(9)}`
      if (target.startsWith('!date^')) return label ?? ''
      if (target.startsWith('!')) return `@${target.slice(1)}`
      return label ?? target
    })
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

function inline(state: State, element: Json): string {
  if (element.type === 'user') return `@${state.users.get(string(element.user_id))?.name ?? string(element.user_id)}`
  if (element.type === 'usergroup') return `@${state.groups.get(string(element.usergroup_id))?.handle ?? ''}`
  if (element.type === 'channel') return `#${state.channels.get(string(element.channel_id))?.name ?? ''}`
  if (element.type === 'broadcast') return `@${string(element.range)}`
  if (element.type === 'emoji') return `:${string(element.name)}:`
  if (element.type === 'date') return string(element.fallback)
  if (element.type === 'link') return string(element.text) || string(element.url)
  return string(element.text)
}

function richText(state: State, element: Json): string {
  const children = records(element.elements)
  if (element.type === 'rich_text') return children.map((one) => richText(state, one)).join('\n')
  if (element.type === 'rich_text_list') {
    const mark = (index: number) => (element.style === 'ordered' ? `${index + 1}. ` : '• ')
    return children.map((one, index) => mark(index) + richText(state, one)).join('\n')
  }
  return children.map((one) => inline(state, one)).join('')
}

function textObject(state: State, value: unknown): string {
  if (!isRecord(value)) return string(value)
  return value.type === 'mrkdwn' ? readable(state, string(value.text)) : string(value.text)
}

function control(state: State, element: Json): string {
  const type = string(element.type)
  if (type === 'image') return `(${string(element.alt_text)})`
  if (type === 'mrkdwn' || type === 'plain_text') return textObject(state, element)
  if (type === 'overflow') return `[${['…', ...records(element.options).map((one) => labelOf(one.text))].join(' | ')}]`
  if (type === 'checkboxes' || type === 'radio_buttons') {
    return records(element.options)
      .map((one) => `[ ] ${textObject(state, one.text)}`)
      .join(' ')
  }
  return `[${labelOf(element.text) || labelOf(element.placeholder) || type}]`
}

function task(state: State, one: Json): string[] {
  const extras = [one.details, one.output].filter(isRecord).map((extra) => `  ${richText(state, extra)}`)
  return [`- ${string(one.title)} (${string(one.status)})`, ...extras]
}

/** Its title, and each series with its values. */
function chart({ title, chart: drawn }: Json): string[] {
  const { series, segments } = isRecord(drawn) ? drawn : {}
  const points = (data: unknown) =>
    records(data)
      .map(({ label, value }) => `${string(label)} ${String(value)}`)
      .join(', ')
  const lines = records(series).map(({ name, data }) => `${string(name)}: ${points(data)}`)
  return [string(title), ...lines, ...(segments === undefined ? [] : [points(segments)])]
}

function block(state: State, one: Json): string[] {
  const type = string(one.type)
  if (type === 'divider') return ['---']
  if (type === 'actions')
    return [
      records(one.elements)
        .map((element) => control(state, element))
        .join(' '),
    ]
  if (type === 'context')
    return [
      records(one.elements)
        .map((element) => control(state, element))
        .join(' '),
    ]
  if (type === 'rich_text') return [richText(state, one)]
  if (type === 'markdown') return [string(one.text)]
  if (type === 'task_card') return task(state, one)
  if (type === 'plan') return [string(one.title), ...records(one.tasks).flatMap((entry) => task(state, entry))]
  if (type === 'image') return [`(${string(one.alt_text)})`]
  if (type === 'table') {
    const cell = (entry: Json) => (entry.type === 'rich_text' ? richText(state, entry) : string(entry.text))
    const rows = Array.isArray(one.rows) ? one.rows : []
    return rows.map((row) => records(row).map(cell).join(' | '))
  }
  if (type === 'data_table') {
    const rows = Array.isArray(one.rows) ? one.rows : []
    const cell = (entry: Json) => (entry.type === 'rich_text' ? richText(state, entry) : string(entry.text))
    return [string(one.caption), ...rows.map((row) => records(row).map(cell).join(' | '))]
  }
  if (type === 'data_visualization') return chart(one)
  if (type === 'input') {
    const element = isRecord(one.element) ? control(state, one.element) : ''
    return [`${labelOf(one.label)}: ${element}`, ...(one.hint ? [textObject(state, one.hint)] : [])]
  }
  const parts = [one.title, one.subtitle, one.text, one.body, one.subtext].map((part) => textObject(state, part))
  const fields = records(one.fields).map((field) => textObject(state, field))
  const children = records(one.child_blocks).flatMap((child) => block(state, child))
  const controls = [...[one.accessory].filter(isRecord), ...records(one.actions)].map((entry) => control(state, entry))
  return [...parts, ...fields, ...children, ...controls].filter((line) => line !== '')
}

/**
 * A message or view as a person reads it: its blocks, with buttons as `[Label]`. Its text is used only without blocks: in
 * Slack, the text beside blocks is for notifications and screen readers.
 */
export function plainText(state: State, shown: { text?: string; title?: string; blocks: Json[] }): string {
  const lines = shown.blocks.flatMap((one) => block(state, one))
  const text = lines.length > 0 ? lines.join('\n') : readable(state, shown.text ?? '')
  return shown.title ? `${shown.title}\n${text}` : text
}
