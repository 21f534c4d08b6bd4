import { describe, expect, it } from 'vitest'
import { databasesOf } from '../../../src/release/plan.ts'
import { owed } from '../../../src/release/policy.ts'
import type { Failure, Refusal } from '../../../src/release/refusals.ts'
import type { Release } from '../../../src/release/release.ts'
import { RELEASE_STATES, type ReleaseState } from '../../../src/release/terms.ts'
import { announcement } from '../../../src/slack/views/announcement.ts'
import { buttonsOf } from '../../../src/slack/views/buttons.ts'
import { card } from '../../../src/slack/views/card.ts'
import { detailsModal } from '../../../src/slack/views/details.ts'
import type { Drawn } from '../../../src/slack/views/parts/blocks.ts'
import { privateMessage } from '../../../src/slack/views/private/index.ts'
import { refusalMessage } from '../../../src/slack/views/refusal-message.ts'
import { threadLine } from '../../../src/slack/views/thread.ts'
import { messageProblems, viewProblems } from '../../support/block-kit-limits.ts'
import { aCommit, anEnvironment, aPlan, aRelease, at, SERVICES, sha, stepsUpTo } from '../../support/builders.ts'
import { ASK_FIRST, reasonModal } from './reason-modal.ts'

/** Everything that Slack could read as more than words, then 4,000 characters of it. */
const HOSTILE = [
  '*EVILBOLD* _EVILITALIC_ ~EVILSTRUCK~ `EVILCODE`',
  '<!channel> <!here> <@U1> <#C1> <!subteam^S1> <https://evil.example|click>',
  'https://evil.example www.evil.example evil@evil.example :fire:',
  '\u202eright to left\u202c \u200f\u2066x שלום',
  `z${'\u0335\u0322\u0489'.repeat(30)}algo`,
  '&lt;!channel&gt; > quoted | bar ``` \u0000 \ud800',
].join(' ')
const LONG = `${HOSTILE} `.repeat(Math.ceil(4000 / HOSTILE.length)).slice(0, 4000)
const LINES = `one\n${HOSTILE}\n*FORGED* by Tom\n${LONG}`

const PERSON = { id: 'U01DANA', name: LONG }
const environment = anEnvironment()

const plan = aPlan({
  commitCount: 500,
  commits: Array.from({ length: 500 }, (_, index) => ({
    ...aCommit(index.toString(16).padStart(7, '0'), index % 2 === 0 ? LINES : 'x'.repeat(4000)),
    author: { name: LONG, email: `a${index}@example.com` },
  })),
  authors: Array.from({ length: 300 }, (_, index) => ({ name: `${index} ${LONG}`, email: `a${index}@example.com` })),
  migrations: Array.from({ length: 60 }, (_, index) => ({
    revision: index.toString(16).padStart(12, '0'),
    message: LINES,
    file: LONG,
    risk: (['adds', 'locks', 'destroys', 'unknown'] as const)[index % 4] ?? 'adds',
  })),
  checks: Array.from({ length: 90 }, () => ({
    name: LINES,
    state: 'failed' as const,
    url: `https://ci.example.com/${'x'.repeat(4000)}`,
  })),
  files: { count: 9000, list: Array.from({ length: 500 }, () => ({ path: LONG, added: 1, removed: 1 })) },
  warnings: Array.from({ length: 40 }, () => LINES),
  bound: {
    source: { branch: LONG, commit: sha('9f2c1ab') },
    target: { branch: LONG, commit: sha('5b8e6c0') },
    database: {
      identity: LONG,
      revisions: Array.from({ length: 9 }, () => LONG),
      pending: Array.from({ length: 60 }, (_, index) => index.toString(16).padStart(12, '0')),
      head: LONG,
      migrationsTree: sha('a1e'),
    },
  },
})

