/** An example of each type that webhooks send, made by what makes them, and how docs/webhooks.md shows it. */
import type { ReleaseEvent } from '../../src/release/events.ts'
import type { Lock } from '../../src/release/lock.ts'
import { fingerprint } from '../../src/release/plan.ts'
import type { Release } from '../../src/release/release.ts'
import {
  WEBHOOK_TYPES,
  type WebhookSubject,
  type WebhookType,
  webhookId,
  webhookOf,
} from '../../src/release/webhooks.ts'
import { aCommit, aPlan, aRelease, aSignOff, at, DANA, LIN, MIGRATIONS, SIGNED, sha, TOM } from '../support/builders.ts'

const COMMITS = [
  aCommit('9f2c1ab', 'Add rate limits to the search endpoint'),
  aCommit('41d7e03', 'Drop the unused saved_searches table', 'Priya'),
]
const SQL = 'DROP TABLE saved_searches'
const PLAN = aPlan({
  commits: COMMITS,
  migrations: MIGRATIONS.map((each) => ({
    ...each,
    sql: [SQL],
    findings: [{ risk: 'destroys', what: 'drops table saved_searches', why: 'x' }],
  })),
})
const RULES = { name: 'Tom', right: '@release-approvers' }
const FINGERPRINT = fingerprint(PLAN)
const RUN: Partial<Release> = { attempt: 1, approvedAt: at('08:44'), startedAt: at('08:45') }
const LOCK: Lock = {
  id: 7,
  on: { is: 'environment', app: 'api', environment: 'production' },
  holder: TOM,
  reason: 'checking a slow query',
  since: at('09:10'),
  until: at('11:10'),
}
const PLACE = { app: 'api', environment: 'production' }

interface Example {
  /** When it is sent. */
  readonly when: string
  readonly at: Date
  readonly event: ReleaseEvent
  readonly subject: WebhookSubject
}

const release = (more: Parameters<typeof aRelease>[0] = {}): WebhookSubject => ({
  release: aRelease({ plan: PLAN, fingerprint: FINGERPRINT, ...more }),
})
/** The end of a release of which nothing ran. */
const ended = (
  state: Release['state'],
  more: Partial<Release> = {},
  actor = 'bot',
): Pick<Example, 'event' | 'subject'> => ({
  event: {
    release: 12,
    type: 'release_ended',
    actor,
    data: { ...PLACE, state, ...(more.problem && { gate: more.problem.because.gate }) },
  },
  subject: release({ state, endedAt: at('08:50'), ...more }),
})

