/** The evidence as a person reads it: a whole one, and what words from outside can't make of it. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { canonicalJson, digest } from '../../src/lib/canonical-json.ts'
import { address, code } from '../../src/lib/markdown.ts'
import { type Evidence, evidenceOf, type StoredEvidence } from '../../src/operations/audit/evidence.ts'
import { evidenceMarkdown } from '../../src/operations/audit/evidence-markdown.ts'
import type { EventRow } from '../../src/release/record.ts'
import { aPlan, aRelease, aStep, at, DANA, LIN, MIGRATIONS, SIGNED, sha, TOM } from '../support/builders.ts'

/** Events as the store chains them; `word` stands where a person's words do. */
function chained(word: string): readonly EventRow[] {
  const said = [
    { actor: DANA.id, type: 'release_requested', data: { name: DANA.name, right: 'every full member' } },
    { actor: LIN.id, type: 'sign_off_given', data: { kind: 'qa', name: LIN.name, right: 'every full member' } },
    {
      actor: TOM.id,
      type: 'sign_off_given',
      data: { kind: 'approval', name: TOM.name, right: '@release-approvers', note: word },
    },
    { actor: 'worker', type: 'release_ended', data: { state: 'succeeded' } },
  ]
  const rows: EventRow[] = []
  for (const [index, { actor, type, data }] of said.entries()) {
    const previousHash = rows.at(-1)?.hash ?? '0'.repeat(64)
    const id = 31 + index
    const body = canonicalJson({ id, at: at(`08:1${index}`).toISOString(), release: 12, actor, type, data })
    const hash = createHash('sha256')
      .update(previousHash + body)
      .digest('hex')
    rows.push({ id, body, hash, previousHash })
  }
  return rows
}

/** A release that succeeded, in which whatever comes from people, repositories and services says `word`. */
function stored(word: string): StoredEvidence {
  const [adds, destroys] = MIGRATIONS
  if (adds === undefined || destroys === undefined) throw new Error('there are two')
  const finding = { risk: 'destroys', what: word, why: word, instead: word, breaksOldCode: true } as const
  const plan = aPlan({
    commits: [
      { sha: sha('9f2c1ab'), title: word, author: { name: word, email: 'm@example.com' }, at: '', isMerge: false },
    ],
    checks: [
      { name: word, state: 'passed', url: `https://ci.example.com/${word}` },
      { name: 'e2e', state: 'running', url: 'https://ci.example.com/e2e' },
    ],
    migrations: [
      { ...adds, message: word, file: word, author: word, sql: [`create index on alerts (organisation) -- ${word}`] },
      { ...destroys, findings: [finding], findingCount: 3, sql: ['begin', word], sqlLeftOut: 2, commits: true },
    ],
    warnings: [word],
    bound: { source: { branch: word, commit: sha('9f2c1ab') } },
  })
  const release = aRelease({
    plan,
    fingerprint: digest(plan.bound),
    state: 'succeeded',
    reason: word,
    requester: { id: DANA.id, name: word },
    signOffs: SIGNED.map((each) => ({ ...each, note: word, person: { ...each.person, name: word } })),
    steps: [
      aStep('record', { result: { commentUrl: `https://bitbucket.org/comment/${word}` } }),
      aStep('merge', { result: { commit: sha('c0ffee1'), said: word } }),
      aStep('migrate', { result: { revisions: ['b7d20c31aa04'] } }),
      aStep('push', { result: { commit: sha('c0ffee1') } }),
      aStep('confirm', { result: { said: word, commit: sha('c0ffee1'), platformRelease: 'v42' } }),
    ],
    startedAt: at('08:45'),
    endedAt: at('08:50'),
    endReason: word,
  })
  const messages = [
    { kind: 'card', channel: 'C02PROD', ts: '1795335300.000100', at: at('08:15') },
    { kind: 'outcome', channel: 'C02PROD', ts: '1795335900.000200', at: at('08:50') },
  ] as const
  const events = chained(word)
  return {
    release,
    events,
    messages,
    chain: { ok: true, count: 34, head: events.at(-1)?.hash ?? '', heads: [] },
  }
}

const evidence = (word: string): Evidence => evidenceOf(stored(word))

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
    const previous = [...markdown.matchAll(/^- previous hash: `(\w{64})`$/gm)].map(([, hash = '']) => hash)
    const hashes = [...markdown.matchAll(/^- hash: `(\w{64})`$/gm)].map(([, hash]) => hash)
    const bodies = blocks.slice(-previous.length)
    expect(previous).toHaveLength(4)
    expect(previous.slice(1)).toEqual(hashes.slice(0, -1))
    expect(previous.map((hash, index) => digestOf(hash, bodies[index]))).toEqual(hashes)
  })

  const digestOf = (previous: string, body = '') =>
    createHash('sha256')
      .update(previous + body)
      .digest('hex')

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
        .filter((line) => /^(Reason|- qa|- merge)/.test(line))
      expect(outside).toHaveLength(3)
      for (const line of outside)
        expect(line.replace(/`[^`]*`/g, '').replace(/\\./g, '')).not.toMatch(/[<[\]&]|\*\*|!--/)
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
