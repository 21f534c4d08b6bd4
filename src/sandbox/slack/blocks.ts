import {
  accessory,
  actionElement,
  anyText,
  anything,
  button,
  id,
  imageElement,
  imageSource,
  inputElement,
  plainText,
  richText,
  url,
} from './block-elements.ts'
import { limits } from './block-limits.ts'
import { both, type Check, flag, integer, lengthOf, list, rule, shape, text, typed, word } from './block-shapes.ts'
import { chart, dataTable } from './data-blocks.ts'
import { isRecord, type Json, records, string } from './state.ts'

const task = {
  task_id: id,
  title: text(limits.text),
  status: word('pending', 'in_progress', 'complete', 'error'),
}
const taskExtras = {
  details: typed({ rich_text: richText }),
  output: typed({ rich_text: richText }),
  sources: list(anything),
}
const table = both(
  shape(
    {
      rows: list(
        list(typed({ raw_text: shape({ text: text(limits.table.characters) }), rich_text: richText }), {
          max: limits.table.columns,
        }),
        {
          max: limits.table.rows,
        },
      ),
    },
    { block_id: id, column_settings: list(anything, { max: limits.table.columns }) },
  ),
  rule((value) => {
    const rows = Array.isArray(value.rows) ? value.rows : []
    return new Set(rows.map((row) => (Array.isArray(row) ? row.length : -1))).size <= 1
  }, 'rows must have the same number of cells'),
  rule(
    (value) => textOf(value) <= limits.table.characters,
    `table must be less than ${limits.table.characters + 1} characters`,
  ),
)

const card = shape(
  {},
  {
    block_id: id,
    hero_image: typed({ image: imageElement }),
    icon: typed({ image: imageElement }),
    slack_icon: anything,
    title: anyText(limits.card.title),
    subtitle: anyText(limits.card.subtitle),
    body: anyText(limits.card.body),
    actions: list(typed({ button }), { max: limits.card.actions }),
    subtext: anyText(limits.card.subtext),
  },
)
const common: Record<string, Check> = {
  section: both(
    rule((value) => value.text !== undefined || value.fields !== undefined, 'must have text or fields'),
    shape(
      {},
      {
        block_id: id,
        text: anyText(limits.section.text),
        fields: list(anyText(limits.section.field), { max: limits.section.fields }),
        accessory,
        expand: flag,
      },
    ),
  ),
  header: shape({ text: plainText(limits.header) }, { block_id: id, level: integer(1, 6) }),
  divider: shape({}, { block_id: id }),
  image: both(
    imageSource,
    shape(
      { alt_text: text(limits.image.alt) },
      { block_id: id, image_url: url, slack_file: anything, title: plainText(limits.image.alt) },
    ),
  ),
  context: shape(
    {
      elements: list(
        typed({
          image: imageElement,
          plain_text: shape({ text: text(limits.text) }, { emoji: flag }),
          mrkdwn: shape({ text: text(limits.text) }, { verbatim: flag }),
        }),
        { max: limits.context },
      ),
    },
    { block_id: id },
  ),
  actions: shape({ elements: list(actionElement, { max: limits.actions }) }, { block_id: id }),
  input: shape(
    { label: plainText(limits.input.label), element: inputElement },
    { block_id: id, hint: plainText(limits.input.hint), optional: flag, dispatch_action: flag },
  ),
  rich_text: richText,
}

const children = typed(common)
const onlyIn: Record<'message' | 'modal' | 'home', Record<string, Check>> = {
  message: {
    markdown: shape({ text: text(limits.markdown) }, { block_id: id }),
    plan: shape({ title: text(limits.text) }, { block_id: id, tasks: list(shape(task, taskExtras)) }),
    task_card: shape(task, { block_id: id, ...taskExtras }),
    table,
    data_table: dataTable,
    data_visualization: chart,
    card,
    container: shape(
      { title: plainText(limits.container.title), child_blocks: list(children, { max: limits.container.children }) },
      {
        block_id: id,
        subtitle: anyText(limits.container.subtitle),
        width: text(40),
        is_collapsible: flag,
        default_collapsed: flag,
        has_header_divider: flag,
        icon: anything,
      },
    ),
  },
  modal: {
    alert: shape(
      { text: anyText(limits.alert) },
      { block_id: id, level: word('default', 'info', 'success', 'warning', 'error') },
    ),
  },
  home: { table, card },
}

