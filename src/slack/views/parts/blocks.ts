/** Small builders of `@slack/types` blocks that keep Slack's length limits. */
import type {
  ActionsBlock,
  Button,
  ConfirmationDialog,
  ContextBlock,
  HeaderBlock,
  KnownBlock,
  MrkdwnElement,
  PlainTextElement,
  RichTextBlock,
  RichTextBlockElement,
  RichTextElement,
  RichTextSection,
  SectionBlock,
} from '@slack/types'
import { defined } from '../../../lib/defined.ts'
import type { ServiceWords } from '../../../release/ports/words.ts'
import { cleaned, cut, DATE_FORMATS, type DateFormat, isWebAddress, oneLine, seconds, short, utc } from './text.ts'

/** A message: `text` is a full sentence, for notifications and screen readers. `broadcast`: a thread's reply, shown in the channel too. */
export interface Drawn {
  readonly text: string
  readonly blocks?: KnownBlock[]
  /** The same message where Slack refuses its tables or charts. */
  readonly withoutNewer?: KnownBlock[]
  readonly broadcast?: true
}

/** A line of rich text; strings are plain words. Nothing in it is parsed. */
export type Line = readonly (string | RichTextElement)[]

export function plain(text: string, most = 3000): PlainTextElement {
  return { type: 'plain_text', text: cut(text, most), emoji: true }
}

/** Our own text with defused names. `verbatim`: Slack makes no links of words that look like addresses. */
export function mrkdwn(text: string): MrkdwnElement {
  return { type: 'mrkdwn', text: cut(text, 2900), verbatim: true }
}

export function header(text: string): HeaderBlock {
  return { type: 'header', text: plain(text, 150) }
}

/** `expand`: Slack shows the whole of it, without "See more". */
export function section(lines: string | readonly string[], accessory?: Button): SectionBlock {
  const text = mrkdwn(typeof lines === 'string' ? lines : lines.join('\n'))
  return { type: 'section', text, expand: true, ...defined({ accessory }) }
}

export function context(...texts: readonly string[]): ContextBlock {
  return { type: 'context', elements: texts.slice(0, 10).map(mrkdwn) }
}

/** A row of buttons; empty without any. It has no block_id, which an update must not repeat. */
export function actions(elements: readonly Button[]): ActionsBlock[] {
  return elements.length === 0 ? [] : [{ type: 'actions', elements: [...elements] }]
}

export function confirm(words: {
  readonly title: string
  readonly text: string
  readonly yes: string
  readonly no: string
  readonly danger?: boolean
}): ConfirmationDialog {
  return {
    title: plain(words.title, 100),
    text: plain(words.text, 300),
    confirm: plain(words.yes, 30),
    deny: plain(words.no, 30),
    ...defined({ style: words.danger ? ('danger' as const) : undefined }),
  }
}

// ------------------------------------------------------------------------------------------------ rich text

export function words(text: string): RichTextElement {
  return { type: 'text', text }
}

export function bold(text: string): RichTextElement {
  return { type: 'text', text, style: { bold: true } }
}

export function code(text: string): RichTextElement {
  return { type: 'text', text: cut(oneLine(text), 300), style: { code: true } }
}

export function emoji(name: string): RichTextElement {
  return { type: 'emoji', name }
}

/** A link where the address can be linked to, else its words. */
export function richLink(url: string, label: string): RichTextElement {
  return isWebAddress(url) ? { type: 'link', url, text: label } : words(label)
}

/** A commit by its seven digits, as a link to the forge's page of it where the repository's address is known. */
export function commitLink({ forge }: ServiceWords, webUrl: string | undefined, commit: string): RichTextElement {
  return webUrl === undefined ? words(short(commit)) : richLink(forge.pages.commit(webUrl, commit), short(commit))
}

/** A moment in the reader's own time zone; see `date` for mrkdwn. */
export function richDate(at: Date, format: DateFormat = 'moment'): RichTextElement {
  return { type: 'date', timestamp: seconds(at), format: DATE_FORMATS[format], fallback: utc(at) }
}

export function richSection(line: Line): RichTextSection {
  const elements = line.map((part) => (typeof part === 'string' ? words(part) : part))
  return { type: 'rich_text_section', elements: elements.filter((part) => part.type !== 'text' || part.text !== '') }
}

export function rich(...elements: RichTextBlockElement[]): RichTextBlock {
  return { type: 'rich_text', elements }
}

/** Lines one below the other, in one block. */
export function richLines(lines: readonly Line[]): RichTextBlock {
  return rich(richSection(lines.flatMap((line, index) => (index === 0 ? line : ['\n', ...line]))))
}

export function bullets(lines: readonly Line[]): RichTextBlockElement {
  return { type: 'rich_text_list', style: 'bullet', indent: 0, elements: lines.map(richSection) }
}

/** A person's text, unparsed. */
export function quote(text: string, most = 300): RichTextBlockElement {
  return { type: 'rich_text_quote', elements: [words(cut(cleaned(text.trim()), most) || ' ')] }
}

export function preformatted(text: string): RichTextBlockElement {
  return { type: 'rich_text_preformatted', elements: [{ type: 'text', text: text === '' ? ' ' : text }] }
}

/** The words of a line, without links and style. */
export function spoken(line: Line): string {
  return line
    .map((part) => {
      if (typeof part === 'string') return part
      switch (part.type) {
        case 'text':
          return part.text
        case 'link':
          return part.text ?? part.url
        case 'date':
          return part.fallback ?? ''
        case 'user':
          return 'the person named there'
        default:
          return ''
      }
    })
    .join('')
}
