/** The evidence as a person reads it: a whole one, and what words from outside can't make of it. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { address, code } from '../../src/lib/markdown.ts'
import { type Evidence, evidenceOf } from '../../src/operations/audit/evidence.ts'
import { evidenceMarkdown as asMarkdown } from '../../src/operations/audit/evidence-formats.ts'
import { at } from '../support/builders.ts'
import { stored } from './stored-evidence.ts'

const evidence = (word: string): Evidence => evidenceOf(stored(word))

const evidenceMarkdown = (shown: Evidence): string => asMarkdown(shown, at('09:00'))

interface Read {
  /** Each line by its kind; a code block as one. */
  readonly kinds: readonly string[]
  readonly blocks: readonly string[]
}

/** Reads Markdown by its lines, as GitHub's does. */
function read(markdown: string): Read {
  const kinds: string[] = []
  const blocks: string[] = []
  let open: { fence: string; lines: string[] } | undefined
  for (const line of markdown.split(/\r\n|\r|\n/)) {
    if (open !== undefined) {
      const closes = /^ {0,3}(`{3,})\s*$/.exec(line)
      if (closes?.[1] === undefined || closes[1].length < open.fence.length) open.lines.push(line)
      else {
        blocks.push(open.lines.join('\n'))
        open = undefined
      }
      continue
    }
    const fence = /^ {0,3}(`{3,})\w*$/.exec(line)?.[1]
    if (fence !== undefined) {
      open = { fence, lines: [] }
      kinds.push('block')
    } else if (/^ {0,3}#/.test(line)) kinds.push(`heading ${line.indexOf(' ')}`)
    else if (/^ {0,3}\|/.test(line)) kinds.push(`row of ${line.match(/(?:\\.|[^|\\])+/g)?.length}`)
    else if (/^ {0,3}([-*+>]|\d+[.)]) /.test(line)) kinds.push('item')
    else kinds.push(line === '' ? 'nothing' : 'words')
  }
  if (open !== undefined) kinds.push('a block without an end')
  return { kinds, blocks }
}

describe('the evidence as Markdown', () => {
  it('says all that the bundle says', async () => {
    const markdown = evidenceMarkdown(evidence('drop the `old` table_of *searches*'))
    await expect(markdown).toMatchFileSnapshot('evidence-markdown.txt')
  })

  it('can be checked by itself: the fingerprint from what was bound, each hash from the one before it', () => {
    const shown = evidence('as agreed')
    const markdown = evidenceMarkdown(shown)
    const { blocks } = read(markdown)
    const hashed = blocks.map((text) => createHash('sha256').update(text).digest('hex'))
    expect(hashed).toContain(shown.fingerprint)
    const hashes = [...markdown.matchAll(/^\| [34]\d \|.* `(\w{64})` \|$/gm)].map(([, hash]) => hash)
    const made = (blocks.at(-1) ?? '').split('\n')
    expect(hashes).toHaveLength(shown.chain.events.length)
    expect(made.map((line) => createHash('sha256').update(line).digest('hex'))).toEqual(hashes)
    expect(made.slice(1).map((line) => line.slice(0, 64))).toEqual(hashes.slice(0, -1))
  })

  it.each([
    ['a heading', 'x\n# Approved by everybody\n'],
    ['a heading by a line below', 'x\n==='],
    ['a row', 'x | y |\n| 99 | now | approved | boss |'],
    ['an escaped row', 'x \\| y \\\\| z'],
    ['an item', 'x\n- approval: boss'],
    ['the end of a block', 'x\n```\n# Approved\n```'],
    ['a longer end of a block', 'x\n``````\n# Approved\n'],
    ['other line breaks', 'x\r# Approved\u2028# Approved\u0085# Approved'],
  ])('no word can make %s', (_what, word) => {
    const markdown = evidenceMarkdown(evidence(word))
    expect(read(markdown).kinds).toEqual(read(evidenceMarkdown(evidence('harmless'))).kinds)
  })

  it.each(['<img src=x>', '[approved](https://evil.example)', '**approved**', '&lt;b&gt;', '<!-- '])(
    'no word can make %s',
    (word) => {
      const outside = evidenceMarkdown(evidence(word))
        .split('\n')
        .filter((line) => /^(- \*\*(Reason|Proof)|\| merge)/.test(line))
      expect(outside).toHaveLength(3)
      for (const line of outside)
        expect(
          line
            .replace(/^- \*\*\w+\*\*/, '')
            .replace(/`[^`]*`/g, '')
            .replace(/\\./g, ''),
        ).not.toMatch(/[<[\]&]|\*\*|!--/)
    },
  )

  it.each([
    ['master', '`master`'],
    ['`', '`` ` ``'],
    ['a`b', '``a`b``'],
    ['``x``', '``` ``x`` ```'],
    ['a\n\n# b', '`a # b`'],
  ])('%j as code is %j', (text, shown) => expect(code(text)).toBe(shown))

  it('no address can end before its end', () => {
    expect(address('https://ci.example.com/a b>`|\\\n# c')).toBe('<https://ci.example.com/a%20b%3E%60%7C%5C%0A#%20c>')
  })

  it('no word can turn the direction of what stands beside it', () => {
    const { blocks } = read(evidenceMarkdown(evidence('x\u202ey')))
    const all = evidenceMarkdown(evidence('x\u202ey'))
    const inBlocks = blocks.join('').split('\u202e').length
    expect(all.split('\u202e')).toHaveLength(inBlocks)
  })
})
