import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_REASON_LENGTH, splitReason } from '../../src/release/reason.ts'

test.each([
  ['lock api production', { before: 'lock api production' }],
  [
    'lock api production because Checking a slow query, "again"',
    { before: 'lock api production', reason: 'Checking a slow query, "again"' },
  ],
  ['lock all for 2h BECAUSE The cache is down', { before: 'lock all for 2h', reason: 'The cache is down' }],
  ['because why', { before: '', reason: 'why' }],
  ['bad 12 because it broke because of X', { before: 'bad 12', reason: 'it broke because of X' }],
  ['lock production because: deploy freeze', { before: 'lock production', reason: 'deploy freeze' }],
  ['lock production,because, well', { before: 'lock production', reason: 'well' }],
  ['lock production because', { before: 'lock production' }],
  ['lock production because   ', { before: 'lock production' }],
  ['lock because-of-it', { before: 'lock because-of-it' }],
  ['lock production because a &lt; b &amp;&amp; c', { before: 'lock production', reason: 'a < b && c' }],
  [
    'lock production because <@U1|dana> looks at <https://x.test/q|the query> in <#C1|ops>',
    { before: 'lock production', reason: '@dana looks at the query in #ops' },
  ],
  ['lock production because see <https://x.test/q>', { before: 'lock production', reason: 'see https://x.test/q' }],
])('splits %j', (text, parts) => {
  expect(splitReason(text)).toEqual(parts)
})

test('keeps a reason as long as a modal takes', () => {
  const { reason = '' } = splitReason(`lock production because ${'é'.repeat(MAX_REASON_LENGTH + 9)}`)
  expect([...reason]).toHaveLength(MAX_REASON_LENGTH)
})

test('the text before is never changed, and nothing is lost without a reason', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const { before, reason } = splitReason(text)
      expect(text.startsWith(before)).toBe(true)
      if (!/because/i.test(text)) expect({ before, reason }).toEqual({ before: text, reason: undefined })
    }),
  )
})
