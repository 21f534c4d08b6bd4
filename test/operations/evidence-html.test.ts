/** The evidence as one page: it loads nothing, no word can change it, and what it shows can be checked. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../../src/lib/canonical-json.ts'
import { evidenceOf, type StoredEvidence } from '../../src/operations/audit/evidence.ts'
import { evidenceHtml } from '../../src/operations/audit/evidence-formats.ts'
import { createScrubber } from '../../src/operations/scrub.ts'
import { at } from '../support/builders.ts'
import { stored } from './stored-evidence.ts'

const SECRET = 'Tr0ub4dor&3-of-the-store'
const scrub = createScrubber([SECRET], { cuts: false })

const page = (evidence: StoredEvidence) => evidenceHtml(evidenceOf(evidence), at('09:00'), scrub)
const pageOf = (word: string) => page(stored(word))

/** The tags with their attributes' names, in order. */
function tags(html: string): readonly string[] {
  return [...html.matchAll(/<(\/?[a-z!][^\s>]*)([^>]*)>/gi)].map(([, name, rest = '']) => {
    const attributes = [...rest.matchAll(/([a-z-]+)="/g)].map(([, attribute]) => attribute)
    return [name, ...attributes].join(' ')
  })
}

/** What a reader copies from a block of exact text. */
function exactTexts(html: string): readonly string[] {
  return [...html.matchAll(/<pre>([\s\S]*?)<\/pre>/g)].map(([, inner = '']) =>
    inner
      .replace(/<\/?bdi>/g, '')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&'),
  )
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('audit: the evidence as HTML', () => {
  it.each([
    '<script>alert(1)</script>',
    '</title></style><img src=x onerror=alert(1)>',
    '" onmouseover="alert(1)',
    "' style='x",
    '</pre></bdi><h1>Approved by everybody</h1>',
    '<!-- ',
    '&lt;b&gt;',
    ']]>',
    '2026-11-22 08:14:00<b>',
  ])('audit: no word can make markup: %s', (word) => {
    // A moment is marked in every word that has one.
    const same = (html: string) => tags(html).filter((tag) => !/^\/?time$/.test(tag))
    expect(same(pageOf(word))).toEqual(same(pageOf('harmless')))
  })

  it('audit: loads and runs nothing, and says so to the browser', () => {
    const html = pageOf('x')
    expect(html).toContain(
      `content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`,
    )
    expect(html).not.toMatch(/<(?:script|link|img|iframe|object|embed|form|base)\b|\bsrc=|@import|url\(|\bon[a-z]+="/i)
    for (const [, target = ''] of html.matchAll(/href="([^"]*)"/g)) expect(target).toMatch(/^(?:https?:\/\/|#)/)
  })

  it.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'not an address'])(
    'audit: no link leads to %s',
    (url) => {
      const evidence = stored('x')
      const plan = evidence.release.plan
      if (plan === undefined) throw new Error('it has one')
      const checks = [{ name: 'build', state: 'passed' as const, url }]
      const html = page({ ...evidence, release: { ...evidence.release, plan: { ...plan, checks } } })
      expect(html).not.toContain(`href="${url}`)
      expect(html).toContain(`<td>${url}</td>`)
    },
  )

  it('audit: shows no secret, of the settings or by its look, and cuts nothing', () => {
    const long = `${'word '.repeat(4_000)}the end`
    const html = pageOf(`${SECRET} xoxb-123456789012-abcdefghij ${long}`)
    expect(html).not.toContain('Tr0ub4dor')
    expect(html).not.toContain('xoxb-123456789012')
    expect(html).toContain('[secret]')
    expect(html).toContain('the end')
    expect(html).not.toContain('more characters')
  })

  it('audit: can be checked by itself: the fingerprint, and each hash from its line', () => {
    const shown = evidenceOf(stored('as <agreed> & "signed" ‮'))
    const texts = exactTexts(evidenceHtml(shown, at('09:00'), scrub))
    expect(texts).toContain(canonicalJson(shown.plan?.bound))
    expect(texts.map(sha256)).toContain(shown.fingerprint)
    const lines = texts.at(-1)?.split('\n') ?? []
    expect(lines.map(sha256)).toEqual(shown.chain.events.map(({ hash }) => hash))
  })

  it('audit: nothing turns the direction of what is beside it', () => {
    const outside = pageOf('x\u202ey').replace(/<pre>[\s\S]*?<\/pre>/g, '')
    expect(outside).not.toContain('\u202e')
  })

  it('audit: says first how it ended, who did what, and whether the record holds', () => {
    const html = pageOf('x')
    const [statements = ''] = /<ul class="statements">[\s\S]*?<\/ul>/.exec(html) ?? []
    expect(statements.match(/class="good"/g)).toHaveLength(3)
    expect(statements).toContain('QA by Lin, approved by Tom: three people, none approved their own release.')
    expect(html).toContain('1 person: @release-approvers; never the requester')
    expect(html).toContain('Tom (U04TOM), Dana (U01DANA), U07NIA and 117 more')
  })

  it('audit: says plainly that the chain fails, and that the tables say otherwise', () => {
    const evidence = stored('x')
    const failed = page({ ...evidence, chain: { ok: false, event: 33, why: 'event 33 was changed' } })
    expect(failed).toMatch(/class="bad">.*The chain fails verification.*event 33 was changed/)
    expect(failed).not.toContain('No event was changed')
    const changed = page({ ...evidence, release: { ...evidence.release, signOffs: [] } })
    expect(changed).toMatch(/class="bad">.*tables say otherwise than the record.*: the sign-offs\./)
  })
})