const REFUSALS: readonly Refusal[] = [
  { gate: 'unknown_app', asked: LINES, names: Array.from({ length: 300 }, () => LONG) },
  {
    gate: 'environment_busy',
    number: 1,
    app: 'api',
    environment: 'production',
    state: 'running',
    requester: PERSON,
    link: 'javascript:alert(1)',
  },
  { gate: 'database_unreachable', database: LONG, detail: LINES },
  { gate: 'merge_conflict', source: LONG, target: LONG, files: Array.from({ length: 900 }, () => LINES) },
  {
    gate: 'remote_diverged',
    remote: LONG,
    branch: LONG,
    count: 900,
    commits: Array.from({ length: 100 }, () => ({ sha: sha('bad'), title: LINES, author: LONG })),
  },
  { gate: 'checks_failed', checks: plan.checks },
  { gate: 'plan_outdated', moved: Array.from({ length: 40 }, () => ({ what: LONG, from: LINES, to: LONG })) },
  { gate: 'not_an_approver', who: Array.from({ length: 90 }, () => LONG), action: LONG },
]

const FAILURES: readonly Failure[] = [
  {
    gate: 'migration_failed',
    revision: LONG,
    database: Array.from({ length: 9 }, () => LONG),
    applied: [],
    pending: databasesOf(plan.bound)[0]?.pending ?? [],
    line: LINES,
    output: Array.from({ length: 900 }, () => LINES),
  },
  { gate: 'push_unknown', remote: LONG, commit: sha('c0ffee1') },
  { gate: 'release_phase_failed', app: LONG, platformRelease: LONG, commit: sha('c0ffee1') },
]

const PROBLEMS = [...REFUSALS, ...FAILURES]

/** States whose card tells a problem. */
function stops(state: ReleaseState): boolean {
  return ['failed', 'needs attention', 'refused', 'outdated'].includes(state)
}

function hostileRelease(overrides: Partial<Release>): Release {
  const fingerprint = 'f'.repeat(64)
  const kinds = ['qa', 'qa', 'approval', 'rejection', 'emergency'] as const
  return aRelease({
    plan,
    fingerprint,
    requester: PERSON,
    reason: LINES,
    endReason: LINES,
    endedBy: PERSON,
    signOffs: kinds.map((kind) => ({ kind, person: PERSON, fingerprint, note: LINES, right: LONG, at: at('08:30') })),
    ...overrides,
  })
}

type Json = Record<string, unknown>

function parts(value: unknown): Json[] {
  if (Array.isArray(value)) return value.flatMap(parts)
  if (typeof value !== 'object' || value === null) return []
  return [value as Json, ...Object.values(value).flatMap(parts)]
}

/** What Slack reads as more than words in mrkdwn: only ours may be left. */
const OURS = [/^<!date\^\d+\^[^|<>^]+\|[^<>|]+>$/, /^<https:\/\/bitbucket\.org\/[^<>|\s]+\|[^<>|]+>$/, /^<@U01DANA>$/]

const READ_AS_MORE = [
  /\*EVILBOLD|_EVILITALIC|~EVILSTRUCK|`EVILCODE|```|\*FORGED\*/,
  /:fire:/,
  /(?<!<)https?:\/\/evil|www\.evil|evil@evil/,
]
const HARMS_NEIGHBOURS = /[\u200f\u202a-\u202e\u2066]|\p{M}{3}|\\u0000|\\ud800/u

function offencesInMrkdwn(text: string): string[] {
  const foreign = [...text.matchAll(/<[^>]*>?/g)]
    .map(([found]) => found)
    .filter((found) => !OURS.some((ours) => ours.test(found)))
  return [...foreign, ...READ_AS_MORE.flatMap((evil) => evil.exec(text)?.[0] ?? [])]
}

