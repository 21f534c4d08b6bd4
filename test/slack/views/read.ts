/** Reads blocks as a person would see them: for tests that tell what stands in a message. */
type Json = Record<string, unknown>

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function inline(value: unknown): string {
  if (!isObject(value)) return ''
  const style = isObject(value.style) ? value.style : {}
  switch (value.type) {
    case 'text': {
      const text = String(value.text)
      return style.code ? `\`${text}\`` : style.bold ? `**${text}**` : text
    }
    case 'link':
      return `[${String(value.text)}](${String(value.url)})`
    case 'emoji':
      return `:${String(value.name)}:`
    case 'user':
      return `<@${String(value.user_id)}>`
    case 'date':
      return `{${String(value.fallback)}}`
    default:
      return `?${String(value.type)}?`
  }
}

function rich(element: unknown): string {
  if (!isObject(element)) return ''
  const text = list(element.elements).map(inline).join('')
  switch (element.type) {
    case 'rich_text_list':
      return list(element.elements)
        .map((one) => `• ${rich(one)}`)
        .join('\n')
    case 'rich_text_quote':
      return text.replaceAll(/^/gm, '> ')
    case 'rich_text_preformatted':
      return `\`\`\`\n${text}\n\`\`\``
    default:
      return text
  }
}

function button(value: unknown): string {
  if (!isObject(value) || value.type !== 'button') return ''
  const label = isObject(value.text) ? String(value.text.text) : ''
  const asks =
    isObject(value.confirm) && isObject(value.confirm.text) ? ` (asks: ${String(value.confirm.text.text)})` : ''
  return `[${value.style === 'primary' ? '*' : ''}${label}${asks}]`
}

function words(value: unknown): string {
  return isObject(value) ? String(value.text) : ''
}

function block(value: unknown): string {
  if (!isObject(value)) return ''
  switch (value.type) {
    case 'header':
      return `# ${words(value.text)}`
    case 'section':
      return [words(value.text), button(value.accessory)].filter((text) => text !== '').join('  ')
    case 'context':
      return `~ ${list(value.elements).map(words).join(' | ')}`
    case 'actions':
      return list(value.elements).map(button).join(' ')
    case 'rich_text':
      return list(value.elements).map(rich).join('\n')
    case 'plan':
      return list(value.tasks)
        .map((task) => (isObject(task) ? `(${String(task.status)}) ${String(task.title)}` : ''))
        .join('\n')
    case 'input':
      return `${words(value.label)}: [${isObject(value.element) ? String(value.element.type) : ''}]${value.hint === undefined ? '' : ` (${words(value.hint)})`}`
    default:
      return `?${String(value.type)}?`
  }
}

/** The whole message or view, a block a paragraph; numbers and units stand together by a plain space. */
export function read(drawn: { readonly text?: string; readonly blocks?: readonly unknown[] }): string {
  const all = [...(drawn.text === undefined ? [] : [`"${drawn.text}"`]), ...(drawn.blocks ?? []).map(block)]
  return all.join('\n').replaceAll('\u00a0', ' ')
}
