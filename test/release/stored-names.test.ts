/**
 * Names that running installations have stored: in the audit trail, in rows and queued jobs, in Slack's messages and open
 * modals, at Bitbucket. They never change, since the next version reads a release that is under way during an upgrade
 * (test/upgrade). To use another name, write the new one, read both, and migrate stored data. Add every new name here.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { databaseIdentity } from '../../src/adapters/alembic/database-url.ts'
import { idOf } from '../../src/adapters/store/jobs.ts'
import { lockNumber } from '../../src/lib/lock-number.ts'
import { ACTION_NAMES } from '../../src/release/actions.ts'
import { DIRECT_MESSAGE_KINDS } from '../../src/release/direct-messages.ts'
import type { OutboxMessage, PrivateMessage, ThreadLine } from '../../src/release/messages.ts'
import { fingerprint, type Plan } from '../../src/release/plan.ts'
import type { PlannedMigration, SqlFinding } from '../../src/release/planned-migration.ts'
import type { Job } from '../../src/release/ports/jobs.ts'
import type { Failure, Refusal } from '../../src/release/refusals.ts'
import type { StepResult } from '../../src/release/release.ts'
import { STEP_NAMES } from '../../src/release/steps.ts'
import { FORGE_UNREACHABLE } from '../../src/release/stored-names.ts'
import { RELEASE_STATES, SIGN_OFF_KINDS } from '../../src/release/terms.ts'
import { ACTION_VIEWS } from '../../src/slack/actions.ts'
import { COMMANDS, HOME, START, VIEW } from '../../src/slack/ids.ts'
import { HOME_ITEMS } from '../../src/slack/views/home/menu.ts'
import { HOTFIX_FIELD, SURE } from '../../src/slack/views/hotfix-modal.ts'
import { FIELD } from '../../src/slack/views/modals.ts'
import { anApp, aPlan, DANA, LIN, TOM } from '../support/builders.ts'
import { commandOf } from '../support/simulation/clicks.ts'
import { carryThrough } from '../support/simulation/flow.ts'

import { NIA } from '../support/simulation/setting.ts'
import { createSimulation, type Simulation, type SimulationOptions } from '../support/simulation/simulation.ts'

const WHY =
  'This name is stored in living systems. A different name needs a migration that reads both. Add a new name to this test.'

/** A union's stored names, each with its keys. A rename in the source fails to compile here. */
type Stored<Union, Tag extends keyof Union> = {
  readonly [Name in Union[Tag] & string]: readonly Exclude<KeysOf<Extract<Union, Record<Tag, Name>>>, Tag>[]
}
type KeysOf<T> = T extends unknown ? keyof T : never

