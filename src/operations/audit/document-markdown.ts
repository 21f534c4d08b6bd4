import { address, block, code, list, plain, table } from '../../lib/markdown.ts'
import type { Block, Document, Inline, Section, Words } from './document.ts'

/** The document as Markdown. No text of it can make a heading, a row, a link or the end of a block. */
export function documentMarkdown({ title, subtitle, statements, summary, details, footer }: Document): string {
  const stated = statements.map(({ label, words }) => `**${label}**: ${inline(words)}`)
  const parts = [
    `# ${plain(title)}`,
    plain(subtitle),
    list(stated, '').join('\n'),
    ...[...summary, ...details].map(section),
    `---\n\n${inline(footer)}`,
  ]
  return `${parts.join('\n\n')}\n`
}

function section({ title, blocks }: Section): string {
  return [`## ${plain(title)}`, ...blocks.map((each) => drawn(each).join('\n'))].join('\n\n')
}

function drawn(shown: Block): readonly string[] {
  switch (shown.is) {
    case 'words':
      return [inline(shown.words)]
    case 'heading':
      return [`### ${plain(shown.text)}`]
    case 'facts':
      return list(
        shown.facts.map(([label, value]) => `**${plain(label)}**: ${inline(value)}`),
        '',
      )
    case 'list':
      return list(
        shown.items.map((item) => inline(item)),
        plain(shown.none),
      )
    case 'table':
      return table(
        shown.heads.map(plain),
        shown.rows.map((row) => row.map((cell) => inline(cell, true))),
        plain(shown.none),
      )
    case 'exact':
      return block(shown.text, shown.language)
  }
}

/** In a cell a pipe ends even code, so that it is escaped text there. */
function inline(words: Words, isCell = false): string {
  return words.map((word) => one(word, isCell)).join('')
}

function one(word: Inline, isCell: boolean): string {
  if (typeof word === 'string') return spaced(word)
  if ('code' in word) return isCell && /[|\\]/.test(word.code) ? plain(word.code) : code(word.code)
  if ('strong' in word) return `**${plain(word.strong)}**`
  return address(word.link)
}

/** `plain` takes the spaces at both ends away, which separate words here. */
function spaced(text: string): string {
  const shown = plain(text)
  if (shown === '') return text === '' ? '' : ' '
  return `${/^\s/.test(text) ? ' ' : ''}${shown}${/\s$/.test(text) ? ' ' : ''}`
}
