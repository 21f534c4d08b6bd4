import { describe, expect, it } from 'vitest'
import { problemsOfBlocks, problemsOfView } from '../../src/sandbox/slack/blocks.ts'
import { button, modal, section, workspaceWithPeople } from './slack-support.ts'

const text = (value: string) => ({ type: 'plain_text', text: value })
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))
const actions = (...elements: unknown[]) => ({ type: 'actions', elements })
const options = (count: number) => times(count, (index) => ({ text: text(`o${index}`), value: `${index}` }))
const confirm = (more: object) => ({ title: text('t'), text: text('x'), confirm: text('y'), deny: text('n'), ...more })
const task = (more = {}) => ({ task_id: '1', title: 't', status: 'complete', ...more })
const rich = { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 'a' }] }] }

const cell = (value: string | number) =>
  typeof value === 'number' ? { type: 'raw_number', value, text: String(value) } : { type: 'raw_text', text: value }
const dataTable = (rows: (string | number)[][], header: string[] = ['h', 'i']) => ({
  type: 'data_table',
  caption: 'Scores',
  rows: [header.map(cell), ...rows.map((row) => row.map(cell))],
})
const series = (name: string) => ({ name, data: [{ label: 'a', value: 0 }] })
const axis = (categories: string[]) => ({
  series: [{ name: 's', data: categories.map((label) => ({ label, value: 1 })) }],
  axis_config: { categories },
})
const chart = (more: object, drawn: object = {}) => ({
  type: 'data_visualization',
  title: 'Users',
  chart: { type: 'bar', series: [series('s')], axis_config: { categories: ['a'] }, ...drawn },
  ...more,
})
const pie = (segments: object[]) => ({ type: 'data_visualization', title: 'P', chart: { type: 'pie', segments } })

describe('a data table or chart that Slack refuses', () => {
  it.each<[string, object]>([
    ['a table of its header alone', dataTable([])],
    ['an empty cell', dataTable([['', 1]])],
    ['rows of different lengths', dataTable([['a', 1, 2]])],
    [
      'a number in the header',
      {
        ...dataTable([]),
        rows: [
          [cell('h'), cell(1)],
          [cell('r'), cell(2)],
        ],
      },
    ],
    ['no caption', { ...dataTable([['r', 1]]), caption: undefined }],
    ['an empty page', { ...dataTable([['r', 1]]), page_size: 0 }],
    ['no series', chart({}, { series: [] })],
    ['a point of no category', chart({}, { axis_config: { categories: ['b'] } })],
    ['a chart of an unknown type', chart({}, { type: 'radar' })],
    ['an empty segment', pie([{ label: 'a', value: 0 }])],
    ['a pie without segments', pie([])],
  ])('%s', (_what, one) => {
    expect(problemsOfBlocks([one], 'message')).not.toEqual([])
  })

  it('either in a modal, and takes both in a message', () => {
    expect(problemsOfBlocks([chart({})], 'modal')).not.toEqual([])
    expect(problemsOfBlocks([dataTable([['r', 1]])], 'message')).toEqual([])
  })
})