/** Stored as why a release stopped, and in queued messages. */
const GATES: Stored<Refusal | Failure, 'gate'> = {
  sign_off_disputed: ['number', 'kind', 'person'],
  unknown_app: ['asked', 'names'],
  unknown_environment: ['asked', 'app', 'names', 'followedBy'],
  unknown_release: ['number'],
  not_a_member: ['why', 'error'],
  environment_busy: ['number', 'app', 'environment', 'state', 'requester', 'waitsForGo', 'startAt', 'timeZone', 'link'],
  no_worker: ['lastSeen'],
  repository_unreachable: ['url', 'detail', 'answered', 'denied'],
  remote_unreachable: ['remote', 'detail', 'answered', 'denied'],
  database_unreachable: ['database', 'detail'],
  bitbucket_unreachable: ['detail', 'answered', 'denied'],
  platform_unreachable: ['app', 'detail', 'answered', 'denied'],
  credentials_refused: ['service', 'settings', 'denied', 'apiAccepts'],
  channel_unreachable: ['channel', 'why', 'error'],
  configuration_differs: ['app', 'environment'],
  lfs_missing: ['files'],
  submodule_missing: ['submodules'],
  same_database: ['environment', 'other', 'table'],
  branch_missing: ['branch'],
  nothing_to_release: ['app', 'environment', 'commit', 'platform'],
  merge_conflict: ['source', 'target', 'files'],
  merge_not_allowed: ['branch', 'rule', 'methods', 'lacks', 'about'],
  remote_diverged: ['remote', 'branch', 'count', 'commits', 'runsAt'],
  not_provable: ['app', 'detail', 'platform'],
  slug_missing: ['app', 'commit', 'to', 'stack', 'platform'],
  build_file_missing: ['app', 'path', 'stack', 'otherwise', 'platform'],
  checks_failed: ['checks'],
  too_many_changes: ['changes', 'groups', 'most', 'mostGroups'],
  qa_incomplete: ['why', 'title'],
  migrations_unreadable: ['alembic', 'detail'],
  isolation_unavailable: ['detail'],
  migrations_not_committed: ['database'],
  migration_heads: ['heads'],
  migration_will_fail: ['revision', 'file', 'line', 'why', 'what', 'statement'],
  unknown_revision: ['revisions', 'commit'],
  plan_outdated: ['moved'],
  not_an_approver: ['who', 'action'],
  not_a_qa: ['who'],
  not_allowed: ['action', 'who'],
  own_release: ['who', 'asEmergency'],
  own_commits: ['who'],
  already_signed: ['kind', 'at'],
  already_decided: ['number', 'state', 'by', 'at'],
  expired: ['number', 'at'],
  announcement_unconfirmed: ['until', 'number', 'channel'],
  time_ran_out: ['during'],
  reason_too_short: ['least'],
  stale_button: [],
  start_not_confirmed: ['number', 'environment'],
  unknown_commit: ['asked', 'why', 'branches', 'candidates'],
  ambiguous_commit: ['asked', 'candidates'],
  too_many_commits: ['count', 'most'],
  merge_commit: ['commit', 'mainline', 'count', 'commits'],
  already_applied: ['commit', 'branch', 'how'],
  pick_conflict: ['commit', 'branch', 'environment', 'files', 'lines', 'commits'],
  pick_not_allowed: ['branch', 'rule'],
  not_followed_branch: ['asked', 'names', 'commits'],
  hotfix_goes_first: ['requester'],
  not_sure: [],
  too_far_ahead: ['at', 'latest', 'timeZone'],
  time_refused: ['why'],
  environment_locked: ['lock', 'app', 'environment', 'all', 'holder', 'reason', 'since', 'until', 'asked'],
  not_locked: ['app', 'environment', 'ended'],
  environment_frozen: ['app', 'environment', 'kind', 'names', 'until', 'who', 'number', 'startAt', 'isOffered', 'at'],
  source_not_proven: ['number', 'app', 'environment', 'on', 'commit', 'runs', 'noLonger', 'who'],
  rollback_goes_first: ['requester'],
  nothing_to_roll_back: ['app', 'environment', 'why', 'commit', 'to'],
  target_not_proven: ['number', 'app', 'environment', 'why'],
  target_is_bad: ['number', 'by', 'at', 'reason'],
  mark_refused: ['number', 'mark', 'why', 'state', 'by', 'at'],
  merge_refused: ['detail', 'byRules', 'pullRequest'],
  merge_unknown: ['pullRequest'],
  merge_unexpected: ['expected', 'found'],
  pick_refused: ['branch', 'line', 'output'],
  pick_unknown: ['branch', 'commit'],
  unexpected_diff: ['detail'],
  migration_failed: ['name', 'others', 'revision', 'database', 'applied', 'pending', 'partly', 'line', 'output'],
  invalid_indexes: ['indexes', 'name'],
  migration_unknown: ['detail', 'output'],
  push_refused: ['remote', 'line', 'output', 'fault', 'refusesSetBack', 'platform'],
  build_failed: ['remote', 'line', 'output'],
  push_unknown: ['remote', 'commit'],
  release_phase_failed: ['app', 'platformRelease', 'commit'],
  not_confirmed: ['app', 'detail'],
  record_failed: ['detail'],
  internal_error: ['detail'],
}

/** Queued jobs. A renamed kind would orphan them. */
const JOBS: Stored<Job, 'kind'> = {
  plan: ['release', 'forEmergency'],
  preflight: ['release', 'attempt'],
  run: ['release', 'attempt'],
  tidy: ['release'],
  carry: ['release'],
  look: ['release', 'at'],
  aftermath: ['release', 'look'],
  record: ['release', 'tries'],
  preview: ['id', 'app', 'environment', 'configuration', 'user', 'responseUrl', 'asked'],
}

/** Rows of the outbox. */
const OUTBOX: Stored<OutboxMessage, 'kind'> = {
  card: ['release'],
  line: ['release', 'key', 'line'],
  announcement: ['release', 'key', 'ended'],
  outcome: ['release', 'key'],
  channel: ['key', 'message'],
  private: ['key', 'to', 'responseUrl', 'asked', 'message', 'directMessage'],
}

