import { readFile } from 'node:fs/promises'
import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { Message as Drawing } from 'slack-blocks-to-jsx'
import { isRecord, type Json, records, string } from './slack/state.ts'
import type { SlackWorkspace } from './slack/workspace.ts'

/** A part of a message or modal: read-only HTML, or controls that the page creates. */
export type Part =
  | { kind: 'read'; html: string; beside?: Json; block?: string }
  | { kind: 'actions'; elements: Json[]; block: string }
  | { kind: 'input'; block: string; label: string; hint: string; optional: boolean; element: Json }

type DrawingBlocks = Parameters<typeof Drawing>[0]['blocks']

/** Draws blocks as Slack does, with the names of this workspace. Caches each drawing. */
export function createDrawing(slack: SlackWorkspace, now: () => number = Date.now) {
  const kept = new Map<string, string>()

  function names() {
    return {
      users: slack.users().map(({ id, realName }) => ({ id, name: realName })),
      channels: slack.channels().map(({ id, name }) => ({ id, name })),
      user_groups: slack.groups().map(({ id, handle }) => ({ id, name: handle })),
    }
  }

  function read(block: Json): string {
    // Relative times (`{ago}`) change, so blocks with one are drawn again each minute.
    const text = JSON.stringify(block)
    const isRelative = text.includes('{ago}')
    const key = isRelative ? `${Math.floor(now() / 60_000)}${text}` : text
    const before = kept.get(key)
    if (before !== undefined) return before
    const timed = isRelative ? (JSON.parse(relativeToMachine(text, now() - Date.now())) as Json) : block
    const blocks = [adaptedToLibrary(withoutPages(timed))] as unknown as DrawingBlocks
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
      return { kind: 'read', html: read(rest), beside: accessory as Json, block: blockId }
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

/** The library draws relative times by the machine's clock: moves them by what the sandbox's is ahead. */
function relativeToMachine(text: string, aheadMs: number): string {
  const seconds = Math.round(aheadMs / 1000)
  return text.replaceAll(/<!date\^(\d+)\^\{ago\}/g, (_, at) => `<!date^${Number(at) - seconds}^{ago}`)
}

/** The library draws a data table in the browser only: it is drawn as a table, with all its rows. */
function withoutPages(block: Json): Json {
  if (block.type !== 'data_table' || !Array.isArray(block.rows)) return block
  const cell = (one: Json) => (one.type === 'raw_number' ? { type: 'raw_text', text: one.text } : one)
  return { type: 'table', rows: block.rows.map((row) => records(row).map(cell)) }
}

const textOf = (value: unknown): string => (isRecord(value) ? string(value.text) : '')

/**
 * Works around two differences of the library from Slack. It unescapes before it parses, so escaped markup would become
 * active: a word joiner after the bracket keeps it text. It also reads a mention with a label as a link.
 */
function adaptedToLibrary(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(adaptedToLibrary)
  if (!isRecord(value)) return value
  const isMarkup = value.type === 'mrkdwn'
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => {
      // In Slack, verbatim text is still markup; the library would show it unparsed.
      if (key === 'verbatim') return []
      if (key !== 'text' || !isMarkup || typeof one !== 'string') return [[key, adaptedToLibrary(one)]]
      const plain = one.replaceAll('&lt;', '&lt;\u2060').replaceAll(/<(!subteam\^\w+|[@#]\w+)\|[^<>]*>/g, '<$1>')
      return [[key, plain]]
    }),
  )
}

/** Removes ids, which the library takes from block ids and two messages can share, and the theme, which the page sets. */
const withoutIds = (html: string): string =>
  html.replaceAll(/ (?:id|data-theme)="[^"]*"/g, '').replaceAll('word-break:break-all', '')

/** The library's style sheet for drawings without ids, in a layer so that the page's own rules win. */
export async function drawingStyles(): Promise<string> {
  const path = new URL(import.meta.resolve('slack-blocks-to-jsx/dist/style.css'))
  const css = (await readFile(path, 'utf8')).replaceAll('!important', '')
  // Keeps the specificity of the id, which the library's rules rely on.
  return `@layer drawing { ${css.replaceAll('#slack_blocks_to_jsx', ':is(.slack_blocks_to_jsx, #none)')} }`
}