describe('the maximum that Slack accepts, and one more', () => {
  it.each<[string, (length: number) => unknown, number]>([
    ['blocks', (n) => times(n, () => ({ type: 'divider' })), 50],
    ['characters of a header', (n) => [{ type: 'header', text: text('h'.repeat(n)) }], 150],
    ['emoji of a header', (n) => [{ type: 'header', text: text('🚀'.repeat(n)) }], 150],
    ['characters of a section', (n) => [section('s'.repeat(n))], 3000],
    ['fields of a section', (n) => [{ type: 'section', fields: times(n, () => text('f')) }], 10],
    ['characters of a field', (n) => [{ type: 'section', fields: [text('f'.repeat(n))] }], 2000],
    ['elements of a context', (n) => [{ type: 'context', elements: times(n, () => text('c')) }], 10],
    ['elements of actions', (n) => [actions(...times(n, (index) => button(`b${index}`)))], 25],
    ['characters of a button', (n) => [actions(button('b'.repeat(n), { action_id: 'a' }))], 75],
    ["characters of a button's value", (n) => [actions(button('b', { value: 'v'.repeat(n) }))], 2000],
    ['characters of an action id', (n) => [actions(button('b', { action_id: 'a'.repeat(n) }))], 255],
    ['characters of a block id', (n) => [{ ...section('s'), block_id: 'b'.repeat(n) }], 255],
    [
      'characters of a confirmation',
      (n) => [actions(button('b', { confirm: confirm({ text: text('c'.repeat(n)) }) }))],
      300,
    ],
    [
      "characters of a confirmation's button",
      (n) => [actions(button('b', { confirm: confirm({ deny: text('c'.repeat(n)) }) }))],
      30,
    ],
    ['options of an overflow menu', (n) => [actions({ type: 'overflow', options: options(n) })], 5],
    ['options of a menu', (n) => [actions({ type: 'static_select', options: options(n) })], 100],
    ['rows of a data table', (n) => [dataTable(times(n - 1, () => ['r', 1]))], 201],
    [
      'columns of a data table',
      (n) => [
        dataTable(
          [times(n, () => 'c')],
          times(n, () => 'h'),
        ),
      ],
      20,
    ],
    ['rows on a page of a data table', (n) => [{ ...dataTable([['r', 1]]), page_size: n }], 100],
    ['characters of a data table', (n) => [dataTable([['r'.repeat(n - 3), 1]])], 20_000],
    ['characters of a chart’s title', (n) => [chart({ title: 't'.repeat(n) })], 50],
    ['series of a chart', (n) => [chart({}, { series: times(n, (index) => series(`s${index}`)) })], 12],
    ['characters of a series’ name', (n) => [chart({}, { series: [series('s'.repeat(n))] })], 20],
    ['categories of a chart', (n) => [chart({}, axis(times(n, (index) => `c${index}`)))], 20],
    ['characters of an axis', (n) => [chart({}, { axis_config: { categories: ['a'], x_label: 'x'.repeat(n) } })], 50],
    ['segments of a pie', (n) => [pie(times(n, (index) => ({ label: `p${index}`, value: 1 })))], 12],
    ['characters of a markdown block', (n) => [{ type: 'markdown', text: 'm'.repeat(n) }], 12_000],
  ])('%s', (_what, make, most) => {
    expect(problemsOfBlocks(make(most), 'message')).toEqual([])
    expect(problemsOfBlocks(make(most + 1), 'message')).not.toEqual([])
  })

  it.each<[string, (length: number) => object, number]>([
    ['title', (n) => ({ title: text('t'.repeat(n)) }), 24],
    ['submit', (n) => ({ submit: text('t'.repeat(n)) }), 24],
    ['close', (n) => ({ close: text('t'.repeat(n)) }), 24],
    ['private metadata', (n) => ({ private_metadata: 'p'.repeat(n) }), 3000],
    ['callback id', (n) => ({ callback_id: 'p'.repeat(n) }), 255],
    ['blocks', (n) => ({ blocks: times(n, () => ({ type: 'divider' })) }), 100],
  ])('%s of a view', (_what, make, most) => {
    expect(problemsOfView({ ...modal, ...make(most) })).toEqual([])
    expect(problemsOfView({ ...modal, ...make(most + 1) })).not.toEqual([])
  })
})