const LINES: Stored<Exclude<ThreadLine, { is: 'outcome' }>, 'is'> = {
  signed: ['kind', 'person', 'note'],
  tested: ['person', 'count', 'own', 'changes', 'note'],
  'step ended': ['step', 'said', 'ms'],
  'step failed': ['step', 'problem', 'output', 'ms'],
  waiting: ['what'],
  interrupted: ['step', 'found'],
  reminder: ['since', 'owed', 'mentioned'],
  marked: ['mark', 'person', 'reason', 'rollback'],
  'cancel asked': ['person', 'during'],
  retried: ['person'],
  closed: ['person', 'reason'],
  note: ['text'],
  migrations: [],
  carried: ['branch', 'pullRequest', 'isNew'],
  'still missing': ['branch', 'environment', 'commits', 'isCarried'],
  asked: [],
  afterwards: ['seen'],
  scheduled: ['at', 'timeZone'],
  'time changed': ['person', 'at', 'timeZone'],
  'start now': ['person'],
  'start held': ['because', 'until'],
  unsigned: ['owed', 'until'],
  late: ['at', 'timeZone', 'ms'],
  disputed: ['kind', 'person', 'signedAt', 'effect'],
}

const PRIVATE: Stored<PrivateMessage, 'is'> = {
  planning: ['number', 'app', 'environment', 'kind', 'startAt', 'timeZone', 'noWorker'],
  refusal: ['refusal'],
  preview: ['app', 'environment', 'plan'],
  ended: ['number'],
  reminder: ['number', 'kinds'],
  'needs attention': ['number', 'attempt'],
  missed: ['number'],
  start: ['number', 'action'],
  go: ['number'],
  'not taken': ['number', 'what', 'channel', 'error', 'isGivenUp'],
  done: ['text'],
  help: ['reason'],
  status: ['environments', 'workerSeenAt', 'all'],
  history: ['releases', 'app', 'environment', 'before', 'locks'],
  locks: ['locks'],
  locked: ['lock', 'before'],
  'lock held': ['lock'],
  'lock taken over': ['lock'],
  'lock unlocked': ['lock'],
  free: ['app', 'environment'],
  receipt: ['number', 'kind', 'person', 'at', 'fingerprint'],
  report: ['app', 'environment', 'days', 'until', 'channel', 'asked'],
}

/** The paths of the bound facts in a plan. Another name would change the fingerprint. */
const BOUND = [
  ...['app', 'environment', 'kind', 'configuration', 'commits[]', 'source.branch', 'source.commit', 'target.branch'],
  ...['target.commit', 'remote.url', 'remote.branch', 'remote.holds', 'remote.runs', 'result.how', 'result.commit'],
  ...['result.parents[]', 'result.tree', 'database.identity', 'database.revisions[]', 'database.pending[]'],
  ...['database.head', 'database.migrationsTree', 'changes[][]'],
]

/** The paths of the rest of a plan, which is stored too. */
const COMMIT = ['sha', 'title', 'author.name', 'author.email', 'at', 'authoredAt', 'isMerge']
const FILES = ['files.count', 'files.list[].path', 'files.list[].added', 'files.list[].removed']
const PICK = ['from', 'made', 'title', 'author.name', 'author.email', 'promoted', ...FILES]
const MIGRATION: readonly (keyof PlannedMigration)[] = [
  ...([
    'revision',
    'database',
    'message',
    'file',
    'author',
    'risk',
    'findingCount',
    'sql',
    'sqlLeftOut',
    'commits',
  ] as const),
]
const FINDING: readonly (keyof SqlFinding)[] = ['risk', 'what', 'why', 'instead', 'breaksOldCode']
const PLAN = [
  ...['firstRelease', 'commitCount', 'authors[].name', 'authors[].email', 'pullRequest.id', 'pullRequest.url'],
  ...['mergeRequirements[].needs', 'mergeRequirements[].advisory', 'mergeRequirements[].unsure'],
  ...['pullRequest.pinnedBranch', 'steps[]', 'webUrl', 'warnings[]', 'lastPushesMs[]', 'isolation', ...FILES],
  ...['changes[].commits[]', 'changes[].title', 'changes[].pullRequest', 'changes[].isWhole'],
  ...['changes[].authors[].name', 'changes[].authors[].email'],
  ...['invalidBefore[].name', 'invalidBefore[].indexes[]'],
  ...['proof.on', 'proof.commit', 'proof.by[].number', 'proof.by[].commit', 'proof.runs.commit', 'proof.runs.behind'],
  ...['checks[].name', 'checks[].state', 'checks[].url', ...COMMIT.map((key) => `commits[].${key}`)],
  ...MIGRATION.map((key) => `migrations[].${key === 'sql' ? 'sql[]' : key}`),
  ...FINDING.map((key) => `migrations[].findings[].${key}`),
  ...['at', 'asksGo', 'promoting.branch', 'promoting.environment', 'alsoGoes.count'].map((key) => `hotfix.${key}`),
  ...COMMIT.map((key) => `hotfix.alsoGoes.commits[].${key}`),
  ...PICK.map((key) => `hotfix.picks[].${key}`),
]
const STEP_RESULT: readonly (keyof StepResult)[] = [
  'said',
  'commit',
  'revisions',
  'databases',
  'backends',
  'platformRelease',
  'commentUrl',
  'afterwards',
]

