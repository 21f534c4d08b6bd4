/** The log's line for each audit event: one filter by `release` shows the whole way of a release. */
import { defined } from '../lib/defined.ts'
import type { Committed } from '../release/committed.ts'
import type { EventData, EventType, ReleaseEvent } from '../release/events.ts'
import type { Failure, Gate } from '../release/refusals.ts'
import type { Release } from '../release/release.ts'
import { FORGE_UNREACHABLE } from '../release/stored-names.ts'
import type { ReleaseState } from '../release/terms.ts'
import type { Log } from './log.ts'

/** `error`: an operator must act. `warn`: the release needs attention, failed or is late. */
type Level = 'info' | 'warn' | 'error'

/** `ms` is how long it took; `step` where there is one. What people wrote stays in the record. */
interface Line {
  readonly level: Level
  readonly message: string
  readonly fields?: object
}

interface Facts {
  readonly release?: Release
  readonly at: Date
}

type Lines = { readonly [T in EventType]: (data: EventData[T], facts: Facts) => Line }

const LINES: Lines = {
  release_requested: ({ kind, replaces, forEmergency, startAt, to, lock, head }) =>
    info(head === undefined ? 'release requested' : 'release requested automatically', {
      kind,
      ...defined({ replaces, forEmergency, startAt, to, lock, head }),
    }),
  plan_made: ({ commits, pending }, facts) => info('plan made', { commits, pending, ...since(facts, 'requestedAt') }),
  card_posted: ({ channel, ts }) => info('card posted', { channel, ts }),
  sign_off_given: ({ kind, right, changes, own }) =>
    info('sign-off given', { kind, right, ...defined({ changes: changes?.length, own: own?.length }) }),
  go_given: ({ right }) => info('Go given', { right }),
  release_approved: ({ attempt }) => info('release approved', { attempt }),
  preflight_passed: ({ attempt }, facts) => info('preflight passed', { attempt, ...since(facts, 'approvedAt') }),
  preflight_refused: ({ gate }, facts) => ({
    level: 'warn',
    message: 'preflight refused',
    fields: { gate, ...since(facts, 'approvedAt') },
  }),
  announcement_sent: () => info('announcement queued'),
  announcement_confirmed: ({ channel, ts }, facts) =>
    info('announcement confirmed by Slack', { channel, ts, ...since(facts, 'approvedAt') }),
  run_started: ({ attempt }, facts) => info('run started', { attempt, ...since(facts, 'approvedAt') }),
  step_started: ({ step, attempt }) => info('step started', { step, attempt }),
  step_done: (data) => info('step done', data),
  step_failed: (data) => ({ level: 'warn', message: 'step failed', fields: data }),
  step_unknown: (data) => ({ level: 'warn', message: 'step has no known result', fields: data }),
  cancel_asked: ({ right }) => info('cancel requested', { right }),
  retry_asked: ({ attempt, right }) => info('retry requested', { attempt, right }),
  attention_needed: ({ gate, step, attempt }) => ({
    level: levelOf(gate, 'needs attention'),
    message: 'release needs attention',
    fields: { gate, attempt, ...defined({ step }) },
  }),
  release_ended: ({ state, gate, step }, facts) => ({
    level: levelOf(gate, state),
    message: 'release ended',
    fields: { ...defined({ gate, step }), ...since(facts, 'requestedAt') },
  }),
  aftermath_seen: ({ warnings, notes }) => ({
    level: warnings.length === 0 ? 'info' : 'warn',
    message: 'looked at what the release deployed',
    fields: { warnings, notes },
  }),
  hotfix_carried: ({ branch, pullRequest, isNew }) => info('hot-fix backported', { branch, pullRequest, isNew }),
  hotfix_followed_up: ({ branch, missing }) => ({
    level: missing.length === 0 ? 'info' : 'warn',
    message: 'hot-fix followed up',
    fields: { branch, missing },
  }),
  hotfix_branch_settled: ({ branch, became }) => info('hot-fix branch settled', { branch, became }),
  lock_set: ({ lock, right, until }) => info('environment locked', { lock, right, ...defined({ until }) }),
  lock_changed: ({ lock, right, until }) => info('lock changed', { lock, right, ...defined({ until }) }),
  lock_taken_over: ({ lock, before, from, right }) => info('lock taken over', { lock, before, from, right }),
  lock_ended: ({ lock, how, right }) => info('lock ended', { lock, how, ...defined({ right }) }),
  release_scheduled: ({ at }) => info('release scheduled', { startAt: at }),
  start_held: ({ gate }) => ({ level: levelOf(gate, 'expired'), message: 'scheduled start held', fields: { gate } }),
  start_asked: ({ right }) => info('Start now pressed', { right }),
  start_time_changed: ({ from, to, right }) => info('start time changed', { from, startAt: to, right }),
  release_marked: ({ mark, rollback, right }) => info(`release marked as ${mark}`, { right, ...defined({ rollback }) }),
  record_settled: ({ commentUrl }) =>
    commentUrl === undefined
      ? { level: 'warn', message: 'gave up writing the record of a rollback' }
      : info('record of a rollback written late', { commentUrl }),
  people_told: ({ kind, people, mentioned }) =>
    info('people told in private', { directMessage: kind, people: people.map(({ id }) => id), mentioned }),
  head_not_deployed: ({ commit, because }) => ({
    level: 'warn',
    message: 'a commit is not deployed automatically because of its builds',
    fields: { commit, because },
  }),
  sign_off_disputed: ({ kind, signedAt, right }) => ({
    level: 'warn',
    message: 'sign-off disputed: its person says that they did not give it',
    fields: { kind, signedAt, right },
  }),
}

function info(message: string, fields?: object): Line {
  return { level: 'info', message, ...defined({ fields }) }
}

/** Causes that those who run Signoff must remove; the others are the team's. */
const OPERATORS_GATES: ReadonlySet<Gate | Failure['gate']> = new Set([
  'no_worker',
  'repository_unreachable',
  'remote_unreachable',
  'database_unreachable',
  FORGE_UNREACHABLE,
  'platform_unreachable',
  'credentials_refused',
  'channel_unreachable',
  'configuration_differs',
  'same_database',
  'internal_error',
] as const)

const WARNED_STATES: readonly ReleaseState[] = ['needs attention', 'failed', 'expired']

function levelOf(gate: Gate | Failure['gate'] | undefined, state: ReleaseState): Level {
  // A person who closes a release has dealt with its cause.
  if (gate !== undefined && state !== 'closed' && OPERATORS_GATES.has(gate)) return 'error'
  return WARNED_STATES.includes(state) ? 'warn' : 'info'
}

function since({ release, at }: Facts, from: 'requestedAt' | 'approvedAt'): { readonly ms?: number } {
  const began = release?.[from]
  return defined({ ms: began && at.getTime() - began.getTime() })
}

function lineOf<T extends EventType>(type: T, data: EventData[T], facts: Facts): Line {
  return LINES[type](data, facts)
}

/** Writes one line for a committed event, with its release, app, environment, and the state that it left the release in. */
export function logCommitted(log: Log, { event, ...facts }: Committed): void {
  const { level, message, fields } = lineOf(event.type, event.data as EventData[EventType], facts)
  const { release } = facts
  log[level](
    {
      ...defined({ release: event.release, ...placeOf(event, release), state: release?.state }),
      event: event.type,
      ...fields,
      actor: event.actor,
    },
    message,
  )
}

/** From the release or, where the store did not tell it, from the event. */
function placeOf({ data }: ReleaseEvent, release: Release | undefined) {
  const { app, environment } = release ?? ('app' in data ? data : {})
  return { app, environment }
}
