import { describe, expect, it } from 'vitest'
import {
  cleaned,
  cut,
  date,
  defused,
  duration,
  escaped,
  lastLines,
  link,
  names,
  oneLine,
} from '../../../src/slack/views/parts/text.ts'

describe('durations', () => {
  it.each([
    [0, '0.1 s'],
    [-5, '0.1 s'],
    [999, '0.9 s'],
    [1000, '1 s'],
    [38_400, '38 s'],
    [60_000, '1 min'],
    [252_000, '4 min 12 s'],
    [3_780_000, '1 h 03 min'],
    [86_400_000, '24 h'],
  ])('%i ms reads %s', (ms, said) => {
    expect(duration(ms).replaceAll('\u00a0', ' ')).toBe(said)
  })

  it('keeps number and unit on one line', () => {
    expect(duration(252_000)).not.toContain(' ')
  })
})

describe('untrusted words in mrkdwn', () => {
  it('can neither mention nor link', () => {
    expect(defused('<!channel> <@U1> <https://evil.example|x> & co')).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/)
  })

  it.each(['*bold*', '_italic_', '~struck~', '`code`', '```code```', '*_both_*'])('can’t format: %s', (words) => {
    expect(defused(words)).not.toMatch(/(^|\W)[*~`_]\S|\S[*~`_](\W|$)/)
  })

  it('leaves names of tables and files as they are', () => {
    expect(defused('drop saved_searches in alembic_users.ini')).toBe('drop saved_searches in alembic_users.ini')
  })

  it('can’t become an emoji, a web address, an address or a quote', () => {
    expect(defused(':fire:')).not.toContain(':fire:')
    expect(defused('see https://evil.example')).not.toContain('https://')
    expect(defused('see www.evil.example')).not.toContain('www.')
    expect(defused('dana@example.com')).not.toContain('dana@example')
    expect(defused('> quoted').startsWith('&gt;')).toBe(false)
  })

  it('stay on one line', () => {
    expect(defused('one\n*Approved* by Tom\r\nthree')).not.toMatch(/[\r\n]/)
  })
})

describe('letters that harm their neighbours', () => {
  it('can’t turn what follows', () => {
    expect(oneLine('a\u202eb\u2066c')).toBe('abc')
  })

  it('sets text from right to left apart', () => {
    expect(oneLine('שלום')).toBe('\u2068שלום\u2069')
    expect(cut(oneLine('שלום שלום שלום'), 8)).toMatch(/^\u2068.*…\u2069$/)
  })

  it('carries at most two marks on a letter', () => {
    expect(cleaned(`z${'\u0335'.repeat(40)}a`)).toBe('z\u0335\u0335a')
  })

  it('keeps an emoji of several parts whole', () => {
    expect(oneLine('👩‍🚀 lands')).toBe('👩‍🚀 lands')
  })

  it('replaces half a letter', () => {
    expect(oneLine('a\ud83db')).toBe('a\ufffdb')
  })
})

it('cuts by code points, never within one', () => {
  expect(cut('🚀🚀🚀🚀', 3)).toBe('🚀🚀…')
  expect(cut('four', 4)).toBe('four')
})

it('escapes what mrkdwn reads', () => {
  expect(escaped('a & b < c > d')).toBe('a &amp; b &lt; c &gt; d')
})

it('gives Slack a moment with words for where it can’t show it', () => {
  expect(date(new Date('2026-11-22T14:05:00Z'))).toBe(
    '<!date^1795356300^{date_short_pretty} at {time}|2026-11-22 14:05 UTC>',
  )
})

it('links only to the web, and with an address that can’t end early', () => {
  expect(link('https://bitbucket.org/a?b=1&c=<|>', 'a|b')).toBe('<https://bitbucket.org/a?b=1&amp;c=%3C%7C%3E|a∣b>')
  expect(link('javascript:alert(1)', 'a')).toBe('a')
})

it('names three, and counts the rest', () => {
  expect(names(['Marek', 'Priya', 'Tom', 'Ada', 'Lin'])).toBe('Marek, Priya, Tom and 2 others')
  expect(names(['Marek', 'Priya'])).toBe('Marek, Priya')
})

describe('the last lines of an output', () => {
  it('are twenty at most', () => {
    const { shown, count, of } = lastLines(Array.from({ length: 214 }, (_, index) => `line ${index + 1}`))
    expect([count, of]).toEqual([20, 214])
    expect(shown.split('\n').at(0)).toBe('line 195')
    expect(shown.split('\n').at(-1)).toBe('line 214')
  })

  it('are fewer where they are long', () => {
    const { shown, count } = lastLines(Array.from({ length: 30 }, () => 'x'.repeat(4000)))
    expect(count).toBeLessThan(20)
    expect(shown.length).toBeLessThanOrEqual(3000)
  })
})