/** Event types with the keys of their data. `?`: not in every event. A step's result is among its keys. */
const EVENTS: Readonly<Record<string, string>> = {
  release_requested: 'app environment kind name right replaces? forEmergency? startAt? timeZone? head?',
  plan_made: 'fingerprint commits pending changes? rules?',
  card_posted: 'channel ts',
  sign_off_given: 'kind fingerprint name right note? changes? own? groups? waives?',
  go_given: 'fingerprint name right',
  release_approved: 'attempt',
  preflight_passed: 'attempt',
  preflight_refused: 'gate',
  announcement_sent: '',
  announcement_confirmed: 'channel ts',
  run_started: 'attempt',
  step_started: 'step attempt',
  step_done: 'step attempt effect ms said? commit? revisions? platformRelease? commentUrl?',
  step_failed: 'step attempt effect ms revisions?',
  step_unknown: 'step attempt effect ms revisions?',
  attention_needed: 'gate step? attempt',
  retry_asked: 'attempt name right delivery?',
  cancel_asked: 'state name right delivery?',
  release_ended: 'app environment state gate? step? reason? name? right?',
  hotfix_carried: 'branch pullRequest isNew source?',
  hotfix_followed_up: 'branch missing',
  hotfix_branch_settled: 'branch became',
  head_not_deployed: 'app environment commit because',
  sign_off_disputed: 'kind fingerprint signedAt state name right delivery',
  aftermath_seen: 'warnings notes',
  release_scheduled: 'at timeZone',
  people_told: 'kind people mentioned',
  start_held: 'gate',
  start_asked: 'fingerprint name right',
  start_time_changed: 'from to timeZone name right delivery?',
  lock_set: 'lock app? environment? reason until? name right delivery?',
  lock_changed: 'lock app environment reason until? name right delivery',
  lock_taken_over: 'lock before from fromName app environment reason name right delivery',
  lock_ended: 'lock app? environment? how name? right? delivery?',
}

/** Keys of thread lines, after the release's number. A renamed key would add its line twice. */
const LINE_KEYS = [
  ...['signed', 'done', 'failed', 'not-taken', 'push-cut', 'migrate-waits', 'no-worker', 'retry', 'cancel', 'closed'],
  'merge-ready',
  ...['migrations', 'asked', 'newer', 'carried', 'still-missing', 'reminder', 'emergency-reminder', 'edit-refused'],
  'afterwards',
  ...['scheduled', 'time', 'start-now', 'held', 'unsigned', 'late'],
  'disputed',
]

/** Other texts that are searched for, as they are written in the source. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  'locks that processes of two versions share': [
    ...[
      '`environment $',
      "withLock(connect, 'outbox'",
      "withLock(connect, 'webhooks'",
      "afterLock(connect, 'migrations'",
      ' afterwards`',
      '`signoff $',
    ],
  ],
  'ids of deliveries, so that a repeated one is ignored': ['`command:$', '`press:$', '`submission:$'],
  'keys of private messages, so that each is put in once': [
    '`answer:$',
    '`preview:$',
    '`unconfirmed:$',
    "'missed'",
    '`lock:$',
    '`free:$',
    '`reminder:$',
    '`attention:$',
    '`receipt:$',
  ],
  'the name of a migration’s session, so that an interrupted one is found': ["PGAPPNAME: 'signoff'"],
  'comments with the SQL of migrations': ['`Signoff SQL of release #$', ', part $'],
  'comments with the rest of a long record': ['`Signoff record of release #$'],
  'what a hot-fix’s commits are made of': ['Signoff <signoff@signoff.invalid>', '(cherry picked from commit $'],
  'references in the mirrors under DATA_DIR': ["'refs/signoff/picks/'", '`refs/signoff/$'],
}

/** Everything that a simulation of releases has stored, with lost answers and deadlines. */
interface Seen {
  readonly events: { readonly type: string; readonly keys: readonly string[] }[]
  readonly jobs: Job[]
  readonly messages: OutboxMessage[]
  readonly posted: { readonly event_type: string; readonly event_payload: object }[]
  readonly results: object[]
  readonly plans: Plan[]
  /** What modals carry from the button or command to their submission. */
  readonly metadata: string[]
}

const HOUR_MS = 60 * 60_000

