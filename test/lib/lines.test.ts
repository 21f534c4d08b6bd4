import { describe, expect, it } from 'vitest'
import { createLineReader } from '../../src/lib/lines.ts'

function read(pieces: readonly string[], options: { longest?: number; breaks?: string | RegExp } = {}): string[] {
  const lines: string[] = []
  const reader = createLineReader((line) => lines.push(line), { longest: 100, breaks: '\n', ...options })
  for (const piece of pieces) reader.add(piece)
  reader.end()
  return lines
}

describe('a line reader', () => {
  it('gives whole lines from chunks of any length, empty ones and an unterminated last one too', () => {
    expect(read(['on', 'e\ntwo\n', '\nthr', 'ee'])).toEqual(['one', 'two', '', 'three'])
    expect(read(['one\n'])).toEqual(['one'])
    expect(read([])).toEqual([])
  })

  it('treats "\\r\\n" as one break, also across two chunks', () => {
    expect(read(['one\r\ntwo\r', '\nthree\r\n'])).toEqual(['one', 'two', 'three'])
  })

  it('keeps a carriage return within a line, unless it is a break', () => {
    expect(read(['10 %\r20 %\n'])).toEqual(['10 %\r20 %'])
    expect(read(['10 %\r20 %\n'], { breaks: /[\r\n]/ })).toEqual(['10 %', '20 %'])
  })

  it('truncates a long line, and gives the next line whole', () => {
    expect(read(['1234', '5678', '9\nnext'], { longest: 6 })).toEqual(['123456', 'next'])
  })

  it('is as fast for one line of many chunks as for many lines', () => {
    const piece = 'x'.repeat(100)
    const started = performance.now()
    const [line] = read(
      Array.from({ length: 200_000 }, () => piece),
      { longest: Number.POSITIVE_INFINITY },
    )
    expect(line).toHaveLength(20_000_000)
    expect(performance.now() - started).toBeLessThan(5_000)
  })
})
