import { describe, expect, it } from 'vitest'
import type { Failure, Gate, Refusal } from '../../../src/release/refusals.ts'
import { refusalMessage } from '../../../src/slack/views/refusal-message.ts'
import { threadLine } from '../../../src/slack/views/thread.ts'
import { messageProblems } from '../../support/block-kit-limits.ts'
import { anEnvironment, aRelease, DANA, SERVICES, sha, TOM } from '../../support/builders.ts'
import { read } from './read.ts'

/** One of each; the compiler tells when one is missing. */
const COMMIT = { sha: '7ad90f4'.padEnd(40, '0'), title: 'Fix the time zone of weekly digests', author: 'Marek' }

const REFUSALS: { readonly [G in Gate]: Extract<Refusal, { gate: G }> } = {
  unknown_app: { gate: 'unknown_app', asked: 'apo', names: ['api', 'web'] },
  unknown_environment: { gate: 'unknown_environment', asked: 'prod', app: 'api', names: ['production', 'integration'] },
  unknown_release: { gate: 'unknown_release', number: 99 },
  sign_off_disputed: { gate: 'sign_off_disputed', number: 12, kind: 'approval', person: TOM },
  not_a_member: { gate: 'not_a_member', why: 'guest' },
  environment_busy: {
    gate: 'environment_busy',
    number: 12,
    app: 'api',
    environment: 'production',
    state: 'awaiting sign-off',
    requester: DANA,
    link: 'https://jurispect.slack.com/archives/C02PROD/p1',
  },
  no_worker: { gate: 'no_worker', lastSeen: '2026-11-22T08:15:00Z' },
  repository_unreachable: {
    gate: 'repository_unreachable',
    url: 'https://bitbucket.org/jurispect/jurispect_api.git',
    detail: 'Could not resolve host',
  },
  remote_unreachable: { gate: 'remote_unreachable', remote: 'heroku-production', detail: 'timed out' },
  database_unreachable: { gate: 'database_unreachable', database: 'db.example.com:5432/api', detail: 'timed out' },
  bitbucket_unreachable: { gate: 'bitbucket_unreachable', detail: '503' },
  platform_unreachable: { gate: 'platform_unreachable', app: 'complianceai-api-production', detail: '503' },
  credentials_refused: {
    gate: 'credentials_refused',
    service: 'Bitbucket',
    settings: ['BITBUCKET_TOKEN', 'BITBUCKET_API_TOKEN'],
  },
  channel_unreachable: { gate: 'channel_unreachable', channel: '#product', why: 'not a member' },
  configuration_differs: { gate: 'configuration_differs', app: 'api', environment: 'production' },
  same_database: { gate: 'same_database', environment: 'production', other: 'api integration' },
  branch_missing: { gate: 'branch_missing', branch: 'production' },
  nothing_to_release: {
    gate: 'nothing_to_release',
    app: 'api',
    environment: 'production',
    commit: sha('5b8e6c0'),
    platform: 'heroku',
  },
  merge_conflict: { gate: 'merge_conflict', source: 'master', target: 'production', files: ['api/a.py', 'api/b.py'] },
  merge_not_allowed: { gate: 'merge_not_allowed', branch: 'production', rule: 'Only admins may merge' },
  remote_diverged: {
    gate: 'remote_diverged',
    remote: 'heroku-production',
    branch: 'production',
    count: 2,
    commits: [
      { sha: sha('aaaaaaa'), title: 'Raise the worker memory', author: 'Marek' },
      { sha: sha('bbbbbbb'), title: 'Turn off the nightly import', author: 'Priya' },
    ],
  },
  not_provable: {
    gate: 'not_provable',
    app: 'complianceai-api-production',
    detail: 'on the container stack, neither its builds nor its releases name a commit',
  },
  slug_missing: { gate: 'slug_missing', app: 'complianceai-api-production', commit: sha('9f2c1ab') },
  build_file_missing: {
    gate: 'build_file_missing',
    app: 'complianceai-api-production',
    path: 'heroku.yml',
    stack: 'the container stack',
    otherwise: 'heroku stack:set heroku-24 --app complianceai-api-production',
  },
  rollback_goes_first: { gate: 'rollback_goes_first', requester: DANA },
  nothing_to_roll_back: {
    gate: 'nothing_to_roll_back',
    app: 'api',
    environment: 'production',
    why: 'not ours',
    commit: sha('9f2c1ab'),
  },
  target_not_proven: {
    gate: 'target_not_proven',
    number: 9,
    app: 'api',
    environment: 'integration',
    why: 'other environment',
  },
  target_is_bad: {
    gate: 'target_is_bad',
    number: 9,
    by: DANA,
    at: '2026-11-22T08:15:00Z',
    reason: 'Logins fail since then',
  },
  mark_refused: { gate: 'mark_refused', number: 9, mark: 'bad', why: 'not proven', state: 'cancelled' },
  too_many_changes: { gate: 'too_many_changes', changes: 231, groups: 41, most: 200, mostGroups: 80 },
  qa_incomplete: { gate: 'qa_incomplete', why: 'tested and a problem', title: 'PR #41 Fix the time zone of digests' },
  checks_failed: {
    gate: 'checks_failed',
    checks: [
      { name: 'build', state: 'failed', url: 'https://ci.example.com/build' },
      { name: 'lint', state: 'passed', url: 'https://ci.example.com/lint' },
    ],
  },
  lfs_missing: { gate: 'lfs_missing', files: ['data/languages.csv', 'data/`words`.csv'] },
  submodule_missing: { gate: 'submodule_missing', submodules: ['libs/shared_models'] },
  migrations_unreadable: {
    gate: 'migrations_unreadable',
    alembic: 'alembic',
    detail: "ModuleNotFoundError: No module named 'flask'",
  },
  migrations_not_committed: { gate: 'migrations_not_committed', database: 'users' },
  isolation_unavailable: {
    gate: 'isolation_unavailable',
    detail: 'bwrap: No permissions to create new namespace',
  },
  migration_heads: {
    gate: 'migration_heads',
    heads: [
      { revision: 'b7d20c31', file: 'migrations/b7d20c31.py' },
      { revision: 'a41c9e2f', file: 'migrations/a41c9e2f.py' },
    ],
  },
  migration_will_fail: {
    gate: 'migration_will_fail',
    revision: 'b7d20c31',
    file: 'migrations/versions/b7d20c31_index_titles.py',
    line: 14,
    why: 'in a transaction',
    what: 'CREATE INDEX CONCURRENTLY',
    statement: 'CREATE INDEX CONCURRENTLY ix_documents_title ON documents (title);',
  },
  unknown_revision: { gate: 'unknown_revision', revisions: ['0c11d2e9'], commit: sha('9f2c1ab') },
  plan_outdated: { gate: 'plan_outdated', moved: [{ what: 'master', from: sha('9f2c1ab'), to: sha('d00d1e5') }] },
  not_an_approver: { gate: 'not_an_approver', who: ['@release-approvers', 'U04TOM'], action: 'approve' },
  not_a_qa: { gate: 'not_a_qa', who: ['@qa'] },
  not_allowed: { gate: 'not_allowed', action: 'cancel', who: ['the requester', '@release-approvers'] },
  own_release: { gate: 'own_release', who: ['@release-approvers'] },
  own_commits: { gate: 'own_commits', who: ['@release-approvers'] },
  already_signed: { gate: 'already_signed', kind: 'qa', at: '2026-11-22T08:15:00Z' },
  already_decided: { gate: 'already_decided', number: 12, state: 'rejected', by: DANA, at: '2026-11-22T08:15:00Z' },
  expired: { gate: 'expired', number: 12, at: '2026-11-22T08:15:00Z' },
  announcement_unconfirmed: { gate: 'announcement_unconfirmed', until: '2026-11-22T08:15:00Z' },
  time_ran_out: { gate: 'time_ran_out', during: 'git fetch' },
  reason_too_short: { gate: 'reason_too_short', least: 10 },
  stale_button: { gate: 'stale_button' },
  start_not_confirmed: { gate: 'start_not_confirmed', number: 12, environment: 'production' },
  unknown_commit: { gate: 'unknown_commit', asked: 'abc1234', why: 'not there', candidates: [COMMIT] },
  ambiguous_commit: { gate: 'ambiguous_commit', asked: '7ad9', candidates: [COMMIT, COMMIT] },
  too_many_commits: { gate: 'too_many_commits', count: 12, most: 10 },
  merge_commit: { gate: 'merge_commit', commit: COMMIT, mainline: 'b'.repeat(40), count: 1, commits: [COMMIT] },
  already_applied: { gate: 'already_applied', commit: COMMIT, branch: 'production', how: 'the same change' },
  pick_conflict: {
    gate: 'pick_conflict',
    commit: COMMIT,
    branch: 'production',
    environment: 'production',
    files: [{ path: 'api/digests/schedule.py', line: 42 }, { path: 'gone.py' }],
    lines: ['<<<<<<< production', '    at = time(3, 0)', '=======', '    at = time(3)', '>>>>>>> 7ad90f4'],
    commits: [COMMIT.sha],
  },
  pick_not_allowed: { gate: 'pick_not_allowed', branch: 'production', rule: 'push on production: nobody may push' },
  not_followed_branch: {
    gate: 'not_followed_branch',
    asked: 'release/2.x',
    names: ['production'],
    commits: ['7ad90f4'],
  },
  hotfix_goes_first: { gate: 'hotfix_goes_first', requester: { id: 'U01DANA', name: 'Dana' } },
  not_sure: { gate: 'not_sure' },
  too_far_ahead: {
    gate: 'too_far_ahead',
    at: '2026-12-12T06:30:00.000Z',
    latest: '2026-12-07T12:00:00.000Z',
    timeZone: 'Europe/Berlin',
  },
  time_refused: { gate: 'time_refused', why: '18:00 is past today in Europe/Berlin. Write “18:00 tomorrow”.' },
  environment_locked: {
    gate: 'environment_locked',
    lock: 3,
    app: 'api',
    environment: 'production',
    holder: TOM,
    reason: 'checking a slow query',
    since: '2026-11-22T06:15:00Z',
    until: '2026-11-22T10:15:00Z',
  },
  not_locked: {
    gate: 'not_locked',
    app: 'api',
    environment: 'production',
    ended: { at: '2026-11-22T08:15:00Z', how: 'unlocked', by: TOM },
  },
  environment_frozen: {
    gate: 'environment_frozen',
    app: 'api',
    environment: 'production',
    kind: 'deploy',
    names: ['weekend'],
    until: '2026-12-07T08:00:00Z',
    who: ['@release-approvers'],
    at: '2026-12-07 09:00',
  },
  source_not_proven: {
    gate: 'source_not_proven',
    number: 12,
    app: 'api',
    environment: 'production',
    on: 'integration',
    commit: sha('9f2c1ab'),
    runs: { commit: sha('1f03ae2'), behind: 3 },
    who: ['@release-approvers'],
  },
}