async function simulate(): Promise<Seen> {
  const seen: Seen = { events: [], jobs: [], messages: [], posted: [], results: [], plans: [], metadata: [] }
  const story = async (go: (sim: Simulation) => Promise<unknown>, options: SimulationOptions = {}) => {
    const sim = createSimulation({ times: { look: HOUR_MS, sweep: HOUR_MS }, ...options })
    await go(sim)
    for (const { type, data } of sim.memory.events()) seen.events.push({ type, keys: Object.keys(data) })
    seen.jobs.push(...sim.memory.jobs().map(({ job }) => job))
    seen.messages.push(...sim.memory.outboxRows().map(({ message }) => message))
    seen.posted.push(...sim.world.slack.messages.flatMap(({ metadata }) => metadata ?? []))
    for (const { plan, steps } of sim.releases()) {
      if (plan !== undefined) seen.plans.push(plan)
      seen.results.push(...steps.flatMap(({ result }) => result ?? []))
    }
    sim.end()
  }
  const settled = async (sim: Simulation, act: () => Promise<unknown>) => {
    await act()
    await sim.settle()
  }
  const opens = async (sim: Simulation, act: () => Promise<unknown>) => {
    await act()
    seen.metadata.push(sim.opened()?.private_metadata ?? 'no modal')
  }
  await story((sim) => {
    sim.world.platform.warn('web.1 crashed')
    return carryThrough(sim, 'production')
  })
  await story(async (sim) => {
    await carryThrough(sim, 'hot-fix')
    await sim.tick(26 * HOUR_MS)
    const [carrying] = sim.world.forge.pullRequests
    void sim.world.forge.decline(anApp(), carrying?.id ?? 0)
    await sim.tick(2 * HOUR_MS)
  })
  await story(async (sim) => {
    await settled(sim, () => sim.request())
    await settled(sim, () => sim.sign('qa'))
    await settled(sim, () => sim.notMe('qa', LIN.id))
    await settled(sim, () => sim.request())
    await settled(sim, () => sim.reject())
    sim.world.forge.needs([{ needs: '1 approval', advisory: true, unsure: true }])
    await settled(sim, () => sim.request())
    await sim.sign('qa')
    sim.world.forge.needs([])
    sim.pushToBranch('production')
    await settled(sim, () => sim.sign('approval'))
    await settled(sim, () => sim.planAgain())
    await settled(sim, () => sim.cancel())
    await settled(sim, () => sim.hotfix('integration'))
    await settled(sim, () => sim.go())
    await settled(sim, () => sim.deliver((id) => commandOf('deploy', 'preview api production', DANA.id, id)))
    await opens(sim, () => sim.deliver((id) => commandOf('deploy', '', DANA.id, id)))
    await opens(sim, () => sim.deliver((id) => commandOf('hotfix', '', DANA.id, id)))
    sim.crash('worker')
    await sim.request()
    await settled(sim, () => sim.cancel())
  })
  await story(async (sim) => {
    await sim.request('integration')
    await sim.until(() => sim.release().steps.some(({ name }) => name === 'sync'))
    await settled(sim, () => sim.cancel())
    sim.loseAnswer('git.push', false)
    await settled(sim, () => sim.request('integration'))
    await settled(sim, () => sim.retry())
    sim.pushToBranch('master')
    sim.loseAnswer('git.push', false)
    await settled(sim, () => sim.request('integration'))
    await settled(sim, () => sim.close())
  })
  await story(async (sim) => {
    await settled(sim, () => sim.schedule('18:00'))
    await settled(sim, () => sim.sign('qa'))
    await settled(sim, () => sim.sign('approval'))
    await settled(sim, () => sim.changeTime(new Date('2026-11-22T19:00:00Z')))
    await settled(sim, () => sim.startNow())
  })
  await story(async (sim) => {
    sim.plan.add({ role: 'worker', call: 'migrator.upgrade', nth: 1, fault: 'says no' })
    await settled(sim, () => sim.request('integration'))
    await settled(sim, () => sim.request())
    await settled(sim, () => sim.emergency())
    await sim.tick(25 * HOUR_MS)
  })
  await story(
    async (sim) => {
      await sim.tick(60_000)
      sim.world.forge.checksAre([{ name: 'Tests', state: 'failed', url: 'https://ci.example.com/1' }])
      sim.pushToBranch('master')
      await sim.tick(2 * 60_000)
      sim.world.forge.checksAre([{ name: 'Tests', state: 'passed', url: 'https://ci.example.com/2' }])
      await settled(sim, () => sim.tick(3 * 60_000))
    },
    { rules: { integration: { deploys: 'after checks' } } },
  )
  await story(async (sim) => {
    const say = (text: string, by = TOM.id) =>
      settled(sim, () => sim.deliver((id) => commandOf('deploy', text, by, id)))
    await say('lock api production for 4h because we measure')
    await settled(sim, () => sim.request())
    await settled(sim, () => sim.control('tell when free', place, DANA.id))
    await say('lock api production because we still measure')
    const [lock] = sim.memory.peoplesLocks()
    await settled(sim, () => sim.control('extend lock', { is: 'lock', id: lock?.id ?? 0 }, TOM.id))
    await settled(sim, () => sim.takeOver(lock?.id ?? 0, NIA.id))
    await say('lock')
    await say('unlock api production')
    await say('lock all because of an incident')
    await sim.tick(4 * HOUR_MS)
    await say('unlock all')
    await opens(sim, () => sim.deliver((id) => commandOf('deploy', 'lock all for 2h', TOM.id, id)))
    await say('lock api integration for 5min because of a demo')
    await sim.tick(HOUR_MS)
  })
  return seen
}