const EXAMPLES: { readonly [T in WebhookType]: Example } = {
  'release.requested': {
    when: 'Somebody has requested a release, or Signoff itself has for a new head.',
    at: at('08:14'),
    event: {
      release: 12,
      type: 'release_requested',
      actor: DANA.id,
      data: { ...PLACE, kind: 'deploy', name: 'Dana', right: 'every full member' },
    },
    subject: { release: aRelease({ state: 'planning', plan: undefined, card: undefined }) },
  },
  'release.planned': {
    when: 'The plan is made. Where nobody signs, its `state` is `approved` at once, and `release.started` is next.',
    at: at('08:15'),
    event: {
      release: 12,
      type: 'plan_made',
      actor: 'worker',
      data: { fingerprint: FINGERPRINT, commits: 2, pending: 2 },
    },
    subject: release({ card: undefined }),
  },
  'release.signed': {
    when: 'A person has signed: `kind` is `qa`, `approval`, `talked over` or `emergency`. A rejection is `release.rejected`.',
    at: at('08:44'),
    event: {
      release: 12,
      type: 'sign_off_given',
      actor: TOM.id,
      data: { kind: 'approval', fingerprint: FINGERPRINT, ...RULES },
    },
    subject: release({ state: 'approved', signOffs: SIGNED, approvedAt: at('08:44'), attempt: 1 }),
  },
  'release.scheduled': {
    when: 'Nothing is owed, and the release waits for its time `start_at`; also when that time is changed.',
    at: at('08:44'),
    event: {
      release: 12,
      type: 'release_scheduled',
      actor: 'bot',
      data: { at: at('20:00').toISOString(), timeZone: 'Europe/Berlin' },
    },
    subject: release({
      state: 'scheduled',
      signOffs: SIGNED,
      schedule: { at: at('20:00'), timeZone: 'Europe/Berlin' },
    }),
  },
  'release.approved': {
    when: 'The last thing that was owed is given, or its time has come, and the run may start. **Retry** sends it again, with the next `attempt`.',
    at: at('08:44'),
    event: { release: 12, type: 'release_approved', actor: 'bot', data: { attempt: 1 } },
    subject: release({ state: 'approved', signOffs: SIGNED, approvedAt: at('08:44'), attempt: 1 }),
  },
  'release.started': {
    when: 'A worker has begun the run.',
    at: at('08:45'),
    event: { release: 12, type: 'run_started', actor: 'worker', data: { attempt: 1 } },
    subject: release({ state: 'running', signOffs: SIGNED, ...RUN }),
  },
  'release.needs_attention': {
    when: 'The run stopped after something irreversible, or its outcome is unknown. It is not an end: **Retry** or **Close** follows.',
    at: at('08:47'),
    event: {
      release: 12,
      type: 'attention_needed',
      actor: 'worker',
      data: { gate: 'migration_failed', step: 'migrate', attempt: 1 },
    },
    subject: release({
      state: 'needs attention',
      signOffs: SIGNED,
      problem: { step: 'migrate', because: { gate: 'migration_failed' } as never },
      ...RUN,
    }),
  },
  'release.succeeded': {
    when: 'The platform runs `proven_commit`, proven.',
    at: at('08:50'),
    ...ended('succeeded', { signOffs: SIGNED, provenCommit: sha('c0ffee1'), ...RUN }, 'worker'),
  },
  'release.failed': {
    when: 'The run stopped, and nothing irreversible had begun.',
    at: at('08:50'),
    ...ended(
      'failed',
      { signOffs: SIGNED, problem: { step: 'sync', because: { gate: 'remote_unreachable' } as never }, ...RUN },
      'worker',
    ),
  },
  'release.refused': {
    when: 'The plan can’t be made; `problem.gate` says why.',
    at: at('08:50'),
    event: {
      release: 12,
      type: 'release_ended',
      actor: 'worker',
      data: { ...PLACE, state: 'refused', gate: 'merge_conflict' },
    },
    subject: {
      release: aRelease({
        state: 'refused',
        plan: undefined,
        card: undefined,
        endedAt: at('08:50'),
        problem: { because: { gate: 'merge_conflict' } as never },
      }),
    },
  },
  'release.rejected': {
    when: 'A person has pressed **Reject**.',
    at: at('08:50'),
    ...ended(
      'rejected',
      {
        signOffs: [aSignOff('rejection', LIN, { note: 'the export is empty', at: at('08:50') })],
        endedBy: LIN,
        endReason: 'the export is empty',
      },
      LIN.id,
    ),
  },
  'release.cancelled': {
    when: 'A person has pressed **Cancel**.',
    at: at('08:50'),
    ...ended('cancelled', { endedBy: DANA }, DANA.id),
  },
  'release.expired': {
    when: 'Its sign-offs were not complete in time, or the run did not begin in time.',
    at: at('08:50'),
    ...ended('expired', { problem: { because: { gate: 'expired' } as never } }),
  },
  'release.outdated': {
    when: 'A fact that was signed has moved, so the sign-offs are void; or another release went first.',
    at: at('08:50'),
    ...ended('outdated', { problem: { because: { gate: 'plan_outdated' } as never } }, 'worker'),
  },
  'release.closed': {
    when: 'A person has closed a release that needed attention, as it stood.',
    at: at('08:50'),
    ...ended(
      'closed',
      {
        signOffs: SIGNED,
        endedBy: TOM,
        endReason: 'migrated by hand',
        problem: { step: 'migrate', because: { gate: 'migration_failed' } as never },
        ...RUN,
      },
      TOM.id,
    ),
  },
  'release.marked': {
    when: 'A person, or a rollback (`rollback`: its number), has marked it `bad`, or `good` again.',
    at: at('09:00'),
    event: {
      release: 12,
      type: 'release_marked',
      actor: TOM.id,
      data: { mark: 'bad', reason: 'slow searches', ...RULES },
    },
    subject: release({
      state: 'succeeded',
      signOffs: SIGNED,
      endedAt: at('08:50'),
      provenCommit: sha('c0ffee1'),
      mark: { is: 'bad', by: TOM, reason: 'slow searches', at: at('09:00') },
      ...RUN,
    }),
  },
  'lock.set': {
    when: 'A person has locked an environment, or has changed the reason or the end of their lock. Without `app` and `environment` it is over all.',
    at: at('09:10'),
    event: {
      type: 'lock_set',
      actor: TOM.id,
      data: { lock: 7, ...PLACE, reason: LOCK.reason, until: at('11:10').toISOString(), ...RULES },
    },
    subject: { lock: LOCK },
  },
  'lock.taken_over': {
    when: 'A person has taken a lock over: `lock` is the new one, and no `lock.ended` is sent for the old one.',
    at: at('09:30'),
    event: {
      type: 'lock_taken_over',
      actor: LIN.id,
      data: {
        lock: 8,
        before: 7,
        ...PLACE,
        from: TOM.id,
        fromName: TOM.name,
        reason: 'rolling back',
        name: 'Lin',
        right: '@release-approvers',
      },
    },
    subject: { lock: { id: 8, on: LOCK.on, holder: LIN, reason: 'rolling back', since: at('09:30') } },
  },
  'lock.ended': {
    when: 'A lock was unlocked, or its time is over (`ended`: `unlocked` or `expired`).',
    at: at('11:10'),
    event: { type: 'lock_ended', actor: 'bot', data: { lock: 7, ...PLACE, how: 'expired' } },
    subject: { lock: { ...LOCK, ended: { at: at('11:10'), how: 'expired' } } },
  },
}

