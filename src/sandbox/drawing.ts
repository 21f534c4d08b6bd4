import { readFile } from 'node:fs/promises'
import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { Message as Drawing } from 'slack-blocks-to-jsx'
import { isRecord, type Json, records, string } from './slack/state.ts'
import type { SlackWorkspace } from './slack/workspace.ts'

/** A part of a message or a modal: HTML that is only read, or controls that the page makes itself. */
export type Part =
  | { kind: 'read'; html: string; beside?: Json }
  | { kind: 'actions'; elements: Json[]; block: string }
  | { kind: 'input'; block: string; label: string; hint: string; optional: boolean; element: Json }

type DrawingBlocks = Parameters<typeof Drawing>[0]['blocks']

/** Draws blocks as Slack does, with the names of this workspace. What is drawn once is kept. */
export function createDrawing(slack: SlackWorkspace) {
  const kept = new Map<string, string>()

  function names() {
    return {
      users: slack.users().map(({ id, realName }) => ({ id, name: realName })),
      channels: slack.channels().map(({ id, name }) => ({ id, name })),
      user_groups: slack.groups().map(({ id, handle }) => ({ id, name: handle })),
    }
  }

  function read(block: Json): string {
    // Ages are told from now, so that what holds one is drawn anew each minute.
    const text = JSON.stringify(block)
    const key = text.includes('{ago}') ? `${Math.floor(Date.now() / 60_000)}${text}` : text
    const before = kept.get(key)
    if (before !== undefined) return before
    const blocks = [mended(block)] as unknown as DrawingBlocks
    const drawn = renderToStaticMarkup(
      createElement(Drawing, { blocks, withoutWrapper: true, name: '', logo: '', data: names() }),
    )
    const html = withoutIds(drawn)
    kept.set(key, html)
    return html
  }

  function part(block: Json): Part {
    const blockId = string(block.block_id)
    if (block.type === 'actions') return { kind: 'actions', elements: records(block.elements), block: blockId }
    if (block.type === 'section' && isRecord(block.accessory)) {
      const { accessory, ...rest } = block
      return { kind: 'read', html: read(rest), beside: accessory as Json }
    }
    if (block.type === 'input' && isRecord(block.element)) {
      return {
        kind: 'input',
        block: blockId,
        label: textOf(block.label),
        hint: textOf(block.hint),
        optional: block.optional === true,
        element: block.element,
      }
    }
    return { kind: 'read', html: read(block) }
  }

  return {
    parts: (blocks: readonly Json[]): Part[] => blocks.map(part),
    /** A message without blocks. */
    text: (mrkdwn: string): Part[] => [
      { kind: 'read', html: read({ type: 'section', text: { type: 'mrkdwn', text: mrkdwn } }) },
    ],
  }
}

const textOf = (value: unknown): string => (isRecord(value) ? string(value.text) : '')

/**
 * What the library reads otherwise than Slack: it unescapes before it parses, so that escaped markup would come alive (a word
 * joiner after the bracket keeps it text), and it takes a mention with a label for an address.
 */
function mended(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(mended)
  if (!isRecord(value)) return value
  const isMarkup = value.type === 'mrkdwn'
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => {
      // Verbatim text is still markup in Slack; there it would be shown as it is.
      if (key === 'verbatim') return []
      if (key !== 'text' || !isMarkup || typeof one !== 'string') return [[key, mended(one)]]
      const plain = one.replaceAll('&lt;', '&lt;\u2060').replaceAll(/<(!subteam\^\w+|[@#]\w+)\|[^<>]*>/g, '<$1>')
      return [[key, plain]]
    }),
  )
}

/** Block ids become DOM ids there, which would be doubled as soon as two messages show; the theme is the page's. */
const withoutIds = (html: string): string =>
  html.replaceAll(/ (?:id|data-theme)="[^"]*"/g, '').replaceAll('word-break:break-all', '')

/** The library's style sheet, for drawings without ids, in a layer: what the page says of them counts more. */
export async function drawingStyles(): Promise<string> {
  const path = new URL(import.meta.resolve('slack-blocks-to-jsx/dist/style.css'))
  const css = (await readFile(path, 'utf8')).replaceAll('!important', '')
  // As strong as the id that it stands for: the library's rules count on that among themselves.
  return `@layer drawing { ${css.replaceAll('#slack_blocks_to_jsx', ':is(.slack_blocks_to_jsx, #none)')} }`
}