const FAILURES: { readonly [G in Failure['gate']]: Extract<Failure, { gate: G }> } = {
  merge_refused: { gate: 'merge_refused', detail: 'Needs 2 approvals' },
  merge_unknown: { gate: 'merge_unknown', pullRequest: 418 },
  merge_unexpected: { gate: 'merge_unexpected', expected: 'tree 7ee', found: 'tree 9aa' },
  pick_refused: { gate: 'pick_refused', branch: 'production', line: 'it is restricted', output: ['it is restricted'] },
  pick_unknown: { gate: 'pick_unknown', branch: 'production', commit: 'c'.repeat(40) },
  unexpected_diff: { gate: 'unexpected_diff', detail: 'production moved to d00d1e5' },
  migration_failed: {
    gate: 'migration_failed',
    revision: 'b7d20c31aa04',
    database: ['a41c9e2f5b60'],
    applied: ['a41c9e2f5b60'],
    pending: ['b7d20c31aa04'],
    line: 'canceling statement due to lock timeout',
    output: [],
  },
  migration_unknown: { gate: 'migration_unknown', detail: 'killed', output: [] },
  invalid_indexes: { gate: 'invalid_indexes', indexes: ['ix_documents_language'], name: 'search' },
  push_refused: { gate: 'push_refused', remote: 'heroku-production', line: 'pre-receive hook declined', output: [] },
  build_failed: { gate: 'build_failed', remote: 'heroku-production', line: 'No module named x', output: [] },
  push_unknown: { gate: 'push_unknown', remote: 'heroku-production', commit: sha('c0ffee1') },
  release_phase_failed: {
    gate: 'release_phase_failed',
    app: 'complianceai-api-production',
    platformRelease: 'v43',
    commit: sha('c0ffee1'),
  },
  not_confirmed: { gate: 'not_confirmed', app: 'complianceai-api-production', detail: 'no answer' },
  record_failed: { gate: 'record_failed', detail: '403' },
  internal_error: { gate: 'internal_error', detail: 'TypeError' },
}