describe('what Slack accepts', () => {
  it.each([
    [
      'a plan with its tasks',
      [{ type: 'plan', title: 'Steps', tasks: [task({ details: rich }), task({ type: 'task_card' })] }],
    ],
    ['a table', [{ type: 'table', rows: [[{ type: 'raw_text', text: 'a' }, rich]] }]],
    [
      'a container',
      [{ type: 'container', title: text('Details'), child_blocks: [section('s')], is_collapsible: true }],
    ],
    ['rich text', [rich]],
    ['no blocks at all', []],
  ])('%s', (_what, blocks) => expect(problemsOfBlocks(blocks, 'message')).toEqual([]))

  it('an alert, in a modal only', () => {
    const alert = [{ type: 'alert', text: text('Frozen.'), level: 'warning' }]
    expect(problemsOfBlocks(alert, 'modal')).toEqual([])
    expect(problemsOfBlocks(alert, 'message')).toEqual(['unsupported type: alert [json-pointer:/blocks/0/type]'])
  })
})

describe('what Slack refuses', () => {
  it.each([
    ['an action id twice in a block', [actions(button('A'), button('A'))]],
    [
      'a block id twice',
      [
        { ...section('a'), block_id: 'x' },
        { ...section('b'), block_id: 'x' },
      ],
    ],
    ['a plan whose title is a text object', [{ type: 'plan', title: text('Steps') }]],
    ['a task status of its own', [{ type: 'plan', title: 'S', tasks: [task({ status: 'completed' })] }]],
    [
      'a plan beside a task card',
      [
        { type: 'plan', title: 'S' },
        { type: 'task_card', ...task() },
      ],
    ],
    ['a plan in a modal', [{ type: 'plan', title: 'S' }], 'modal' as const],
    ['rows of unequal length', [{ type: 'table', rows: [[rich], [rich, rich]] }]],
    ['an unknown property', [{ ...section('a'), colour: 'red' }]],
    ['an empty text', [section('')]],
    ['a section of nothing', [{ type: 'section' }]],
    ['mrkdwn in a header', [{ type: 'header', text: { type: 'mrkdwn', text: '*h*' } }]],
    ['a button without text', [actions({ type: 'button', action_id: 'a' })]],
    ['a button style of its own', [actions(button('b', { style: 'warning' }))]],
    ['an image in actions', [actions({ type: 'image', image_url: 'https://x.test/i.png', alt_text: 'i' })]],
    ['an input without a label', [{ type: 'input', element: { type: 'plain_text_input' } }], 'modal' as const],
    ['an input with a button', [{ type: 'input', label: text('l'), element: button('b') }], 'modal' as const],
    ['no blocks in a modal', [], 'modal' as const],
    ['text instead of blocks', 'blocks'],
  ])('%s', (_what, blocks, surface: 'message' | 'modal' = 'message') => {
    expect(problemsOfBlocks(blocks, surface)).not.toEqual([])
  })

  it('a modal with an input and no submit button', () => {
    const { submit: _submit, ...rest } = modal
    expect(problemsOfView(rest)).toEqual(['missing required field: submit [json-pointer:/view]'])
  })

  it('is answered with the place of the problem, and nothing is posted', async () => {
    const { slack, product, client } = await workspaceWithPeople()
    const blocks = [section('ok'), { type: 'header', text: text('h'.repeat(151)) }]
    const refused = await client
      .apiCall('chat.postMessage', { channel: product.id, text: 'x', blocks })
      .catch((e) => e.data)
    const problem = 'must be less than 151 characters [json-pointer:/blocks/1/text/text]'
    expect(refused).toMatchObject({ ok: false, error: 'invalid_blocks', errors: [problem] })
    expect(refused.response_metadata.messages).toEqual([`[ERROR] ${problem}`])
    expect(slack.messages(product)).toEqual([])
    expect(slack.log.at(-1)).toMatchObject({ method: 'chat.postMessage', error: 'invalid_blocks', isApplied: false })
    const long = times(5, () => section('s'.repeat(2700)))
    const whole = client.apiCall('chat.postMessage', { channel: product.id, text: 'x', blocks: long })
    await expect(whole).rejects.toMatchObject({ data: { error: 'msg_blocks_too_long' } })
  })
})