function offences(part: Json): string[] {
  const mentions = ['broadcast', 'channel', 'usergroup', 'user'].includes(String(part.type)) ? [`a ${part.type}`] : []
  if (part.type === 'mrkdwn') return offencesInMrkdwn(String(part.text))
  if (part.type === 'plain_text') return String(part.text).includes(':fire:') ? [':fire:'] : []
  if (part.type === 'link' && !/^https:\/\/(bitbucket\.org|ci\.example\.com)\//.test(String(part.url)))
    return [`a link to ${part.url}`]
  return mentions
}

function expectHarmless(drawn: { readonly text?: string; readonly blocks?: readonly unknown[] }): void {
  expect([...offencesInMrkdwn(drawn.text ?? ''), ...parts(drawn.blocks ?? []).flatMap(offences)]).toEqual([])
  expect(HARMS_NEIGHBOURS.exec(JSON.stringify(drawn))).toBeNull()
}

function expectGood(drawn: Drawn): void {
  expect(messageProblems(drawn)).toEqual([])
  expectHarmless(drawn)
}

describe('the longest and most hostile plan', () => {
  it.each(RELEASE_STATES)('makes a good card when %s', (state) => {
    for (const because of stops(state) ? PROBLEMS : [undefined]) {
      const release = hostileRelease({
        state,
        steps: stepsUpTo('push'),
        ...(because && { problem: { step: 'push', because } }),
      })
      const owing = owed(environment, release)
      const tokens = Object.fromEntries(buttonsOf(release, owing).map((action) => [action, 't'.repeat(40)]))
      const facts = {
        services: SERVICES,
        environment,
        tokens,
        owed: owing,
        now: at('09:00'),
        mentionGroups: false,
        unmatchedAuthors: 300,
      }
      expectGood(card(release, { ...facts, progress: 'lines' }))
      expectGood(card(release, { ...facts, progress: 'plan' }))
      expectGood(
        threadLine({ is: 'outcome', events: 9, head: 'a'.repeat(64) }, release, {
          services: SERVICES,
          environment,
          owed: owing,
        }),
      )
    }
  })

  it('makes good private messages', () => {
    const release = hostileRelease({})
    expectGood(privateMessage({ is: 'preview', app: 'api', environment: 'production', plan }, { services: SERVICES }))
    expectGood(
      privateMessage({ is: 'history', releases: Array.from({ length: 30 }, () => release) }, { services: SERVICES }),
    )
    const environments = Array.from({ length: 60 }, () => ({
      app: 'api',
      environment: 'production',
      under_way: release,
    }))
    expectGood(privateMessage({ is: 'status', environments }, { services: SERVICES }))
    expectGood(privateMessage({ is: 'done', text: LINES }, { services: SERVICES }))
    expectGood(privateMessage({ is: 'help', reason: LINES }, { services: SERVICES }))
  })

  it('makes a good announcement', () => {
    expectGood(announcement(hostileRelease({}), { environment }))
  })

  it('makes good thread lines', () => {
    const facts = { services: SERVICES, environment, owed: [] }
    const release = hostileRelease({})
    expectGood(threadLine({ is: 'signed', kind: 'rejection', person: PERSON, note: LINES }, release, facts))
    expectGood(threadLine({ is: 'step ended', step: 'push', said: LINES, ms: 1 }, release, facts))
    expectGood(threadLine({ is: 'waiting', what: LINES }, release, facts))
    const by = Array.from({ length: 9 }, () => LINES)
    expectGood(threadLine({ is: 'reminder', since: 'card', owed: [{ kind: 'qa', count: 1, by }] }, release, facts))
    expectGood(threadLine({ is: 'closed', person: PERSON, reason: LINES }, release, facts))
    expectGood(threadLine({ is: 'note', text: LINES }, release, facts))
    for (const because of PROBLEMS) {
      const output = Array.from({ length: 900 }, () => LINES)
      expectGood(threadLine({ is: 'step failed', step: 'push', problem: { because }, output, ms: 1 }, release, facts))
    }
  })

  it('makes good refusals', () => {
    for (const refusal of REFUSALS) expectGood(refusalMessage(refusal, { services: SERVICES }))
  })

  it('makes good modals', () => {
    const release = hostileRelease({ steps: stepsUpTo('push', { result: { said: LINES } }) })
    const views = ASK_FIRST.map((action) =>
      reasonModal(action, { release, metadata: 'm', environment, now: new Date() }),
    )
    expect(views).toHaveLength(7)
    for (const view of [...views, detailsModal(release, { services: SERVICES, environment })]) {
      expect(viewProblems(view)).toEqual([])
      expectHarmless(view)
    }
  })
})