const hints = { services: SERVICES, webUrl: 'https://bitbucket.org/jurispect/jurispect_api', names: { U04TOM: 'Tom' } }

describe('a refusal', () => {
  it.each(Object.values(REFUSALS).map((refusal) => [refusal.gate, refusal] as const))('says %s', (_gate, refusal) => {
    const drawn = refusalMessage(refusal, hints)
    expect(messageProblems(drawn)).toEqual([])
    expect(drawn.text).toMatch(/^Can’t .+: .+\. Nothing was changed\. .+[.?]$/)
    expect(read(drawn)).not.toMatch(/undefined|<@|null|\[object/)
    expect(read(drawn).replace(/^[^\n]*\n/, '')).toMatchSnapshot()
  })

  it('says that an emergency is theirs who sent it, no matter who had asked', () => {
    const drawn = refusalMessage({ gate: 'own_release', who: ['@qa'], asEmergency: true }, { services: SERVICES })
    expect(drawn.text).toBe(
      'Can’t sign off: you declared this emergency, so someone else must give the sign-offs that it skipped. Nothing was changed. Ask @qa. Nobody releases alone.',
    )
  })

  it('says what to press where a release needs attention', () => {
    const refusal = { gate: 'already_decided', number: 12, state: 'needs attention' } as const
    expect(read(refusalMessage(refusal, { services: SERVICES }))).toContain(
      'Someone has to press **Retry** or **Close** on the card.',
    )
  })

  it('names the environment that follows a branch', () => {
    const refusal = {
      gate: 'unknown_environment',
      asked: 'master',
      names: ['integration'],
      followedBy: ['integration'],
    } as const
    expect(read(refusalMessage(refusal, { services: SERVICES }))).toContain(
      '“master” is the branch that integration follows.',
    )
  })

  it('names the setting of the configuration where the commit lacks it, not that of the program', () => {
    const detail = 'alembic.ini is not in the commit'
    const drawn = read(
      refusalMessage(
        { ...REFUSALS.migrations_unreadable, detail, configuration: 'alembic.ini' },
        { services: SERVICES },
      ),
    )
    expect(drawn).toContain('Set `migrations.config` to the path of a file in this commit, or add the file.')
    expect(drawn).not.toContain('migrations.alembic')
  })

  it('gives the line that lets Signoff into the channel', () => {
    expect(read(refusalMessage(REFUSALS.channel_unreachable, { services: SERVICES }))).toContain('`/invite @Signoff`')
  })

  it('says that Slack did not answer rather than that the person has no right', () => {
    const drawn = refusalMessage({ gate: 'not_a_member', why: 'Slack did not answer' }, { services: SERVICES })
    expect(drawn.text).toContain('Slack did not answer')
  })

  it('lets Slack show the name of a person whom we can’t name', () => {
    expect(read(refusalMessage(REFUSALS.not_an_approver, { services: SERVICES }))).toContain('<@U04TOM>')
  })
})

describe('W8: a branch with methods of merging that can’t be previewed', () => {
  const rule = 'merging into production: squash'
  const drawn = (more: object) =>
    read(refusalMessage({ ...REFUSALS.merge_not_allowed, rule, ...more }, { services: SERVICES }))

  it('says what to allow', () => {
    expect(drawn({ methods: ['squash', 'rebase_fast_forward'] })).toMatchInlineSnapshot(`
      ""Can’t deploy: Bitbucket merges into production only by squash, rebase_fast_forward, so the merged commit can’t be previewed. Nothing was changed. Allow merge commits for production under Merge strategies at Bitbucket, then try again."
      :no_entry_sign: **Can’t deploy: Bitbucket merges into production only by squash, rebase_fast_forward, so the merged commit can’t be previewed.** Nothing was changed.
      Allow merge commits for production under Merge strategies at Bitbucket, then try again.
      ~ Gate: \`merge_not_allowed\`"
    `)
    expect(drawn({ about: 'checks', rule: 'require_x: 2 needed, and only 1 can approve' })).toMatchInlineSnapshot(`
      ""Can’t deploy: nobody can meet Bitbucket’s checks for merging into production. Nothing was changed. Change that check, or who counts for it, under Branch restrictions at Bitbucket, then try again."
      :no_entry_sign: **Can’t deploy: nobody can meet Bitbucket’s checks for merging into production.** Nothing was changed.
      \`\`\`
      require_x: 2 needed, and only 1 can approve
      \`\`\`
      Change that check, or who counts for it, under Branch restrictions at Bitbucket, then try again.
      ~ Gate: \`merge_not_allowed\`"
    `)
    expect(drawn({ about: 'own branch', branch: 'signoff/12-us' })).toMatchInlineSnapshot(`
      ""Can’t deploy: Signoff can’t create the branch signoff/12-us, from which this release’s pull request comes. Nothing was changed. Allow the token’s user to create branches named signoff/∗ under Branch restrictions, then try again."
      :no_entry_sign: **Can’t deploy: Signoff can’t create the branch signoff/12-us, from which this release’s pull request comes.** Nothing was changed.
      Allow the token’s user to create branches named signoff/* under Branch restrictions, then try again.
      ~ Gate: \`merge_not_allowed\`"
    `)
    expect(drawn({ methods: ['fast_forward'], lacks: 'master' })).toMatchInlineSnapshot(`
      ""Can’t deploy: Bitbucket merges into production only by fast-forward, and master lacks commits of production. Nothing was changed. Merge production into master, or allow merge commits for production under Merge strategies at Bitbucket, then try again."
      :no_entry_sign: **Can’t deploy: Bitbucket merges into production only by fast-forward, and master lacks commits of production.** Nothing was changed.
      Merge production into master, or allow merge commits for production under Merge strategies at Bitbucket, then try again.
      ~ Gate: \`merge_not_allowed\`"
    `)
  })
})

describe('a step that failed', () => {
  const facts = { services: SERVICES, environment: anEnvironment(), owed: [] }
  const line = (because: Failure, output: readonly string[] = []) =>
    threadLine(
      { is: 'step failed', step: 'push', problem: { step: 'push', because }, output, ms: 10_000 },
      aRelease(),
      facts,
    )

  it.each(Object.values(FAILURES).map((failure) => [failure.gate, failure] as const))('says %s', (_gate, failure) => {
    const drawn = line(failure)
    expect(messageProblems(drawn)).toEqual([])
    expect(drawn.text).toMatch(/[.?]$/)
    expect(read(drawn)).not.toMatch(/undefined|<@|null|\[object/)
    expect(read(drawn)).toMatchSnapshot()
  })

  it('shows the last twenty lines of its output', () => {
    const drawn = line(
      FAILURES.build_failed,
      Array.from({ length: 214 }, (_, index) => `remote: line ${index + 1}`),
    )
    expect(read(drawn)).toContain('remote: line 214\n```\n~ The last 20 of 214 lines')
    expect(read(drawn)).not.toContain('remote: line 194\n')
  })
})
