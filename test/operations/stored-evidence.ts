/** What the store holds about one release that succeeded. */
import { createHash } from 'node:crypto'
import { canonicalJson, digest } from '../../src/lib/canonical-json.ts'
import type { StoredEvidence } from '../../src/operations/audit/evidence.ts'
import type { EventRow } from '../../src/release/record.ts'
import { recordedRules } from '../../src/release/recorded-rules.ts'
import {
  anEnvironment,
  aPlan,
  aRelease,
  aStep,
  at,
  DANA,
  LIN,
  MIGRATIONS,
  SIGNED,
  sha,
  TOM,
} from '../support/builders.ts'

const GROUPS = [{ handle: '@release-approvers', count: 120, members: [TOM.id, DANA.id, 'U07NIA'] }]

/** Events as the store chains them; `word` stands where a person's words do. */
function chained(word: string): readonly EventRow[] {
  const said = [
    { actor: DANA.id, type: 'release_requested', data: { name: DANA.name, right: 'every full member' } },
    { actor: 'worker', type: 'plan_made', data: { commits: 1, pending: 2, rules: recordedRules(anEnvironment()) } },
    { actor: 'bot', type: 'card_posted', data: { channel: 'C02PROD', ts: '1795335300.000100' } },
    { actor: LIN.id, type: 'sign_off_given', data: { kind: 'qa', name: LIN.name, right: 'every full member' } },
    {
      actor: TOM.id,
      type: 'sign_off_given',
      data: { kind: 'approval', name: TOM.name, right: '@release-approvers', note: word, groups: GROUPS },
    },
    { actor: 'bot', type: 'release_approved', data: { attempt: 1 } },
    { actor: 'worker', type: 'run_started', data: { attempt: 1 } },
    { actor: 'worker', type: 'step_done', data: { step: 'push', attempt: 1, said: word, commit: sha('c0ffee1') } },
    { actor: 'worker', type: 'release_ended', data: { state: 'succeeded' } },
  ]
  const rows: EventRow[] = []
  for (const [index, { actor, type, data }] of said.entries()) {
    const previousHash = rows.at(-1)?.hash ?? '0'.repeat(64)
    const id = 31 + index
    const body = canonicalJson({ id, at: at(`08:${10 + index}`).toISOString(), release: 12, actor, type, data })
    const hash = createHash('sha256')
      .update(previousHash + body)
      .digest('hex')
    rows.push({ id, body, hash, previousHash })
  }
  return rows
}

/** A release that succeeded, in which whatever comes from people, repositories and services says `word`. */
export function stored(word: string): StoredEvidence {
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
    chain: { ok: true, count: 40, head: events.at(-1)?.hash ?? '', heads: [] },
  }
}