/** The body of each type, as it is sent. */
export function exampleBodies(): readonly {
  readonly type: WebhookType
  readonly when: string
  readonly body: object
}[] {
  return WEBHOOK_TYPES.map((type) => {
    const { when, at: happened, event, subject } = EXAMPLES[type]
    const draft = webhookOf(event, subject)
    if (draft === undefined) throw new Error(`nothing is told of ${type}`)
    return { type, when, body: { type: draft.type, timestamp: happened.toISOString(), data: draft.data } }
  })
}

export const exampleId = webhookId('3f6c1c7be2a94f0d8a5b6e7f90123456')
/** In no body: what is stored beside what is told. */
export const KEPT_BACK = [SQL, 'drops table saved_searches', '@example.com', 'git.heroku.com', 'db.example.com']

const WIDTH = 118

/** JSON whose short values share their lines. */
export function shownJson(value: unknown, indent = ''): string {
  const line = JSON.stringify(value, undefined, 1).replace(/\n\s*/g, ' ')
  if (typeof value !== 'object' || value === null || indent.length + line.length < WIDTH) return line
  const inner = `${indent}  `
  const parts = Array.isArray(value)
    ? value.map((each) => shownJson(each, inner))
    : Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${shownJson(each, inner)}`)
  const lines: string[] = []
  for (const [index, part] of parts.entries()) {
    const text = index === parts.length - 1 ? part : `${part},`
    const before = lines.at(-1)
    const joined = `${before} ${text}`
    const fits = before !== undefined && !joined.includes('\n') && inner.length + joined.length < WIDTH
    if (fits) lines[lines.length - 1] = joined
    else lines.push(text)
  }
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  return `${open}\n${lines.map((each) => inner + each).join('\n')}\n${indent}${close}`
}

/** In `pre`, since a formatter of Markdown would put each value on a line of its own. */
export function examplesInMarkdown(): string {
  const shown = exampleBodies().map(
    ({ type, when, body }) =>
      `### \`${type}\`\n\n${when}\n\n<details>\n<summary>Example</summary>\n<pre lang="json">\n${shownJson(body)}\n</pre>\n</details>`,
  )
  return shown.join('\n\n')
}
