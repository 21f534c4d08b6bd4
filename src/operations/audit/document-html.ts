import type { Block, Document, Inline, Section, Tone, Words } from './document.ts'
import { DOCUMENT_STYLE } from './document-style.ts'

/** Shown beside the color, for those who print without it or can't tell it. */
const MARKS: Readonly<Record<Tone, string>> = { good: '✓', attention: '!', bad: '✗', plain: '–' }

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

/**
 * The document as one HTML page that loads nothing and runs nothing. Every text goes through `scrub` and is escaped. It is
 * made to be printed: the summary is on the first page.
 */
export function documentHtml(
  { title, subtitle, statements, summary, details, footer }: Document,
  scrub: (text: string) => string,
): string {
  const draw = drawing(scrub)
  const stated = statements.map(
    ({ label, tone, words }) =>
      `<li class="${tone}"><span class="mark">${MARKS[tone]}</span><b>${draw.text(label)}</b><p>${draw.inline(words)}</p></li>`,
  )
  const contents = details.map(({ title }) => `<a href="#${anchor(title)}">${draw.text(title)}</a>`)
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">',
    `<title>${draw.text(title)}</title><style>${DOCUMENT_STYLE}</style></head><body>`,
    `<header><h1>${draw.text(title)}</h1><p>${draw.inline([subtitle])}</p></header>`,
    `<main><ul class="statements">${stated.join('')}</ul>`,
    ...summary.map(draw.section),
    `<nav>Details: ${contents.join(' · ')}</nav>`,
    '<div class="details">',
    ...details.map(draw.section),
    '</div></main>',
    `<footer>${draw.inline(footer)}</footer>`,
    '</body></html>\n',
  ].join('\n')
}

function anchor(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, '-')
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '')
}

function isWebAddress(url: string): boolean {
  return URL.canParse(url) && ['https:', 'http:'].includes(new URL(url).protocol)
}

function drawing(scrub: (text: string) => string) {
  /** On one line; nothing in it can turn the direction of what is beside it. */
  const text = (given: string) => escaped(scrub(given).replace(/[\s\p{Cc}\p{Bidi_Control}]+/gu, ' '))

  /** No line breaks within a moment. */
  const prose = (given: string) => text(given).replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '<time>$&</time>')

  function one(word: Inline): string {
    if (typeof word === 'string') return prose(word)
    if ('code' in word) return `<code>${text(word.code)}</code>`
    if ('strong' in word) return `<strong>${text(word.strong)}</strong>`
    const shown = text(word.text ?? word.link)
    return isWebAddress(word.link) ? `<a href="${text(word.link)}" rel="noreferrer">${shown}</a>` : shown
  }

  const inline = (words: Words) => words.map(one).join('')

  function block(shown: Block): string {
    switch (shown.is) {
      case 'words':
        return `<p>${inline(shown.words)}</p>`
      case 'heading':
        return `<h3>${text(shown.text)}</h3>`
      case 'facts':
        return `<dl>${shown.facts.map(([label, value]) => `<dt>${text(label)}</dt><dd>${inline(value)}</dd>`).join('')}</dl>`
      case 'list':
        return shown.items.length === 0
          ? `<p>${text(shown.none)}</p>`
          : `<ul>${shown.items.map((item) => `<li>${inline(item)}</li>`).join('')}</ul>`
      case 'table': {
        if (shown.rows.length === 0) return `<p>${text(shown.none)}</p>`
        const heads = shown.heads.map((head) => `<th scope="col">${text(head)}</th>`).join('')
        const rows = shown.rows.map((row) => `<tr>${row.map((cell) => `<td>${inline(cell)}</td>`).join('')}</tr>`)
        return `<div class="wide"><table><thead><tr>${heads}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`
      }
      case 'exact':
        return `<pre>${shown.text
          .split('\n')
          .map((line) => `<bdi>${escaped(scrub(line))}</bdi>`)
          .join('\n')}</pre>`
    }
  }

  const section = ({ title, blocks }: Section) =>
    `<section id="${anchor(title)}"><h2>${text(title)}</h2>\n${blocks.map(block).join('\n')}</section>`

  return { text, inline, section }
}