const place = { is: 'environment', app: 'api', environment: 'production' } as const
const sorted = (names: Iterable<string>) => [...new Set(names)].sort()

describe('Stored names never change', () => {
  let seen: Seen
  beforeAll(async () => {
    seen = await simulate()
  })
  const source = sourceText()

  it.each<[what: string, names: readonly string[], pinned: readonly string[]]>([
    [
      'states',
      RELEASE_STATES,
      [
        ...[
          'planning',
          'awaiting sign-off',
          'scheduled',
          'approved',
          'running',
          'needs attention',
          'succeeded',
          'refused',
          'rejected',
        ],
        ...['cancelled', 'expired', 'outdated', 'failed', 'closed'],
      ],
    ],
    [
      'steps',
      STEP_NAMES,
      ['announce', 'pick', 'record', 'merge', 'sync', 'verify', 'migrate', 'push', 'confirm', 'report'],
    ],
    ['sign-offs', SIGN_OFF_KINDS, ['qa', 'approval', 'talked over', 'rejection', 'emergency']],
    [
      'kinds of direct messages',
      DIRECT_MESSAGE_KINDS,
      ['reminders', 'needs attention', 'locks', 'when free', 'schedules', 'receipts'],
    ],
    [
      'buttons that stand in Slack, and their tokens',
      [...ACTION_NAMES.map((action) => ACTION_VIEWS[action].id), START],
      [
        ...['qa_passed', 'approve', 'reject', 'emergency', 'cancel', 'details', 'talked_over', 'plan_again'],
        ...[
          'plan_for_emergency',
          'retry',
          'close',
          'go',
          'start',
          'start_now',
          'change_time',
          'mark_bad',
          'mark_good',
          'roll_back',
          'test_changes',
        ],
      ],
    ],
    [
      'modals in Slack',
      Object.values(VIEW),
      [
        ...['deploy_modal', 'hotfix_modal', 'reject_modal', 'emergency_modal', 'close_modal', 'details_modal'],
        ...['talked_over_modal', 'change_time_modal', 'mark_bad_modal', 'rollback_modal', 'not_possible_modal'],
        ...['lock_modal', 'take_over_modal', 'place_modal', 'qa_modal'],
      ],
    ],
    [
      'App Home: its view, its controls and the entries of its menus',
      [...Object.values(HOME), ...Object.keys(HOME_ITEMS)],
      [
        ...['home', 'home_deploy', 'home_card', 'home_menu', 'home_pick', 'home_messages'],
        ...['card', 'deploy', 'lock', 'roll_back', 'extend_lock', 'unlock', 'take_over'],
      ],
    ],
    ['fields of the modals', Object.values(FIELD), ['app', 'environment', 'reason', 'note']],
    [
      'fields of the hot-fix modal',
      [...Object.values(HOTFIX_FIELD), SURE],
      ['app', 'environment', 'commits', 'reason', 'sure', 'sure'],
    ],
    ['commands of the Slack app', Object.values(COMMANDS), ['/deploy', '/hotfix']],
    [
      'gates',
      [FORGE_UNREACHABLE, ...[...source.matchAll(/\bgate: '([a-z_]+)'/g)].map(([, gate = '']) => gate)],
      Object.keys(GATES),
    ],
  ])('%s', (_what, names, pinned) => {
    expect(sorted(names), WHY).toEqual(sorted(pinned))
  })

  it('events and the keys of their data', () => {
    const types = sorted(seen.events.map(({ type }) => type))
    // In the simulation nothing holds a scheduled start back.
    expect([...types, 'start_held'].sort(), WHY).toEqual(sorted(Object.keys(EVENTS)))
    for (const { type, keys } of seen.events) {
      const pinned = (EVENTS[type] ?? '').split(' ').filter(Boolean)
      const always = pinned.filter((key) => !key.endsWith('?'))
      expect(keys, `${type}: ${WHY}`).toEqual(expect.arrayContaining(always))
      expect(
        pinned.map((key) => key.replace('?', '')),
        `${type}: ${WHY}`,
      ).toEqual(expect.arrayContaining([...keys]))
    }
    // Every optional key was seen at least once, except for those of actions that the simulation doesn't take.
    const ever = new Set(seen.events.flatMap(({ type, keys }) => keys.map((key) => `${type} ${key}`)))
    const optional = Object.entries(EVENTS).flatMap(([type, keys]) =>
      (keys.match(/\w+(?=\?)/g) ?? []).map((key) => `${type} ${key}`),
    )
    expect(optional.filter((each) => !ever.has(each))).toEqual([
      'release_requested forEmergency',
      'plan_made changes',
      'sign_off_given changes',
      'sign_off_given own',
      'sign_off_given waives',
      'step_unknown revisions',
    ])
  })

  it('jobs and messages with their keys', () => {
    const isKnown = (table: Readonly<Record<string, readonly string[]>>, tag: string, value: object) => {
      const { [tag]: name, ...rest } = value as Record<string, unknown>
      const pinned = table[String(name)]
      expect(pinned, `${String(name)}: ${WHY}`).toBeDefined()
      expect(pinned, `${String(name)}: ${WHY}`).toEqual(expect.arrayContaining(Object.keys(rest)))
      return String(name)
    }
    const jobs = seen.jobs.map((job) => isKnown(JOBS, 'kind', job))
    // `record` is a rollback's, which the simulation does not make.
    expect(sorted([...jobs, 'record'])).toEqual(sorted(Object.keys(JOBS)))
    const messages = seen.messages.map((message) => isKnown(OUTBOX, 'kind', message))
    expect(sorted(messages)).toEqual(sorted(Object.keys(OUTBOX)))
    const lines = seen.messages.flatMap((message) =>
      message.kind === 'line' ? isKnown(LINES, 'is', message.line) : [],
    )
    expect(lines.length).toBeGreaterThan(50)
    const told = seen.messages.flatMap((message) =>
      message.kind === 'private' ? isKnown(PRIVATE, 'is', message.message) : [],
    )
    expect(sorted(told)).toEqual([
      ...['ended', 'free', 'go', 'lock held', 'lock taken over', 'lock unlocked', 'needs attention', 'preview'],
    ])
  })

  it('plans and step results', () => {
    const held = sorted(seen.plans.flatMap((plan) => paths(plan)))
    const bound = held.filter((path) => path.startsWith('bound.'))
    // In the simulation QA is never asked for each change.
    expect([...bound, 'bound.changes[][]'].sort(), WHY).toEqual(BOUND.map((path) => `bound.${path}`).sort())
    expect(sorted(PLAN), WHY).toEqual(expect.arrayContaining(held.filter((path) => !bound.includes(path))))
    const unseen = PLAN.filter((path) => !held.includes(path) && !/^(checks|migrations|changes)\[\]/.test(path)).sort()
    expect(unseen).toEqual([
      ...['commits[].authoredAt', 'hotfix.alsoGoes.commits[].authoredAt'],
      ...['invalidBefore[].indexes[]', 'invalidBefore[].name', 'isolation', 'lastPushesMs[]'],
      ...['proof.by[].commit', 'proof.by[].number'],
    ])
    const results = seen.results.flatMap((result) => Object.keys(result))
    expect(sorted([...results, 'databases', 'backends']), WHY).toEqual(sorted(STEP_RESULT))
  })

  it('keys by which messages are found in Slack and queued once', () => {
    for (const { event_type, event_payload } of seen.posted) {
      expect({ event_type, keys: Object.keys(event_payload) }, WHY).toEqual({
        event_type: 'signoff_message',
        keys: 'also' in event_payload ? ['key', 'also'] : ['key'],
      })
    }
    const keys = seen.posted.map(({ event_payload }) => String((event_payload as { key?: unknown }).key))
    const ofNoRelease = keys.filter((key) => /^head api\/integration [0-9a-f]{40}$/.test(key))
    expect(ofNoRelease.length, WHY).toBeGreaterThan(0)
    const ofLocks = keys.filter((key) => /^(?:lock:\d+:(?:taken:\d+|unlocked|held:\d+|ends:.+)|free:\d+)$/.test(key))
    expect(ofLocks.length, WHY).toBeGreaterThan(0)
    const ofReleases = keys.filter((key) => ![...ofNoRelease, ...ofLocks].includes(key))
    const stems = sorted(ofReleases.map((key) => /^\d+:([a-z-]+)(:|$)/.exec(key)?.[1] ?? `unknown: ${key}`))
    expect([...LINE_KEYS, 'card', 'announcement', 'outcome', 'attention'], WHY).toEqual(expect.arrayContaining(stems))
    for (const stem of LINE_KEYS) expect(source, WHY).toMatch(new RegExp(`['\`:]${stem}['\`:]`))
  })

  it('markers by which pull requests, comments, commits and branches are found', async () => {
    const sim = createSimulation({ rules: { production: { pullRequest: 'pinned' } } })
    await carryThrough(sim, 'production')
    await carryThrough(sim, 'hot-fix')
    const [release, hotfix] = sim.releases()
    const at = (moment: Date | undefined) => moment?.toISOString()
    const { forge, origin, objects } = sim.world
    const opened = [
      `Signoff release #1 of api, asked for at ${at(release?.requestedAt)}.`,
      `Signoff hot-fix #2 of api, asked for at ${at(hotfix?.requestedAt)}, carried on.`,
    ]
    const found = opened.map(async (mark) => await forge.findPullRequest(anApp(), mark))
    await sim.tick(60_000)
    for (const answer of await Promise.all(found))
      expect(answer, WHY).toMatchObject({ value: { id: expect.any(Number) } })
    const comments = forge.comments.map(({ text }) => text.split('\n', 1)[0])
    expect(comments, WHY).toEqual(
      expect.arrayContaining([
        `Signoff record of release #1, plan ${release?.fingerprint}`,
        `Signoff record of release #2, plan ${hotfix?.fingerprint}`,
      ]),
    )
    expect(
      forge.pullRequests.map(({ source }) => source),
      WHY,
    ).toEqual(['signoff/1-production', 'signoff/hotfix-2'])
    const picked = objects.get(origin.branches.get('signoff/hotfix-2') ?? '')
    expect(picked.message, WHY).toContain('Signoff-Release: api #2')
    sim.end()
  })

  it.each(Object.entries(TEXTS))('%s', (_what, texts) => {
    for (const text of texts) expect(source.includes(text), `${text}: ${WHY}`).toBe(true)
  })

  it('what a modal carries to its submission', () => {
    const keys = seen.metadata.map((text) => Object.keys(JSON.parse(text) as object))
    expect(sorted(keys.flat()), WHY).toEqual(['ends', 'lock', 'responseUrl', 'token'])
  })

  it('fingerprints, ids of jobs, numbers of locks, and identities of databases', () => {
    const bound: Plan['bound'] = {
      app: 'api',
      environment: 'production',
      kind: 'deploy',
      remote: { url: 'https://git.heroku.com/api.git', branch: 'master', holds: SHA, runs: null },
      target: { branch: 'production', commit: SHA },
      source: { branch: 'master', commit: SHA },
      commits: [SHA],
      result: { how: 'merge', parents: [SHA, SHA], tree: SHA },
      database: { identity: 'db:5432/api', revisions: [], pending: ['r1'], head: 'r1', migrationsTree: SHA },
      configuration: 'c'.repeat(64),
    }
    expect(
      {
        fingerprint: fingerprint({ ...aPlan(), bound }),
        job: idOf({ kind: 'run', release: 12, attempt: 1 }),
        outbox: lockNumber('outbox'),
        environment: lockNumber('environment api/production'),
        database: databaseIdentity({ ...ADDRESS, host: 'DB.example.com', port: 5432, name: 'api' }),
      },
      WHY,
    ).toEqual({
      fingerprint: '74c64248db5bd4c46654db5b5c9635933b8aeaffbde520bbcdd0ce91d1594696',
      job: '51679613-05ed-86db-a6b9-45b0b090015e',
      outbox: '4037481225016211781',
      environment: '2170344590898115018',
      database: 'db.example.com:5432/api',
    })
  })
})

const SHA = 'a'.repeat(40)
const ADDRESS = { user: undefined, password: undefined, query: {} }

/** The program's source without the sandbox, which has its own names. */
function sourceText(): string {
  const folder = new URL('../../src/', import.meta.url)
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.startsWith('sandbox/'))
    .map((path) => readFileSync(new URL(path, folder), 'utf8'))
    .join('\n')
}

/** The paths of a value's leaves, such as `bound.remote.holds` and `commits[].sha`. */
function paths(value: unknown, at = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => paths(item, `${at}[]`))
  if (typeof value !== 'object' || value === null) return [at]
  return Object.entries(value).flatMap(([key, item]) => paths(item, at === '' ? key : `${at}.${key}`))
}