/** The number of characters in all texts of a block. */
function textOf(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, entry) => sum + textOf(entry), 0)
  if (!isRecord(value)) return 0
  return Object.entries(value).reduce(
    (sum, [key, entry]) => sum + (key === 'text' && typeof entry === 'string' ? lengthOf(entry) : textOf(entry)),
    0,
  )
}

/** The controls of a block: buttons, menus, inputs; for a container, those of its blocks. */
export function controlsOf(block: Json): Json[] {
  const own = [...records(block.elements), ...records(block.actions)]
  const single = [block.accessory, block.element].filter(isRecord)
  const controls = block.type === 'context' || block.type === 'rich_text' ? [] : [...own, ...single]
  return [...controls.filter((one) => one.type !== 'image'), ...records(block.child_blocks).flatMap(controlsOf)]
}

function repeated(values: string[]): string[] {
  return values.filter((value, index) => value !== '' && values.indexOf(value) !== index)
}

/**
 * The problems that Slack would report for these blocks on this surface, each with its JSON pointer; empty if valid.
 * Blocks that Signoff doesn't use (video, file, carousel, context actions) count as unsupported.
 */
export function problemsOfBlocks(blocks: unknown, surface: 'message' | 'modal' | 'home', at = '/blocks'): string[] {
  const problems: string[] = []
  const say = (problem: string, where: string) => problems.push(`${problem} [json-pointer:${where}]`)
  const max = surface === 'message' ? limits.messageBlocks : limits.view.blocks
  list(typed({ ...common, ...onlyIn[surface] }), { min: surface === 'message' ? 0 : 1, max })(blocks, at, say)
  const all = records(blocks)
  for (const name of repeated(all.map((block) => string(block.block_id)))) say(`block_id ${name} already exists`, at)
  for (const [index, block] of all.entries()) {
    const names = controlsOf(block).map((one) => string(one.action_id))
    for (const name of repeated(names)) say(`action_id ${name} already exists`, `${at}/${index}`)
  }
  const markdown = all.filter((block) => block.type === 'markdown')
  if (textOf(markdown) > limits.markdown) say(`markdown must be less than ${limits.markdown + 1} characters in all`, at)
  const types = new Set(all.map((block) => block.type))
  if (types.has('plan') && types.has('task_card')) say('plan and task_card exclude each other', at)
  return problems
}

export const areBlocksTooLong = (blocks: Json[]): boolean => textOf(blocks) > limits.messageBlockCharacters

/** The problems that Slack would report for a whole view. */
export function problemsOfView(view: Json): string[] {
  const problems: string[] = []
  const say = (problem: string, where: string) => problems.push(`${problem} [json-pointer:${where}]`)
  const settings = {
    blocks: anything,
    private_metadata: text(limits.view.privateMetadata, 0),
    callback_id: text(limits.view.callbackId, 0),
    external_id: text(limits.id, 0),
  }
  typed({
    modal: shape(
      { blocks: anything, title: plainText(limits.view.title) },
      {
        ...settings,
        submit: plainText(limits.view.button),
        close: plainText(limits.view.button),
        clear_on_close: flag,
        notify_on_close: flag,
        submit_disabled: flag,
      },
    ),
    home: shape({ blocks: anything }, settings),
  })(view, '/view', say)
  const surface = view.type === 'home' ? 'home' : 'modal'
  problems.push(...problemsOfBlocks(view.blocks, surface, '/view/blocks'))
  const hasInput = records(view.blocks).some((block) => block.type === 'input')
  if (surface === 'modal' && hasInput && view.submit === undefined) say('missing required field: submit', '/view')
  return problems
}

/** Blocks as Slack stores them: each block and control has an id, generated if the app gave none. */
export function withIds(blocks: Json[], newId: (prefix: string) => string): Json[] {
  const named = (control: unknown) =>
    isRecord(control) && control.type !== 'image' ? { action_id: newId('a'), ...control } : control
  return blocks.map((block) => {
    const copy: Json = { block_id: newId('b'), ...structuredClone(block) }
    if (copy.type === 'actions') copy.elements = records(copy.elements).map(named)
    if (copy.actions) copy.actions = records(copy.actions).map(named)
    if (copy.accessory) copy.accessory = named(copy.accessory)
    if (copy.element) copy.element = named(copy.element)
    if (copy.child_blocks) copy.child_blocks = withIds(records(copy.child_blocks), newId)
    return copy
  })
}
