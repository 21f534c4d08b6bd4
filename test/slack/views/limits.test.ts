import { describe, expect, it } from 'vitest'
import { messageProblems, viewProblems } from '../../support/block-kit-limits.ts'

const plain = (text: string) => ({ type: 'plain_text', text })
const button = (action: string, extra: object = {}) => ({
  type: 'button',
  action_id: action,
  text: plain('Go'),
  ...extra,
})
const of = (...blocks: object[]) => messageProblems({ text: 'A sentence.', blocks })

describe('the checker of messages', () => {
  it.each([
    ['a header that is too long', { type: 'header', text: plain('x'.repeat(151)) }],
    ['mrkdwn in a header', { type: 'header', text: { type: 'mrkdwn', text: 'x' } }],
    ['an empty section', { type: 'section', text: plain('') }],
    ['a section that is too long', { type: 'section', text: plain('x'.repeat(3001)) }],
    ['an empty row of buttons', { type: 'actions', elements: [] }],
    [
      'a button’s label that is too long',
      { type: 'actions', elements: [button('a', { text: plain('x'.repeat(76)) })] },
    ],
    ['a button’s value that is too long', { type: 'actions', elements: [button('a', { value: 'x'.repeat(2001) })] }],
    ['one action twice', { type: 'actions', elements: [button('a'), button('a')] }],
    [
      'a confirm that is too long',
      {
        type: 'actions',
        elements: [
          button('a', {
            confirm: { title: plain('a'), text: plain('x'.repeat(301)), confirm: plain('a'), deny: plain('b') },
          }),
        ],
      },
    ],
    ['eleven texts in a context', { type: 'context', elements: Array.from({ length: 11 }, () => plain('x')) }],
    ['an empty rich text', { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [] }] }],
    ['a block that we do not use', { type: 'video' }],
  ])('finds %s', (_what, block) => {
    expect(of(block)).not.toEqual([])
  })

  it('finds what only the whole message shows', () => {
    const section = { type: 'section', text: plain('x') }
    expect(of(...Array.from({ length: 51 }, () => section))).not.toEqual([])
    expect(of(...Array.from({ length: 5 }, () => ({ ...section, text: plain('x'.repeat(2900)) })))).not.toEqual([])
    expect(of({ ...section, block_id: 'a' }, { ...section, block_id: 'a' })).toEqual(['block_id a twice'])
    expect(messageProblems({ text: '' })).not.toEqual([])
    expect(messageProblems({ text: 'x'.repeat(4001) })).not.toEqual([])
  })

  it('lets a good message pass', () => {
    expect(
      of({ type: 'header', text: plain('x'.repeat(150)) }, { type: 'actions', elements: [button('a'), button('b')] }),
    ).toEqual([])
  })
})

it('finds a modal’s title that is too long, and inputs without a way to submit', () => {
  const input = { type: 'input', label: plain('Reason'), element: { type: 'plain_text_input', action_id: 'reason' } }
  const view = { type: 'modal', title: plain('x'.repeat(24)), submit: plain('Ask'), blocks: [input] }
  expect(viewProblems(view)).toEqual([])
  expect(viewProblems({ ...view, title: plain('x'.repeat(25)) })).not.toEqual([])
  expect(viewProblems({ ...view, submit: undefined })).not.toEqual([])
  expect(viewProblems({ ...view, private_metadata: 'x'.repeat(3001) })).not.toEqual([])
})
